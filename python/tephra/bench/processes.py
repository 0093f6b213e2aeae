"""Starts worker processes, has them take turns, and reads what they say."""

from __future__ import annotations

import json
import os
import select
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
    from collections.abc import Sequence
    from typing import Any

WORKER = Path(__file__).with_name("worker.py")


@dataclass(frozen=True)
class Plan:
    """How much one process does.

    Attributes:
        warmup, warmup_seconds: iterations that are not counted: at least so many, and at least so long.
        iterations, measure_seconds: counted ones: at least so many, and at least so long (CPU time).
        turn_seconds: processes that are compared take turns: iterations for so long (CPU time), one at least.
        timeout: seconds after which a process is ended.
        counted: instructions are counted: exactly `warmup` iterations, and nothing is compiled after them.
        details: also sizes, HIR counts and exits by place.
        real: a real program: its steps in order, `TURNS` turns of as many; until the first has used `until_seconds` of CPU
            time, where that is not 0.
    """

    warmup: int = 3
    warmup_seconds: float = 0.5
    iterations: int = 7
    measure_seconds: float = 0.5
    turn_seconds: float = 0.01
    timeout: float = 600.0
    details: bool = False
    counted: bool = False
    real: bool = False
    until_seconds: float = 0.0


TURNS = 200  # of a real program: about 50 ms each


@dataclass
class Outcome:
    """What came of one process: iterations as (wall ns, CPU ns, number of the turn), and `problem` where it failed.

    Of a real program `steps` are [CPU ns since the process began, digest so far], and `marks` [steps, CPU ns, functions,
    compile ms, exits] at the ends of turns.
    """

    warmup: list[list[int]] = field(default_factory=list)
    iterations: list[list[int]] = field(default_factory=list)
    steps: list[list[Any]] = field(default_factory=list)
    marks: list[list[float]] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)
    steady: dict[str, Any] = field(default_factory=dict)
    end: dict[str, Any] = field(default_factory=dict)
    wall: float = 0.0
    problem: str = ""
    kind: str = ""  # of the problem: "wrong result", "failed"


def run(target: Target, program: Program, size: int, plan: Plan, *, seed: int = 0,
        prefix: tuple[str, ...] = ()) -> Outcome:
    """Runs one program in one fresh process. `prefix`: a command to run it under (valgrind)."""
    return run_together([target], program, size, plan, seed=seed, prefix=prefix)[0]


def run_together(targets: Sequence[Target], program: Program, size: int, plan: Plan, *, seed: int = 0,
                 prefix: tuple[str, ...] = ()) -> list[Outcome]:
    """Runs one program in one fresh process per target; the processes take turns, so that one runs at a time.

    Turn by turn the targets come in order and in reverse order: A B B A. All stay in warm-up until each has had enough
    of it, and go on being measured until each has: turn t of one is next to turn t of every other, on the same processor.
    A real program has no warm-up: every turn counts, and turn t of all sides is the same work.
    """
    workers: list[_Worker] = []
    try:
        for target in targets:
            workers.append(_Worker(target, program, size, plan, seed, prefix))
            workers[-1].wait()
        for order in (b"m",) if plan.real else (b"w", b"m"):
            turn, going = 0, True
            while going:
                for worker in workers if turn % 2 == 0 else reversed(workers):
                    worker.order(order)
                turn += 1
                going = any(worker.alive and not worker.enough for worker in workers)
        return [worker.finish() for worker in workers]
    finally:
        for worker in workers:
            worker.close()


class _Worker:
    """One process. Attributes: alive (it awaits an order), enough (it has had all it needs of this phase)."""

    def __init__(self, target: Target, program: Program, size: int, plan: Plan, seed: int, prefix: tuple[str, ...]) -> None:
        request = {**program.request(), "size": size, "hot": program.hot, "tephra": target.kind == TEPHRA,
                   "activate": target.activate, "warmup": plan.warmup, "warmup_ns": int(plan.warmup_seconds * 1e9),
                   "iterations": plan.iterations, "measure_ns": int(plan.measure_seconds * 1e9),
                   "turn_ns": 1 << 62 if plan.counted else int(plan.turn_seconds * 1e9), "details": plan.details,
                   "counted": plan.counted, "real": plan.real, "turn_steps": max(1, size // TURNS),
                   "until_ns": int(plan.until_seconds * 1e9)}
        command = [*prefix, *target.command, str(WORKER), json.dumps(request)]
        self._outcome, self._limit = Outcome(), plan.timeout
        self._output, self._timed_out = bytearray(), False
        self._errors = tempfile.TemporaryFile()
        self.alive, self.enough = True, False
        # A session of its own: Ctrl-C reaches this process only, which then ends the worker.
        self._process = subprocess.Popen(command, env=target.environment(seed), stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True)
        _pin(self._process.pid, seed)

    def order(self, what: bytes) -> None:
        """Has it run one turn."""
        if self.alive:
            self._send(what)
            self.wait()

    def wait(self) -> None:
        """Until it has finished its turn; then it is alive, or it has ended or was ended."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        begin = time.perf_counter()
        position = len(self._output)
        while True:
            left = self._limit - self._outcome.wall - (time.perf_counter() - begin)
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                self._timed_out, self.alive = True, False
                self._kill()
                break
            read = os.read(descriptor, 1 << 16)
            self._output += read
            if not read:
                self.alive = False
                break
            if self._output.endswith(b"]\n"):
                last = self._output[max(self._output.rfind(b"\n", position, -1) + 1, position):]
                if last.startswith(b'["turn"'):
                    self.enough = json.loads(last)[1]
                    break
        self._outcome.wall += time.perf_counter() - begin

    def finish(self) -> Outcome:
        """What came of it, once it has ended."""
        if self.alive:
            self._send(b"e")
            self.wait()
        self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")
        outcome = self._outcome
        _read(outcome, self._output.decode(errors="replace"))
        if not outcome.problem:
            outcome.problem = _problem(outcome, self._process.returncode, said,
                                       f"{self._limit:.0f} s" if self._timed_out else "")
            outcome.kind = "failed" if outcome.problem else ""
        return outcome

    def close(self) -> None:
        """Ends it with all that it has started, if it still runs."""
        self._kill()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            try:
                stream.close()  # type: ignore[union-attr]
            except BrokenPipeError:
                pass

    def _kill(self) -> None:
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait()

    def _send(self, what: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(what)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: wait() sees that


def _pin(pid: int, seed: int) -> None:
    """Processes that are compared share a processor: others may be slower for a while."""
    try:
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(pid, {processors[seed % len(processors)]})
    except (AttributeError, OSError):
        pass  # not Linux, or it has ended


def _read(outcome: Outcome, text: str) -> None:
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # cut off when the process was ended
        what = event[0]
        if what in ("warmup", "iteration"):
            (outcome.warmup if what == "warmup" else outcome.iterations).append([event[1], event[2], event[4]])
            outcome.digests.add(event[3])
        elif what == "step":
            outcome.steps.append(event[1:])
        elif what == "mark":
            outcome.marks.append(event[1:])
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
