"""Exact instruction counts of emulated programs, and `./dev run --compare` where times mean nothing.

A plugin of qemu (tools/emulator/count_instructions.c) adds up the instructions of every block that is executed. It
is compiled once into the cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dev import paths
from dev.machines import Machine
from dev.util import DevError, lock, run, say

_SUMMARY = re.compile(r"([\d,]+) functions? compiled.*?([\d,]+) code bytes", re.DOTALL)
_ITERATION = re.compile(r"^iteration\s+\d+\s+[0-9.eE+-]+\s*$", re.MULTILINE)


@dataclass
class Count:
    """What one process did: instructions in all, those in compiled code, and what it printed."""

    status: int
    instructions: int
    compiled_instructions: int
    output: str
    errors: str


def plugin() -> Path:
    """The compiled plugin. Errors: DevError when it cannot be built."""
    source = paths.ROOT / "tools/emulator/count_instructions.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:10]
    library = paths.cache_dir() / f"count-instructions-{digest}.so"
    with lock(paths.cache_dir() / "count-instructions.lock", "the counting plugin"):
        if not library.exists():
            fresh = library.with_suffix(".new")
            run(["cc", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-o", fresh, source], quiet=True)
            fresh.replace(library)
    return library


def count(command: list[str], env: dict[str, str], *, show: bool = False) -> Count:
    """Runs an emulated command and counts its instructions; its children's are not among them.

    Arguments: show (its output goes to the terminal instead of into the result).
    Errors: DevError where this qemu takes no plugins of that interface.
    """
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts"
        env = dict(env, QEMU_PLUGIN=f"file={plugin()},out={counts}")
        pipe = None if show else subprocess.PIPE
        process = subprocess.Popen(command, env=env, text=True, stdout=pipe, stderr=pipe)
        output, errors = process.communicate()
        rows = [line.split() for line in counts.read_text().splitlines()] if counts.exists() else []
    own = [row for row in rows if row[0] == str(process.pid)]
    if process.returncode == 0 and not own:
        raise DevError("no instructions were counted: this qemu takes no plugins of version 1 (Debian 12's does)")
    total, compiled = (int(own[-1][1]), int(own[-1][2])) if own else (0, 0)
    return Count(process.returncode, total, compiled, output or "", errors or "")


def run_counted(python: Path, program: str, args: list[str], env: dict[str, str]) -> int:
    """`./dev run --count`: the program under Tephra, then one line of counts; its exit status."""
    found = count([str(python), "-m", "tephra", "--summary", program, *args], env, show=True)
    say(f"{found.instructions} instructions, {found.compiled_instructions} of them in compiled code")
    return found.status


def compare(python: Path, base: Path, machine: Machine, program: str, args: list[str], env: dict[str, str],
            json_file: str | None) -> int:
    """One run in the plain interpreter and one under Tephra, compared by what was executed and compiled."""
    if not Path(program).exists():
        raise DevError(f"{program}: no such file")
    env = {k: v for k, v in env.items() if k != "PYTHON_JIT"}
    env.setdefault("PYTHONHASHSEED", "0")
    plain_env = {k: v for k, v in env.items() if not k.startswith("TEPHRA")}
    sides = {"the plain interpreter": count([str(base), program, *args], plain_env),
             "Tephra": count([str(python), "-m", "tephra", "--summary", program, *args], env)}
    for side, found in sides.items():
        if found.status != 0:
            how = f"signal {-found.status}" if found.status < 0 else f"exit status {found.status}"
            raise DevError(f"the program failed under {side} ({how})\n" + "\n".join(found.errors.splitlines()[-15:]))
    plain, tephra = sides.values()
    summary = _SUMMARY.search(tephra.errors)
    functions, size = (int(text.replace(",", "")) for text in summary.groups()) if summary else (0, 0)
    if not functions:
        raise DevError(f"nothing to compare: no function was compiled in `python -m tephra --summary {program}` "
                       "(`python -m tephra doctor` says what works on this machine)")
    if _ITERATION.sub("", plain.output) != _ITERATION.sub("", tephra.output):
        say("note: the program did not print the same in both runs")
    name = os.path.basename(program)
    if json_file:
        Path(json_file).write_text(json.dumps({
            "program": name, "args": args, "machine": machine.name, "emulated": True,
            "instructions": {"cpython": plain.instructions, "tephra": tephra.instructions,
                             "tephra_compiled": tephra.compiled_instructions},
            "functions_compiled": functions, "code_bytes": size}, indent=2) + "\n", encoding="utf-8")
    print(f"{machine.name} is emulated here: times mean nothing and are not given")
    print(f"CPython: {plain.instructions} instructions")
    print(f"Tephra: {tephra.instructions} instructions, {tephra.compiled_instructions} of them in compiled code "
          "(the rest: interpreter, runtime, compiling)")
    print(f"tephra: {tephra.instructions / plain.instructions:.2f}x the instructions of CPython ({name}, "
          f"{functions} function{'' if functions == 1 else 's'} compiled, {size} bytes of machine code)")
    sys.stdout.flush()
    return 0
