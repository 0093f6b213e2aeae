"""--count instructions: executed instructions per iteration, where time is too noisy or means nothing.

Natively by callgrind; for an emulated interpreter by a plugin of qemu, which ./dev passes. Two processes do the same
warm-up; one of them does more iterations: the difference is theirs alone, without start-up and imports. So that both compile the same,
functions are compiled by their number of calls, not by time, hot ones at the end of the warm-up, and nothing after it; the hash
seed is the same.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
import tempfile
from pathlib import Path

from tephra.bench import processes
from tephra.bench.errors import BenchError
from tephra.bench.processes import Outcome, Plan
from tephra.bench.programs import Program
from tephra.bench.targets import TEPHRA, Target

_MORE = 2  # iterations that one process does more than the other
_WARMUP = 5
_COLLECTED = re.compile(r"Collected : (\d+)")


def check(plugin: str) -> None:
    """Raises: BenchError where nothing can count."""
    if plugin:
        if not Path(plugin).is_file():
            raise BenchError(f"--count-plugin {plugin}: no such file")
    elif not shutil.which("valgrind"):
        raise BenchError("--count instructions: valgrind is not installed (Debian: apt install valgrind)")


def run(target: Target, program: Program, size: int, timeout: float, seed: int, plugin: str) -> Outcome:
    """The outcome of the longer process, with one iteration: instructions per iteration."""
    plan = Plan(warmup=_WARMUP, warmup_seconds=0, iterations=1, measure_seconds=0, timeout=timeout, counted=True)
    if target.kind == TEPHRA:
        # The same functions, at the same calls, in both processes.
        interpreter, options = target.command[:1], target.command[1:]
        exact = ("--compile-after=400", "--compile-after-ms=0")
        target = dataclasses.replace(target, command=(*interpreter, *options[:2], *exact, *options[2:]))
    longer = dataclasses.replace(plan, iterations=1 + _MORE)
    few, _ = _one(target, program, size, plan, seed, plugin)
    many, outcome = _one(target, program, size, longer, seed, plugin)
    if outcome.problem:
        return outcome
    each = (many - few) // _MORE
    outcome.warmup = []
    outcome.iterations = [[each, each, 0]]
    if each <= 0:
        outcome.problem, outcome.kind = f"no instructions were counted ({few} and {many})", "failed"
    return outcome


def _one(target: Target, program: Program, size: int, plan: Plan, seed: int, plugin: str) -> tuple[int, Outcome]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "counts"
        if plugin:
            target = dataclasses.replace(target, env={**target.env, "QEMU_PLUGIN": f"file={plugin},out={log}"})
            outcome = processes.run(target, program, size, plan, seed=seed)
            rows = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
            return max((int(row[1]) for row in rows), default=0), outcome
        prefix = ("valgrind", "--tool=callgrind", "--smc-check=all", "--callgrind-out-file=/dev/null", f"--log-file={log}")
        outcome = processes.run(target, program, size, plan, seed=seed, prefix=prefix)
        found = _COLLECTED.search(log.read_text(errors="replace")) if log.exists() else None
        return int(found.group(1)) if found else 0, outcome
