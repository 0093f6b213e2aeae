"""--compare OLD NEW: what changed between two runs; --merge HOST=RUN ...: runs of several machines side by side.

Both compare ratios to the interpreter of the same run, never times: another machine, another hour, another load change both
sides of a ratio.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tephra.bench import estimate, results
from tephra.bench.errors import BenchError
from tephra.bench.report_markdown import label_of, speed, table
from tephra.bench.report_svg import Chart
from tephra.bench.targets import BASE, SUBJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Document = dict[str, Any]


@dataclass
class Change:
    """One program in two runs; `verdict` is faster, slower, no difference or unknown."""

    program: str
    old: estimate.Comparison
    new: estimate.Comparison
    change: estimate.Comparison
    verdict: str


@dataclass
class Report:
    """What is printed and written."""

    title: str
    markdown: str
    chart: Chart
    changes: list[Change] = field(default_factory=list)


def changes(old: Document, new: Document, tolerance: float = 0.01) -> tuple[list[Change], list[str]]:
    """Programs that both runs measured with the same size, and remarks about the others.

    Args:
        tolerance: relative changes up to this are no difference, whatever the interval says.
    """
    if old.get("measure") != new.get("measure"):
        raise BenchError("--compare: one run measured time, the other counted instructions")
    if old["clock"] != new["clock"]:  # one was disturbed
        old, new = {**old, "clock": "cpu"}, {**new, "clock": "cpu"}
    there = results.measured(new)
    found, remarks = [], []
    for name in results.measured(old):
        if name not in there:
            remarks.append(f"{name}: only in the old run")
            continue
        if old["programs"][name]["size"] != new["programs"][name]["size"]:
            remarks.append(f"{name}: left out: size {old['programs'][name]['size']} in the old run, "
                           f"{new['programs'][name]['size']} in the new one")
            continue
        a, b = results.compare(old, name, BASE, SUBJECT), results.compare(new, name, BASE, SUBJECT)
        if a and b:
            change = estimate.change(a, b)
            found.append(Change(name, a, b, change, estimate.verdict(change.low, change.high, tolerance)))
    remarks += [f"{name}: only in the new run" for name in there if name not in results.measured(old)]
    return found, remarks


def compare(old: Document, new: Document, tolerance: float = 0.01) -> Report:
    """The comparison of two runs. Raises: BenchError where they have no program in common."""
    found, remarks = changes(old, new, tolerance)
    if not found:
        raise BenchError("--compare: the runs have no program in common" + (f" ({remarks[0]})" if remarks else ""))
    rows = [[each.program, speed(results.as_json(each.old)), speed(results.as_json(each.new)),
             speed(results.as_json(each.change)), each.verdict] for each in found]
    means = [estimate.combine([getattr(each, side) for each in found]) for side in ("old", "new", "change")]
    overall = estimate.verdict(means[2].low, means[2].high)
    rows.append(["**geometric mean**", *(speed(results.as_json(mean)) for mean in means), overall])
    same = sum(each.verdict == "no difference" for each in found)
    lines = [_named("old", old), _named("new", new)]
    if old["machine"]["cpu"] != new["machine"]["cpu"] or _base(old) != _base(new):
        lines.append("The runs are of different machines or interpreters: each speed is relative to the interpreter of its "
                     "own run.")
    lines.append(f"No difference in {same} of {len(found)} programs ({same / len(found):.0%}); geometric mean of the changes "
                 f"{means[2].speed:.3f}. Changes up to {tolerance:.0%} count as none.")
    lines += remarks
    markdown = "\n".join(["# Comparison of two runs\n", "\n".join(f"- {line}" for line in lines), "",
                          table(["program", "old", "new", "new / old", "verdict"], rows)])
    chart = Chart("Change of speed", "new run / old run, each relative to its own interpreter; 95 % intervals",
                  ["new / old"], [(each.program, [results.as_json(each.change)]) for each in found]
                  + [("geometric mean", [results.as_json(means[2])])])
    return Report("Comparison of two runs", markdown, chart, found)


def _base(document: Document) -> str:
    return label_of(document, BASE)


def _named(what: str, document: Document) -> str:
    commit = document.get("commit", {})
    revision = commit.get("revision", "")[:12] + (" with changes" if commit.get("dirty") else "")
    return (f"{what}: {document['created']}, {'commit ' + revision + ', ' if revision else ''}"
            f"{_base(document)}, {document['machine']['cpu']} ({document['machine']['architecture']}), "
            f"clock: {document['clock']}")


def merge(runs: list[tuple[str, Document]]) -> Report:
    """Runs of several machines: Tephra's speed on each, relative to that machine's own interpreter."""
    if len({document.get("measure") for _, document in runs}) > 1:
        raise BenchError("--merge: some runs measured time, others counted instructions")
    names = list(dict.fromkeys(name for _, document in runs for name in results.measured(document)))
    if not names:
        raise BenchError("--merge: no run has measured a program")
    key = results.key_of(BASE, SUBJECT)
    rows: list[tuple[str, list[dict[str, Any] | None]]] = []
    for name in names:
        rows.append((name, [document["summary"]["programs"].get(name, {}).get("comparisons", {}).get(key)
                            for _, document in runs]))
    common = [name for name, cells in rows if all(cells)]
    means: list[dict[str, Any] | None] = []
    for _, document in runs:
        each = [found for name in common if (found := results.compare(document, name, BASE, SUBJECT))]
        means.append(results.as_json(estimate.combine(each)) if each else None)
    rows.append((f"geometric mean of {len(common)}", means))
    lines = [f"{host}: {document['machine']['cpu']}, {document['machine']['architecture']}, {_base(document)}, "
             f"{document['created']}" for host, document in runs]
    lines.append("Each column is relative to the interpreter on that machine itself; times of different machines are not "
                 "compared. The geometric mean is over the programs that all runs have.")
    shown = [[name.replace("geometric mean", "**geometric mean**"), *(speed(cell) for cell in cells)] for name, cells in rows]
    markdown = "\n".join(["# Tephra on several machines\n", "\n".join(f"- {line}" for line in lines), "",
                          table(["program", *(host for host, _ in runs)], shown)])
    chart = Chart("Tephra on several machines", "speed relative to each machine's own interpreter; 95 % intervals",
                  [host for host, _ in runs], rows)
    return Report("Tephra on several machines", markdown, chart)
