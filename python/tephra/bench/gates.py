"""Proof before timing. Three gates per program, each with its reason when it fails:

    compiled   every function that the program names in HOT runs machine code, or stays interpreted because it raises
               in nearly every call, or leaves its code too often (options give-up-raising, exit-rate)
    faster     a probe beats the interpreter
    IR         the hot functions' HIR contains what the options under test produce

With option budget=0 nothing may be compiled: then the gate is that the process was sampled and that functions would have
paid, and there is no limit to the speed.

A failed gate stops the program and makes the command fail. Two lists know exceptions, and both may only shrink: a program's
own KNOWN_GAP (shown, still measured; an error once its gates pass) and known_slow.toml beside the programs (slower than the
interpreter, with reason and figure, and perhaps `uncompiled`, functions that the JIT gives up; an error once that is not so).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from tephra.bench import processes
from tephra.bench.errors import BenchError
from tephra.bench.processes import Outcome, Plan
from tephra.bench.programs import Program
from tephra.bench.targets import Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PASSED, FAILED, GAP, SLOW, INAPPLICABLE = "passed", "failed", "known gap", "known slow", "not applicable"

_ATTEMPTS = 3
_MICRO_LIMIT = 0.97  # where an operation takes all the time in C, as big ints do, there is nothing to win
_MENDED = 1.03  # a listed program counts as faster from here on
_WORSE = 0.85  # ... and as worse than listed below this part of its figure
# The JIT's own decisions, not gaps.
_GIVEN_UP = ("it raises in nearly every call", "it leaves its compiled code too often", "it does little")

# Option -> operations of the HIR that only it produces; names that end in * are beginnings.
OPERATIONS = {
    "arithmetic": ("IntAdd", "IntSub", "IntMul", "IntFloorDiv", "IntMod", "IntAnd", "IntOr", "IntXor", "IntShl", "IntShr",
                   "IntNeg", "IntCompare", "Double*", "UnboxInt", "UnboxFloat"),
    "attributes": ("LoadInlineValue", "StoreInlineValue", "LoadField", "ExchangeField", "GuardTypeVersion"),
    "globals": ("GuardDictKeysVersion",),
    "direct-calls": ("CallDirect",),
    "builtin-calls": ("CallBuiltin",),
    "subscripts": ("LoadListItem", "LoadTupleItem", "StoreListItem", "DictGetItem", "DictSetItem"),
    "iteration": ("RangeIterNext", "ListIterNext", "TupleIterNext"),
    "unpacking": ("LoadTupleItemAt", "LoadListItemAt"),
    "inlining": ("BeginInlined*", "PushInlined*", "GuardFunctionCode"),
}
# Option -> operations that it replaces by cheaper ones, where those are no sign by themselves.
REPLACED = {"methods": ("LoadMethod", "LoadMethodSelf")}
_GUARDS = ("Guard*", "CallDirect", "CallBuiltin")


@dataclass
class Verdict:
    """What the gates found: `status` as above, `reasons` of what did not pass, and the figures behind it."""

    status: str = PASSED
    reasons: list[str] = field(default_factory=list)
    speed: float | None = None
    functions: dict[str, Any] = field(default_factory=dict)  # compiled ones: bytes, compile_ms, hir

    def as_json(self) -> dict[str, Any]:
        return {"status": self.status, "reasons": self.reasons, "probe_speed": self.speed, "functions": self.functions}


def known_slow(folder: Path, version: str) -> dict[str, dict[str, Any]]:
    """The entries of known_slow.toml for a CPython version ("3.14"). Raises: BenchError where it is malformed."""
    file = folder / "known_slow.toml"
    if not file.exists():
        return {}
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BenchError(f"{file}: {error}") from None
    entries = found.get(version, {})
    for name, entry in entries.items():
        if not isinstance(entry, dict) or not entry.get("reason") or not isinstance(entry.get("speed"), (int, float)):
            raise BenchError(f'{file}: ["{version}".{name}] needs reason = "..." and speed = 0.9')
    return dict(entries)


def check(program: Program, subject: Target, plain: Target, size: int, plan: Plan, *,
          without: list[tuple[str, Target]] | None = None, slow: dict[str, Any] | None = None,
          named: bool = False, timed: bool = True) -> Verdict:
    """Runs the gates of one program.

    Args:
        without: (option, subject with the option off) for each option under test.
        slow: the program's entry of known_slow.toml.
        named: the program was asked for by name: then an option that does not apply to it is a failure.
        timed: times mean something on this machine; if not, the probe is run for its result only.
    """
    verdict = Verdict()
    probe, other = processes.run_together([subject, plain], program, size, plan)
    if probe.problem:
        verdict.status = FAILED
        verdict.reasons.append(f"under {subject.label}: {probe.problem}")
        return verdict
    verdict.functions = probe.end.get("compiled", {})
    if refuses(subject):
        reasons = nothing_refused(probe, candidates=program.file is not None)
        _faster(program, subject, plain, size, plan, (probe, other), verdict, reasons, None, timed=False)
        _judge(program, verdict, reasons, [], None, named)
        return verdict
    reasons = _compiled(probe, (slow or {}).get("uncompiled", ()))
    given_up = set(probe.end.get("missing", {})) >= set(program.hot)  # all of them, as the JIT may
    if not reasons and not given_up:
        reasons += _ir(program, probe)
    inapplicable = [] if reasons else _options(program, probe, without or [], size, plan, reasons)
    _faster(program, subject, plain, size, plan, (probe, other), verdict, reasons, slow, timed)
    _judge(program, verdict, reasons, inapplicable, slow, named)
    return verdict


def _judge(program: Program, verdict: Verdict, reasons: list[str], inapplicable: list[str],
           slow: dict[str, Any] | None, named: bool) -> None:
    verdict.reasons = reasons
    if verdict.status == FAILED:  # a wrong result or a crash is never a known gap
        return
    if program.known_gap:
        if reasons or (verdict.speed or 0) < _MENDED:
            verdict.status = GAP
            verdict.reasons = [program.known_gap, *reasons]
        else:
            verdict.status = FAILED
            verdict.reasons = [f"KNOWN_GAP = {program.known_gap!r}, but all gates pass now: remove it"]
    elif reasons:
        verdict.status = FAILED
    elif slow:
        verdict.status = SLOW
        verdict.reasons = [f"{slow['reason']} (listed with {slow['speed']:.2f}x)"]
    elif inapplicable:
        verdict.status = FAILED if named else INAPPLICABLE
        verdict.reasons = inapplicable


def _compiled(probe: Outcome, excused: list[str] | tuple[str, ...]) -> list[str]:
    off = nothing_compiled(probe)
    if off and not probe.end.get("jit", {}).get("enabled"):
        return off
    absent = probe.end.get("missing", {})
    missing = [f"not compiled: {name}: {why}" for name, why in absent.items()
               if name not in excused and not any(reason in str(why) for reason in _GIVEN_UP)]
    missing += [f"known_slow.toml says that {name} is not compiled, but it is: remove it there" for name in excused
                if name not in absent]
    return missing or off


def nothing_compiled(probe: Outcome) -> list[str]:
    """Why a process shows nothing about the JIT; empty where functions were compiled."""
    totals = probe.end.get("jit", {})
    if not totals.get("enabled"):
        return [f"not compiled: the JIT is off: {totals.get('reason') or 'no reason given'}"]
    return [] if totals.get("functions") else ["not compiled: no function at all was compiled"]


def refuses(target: Target) -> bool:
    """Does the target's budget refuse every compilation?"""
    return target.option("budget") == "0"


