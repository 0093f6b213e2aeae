"""Real programs: a fixed amount of work on pinned packages, measured in CPU time from the start of the process.

A program is run(step, size): it calls step(result) after each of `size` equal pieces of its work, wherever in a package's
code it is by then. Tephra's process and the interpreter's do the same steps in turns; what each had used when it had done a
step says how far behind or ahead Tephra is at that point (tephra.bench.real_results).
"""

from __future__ import annotations

import importlib.metadata

from tephra.bench import gates, processes
from tephra.bench.errors import BenchError
from tephra.bench.session import Session
from tephra.bench.targets import TEPHRA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from tephra.bench.processes import Outcome
    from tephra.bench.programs import Program
    from tephra.bench.targets import Target


def versions(programs: Iterable[Program]) -> dict[str, str]:
    """Package -> installed version, "" where it is absent."""
    found = {}
    for name in sorted({name for program in programs for name in program.packages}):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = ""
    return found


def check_packages(programs: Iterable[Program]) -> None:
    """Raises BenchError where this interpreter lacks a package that a program needs."""
    missing = [name for name, version in versions(programs).items() if not version]
    if missing:
        raise BenchError(f"--real: not installed in this interpreter: {', '.join(missing)}; `./dev bench --real` makes an "
                         "environment that has what the programs need (benchmarks/real/requirements.txt)")


class UnprobedSession(Session):
    """A session without probes: Tephra's first process of each program must show that the JIT was at work."""

    _candidates = True  # every program has functions that pay

    def _gate(self, program: Program) -> None:
        pass

    def _add(self, program: Program, target: Target, number: int, outcome: Outcome) -> None:
        if target.kind == TEPHRA and not outcome.problem and not any(
                r["kind"] == "gates" and r["program"] == program.name for r in self.store.records):
            reasons = (gates.nothing_refused(outcome, self._candidates) if gates.refuses(target)
                       else self._why_no_proof(outcome))
            status = gates.FAILED if reasons else gates.PASSED
            self.store.add({"kind": "gates", "program": program.name, "known_gap": "", "status": status, "reasons": reasons,
                            "probe_speed": None, "functions": {}})
            if reasons:
                self.progress.gates(program.name, status, None, reasons)
        super()._add(program, target, number, outcome)

    def _why_no_proof(self, outcome: Outcome) -> list[str]:
        return gates.nothing_compiled(outcome)


class RealSession(UnprobedSession):
    """Rounds of real programs."""

    def _processes(self, program: Program, targets: list[Target], number: int) -> None:
        size = self.setup.sizes[program.name]
        outcomes = processes.run_together(targets, program, size, self.setup.plan, seed=number)
        _same_results(list(zip(targets, outcomes)))
        for target, outcome in zip(targets, outcomes):
            outcome.digests.clear()  # those of other rounds have other hash seeds
            self._add(program, target, number, outcome)


def _same_results(done: list[tuple[Target, Outcome]]) -> None:
    """Marks the processes whose result at some step is not that of the plain interpreter."""
    plain = [(target, outcome) for target, outcome in done if target.kind != TEPHRA and not outcome.problem]
    if not plain:
        return
    reference, expected = plain[0]
    for target, outcome in done:
        if outcome is expected or outcome.problem:
            continue
        for number, ((_, ours), (_, theirs)) in enumerate(zip(outcome.steps, expected.steps), 1):
            if ours != theirs:
                outcome.problem = f"wrong result: step {number} gave {ours} under {target.label}, {theirs} under {reference.label}"
                outcome.kind = "wrong result"
                break
