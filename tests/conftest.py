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


def pytest_sessionfinish(session, exitstatus):
    path = os.environ.get("TEPHRA_TEST_STATS")
    if not path or _tephra is None:
        return
    totals = _tephra.totals()
    data = {"functions": totals["functions"], "bytes": totals["code_bytes"],
            "tests": session.testscollected}
    pathlib.Path(path).write_text(json.dumps(data))
