"""One run: gates, then rounds of fresh processes; every raw sample goes to disk as it comes.

Round r runs each program once under each target, in processes that take turns (tephra.bench.processes), in this order in one
round and in reverse order in the next: A B B A. All programs run in a round before the next one begins: a slow drift of the machine
falls on all programs and sides alike, and a run that is cut short has something of everything.

raw.jsonl holds a header line, then one line per gate verdict and per process. Nothing else is state: resuming reads it.
"""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from tephra.bench import code_size, count_blocks, count_instructions, gates, processes
from tephra.bench.errors import CANNOT_WRITE, BenchError
from tephra.bench.processes import Outcome, Plan
from tephra.bench.programs import Program
from tephra.bench.progress import Progress
from tephra.bench.targets import Target, in_exact_mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@dataclass
class Setup:
    """What is to be measured.

    Attributes:
        sizes: program name -> size of the timed iterations.
        subjects: targets with Tephra whose gates are checked; the first is SUBJECT.
        without: (option, target) pairs under test.
        count, count_plugin: instructions instead of time; qemu's plugin, "" for callgrind.
        blocks: instructions of compiled code, for both architectures, instead of rounds.
        real: real programs with checkpoints (tephra.bench.real) instead of iterations.
        pyperformance: the programs are that package's; problems: why some of them could not be run at all.
        rounds, least_rounds, time_limit: rounds at most; after `least_rounds` of them no round is begun that would
            exceed the limit (seconds; 0: none).
    """

    programs: list[Program]
    targets: list[Target]
    sizes: dict[str, int]
    plan: Plan
    gate_plan: Plan
    rounds: int
    least_rounds: int
    time_limit: float
    without: list[tuple[str, Target]] = field(default_factory=list)
    slow: dict[str, dict[str, Any]] = field(default_factory=dict)
    named: bool = False
    gates_only: bool = False
    count: bool = False
    count_plugin: str = ""
    blocks: bool = False
    real: bool = False
    pyperformance: bool = False
    problems: list[str] = field(default_factory=list)


class Store:
    """raw.jsonl: appended to, never rewritten."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.records: list[dict[str, Any]] = []
        self._out: io.FileIO | None = None

    def open(self, header: dict[str, Any] | None) -> None:
        """Begins the file with `header`, or goes on with the present one. Raises: BenchError."""
        try:
            if header is not None:
                self.file.parent.mkdir(parents=True, exist_ok=True)
            self._out = io.FileIO(self.file, "w" if header is not None else "r+")
            if header is None:  # a last line that was cut off goes
                data = self.file.read_bytes()
                self._out.truncate(data.rfind(b"\n") + 1)
                self._out.seek(0, io.SEEK_END)
        except OSError as error:
            raise BenchError(f"cannot write {self.file}: {error.strerror}", CANNOT_WRITE) from None
        if header is not None:
            self.add({"kind": "header", **header})

    def add(self, record: dict[str, Any]) -> None:
        """Writes one record. Raises: BenchError(CANNOT_WRITE); what was written before is whole."""
        assert self._out is not None
        place = self._out.tell()
        data = (json.dumps(record, separators=(",", ":")) + "\n").encode()
        try:
            while data:
                data = data[self._out.write(data):]
        except OSError as error:
            self._out.truncate(place)
            done = sum(each["kind"] == "process" for each in self.records)
            raise BenchError(f"cannot write {self.file}: {error.strerror}; {done} processes are kept there "
                             f"(--resume {self.file.parent} goes on)", CANNOT_WRITE) from None
        self.records.append(record)

    def close(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None


def read_raw(file: Path) -> list[dict[str, Any]]:
    """The records of a raw.jsonl; a last line that was cut off is left out. Raises: BenchError."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BenchError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from None
    records = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(json.loads(line))
        except ValueError:
            if number < len(lines):
                raise BenchError(f"{file}:{number}: no JSON; the file is damaged") from None
    if not records or records[0].get("kind") != "header":
        raise BenchError(f"{file}: no raw samples of `tephra bench` (its first line is no header)")
    return records


