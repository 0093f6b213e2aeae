"""Figures of real programs, from the CPU time at which each step was done.

A checkpoint at T seconds is the first step that the interpreter has done after T seconds of its CPU time; the ratio is what
Tephra had used when it had done that step, divided by what the interpreter had. "steady" is the last third of the steps, from
one end to the other. A ratio fails when its whole 95 % interval lies above its bar; so does a program that leaves compiled code
more than EXITS_PER_SECOND times a CPU second.
"""

from __future__ import annotations

import statistics

from tephra.bench import estimate, results
from tephra.bench.targets import BASE, SUBJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Document = dict[str, Any]

# Name -> (CPU seconds of the interpreter, the most that the ratio may be).
CHECKPOINTS = {"1 s": (1.0, 1.10), "3 s": (3.0, 1.05)}
STEADY, MEMORY = "steady", "memory"
RATIOS = (*CHECKPOINTS, STEADY, MEMORY)
EXITS_PER_SECOND = 10_000
_CPU = 0  # of a step


def step_at(used: list[int], seconds: float) -> int | None:
    """The index of the first step that was done after `seconds` of CPU time (nanoseconds in `used`); None: it ended before."""
    return next((i for i, each in enumerate(used) if each >= seconds * 1e9), None)


def steady_share(used: list[int]) -> float:
    """CPU nanoseconds of the last third of the steps."""
    return used[-1] - used[len(used) * 2 // 3 - 1]


def _rounds(document: Document, program: str, target: str) -> dict[int, dict[str, Any]]:
    return {row["round"]: row for row in document["programs"][program]["processes"].get(target, ())
            if not row["problem"] and row.get("steps")}


def _pairs(document: Document, program: str, target: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(Tephra's, the interpreter's) process of each round that has both."""
    ours, theirs = _rounds(document, program, target), _rounds(document, program, BASE)
    return [(ours[number], theirs[number]) for number in sorted(ours.keys() & theirs.keys())]


def _used(pair: tuple[dict[str, Any], dict[str, Any]]) -> tuple[list[int], list[int]]:
    """CPU nanoseconds by step, as many on both sides."""
    count = min(len(row["steps"]) for row in pair)
    first, second = ([each[_CPU] for each in row["steps"][:count]] for row in pair)
    return first, second


def samples(pairs: list[tuple[dict[str, Any], dict[str, Any]]], name: str, whole: bool) -> list[tuple[float, float]]:
    """(Tephra's, the interpreter's) value of one of RATIOS in each pair that has it; `whole`: all the work was done."""
    found: list[tuple[float, float]] = []
    for pair in pairs:
        ours, theirs = _used(pair)
        if name == MEMORY:
            found.append((pair[0]["at_end"]["peak_kib"], pair[1]["at_end"]["peak_kib"]))
        elif name == STEADY:
            if whole and len(ours) >= 3:
                found.append((steady_share(ours), steady_share(theirs)))
        else:
            step = step_at(theirs, CHECKPOINTS[name][0])
            if step is not None:
                found.append((ours[step], theirs[step]))
    return found


def ratio(values: list[tuple[float, float]]) -> estimate.Comparison | None:
    """Tephra / interpreter over the pairs."""
    if not values:
        return None
    return estimate.compare([[ours] for ours, _ in values], [[theirs] for _, theirs in values])


def _whole(document: Document) -> bool:
    return not document["setup"]["plan"]["until_seconds"]


def summarise(document: Document) -> dict[str, Any]:
    """All derived figures; `ratios` by target and name, beside the speeds over the whole work that --compare uses."""
    summary: dict[str, Any] = {"programs": {}, "geometric_means": {}, "ratio_means": {}}
    subjects = [target["name"] for target in document["targets"] if target["name"] != BASE]
    speeds: dict[str, list[estimate.Comparison]] = {name: [] for name in subjects}
    ratios: dict[tuple[str, str], list[estimate.Comparison]] = {}
    for program in results.measured(document):
        row: dict[str, Any] = {"targets": {}, "comparisons": {}, "ratios": {}, "steps": _steps(document, program)}
        for subject in subjects:
            pairs = _pairs(document, program, subject)
            speed = results.compare(document, program, BASE, subject)
            if not pairs or not speed:
                continue
            row["comparisons"][results.key_of(BASE, subject)] = results.as_json(speed)
            speeds[subject].append(speed)
            row["ratios"][subject] = {}
            for name in RATIOS:
                found = ratio(samples(pairs, name, _whole(document)))
                if found:
                    row["ratios"][subject][name] = results.as_json(found)
                    ratios.setdefault((subject, name), []).append(found)
            row["targets"][subject] = _jit([ours for ours, _ in pairs])
        summary["programs"][program] = row
    for subject, each in speeds.items():
        if each:
            summary["geometric_means"][results.key_of(BASE, subject)] = {**results.as_json(estimate.combine(each)),
                                                                         "programs": len(each)}
    for (subject, name), each in ratios.items():
        summary["ratio_means"].setdefault(subject, {})[name] = {**results.as_json(estimate.combine(each)), "programs": len(each)}
    spread = [each.spread for each in speeds.get(SUBJECT, ()) if each.pairs > 1]
    summary["noise"] = {"between_processes": _between(document), "within_processes": None,
                        "of_speed": round(statistics.median(spread), 5) if spread else None,
                        "off_processor": document["off_processor"], "clock": document["clock"]}
    summary["failed"] = failures(summary)
    return summary


def _between(document: Document) -> float | None:
    """The median over programs of the relative deviation of the interpreter's own processes."""
    found = []
    for program in results.measured(document):
        totals = [[row["steps"][-1][_CPU] / 1e9] for row in _rounds(document, program, BASE).values()]
        if len(totals) > 1:
            found.append(estimate.spread_between(totals))
    return round(statistics.median(found), 5) if found else None


def _steps(document: Document, program: str) -> dict[str, Any]:
    """How many steps the interpreter had done at each checkpoint, and its CPU time for all of them: medians."""
    used = [[each[_CPU] for each in row["steps"]] for row in _rounds(document, program, BASE).values()]
    found: dict[str, Any] = {"all": len(used[0]), "seconds": statistics.median(each[-1] for each in used) / 1e9} if used else {}
    for name, (seconds, _) in CHECKPOINTS.items():
        indexes = [index for each in used if (index := step_at(each, seconds)) is not None]
        if indexes:
            found[name] = int(statistics.median(indexes)) + 1
    return found


def _jit(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the JIT did, per process: medians; {} where no JIT was asked."""
    rows = [row for row in rows if row["at_end"].get("jit")]
    if not rows:
        return {}

    def middle(value: Any) -> float:
        return float(statistics.median(value(row, row["steps"][-1][_CPU] / 1e9) for row in rows))

    return {"functions": middle(lambda row, _: row["at_end"]["jit"]["functions"]),
            "compile_ms": middle(lambda row, _: row["at_end"]["jit"]["compile_ms"]),
            "compile_share": round(middle(lambda row, used: row["at_end"]["jit"]["compile_ms"] / 1e3 / used), 5),
            "exits_per_second": round(middle(lambda row, used: row["at_end"]["jit"]["exits"] / used), 1),
            "code_bytes": middle(lambda row, _: row["at_end"]["jit"]["code_bytes"]),
            "peak_kib": middle(lambda row, _: row["at_end"]["peak_kib"])}


def failures(summary: dict[str, Any]) -> list[str]:
    """A line for each ratio and exit rate of Tephra that is above its bar."""
    found = []
    for program, row in summary["programs"].items():
        for name, (_, bar) in CHECKPOINTS.items():
            cell = row["ratios"].get(SUBJECT, {}).get(name)
            if cell and cell["low"] is not None and cell["low"] > bar:
                found.append(f"{program}: too slow at {name}: {cell['speed']:.2f} ({cell['low']:.2f}-{cell['high']:.2f}) times the "
                             f"interpreter's CPU time; at most {bar:.2f} is allowed")
        rate = row["targets"].get(SUBJECT, {}).get("exits_per_second", 0)
        if rate > EXITS_PER_SECOND:
            found.append(f"{program}: {rate:,.0f} exits per CPU second; at most {EXITS_PER_SECOND:,} are allowed")
    return found
