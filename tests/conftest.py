"""Shared by all pytest tests: proof that the JIT ran, and the totals for ./dev test."""

import json
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

try:
    from tephra import _tephra
except ImportError:
    _tephra = None


def pytest_sessionstart(session):
    if _tephra is None or _tephra.off_reason():
        reason = "no extension" if _tephra is None else _tephra.off_reason()
        pytest.exit(f"the JIT is off, nothing would be tested: {reason}", returncode=3)


_children = pytest.StashKey[dict]()


@pytest.fixture(scope="session")
def compiled_by_children(pytestconfig):
    """A function that adds to the totals what a child process has compiled: functions and bytes of machine code."""
    totals = pytestconfig.stash.setdefault(_children, {"functions": 0, "bytes": 0})

    def add(functions, size):
        totals["functions"] += functions
        totals["bytes"] += size

    return add


def pytest_sessionfinish(session, exitstatus):
    path = os.environ.get("TEPHRA_TEST_STATS")
    if not path or _tephra is None:
        return
    totals = _tephra.totals()
    children = session.config.stash.get(_children, {"functions": 0, "bytes": 0})
    data = {"functions": totals["functions"] + children["functions"], "bytes": totals["code_bytes"] + children["bytes"],
            "tests": session.testscollected}
    pathlib.Path(path).write_text(json.dumps(data))
