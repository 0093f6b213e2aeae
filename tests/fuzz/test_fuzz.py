"""Random programs must do the same in the interpreter and compiled, cold and warm.

``TEPHRA_FUZZ_SEEDS=FIRST:COUNT`` chooses the programs; a failure prints its seed and source.
"""

import os

import pytest
from fuzz_support import check_seed

FIRST, COUNT = map(int, os.environ.get("TEPHRA_FUZZ_SEEDS", "0:200").split(":"))
CHUNK = 25


@pytest.mark.parametrize("start", range(FIRST, FIRST + COUNT, CHUNK))
def test_programs(start):
    for seed in range(start, min(start + CHUNK, FIRST + COUNT)):
        check_seed(seed)
