"""Starts a worker process and reads what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tephra.bench.programs import Program
from tephra.bench.targets import TEPHRA, Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WORKER = Path(__file__).with_name("worker.py")


@dataclass(frozen=True)
class Plan:
    """How much one process does.

    Attributes:
        warmup, warmup_seconds: iterations that are not counted: at least so many, and at least so long.
        iterations, measure_seconds, max_iterations: counted ones: at least `iterations`, then more until
            `measure_seconds` (CPU time) are over or there are `max_iterations`.
        timeout: seconds after which a process is ended.
        counted: instructions are counted: exactly `warmup` iterations, and nothing is compiled after them.
        details: also sizes, HIR counts and exits by place.
    """

    warmup: int = 3
    warmup_seconds: float = 0.5
    iterations: int = 7
    measure_seconds: float = 0.5
    max_iterations: int = 50
    timeout: float = 600.0
    details: bool = False
    counted: bool = False


@dataclass
class Outcome:
    """What came of one process: iterations as (wall ns, CPU ns), and `problem` where it failed."""

    warmup: list[list[int]] = field(default_factory=list)
    iterations: list[list[int]] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)
    steady: dict[str, Any] = field(default_factory=dict)
    end: dict[str, Any] = field(default_factory=dict)
    wall: float = 0.0
    problem: str = ""
    kind: str = ""  # of the problem: "wrong result", "failed"


def run(target: Target, program: Program, size: int, plan: Plan, *, seed: int = 0,
        prefix: tuple[str, ...] = ()) -> Outcome:
    """Runs one program in one fresh process. `prefix`: a command to run it under (valgrind)."""
    request = {**program.request(), "size": size, "hot": program.hot, "tephra": target.kind == TEPHRA,
               "activate": target.activate, "warmup": plan.warmup, "warmup_ns": int(plan.warmup_seconds * 1e9),
               "iterations": plan.iterations, "measure_ns": int(plan.measure_seconds * 1e9),
               "max_iterations": plan.max_iterations, "details": plan.details, "counted": plan.counted}
    command = [*prefix, *target.command, str(WORKER), json.dumps(request)]
    outcome = Outcome()
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        # A session of its own: Ctrl-C reaches this process only, which then ends the worker.
        process = subprocess.Popen(command, env=target.environment(seed), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=errors, start_new_session=True)
        timed_out = False
        try:
            output, _ = process.communicate(timeout=plan.timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
            _end(process)
            output, _ = process.communicate()
        except BaseException:
            _end(process)
            process.wait()
            raise
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    outcome.wall = time.perf_counter() - start
    _read(outcome, output.decode(errors="replace"))
    if not outcome.problem:
        outcome.problem = _problem(outcome, process.returncode, said, f"{plan.timeout:.0f} s" if timed_out else "")
        outcome.kind = "failed" if outcome.problem else ""
    return outcome


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _read(outcome: Outcome, text: str) -> None:
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # cut off when the process was ended
        what = event[0]
        if what in ("warmup", "iteration"):
            (outcome.warmup if what == "warmup" else outcome.iterations).append(event[1:3])
            outcome.digests.add(event[3])
        elif what == "steady":
            outcome.steady = event[1]
        elif what == "end":
            outcome.end = event[1]
        elif what == "wrong":
            outcome.problem, outcome.kind = f"wrong result: {event[1]}", "wrong result"
    if len(outcome.digests) > 1 and not outcome.problem:
        outcome.problem = "wrong result: iterations of one process gave " + " and ".join(sorted(outcome.digests)[:2])
        outcome.kind = "wrong result"


def _problem(outcome: Outcome, status: int, said: str, time_limit: str) -> str:
    lines = [line for line in said.strip().splitlines() if line.strip()]
    last = lines[-1].strip()[:200] if lines else "it said nothing on stderr"
    if time_limit:
        return f"not finished after {time_limit} (--timeout)"
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return f"crashed with {name}: {last}"
    if status:
        return f"exit status {status}: {last}"
    if not outcome.end:
        return f"the process ended early with status 0 (sys.exit() in the program?): {last}"
    return ""
