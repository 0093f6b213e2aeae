"""What status() returns, and the summary at exit."""

from __future__ import annotations

import sys

from tephra import __version__, _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Status:
    """The state of the JIT at one moment; str() of it is for people.

    Attributes:
        available: the JIT can run in this process.
        enabled: functions may be compiled right now, and compiled ones are used.
        reason: why it is not available or not enabled; "" when it is both.
        compile_after: calls after which a function is compiled; None: none are counted.
        sampled: functions are compiled when samples of what runs show that it pays.
        jit_list: how many functions the JIT list names; None: there is no list.
        functions, code_bytes, compile_time, exits: totals so far (compile_time in seconds of CPU time).
        cpu_time: seconds of CPU time of the process so far; compiler_time: of these, what compiling took,
            given-up compilations included.
        samples: looks at what runs; compiled_time: seconds for which they found compiled code.
        gained_time: seconds that the interpreter would have taken beyond compiled_time, by estimate: compiled
            code is taken to be twice as fast.
        over_budget: functions that would have paid when the budget allowed no more.
        unpaid: names of functions for which compiling has not paid so far, the most expensive ones first.
        bailouts: reason -> functions that were not compiled for it.
        tephra_version, python_version, architecture: of this process.
    """

    __slots__ = ("available", "enabled", "reason", "compile_after", "sampled", "jit_list", "functions", "code_bytes",
                 "compile_time", "exits", "bailouts", "cpu_time", "compiler_time", "samples", "compiled_time",
                 "gained_time", "over_budget", "unpaid", "tephra_version", "python_version", "architecture")

    available: bool
    enabled: bool
    reason: str
    compile_after: int | None
    sampled: bool
    jit_list: int | None
    functions: int
    code_bytes: int
    compile_time: float
    exits: int
    bailouts: dict[str, int]
    cpu_time: float
    compiler_time: float
    samples: int
    compiled_time: float
    gained_time: float
    over_budget: int
    unpaid: list[str]
    tephra_version: str
    python_version: str
    architecture: str

    def __init__(self, **values: Any) -> None:
        for name in self.__slots__:
            object.__setattr__(self, name, values[name])

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Status is a record of one moment: it cannot be changed")

    def __repr__(self) -> str:
        return "Status(" + ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__) + ")"

    def __str__(self) -> str:
        about = f"Tephra {self.tephra_version}, CPython {self.python_version}, {self.architecture}"
        if not self.available:
            return f"{about}: off: {self.reason}"
        if not self.enabled:
            return f"{about}: not enabled: {self.reason}"
        if self.sampled:
            when = "functions are compiled when samples show that it pays"
        elif self.compile_after is None:
            when = "only forced functions are compiled"
        elif self.compile_after == 0:
            when = "functions are compiled at their first call"
        else:
            when = f"functions are compiled after {self.compile_after} calls"
        if self.jit_list is not None and (self.sampled or self.compile_after is not None):
            when += f", if they are among the {self.jit_list} of the JIT list"
        return f"{about}: on, {when}; {_counts(self.functions, self.compile_time, self.code_bytes, self.exits)}"


def take(disabled_by: str) -> Status:
    """The state now. `disabled_by`: why it is not enabled, if it is available."""
    api = _native.api
    enabled = bool(api.is_enabled())
    reason = _native.reason or ("" if enabled else disabled_by)
    listed = api.get_jit_list()
    return Status(available=not _native.reason, enabled=enabled, reason=reason,
                  compile_after=api.get_compile_after() if enabled else None, sampled=bool(enabled and api.is_sampled()),
                  jit_list=None if listed is None else len(listed), tephra_version=__version__,
                  unpaid=[name for name, _ in api.unpaid_functions()], python_version=sys.version.split()[0], architecture=_machine(), **totals())


def totals() -> dict[str, Any]:
    """The extension's totals, those that the package knows."""
    found = _native.api.totals()
    return {name: found.get(name, {} if name == "bailouts" else 0)
            for name in ("functions", "code_bytes", "compile_time", "exits", "bailouts", "cpu_time", "compiler_time",
                         "samples", "compiled_time", "gained_time", "over_budget")}


def _machine() -> str:
    import os

    return os.uname().machine


def _counts(functions: int, seconds: float, size: int, exits: int) -> str:
    return (f"{functions} functions compiled, compile time {seconds * 1e3:.1f} ms, {size} code bytes, "
            f"{exits} exits taken")


def _worth(total: dict[str, Any]) -> str:
    """What compiling took and gained, for people."""
    spent, used = total["compiler_time"], total["cpu_time"]
    share = 100 * spent / used if used else 0.0
    refused = f", {total['over_budget']} functions would have paid but for the budget" if total["over_budget"] else ""
    return (f"tephra: {total['samples']} samples; compiling took {spent * 1e3:.1f} ms, {share:.1f} % of {used:.2f} s of CPU "
            f"time; compiled code ran for {total['compiled_time']:.2f} s, which gained some "
            f"{total['gained_time']:.2f} s{refused}")


def summary() -> list[str]:
    """The lines that are printed at exit; the last one is the figures."""
    from tephra._instruction_counts import summary as instruction_counts

    total = totals()
    lines = instruction_counts()
    if _native.reason:
        lines.append(f"tephra: the JIT is off: {_native.reason}")
    reasons = sorted(total["bailouts"].items(), key=lambda item: -item[1])
    if reasons:
        shown = ", ".join(f"{count} x {reason}" for reason, count in reasons[:4])
        more = f", and {len(reasons) - 4} more reasons" if len(reasons) > 4 else ""
        lines.append(f"tephra: not compiled: {shown}{more}")
    if total["samples"]:
        lines.append(_worth(total))
        unpaid = _native.api.unpaid_functions()
        if unpaid:
            shown = ", ".join(f"{name} ({lost * 1e3:.1f} ms)" for name, lost in unpaid[:5])
            more = f" and {len(unpaid) - 5} more" if len(unpaid) > 5 else ""
            lines.append(f"tephra: compiling has not paid for {shown}{more}")
    lines.append("tephra: " + _counts(total["functions"], total["compile_time"], total["code_bytes"],
                                      total["exits"]))
    return lines
