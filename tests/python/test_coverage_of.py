"""tephra.coverage with the stand-in extension: counting, crashes, JSON."""

import json
import signal

import package
import pytest

SOURCE = """\
def plain(a): return [x for x in a]
def unsupported(): pass
def crash(): pass
class C:
    def method(self):
        def inner(): return self, __class__
        return inner
def gen(): yield
async def coro(): pass
async def agen(): yield
squares = (x for x in ())
after = lambda: 0
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return package.make(tmp_path_factory.mktemp("package"))


def measure(folder, *args, **env):
    return package.python(folder, "-m", "tephra.coverage", *args, **env)


def test_counts_and_survives_a_crash(folder, tmp_path):
    file, report = tmp_path / "case.py", tmp_path / "report.json"
    file.write_text(SOURCE)
    done = measure(folder, file, "--json", report, TEPHRA_TEST_CRASH="crash", TEPHRA="1")
    assert done.returncode == 1, done.stderr
    data = json.loads(report.read_text())
    assert data["plain"] == 6 and data["compiled"] == 4
    assert data["not_yet"] == {"module and class bodies": 2, "generators": 2, "coroutines": 1, "async generators": 1}
    assert data["crashes"] == [{"function": "case:crash:3", "how": signal.SIGSEGV.name}]
    assert data["reasons"] == {"uses an operation that the frontend does not compile yet: Frob": 1,
                               "the compiler crashed (SIGSEGV)": 1}
    assert "4 of 6 plain functions compiled = 66.67 %" in done.stdout.splitlines()[-1]
    assert "CRASH: case:crash:3: SIGSEGV" in done.stdout


def test_stdlib_with_a_limit(folder):
    done = measure(folder, "stdlib", "--limit", "50", "--at-least", "90")
    assert done.returncode == 0, done.stderr
    assert "plain functions compiled" in done.stdout.splitlines()[-1]
    assert measure(folder, "stdlib", "--limit", "50", "--at-least", "100.5").returncode == 1


def test_errors(folder, tmp_path):
    assert "neither 'stdlib' nor a file" in measure(folder, "nothing").stderr
    done = measure(folder, "stdlib", TEPHRA="0")
    assert done.returncode == 2 and done.stderr == "tephra: coverage: the JIT is off: switched off by TEPHRA=0\n"
