"""The parts of a report that only real programs have."""

from __future__ import annotations

from tephra.bench import real_results
from tephra.bench.real_results import CHECKPOINTS, MEMORY, RATIOS, STEADY
from tephra.bench.report_markdown import label_of, speed, table
from tephra.bench.report_svg import Chart
from tephra.bench.targets import BASE, SUBJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Document = dict[str, Any]


def _mark(name: str, cell: dict[str, Any] | None) -> str:
    """A ratio, with a mark where it is above its bar."""
    bar = CHECKPOINTS.get(name, (0.0, float("inf")))[1]
    above = cell is not None and cell["low"] is not None and cell["low"] > bar
    return speed(cell) + (" !" if above else "")


def ratios(document: Document, subject: str = SUBJECT) -> str:
    """The main table: ratios and what the JIT did; the geometric mean last."""
    head = ["program", *(f"CPU at {name}" if name in CHECKPOINTS else name for name in RATIOS), "functions", "compile share",
            "exits per CPU s"]
    rows = []
    for name, row in document["summary"]["programs"].items():
        found, jit = row["ratios"].get(subject, {}), row["targets"].get(subject, {})
        rows.append([name, *(_mark(each, found.get(each)) for each in RATIOS),
                     *([f"{jit['functions']:.0f}", f"{jit['compile_share']:.1%}", f"{jit['exits_per_second']:,.0f}"] if jit else
                       ["", "", ""])])
    means = document["summary"]["ratio_means"].get(subject, {})
    rows.append(["**geometric mean**", *(speed(means.get(each)) for each in RATIOS), "", "", ""])
    return table(head, rows)


def work(document: Document) -> str:
    """How much work the programs are to the interpreter."""
    rows = []
    for name, row in document["summary"]["programs"].items():
        steps, jit = row["steps"], row["targets"].get(SUBJECT, {})
        rows.append([name, document["programs"][name]["about"], *(str(steps.get(each, "")) for each in CHECKPOINTS),
                     str(steps.get("all", "")), f"{steps.get('seconds', 0):.1f} s",
                     f"{jit.get('compile_ms', 0):.0f} ms", f"{jit.get('code_bytes', 0) / 1024:.0f} KiB",
                     f"{jit.get('peak_kib', 0) / 1024:.0f} MiB"])
    return table(["program", "what", *(f"steps at {each}" for each in CHECKPOINTS), "steps", "interpreter's CPU time",
                  "compile time", "code", "peak memory"], rows)


def about(document: Document) -> list[str]:
    """How it was measured, beside what all reports say."""
    bars = ", ".join(f"{bar:.2f} at {name}" for name, (_, bar) in CHECKPOINTS.items())
    lines = [f"CPU time from the start of the process to a step, divided by that of {label_of(document, BASE)} to the same step: "
             f"1.00 = as long, less is better. A checkpoint is the first step after so many seconds of the interpreter's CPU "
             f"time, {STEADY} the last third of all steps, {MEMORY} the peak. Fresh processes that take turns, A B B A; 95 % "
             f"bootstrap interval. '!': the whole interval is above the bar ({bars})."]
    packages = document.get("packages") or {}
    if packages:
        lines.append("Packages: " + ", ".join(f"{name} {version}" for name, version in packages.items()))
    return lines


def chart(document: Document) -> Chart:
    """Ratios by program, the slowest at the last checkpoint first."""
    shown = [name for name in RATIOS if name in document["summary"]["ratio_means"].get(SUBJECT, {})]
    rows = [(name, [row["ratios"].get(SUBJECT, {}).get(each) for each in shown])
            for name, row in document["summary"]["programs"].items()]
    rows.sort(key=lambda row: -max((cell["speed"] for cell in row[1] if cell), default=0))
    means = document["summary"]["ratio_means"].get(SUBJECT, {})
    rows.append(("geometric mean", [means.get(each) for each in shown]))
    return Chart(f"Real programs: CPU time and memory of {label_of(document, SUBJECT)} / {label_of(document, BASE)}",
                 f"1 = the same, less is better; bars are 95 % intervals; {document['machine']['cpu']}, {document['created'][:10]}",
                 [f"CPU at {name}" if name in CHECKPOINTS else name for name in shown], rows)


def report(document: Document) -> str:
    """The sections of the Markdown report."""
    parts = []
    for target in document["targets"]:
        if target["name"] in document["summary"]["ratio_means"]:
            parts += [f"## {target['label']} / {label_of(document, BASE)}\n", ratios(document, target["name"])]
    failed = real_results.failures(document["summary"])
    if failed:
        parts += ["## Above the bars\n", "\n".join(f"- {line}" for line in failed) + "\n"]
    parts += ["## The work\n", work(document)]
    return "\n".join(parts)
