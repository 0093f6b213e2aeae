"""Pytest: a small suite with fixtures, parameters, assertions that fail and a captured output, again and again."""

import contextlib
import io
import os
import tempfile
from pathlib import Path

import pytest

DEFAULT_SIZE = 160
PACKAGES = ("pytest", "pluggy")

SUITE = '''
import pytest

class Stack:
    def __init__(self):
        self.items = []
    def push(self, item):
        self.items.append(item)
    def pop(self):
        if not self.items:
            raise IndexError("empty")
        return self.items.pop()

@pytest.fixture(scope="module")
def shared():
    return list(range(10))

@pytest.fixture
def stack(shared):
    found = Stack()
    for item in shared:
        found.push(item)
    yield found
    found.items.clear()

@pytest.mark.parametrize("count", range(10))
@pytest.mark.parametrize("kind", ["a", "b"])
def test_push(stack, count, kind):
    for k in range(count):
        stack.push((kind, k))
    assert len(stack.items) == 10 + count

def test_pop(stack, capsys):
    print("popping")
    assert [stack.pop() for _ in range(10)] == list(range(9, -1, -1))
    assert capsys.readouterr().out == "popping\\n"
    with pytest.raises(IndexError, match="empty"):
        stack.pop()

def test_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBER", "1")
    (tmp_path / "x").write_text("y")
    assert (tmp_path / "x").read_text() == "y"

@pytest.mark.xfail(strict=True)
def test_wrong():
    left = {"a": [1, 2, 3], "b": {"c": "text"}}
    assert left == {"a": [1, 2, 4], "b": {"c": "other"}}

@pytest.mark.skip(reason="never")
def test_never():
    pass
'''


class Count:
    """A plugin that collects the outcomes."""

    def __init__(self):
        self.outcomes = []

    def pytest_runtest_logreport(self, report):
        self.outcomes.append((report.nodeid.partition("::")[2], report.when, report.outcome))


def run(step, size):
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "test_stack.py")
        file.write_text(SUITE)
        for _ in range(size):
            count, output = Count(), io.StringIO()
            with contextlib.redirect_stdout(output):
                status = pytest.main(["-q", "-p", "no:cacheprovider", f"--rootdir={folder}", f"--basetemp={folder}/tmp",
                                      str(file)], plugins=[count])
            assert status == 0, output.getvalue()
            step(count.outcomes)
