"""What is tested where: machines, CPython versions, and what one part gave."""

from __future__ import annotations

from dataclasses import dataclass, field

from dev import build, machines


@dataclass
class Result:
    """What one part gave; a line of the report."""

    name: str
    arch: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    functions: int | None = None
    bytes: int = 0
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def fail(self, why: str) -> None:
        """A failure that no test has counted."""
        self.failed += 1
        self.problems.append(why)

    def line(self) -> str:
        compiled = "" if self.functions is None else f"; {self.functions} functions compiled, {self.bytes} bytes"
        return (f"{self.name}: {self.passed} passed, {self.failed} failed, {self.skipped} skipped{compiled} "
                f"({self.seconds:.0f} s)")


def on(machine: machines.Machine) -> str:
    """What tells results of an emulated machine from those of this one."""
    return "" if machine.native else f", {machine.name} emulated"


def machines_of(args) -> list[machines.Machine]:
    """Which machines to test for: without --arch this one."""
    if args.arch != "all":
        return [machines.machine(args.arch)]
    native = machines.machine(None)
    return [native, *(machines.machine(name) for name in machines.EMULATED if name != native.name)]


def available(versions: list[str], machine: machines.Machine) -> list[str]:
    """Those of the versions that there is an interpreter for; an emulated one must be of Debian's version."""
    if "3.12" not in versions or build.bases(["3.12"], machine, required=versions == ["3.12"] and not machine.native):
        return versions
    return [v for v in versions if v != "3.12"]
