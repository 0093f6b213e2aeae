"""Runs a program once with counting code, in a process of its own: this module is both sides.

Its own side of that process is `python -m tephra._counted_run OUT WARMUP PROGRAM.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

from tephra import _instruction_counts, _native, _places, _runner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Failed(Exception):
    """A program that gave no counts; the text says why."""


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row of get_instruction_counts() that JSON can hold."""
    return {**row, "architectures": {
        arch: {**each, "operations": [[*key, count] for key, count in each["operations"].items()]}
        for arch, each in row["architectures"].items()}}


def run_program(program: str, warmup: int = 4, timeout: int = 600, python: str = sys.executable,
                env: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Runs a program with counting code; the rows of tephra.jit.get_instruction_counts() there.

    Args:
        program: path of a Python file; with QUICK_SIZE and run(n) it is warmed up first.
        warmup: calls of run(QUICK_SIZE) before the counted one.
        timeout: seconds.
        python: the interpreter, with Tephra installed.
        env: added to the environment.

    Raises: Failed.
    """
    if not os.path.isfile(program):
        raise Failed("no such file")
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "counts.json")
        command = [python, "-m", "tephra._counted_run", out, str(warmup), program]
        # By counted calls: the same functions in each run.
        environment = {"TEPHRA_COMPILE_AFTER": "400", **os.environ, **(env or {}), "TEPHRA": "1", "TEPHRA_COUNT_BLOCKS": "1"}
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"no end after {timeout} s") from None
        if done.returncode != 0:
            last = (done.stderr.strip() or "no message").splitlines()[-1]
            raise Failed(f"exit status {done.returncode}: {last}")
        with open(out, encoding="utf-8") as file:
            rows = json.load(file)
    for row in rows:
        for each in row["architectures"].values():
            each["operations"] = {(origin, name): count for origin, name, count in each["operations"]}
    if not sum(row["instructions"] for row in rows):
        raise Failed("no compiled code was executed")
    missing = [row["function"] for row in rows if len(row["architectures"]) < 2]
    if missing:
        raise Failed(f"not compiled for both architectures: {', '.join(missing[:3])}")
    return rows


def _child(out: str, warmup: int, program: str) -> None:
    source = _source(program)
    if "QUICK_SIZE" in source and "def run(" in source:
        module = _places.load(program)
        for _ in range(warmup):
            module.run(module.QUICK_SIZE)
        _native.api.clear_instruction_counts()
        module.run(module.QUICK_SIZE)
    else:
        _native.api.clear_instruction_counts()
        try:
            _runner.run_script(program, [])
        except SystemExit as error:
            if error.code not in (None, 0):
                raise
    with open(out, "w", encoding="utf-8") as file:
        json.dump([plain(row) for row in _instruction_counts.take() if row["instructions"]], file)


def _source(program: str) -> str:
    with open(program, encoding="utf-8", errors="replace") as file:
        return file.read()


if __name__ == "__main__":
    _child(sys.argv[1], int(sys.argv[2]), sys.argv[3])
