"""The pytest plugin: when it switches on, what it counts, what it refuses."""

import json
import os
import subprocess
import sys

import pytest

ENV = {key: text for key, text in os.environ.items() if not key.startswith(("TEPHRA", "PYTEST"))}
SOURCE = """
from tephra import _tephra
import pytest
def at_import(n):
    return n + 1
def in_test(n):
    return n + 2
at_import(1)
def test_one():
    assert in_test(1) == 3
    assert not _tephra.is_compiled(at_import)
    assert _tephra.is_compiled(in_test)
@pytest.mark.parametrize("n", [1, 2])
def test_two(n):
    assert n == 1
@pytest.mark.xfail
def test_three():
    assert False
@pytest.fixture
def broken():
    raise ValueError("set-up")
def test_four(broken):
    pass
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "test_it.py").write_text(SOURCE)
    return tmp_path


def run(folder, *words, **more):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tephra.pytest_plugin", *words]
    return subprocess.run([*command, "test_it.py"], cwd=folder, env=ENV | more, capture_output=True, text=True)


def test_switches_on_after_collection(folder):
    done = run(folder, "--tephra-after=0", "--tephra-require-compiled=2", "-k", "test_one")
    assert done.returncode == 0, done.stdout
    assert "functions compiled while the tests ran" in done.stdout


def test_without_options_the_jit_stays_off(folder):
    done = run(folder, "-k", "test_one")
    assert done.returncode == 1 and "functions compiled" not in done.stdout


def test_too_little_compiled(folder):
    done = run(folder, "--tephra-after=0", "--tephra-require-compiled=1", "-k", "test_two and 1",
               TEPHRA_MAX_FUNCTION_SIZE="1")
    assert done.returncode == 1 and "FAILED: 1 compiled functions were required" in done.stdout, done.stdout


def test_record_and_order(folder):
    (folder / "order").write_text("test_it.py::test_two[2]\ntest_it.py::test_one\n")
    run(folder, "--tephra-after=0", "--tephra-record=record", "--tephra-order=order")
    rows = [json.loads(line) for line in (folder / "record").read_text().splitlines()]
    ends = {row["t"].rpartition("::")[2]: row["o"] for row in rows if row["e"] == "end"}
    assert list(ends.items()) == [("test_two[2]", "failed"), ("test_one", "passed"), ("test_two[1]", "passed"),
                                  ("test_three", "xfailed"), ("test_four", "failed")]
    assert rows[-1]["e"] == "done" and rows[-1]["functions"] - rows[-1]["tests_at"] > 2


@pytest.mark.parametrize("words, more, why", [
    (["--tephra-after=0"], {"TEPHRA": "0"}, "the JIT is off: switched off by TEPHRA=0"),
    (["--tephra-after=often"], {}, "--tephra-after=often: expected a number of calls"),
    (["--tephra-require-compiled=-1"], {}, "--tephra-require-compiled=-1: expected a number of functions"),
    (["--tephra-order=nowhere"], {}, "--tephra-order=nowhere: No such file"),
])
def test_refusals(folder, words, more, why):
    done = run(folder, *words, **more)
    assert done.returncode == 4 and why in done.stderr, done.stdout + done.stderr


def test_only(folder):
    done = run(folder, "--tephra-only=test_it.py::test_two[1]")
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout
    done = run(folder, "--tephra-only=test_it.py::test_none")
    assert done.returncode == 4 and "--tephra-only=test_it.py::test_none: no such test was collected" in done.stderr


def test_files_imports_nothing(folder):
    (folder / "test_it.py").write_text("raise SystemExit('imported')\n")
    (folder / "test_more.py").write_text("raise SystemExit('imported')\n")
    run(folder, "--tephra-files=found", ".")
    assert {os.path.basename(line) for line in (folder / "found").read_text().splitlines()} == {"test_it.py", "test_more.py"}


def test_workers_are_overridden(folder):
    """pytest-xdist's option stays in the configuration; the tests run in this process all the same."""
    (folder / "workers.py").write_text("""
import pytest
def pytest_addoption(parser):
    parser.addoption("--numprocesses", dest="numprocesses", type=int)
    parser.addoption("--dist", default="no")
@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    if config.option.numprocesses:
        raise pytest.UsageError("workers")
""")
    more = {"PYTHONPATH": str(folder), "PYTEST_ADDOPTS": "-p workers --numprocesses 2"}
    done = run(folder, "-k", "test_one", **more)
    assert done.returncode == 4 and "workers" in done.stderr
    done = run(folder, "--tephra-after=0", "-k", "test_one", **more)
    assert done.returncode == 0, done.stdout + done.stderr


def test_attempts_of_a_plugin_that_runs_again(folder):
    """As pytest-rerunfailures reports them: only the last attempt is the test's outcome."""
    (folder / "again.py").write_text("""
import pytest
from _pytest.runner import runtestprotocol
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    for attempt in range(2):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            if attempt == 0 and report.when == "call":
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
""")
    run(folder, "--tephra-record=record", "-k", "test_two", PYTHONPATH=str(folder), PYTEST_ADDOPTS="-p again")
    rows = [json.loads(line) for line in (folder / "record").read_text().splitlines()]
    assert [(row["t"][-3:], row["o"]) for row in rows if row["e"] == "end"] == [("[1]", "passed"), ("[2]", "failed")]
    assert [row["t"][-3:] for row in rows if row["e"] == "again"] == ["[1]", "[2]"]