def nothing_refused(probe: Outcome, candidates: bool = True) -> list[str]:
    """Why a process that may compile nothing does not show that the JIT was at work.

    Args:
        candidates: the program has functions that pay.
    """
    totals = probe.end.get("jit", {})
    if not totals.get("enabled"):
        return nothing_compiled(probe)
    if totals.get("functions"):
        return [f"budget=0, but functions were compiled: {totals['functions']}"]
    if not totals.get("samples"):
        return ["budget=0: the process was not sampled"]
    return [] if totals.get("over_budget") or not candidates else ["budget=0: no function would have paid"]


def operations(program: Program, probe: Outcome) -> dict[str, int]:
    """HIR operations of all hot functions together."""
    total: dict[str, int] = {}
    compiled = probe.end.get("compiled", {})
    for name in program.hot:
        for operation, count in compiled.get(name.rpartition(":")[2], {}).get("hir", {}).items():
            total[operation] = total.get(operation, 0) + count
    return total


def count_of(table: dict[str, int], names: tuple[str, ...]) -> int:
    """How often the named operations (or beginnings, with *) occur."""
    return sum(count for operation, count in table.items()
               if any(operation == name or name.endswith("*") and operation.startswith(name[:-1]) for name in names))


def _ir(program: Program, probe: Outcome) -> list[str]:
    table = operations(program, probe)
    if not table:
        return ["IR: the hot functions' HIR cannot be read"]
    special = tuple(name for names in OPERATIONS.values() for name in names) + _GUARDS
    if not count_of(table, special):
        return ["IR: the hot functions' HIR contains generic operations only: no guard, no unboxed value, no direct call"]
    return []


