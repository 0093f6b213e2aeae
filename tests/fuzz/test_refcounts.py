"""A callee, and a C function, sees the same reference count at every call, compiled or not yet: the interpreter's.

``TEPHRA_TEST_REFCOUNTS=FIRST:COUNT`` chooses the random programs: 60 from 0 on, with --full 2,000.
"""

import os

import deaths
import pytest
import refcounts

FULL, EMULATED = "TEPHRA_TEST_FULL" in os.environ, "TEPHRA_TEST_EMULATED" in os.environ
FIRST, COUNT = map(int, os.environ.get("TEPHRA_TEST_REFCOUNTS", f"0:{2000 if FULL and not EMULATED else 60}").split(":"))
CHUNK = 100


def check(sources, mode, add):
    """``sources``: name -> source."""
    found, compiled, totals = refcounts.compare(list(sources.values()), mode)
    add(totals["functions"], totals["code_bytes"])
    interpreted = [name for name, report in zip(sources, compiled) if "f" not in report.get("compiled", ["f"])]
    assert not interpreted, f"f was not compiled: {interpreted}"
    different = [f"{name}\n{what}" for name, what in zip(sources, found) if what]
    assert not different, f"{len(different)} of {len(sources)} programs differ, mode {mode}:\n" + "\n".join(different[:60])


@pytest.mark.parametrize("mode", deaths.MODES)
def test_cases(mode, compiled_by_children):
    check(refcounts.cases(), mode, compiled_by_children)


@pytest.mark.parametrize("mode", deaths.MODES)
@pytest.mark.parametrize("start", range(FIRST, FIRST + COUNT, CHUNK))
def test_programs(start, mode, compiled_by_children):
    programs = [refcounts.program(seed) for seed in range(start, min(start + CHUNK, FIRST + COUNT))]
    check({source.split("def f():")[1]: source for source in programs}, mode, compiled_by_children)
