"""Random programs must do the same in the interpreter and compiled, cold and warm.

``TEPHRA_FUZZ_SEEDS=FIRST:COUNT`` chooses the programs; a failure prints its seed and source.
"""

import os

import pytest
from fuzz_support import check_inconclusive, check_seeds

FIRST, COUNT = map(int, os.environ.get("TEPHRA_FUZZ_SEEDS", "0:200").split(":"))
CHUNK = 25


@pytest.mark.parametrize("start", range(FIRST, FIRST + COUNT, CHUNK))
def test_programs(start, compiled_by_children):
    check_seeds(range(start, min(start + CHUNK, FIRST + COUNT)), compiled_by_children)


def test_a_program_that_grows_is_bounded(compiled_by_children):
    """It multiplied a str to 5 GB, and a limit of memory then read as a difference."""
    check_seeds([73001027], compiled_by_children)


def test_many_programs_without_memory_fail():
    check_inconclusive(1, 25)
    with pytest.raises(AssertionError, match="3 of 25 programs say nothing"):
        check_inconclusive(3, 25)
