"""Golden files: what the frontend makes of a Python function (README.md here)."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from tephra import _tephra

FOLDER = pathlib.Path(__file__).parent
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
SOURCES = sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith("test_"))
# Versions and addresses are the running process's; where in a dict of the interpreter a name stands, the running build's.
NUMBER = re.compile(r"\b(version|address|cell)=(\d+)")
PLACE_IN_DICT = re.compile(r"(Load(?:Dict|Module)Entry v\d+ )\{(index|offset)=\d+")
WARM_UP = 40  # calls: enough for every adaptive instruction of both versions


def hir_of(path):
    """The HIR of function f of a file as the frontend leaves it, free of this process's numbers."""
    namespace = {"__name__": "case", "__builtins__": __builtins__}
    exec(compile(path.read_text(), path.name, "exec"), namespace)
    for _ in range(WARM_UP if "warm" in namespace else 0):
        namespace["warm"]()
    assert _tephra.set_option("verify", "1") is None
    try:
        text = _tephra.dump(namespace["f"], "hir-initial")
    finally:
        _tephra.set_option("verify", "0")
    numbers = {}
    text = NUMBER.sub(lambda m: f"{m[1]}={numbers.setdefault(m[2], chr(65 + len(numbers)))}", text)
    return PLACE_IN_DICT.sub(r"\1{\2=*", text)


@pytest.fixture(scope="module")
def made():
    """The HIR of all files, made in a process of its own: feedback depends on what else has run in a process."""
    child = subprocess.run([sys.executable, __file__], capture_output=True, text=True, timeout=300)
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_golden(path, made):
    text = made[path.stem]
    expected = path.with_suffix(f".{VERSION}.hir")
    if os.environ.get("TEPHRA_BLESS"):
        expected.write_text(text)
    assert expected.exists(), f"no {expected.name}: TEPHRA_BLESS=1 ./dev test tests/frontend makes it"
    assert text == expected.read_text(), "to accept: TEPHRA_BLESS=1 ./dev test tests/frontend, then git diff"


def test_every_golden_file_has_its_source():
    stems = {path.stem for path in SOURCES}
    assert {path.name.split(".")[0] for path in FOLDER.glob("*.hir")} == stems
    assert len(stems) > 20


if __name__ == "__main__":
    json.dump({path.stem: hir_of(path) for path in SOURCES}, sys.stdout)