class Session:
    """Runs a Setup into a Store."""

    def __init__(self, setup: Setup, store: Store, progress: Progress) -> None:
        self.setup, self.store, self.progress = setup, store, progress
        self._digests: dict[str, tuple[str, str]] = {}  # program -> (digest, target label)
        for record in store.records:
            self._remember(record)

    def run(self) -> None:
        """Gates and rounds. Raises: BenchError where the samples cannot be written."""
        began = time.monotonic()
        done = self._done()
        total = len(self.setup.programs) * (1 if self.setup.blocks else self.setup.rounds * len(self.setup.targets))
        self.progress.start(len(self.setup.programs), 0 if self.setup.gates_only else total)
        for program in self.setup.programs:
            if ("gates", program.name, "", 0) not in done:
                self._gate(program)
            self.progress.gate_done()
        if self.setup.gates_only:
            return
        if not self.setup.real and not any(record["kind"] == "code size" for record in self.store.records):
            self.progress.say_doing("code-size probes")
            self.store.add({"kind": "code size", "bytes": code_size.of_target(self.setup.targets[0])})
        if self.setup.blocks:
            self._blocks(done)
            return
        for number in range(self.setup.rounds):
            took = time.monotonic()
            if not self._round(number, done):
                continue
            took = time.monotonic() - took
            spent = time.monotonic() - began
            if self.setup.time_limit and number + 1 >= self.setup.least_rounds \
                    and number + 1 < self.setup.rounds and spent + took > self.setup.time_limit:
                self.store.add({"kind": "note", "text": f"{number + 1} of {self.setup.rounds} rounds: the time limit of "
                                                        f"{self.setup.time_limit:.0f} s"})
                break

    def _done(self) -> set[tuple[str, str, str, int]]:
        return {(r["kind"], r["program"], r.get("target", ""), r.get("round", 0)) for r in self.store.records
                if r["kind"] in ("gates", "process", "blocks")}

    def _remember(self, record: dict[str, Any]) -> None:
        if record["kind"] == "process" and not record.get("problem"):
            self._digests.setdefault(record["program"], (record["digest"], record["target"]))

    def _stopped(self) -> set[str]:
        """Programs that are not (or no longer) timed."""
        stopped = set()
        for record in self.store.records:
            if record["kind"] == "gates" and record["status"] in (gates.FAILED, gates.INAPPLICABLE) \
                    or record["kind"] == "process" and record.get("problem"):
                stopped.add(record["program"])
        return stopped

    def _gate(self, program: Program) -> None:
        setup = self.setup
        self.progress.say_doing(f"gates: {program.name}")
        subject, plain = in_exact_mode(setup.targets[0]), setup.targets[1]  # a probe is short
        without = [(option, in_exact_mode(target)) for option, target in setup.without]
        verdict = gates.check(program, subject, plain, program.quick_size, setup.gate_plan, without=without,
                              slow=setup.slow.get(program.name), named=setup.named,
                              timed=not setup.count_plugin)
        self.store.add({"kind": "gates", "program": program.name, "known_gap": program.known_gap, **verdict.as_json()})
        self.progress.gates(program.name, verdict.status, verdict.speed, verdict.reasons)

    def _round(self, number: int, done: set[tuple[str, str, str, int]]) -> bool:
        """One round; False if there was nothing left to do in it."""
        worked = False
        for program in self.setup.programs:
            stopped = program.name in self._stopped()
            left = [] if stopped else [target for target in self.setup.targets
                                       if ("process", program.name, target.name, number) not in done]
            for _ in range(len(self.setup.targets) - len(left)):
                self.progress.process_done(0.0)
            if left:
                self.progress.say_doing(f"round {number + 1} of {self.setup.rounds}: {program.name}")
                self._processes(program, left if number % 2 == 0 else left[::-1], number)
                worked = True
        return worked

    def _blocks(self, done: set[tuple[str, str, str, int]]) -> None:
        for program in self.setup.programs:
            if ("blocks", program.name, "", 0) not in done and program.name not in self._stopped():
                self.progress.say_doing(f"counting: {program.name}")
                record = count_blocks.run(self.setup.targets[0], program, self.setup.plan.timeout)
                self.store.add({"kind": "blocks", "program": program.name, **record})
                if record["problem"]:
                    self.progress.problem(f"{program.name}: {record['problem']}")
            self.progress.process_done(0.0)

    def _processes(self, program: Program, targets: list[Target], number: int) -> None:
        """One process per target, in this order."""
        setup, size = self.setup, self.setup.sizes[program.name]
        if not setup.count:
            outcomes = processes.run_together(targets, program, size, setup.plan, seed=number)
            for target, outcome in zip(targets, outcomes):
                self._add(program, target, number, outcome)
            return
        for target in targets:
            if program.name not in self._stopped():
                self._add(program, target, number, count_instructions.run(target, program, size, setup.plan.timeout, number, setup.count_plugin))

    def _add(self, program: Program, target: Target, number: int, outcome: Outcome) -> None:
        digest = next(iter(outcome.digests), "")
        known = self._digests.get(program.name)
        if known and not outcome.problem and digest != known[0]:
            outcome.problem = (f"wrong result: {digest} under {target.label}, but {known[0]} under {known[1]}")
            outcome.kind = "wrong result"
        record = {"kind": "process", "program": program.name, "target": target.name, "round": number,
                  "size": self.setup.sizes[program.name], **_as_json(outcome), "digest": digest}
        self.store.add(record)
        self._remember(record)
        self.progress.process_done(outcome.wall)
        if outcome.problem:
            self.progress.problem(f"{program.name}, {target.label}: {outcome.problem}")


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {"problem": outcome.problem, "problem_kind": outcome.kind, "wall_seconds": round(outcome.wall, 6),
            "warmup_ns": outcome.warmup, "iterations_ns": outcome.iterations, "at_steady": outcome.steady,
            "at_end": outcome.end, **({"steps": outcome.steps, "marks": outcome.marks} if outcome.steps else {})}


def failures(records: list[dict[str, Any]]) -> list[str]:
    """What makes the command fail, a line each."""
    found = []
    for record in records:
        if record["kind"] == "gates" and record["status"] == gates.FAILED:
            found += [f"{record['program']}: {reason}" for reason in record["reasons"]]
        elif record["kind"] == "process" and record.get("problem"):
            found.append(f"{record['program']}, {record['target']}: {record['problem']}")
        elif record["kind"] == "blocks" and record["problem"]:
            found.append(f"{record['program']}: {record['problem']}")
    return found