def _options(program: Program, probe: Outcome, without: list[tuple[str, Target]], size: int, plan: Plan,
             reasons: list[str]) -> list[str]:
    """Appends to `reasons` what options under test should have produced; gives those that do not apply here."""
    inapplicable = []
    on = operations(program, probe)
    for option, target in without:
        outcome = processes.run(target, program, size, plan)
        if outcome.problem:
            reasons.append(f"under {target.label}: {outcome.problem}")
            continue
        off = operations(program, outcome)
        names, replaced = OPERATIONS.get(option, ()), REPLACED.get(option, ())
        there, rest = count_of(on, names) + count_of(off, replaced), count_of(off, names) + count_of(on, replaced)
        if on == off or (names or replaced) and there == rest == 0:
            inapplicable.append(f"IR: {option} changes nothing in the hot functions' HIR")
        elif (names or replaced) and there <= rest:
            what = f"produce {', '.join(names)}" if names else f"replace {', '.join(replaced)}"
            reasons.append(f"IR: {option} should {what}; the hot functions' HIR has {count_of(on, names or replaced)} "
                           f"with it and {count_of(off, names or replaced)} without")
    return inapplicable


def _fastest(outcome: Outcome) -> float:
    return min(cpu for _, cpu, _ in outcome.iterations)


def _faster(program: Program, subject: Target, plain: Target, size: int, plan: Plan, probes: tuple[Outcome, Outcome],
            verdict: Verdict, reasons: list[str], slow: dict[str, Any] | None, timed: bool) -> None:
    """The fastest iteration of up to three probes on each side: noise only ever adds time."""
    limit = _MICRO_LIMIT if program.file is None else 1.0
    ours = theirs = float("inf")
    for attempt in range(_ATTEMPTS):
        probe, other = probes if attempt == 0 else processes.run_together([subject, plain], program, size, plan, seed=attempt)
        if other.problem:
            verdict.status = FAILED
            reasons.append(f"under {plain.label}: {other.problem}")
            return
        if probe.problem:
            continue
        if other.digests != probe.digests:
            verdict.status = FAILED
            reasons.append(f"wrong result: {next(iter(probe.digests), '')} under {subject.label}, "
                           f"{next(iter(other.digests), '')} under {plain.label}")
            return
        if not timed:
            return
        ours, theirs = min(ours, _fastest(probe)), min(theirs, _fastest(other))
        verdict.speed = theirs / ours
        if verdict.speed > limit:
            break
    speed = verdict.speed or 0.0
    if slow and speed >= _MENDED and not slow.get("uncompiled"):
        reasons.append(f"known_slow.toml lists {program.name} with {slow['speed']:.2f}x, but the probe gives {speed:.2f}x: "
                       "remove the entry")
    elif slow and speed < slow["speed"] * _WORSE:
        reasons.append(f"slower than listed: the probe gives {speed:.2f}x, known_slow.toml {slow['speed']:.2f}x")
    elif not slow and speed <= limit:
        reasons.append(f"not faster: the probe gives {speed:.2f}x the speed of {plain.label}; it must be over {limit:.2f}x")
