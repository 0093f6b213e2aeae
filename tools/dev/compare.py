"""`./dev run --compare`: the speed of a program under Tephra against the plain interpreter.

Processes run interleaved, A B B A A B ..., so that slow drifts of the machine fall on both sides alike. The
plain side is the stock interpreter itself, not the venv: Tephra is not even installed there. The statistics are
those of `./dev bench`, see python/tephra/bench/estimate.py.
"""

from __future__ import annotations

import datetime
import importlib.util
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from dev import paths
from dev.util import DevError, capture, say

_ITERATION = re.compile(r"^iteration\s+\d+\s+([0-9.eE+-]+)\s*$", re.MULTILINE)
_COMPILED = (re.compile(r"([\d,]+)\s+functions?\s+compiled"), re.compile(r"functions\s+compiled\s*[:=]?\s*([\d,]+)"))
_MIN_PROCESSES = 5


@dataclass
class Process:
    seconds: list[float]  # after warm-up
    wall: float
    output: str  # without the timing lines
    compiled: int | None


def _run_once(command: list[str], env: dict[str, str], jit: bool) -> Process:
    start = time.perf_counter()
    done = subprocess.run(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    wall = time.perf_counter() - start
    if done.returncode != 0:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit status {done.returncode}"
        tail = "\n".join(done.stderr.splitlines()[-15:])
        side = "under Tephra" if jit else "in the plain interpreter"
        raise DevError(f"the program failed {side} ({how})\n{tail}")
    times = [float(t) for t in _ITERATION.findall(done.stdout)]
    compiled = None
    for pattern in _COMPILED if jit else ():
        found = pattern.findall(done.stderr)
        if found:
            compiled = int(found[-1].replace(",", ""))
            break
    kept = times[len(times) // 3:] if times else [wall]
    return Process(kept, wall, _ITERATION.sub("", done.stdout), compiled)


def _estimate():
    """The statistics of `python -m tephra bench`, which need nothing of the package."""
    spec = importlib.util.spec_from_file_location("tephra_bench_estimate",
                                                  paths.ROOT / "python/tephra/bench/estimate.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def _plain_interpreter(python: Path) -> tuple[str, str]:
    text = capture([python, "-c", "import sys, platform; print(sys._base_executable); print(platform.python_version())"])
    if not text:
        raise DevError(f"cannot run {python}")
    executable, version = text.split("\n")[:2]
    return executable, version


def main(python: Path, program: str, args: list[str], env: dict[str, str], *, pairs: int,
         json_file: str | None) -> int:
    if not Path(program).exists():
        raise DevError(f"{program}: no such file")
    pairs = max(pairs, _MIN_PROCESSES)
    base, version = _plain_interpreter(python)
    env = {k: v for k, v in env.items() if k != "PYTHON_JIT"}
    env.setdefault("PYTHONHASHSEED", "0")
    plain_env = {k: v for k, v in env.items() if not k.startswith("TEPHRA") and k != "LD_PRELOAD"}
    commands = {False: [base, program, *args], True: [str(python), "-m", "tephra", "--summary", program, *args]}
    samples: dict[bool, list[Process]] = {False: [], True: []}
    for index in range(pairs):
        for jit in (False, True) if index % 2 == 0 else (True, False):
            process = _run_once(commands[jit], env if jit else plain_env, jit)
            samples[jit].append(process)
            if jit and not process.compiled:
                why = "its summary names no count" if process.compiled is None else "no function was compiled"
                raise DevError(f"nothing to compare: {why} in `python -m tephra --summary {program}` "
                               "(`python -m tephra doctor` says what works on this machine)")
            name = "tephra " if jit else "CPython"
            say(f"{index + 1}/{pairs} {name} {statistics.median(process.seconds):.4f} s "
                + ("an iteration" if len(process.seconds) > 1 else "in all"))
    plain = [p.seconds for p in samples[False]]
    tephra = [p.seconds for p in samples[True]]
    if len({p.output for side in samples.values() for p in side}) > 1:
        say("note: the program did not print the same in all runs")
    found = _estimate().compare(plain, tephra)
    ratio, low, high = found.speed, found.low, found.high
    compiled = min(p.compiled or 0 for p in samples[True])
    name = os.path.basename(program)
    if json_file:
        _write(json_file, locals())
    print(f"tephra: {ratio:.2f}x the speed of CPython {version} ({name}, 95 % interval {low:.2f}-{high:.2f}, "
          f"{compiled} function{'' if compiled == 1 else 's'} compiled)")
    sys.stdout.flush()
    return 0


def _write(file: str, v: dict) -> None:
    samples = v["samples"]
    Path(file).write_text(json.dumps({
        "program": v["name"], "args": v["args"], "cpython": v["version"], "speed": round(v["ratio"], 4),
        "interval95": [round(v["low"], 4), round(v["high"], 4)], "functions_compiled": v["compiled"],
        "measure": "iteration" if any(len(p.seconds) > 1 for p in samples[True]) else "process",
        "order": "ABBA, A the plain interpreter", "processes": v["pairs"],
        "seconds": {"cpython": v["plain"], "tephra": v["tephra"]},
        "process_wall": {"cpython": [p.wall for p in samples[False]], "tephra": [p.wall for p in samples[True]]},
        "machine": platform.machine(), "system": platform.platform(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }, indent=2) + "\n", encoding="utf-8")
