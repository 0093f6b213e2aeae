"""The results as one HTML page that needs nothing else."""

from __future__ import annotations

from html import escape
from pathlib import Path

from tephra.verify.jobs import STOCK
from tephra.verify.records import Problem
from tephra.verify.report import Summary

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 } td, th { padding: .2em .7em; border-bottom: 1px solid #ddd }
td.n, th { text-align: right } th:first-child, td:first-child { text-align: left }
.bad { color: #b00020 } .good { color: #06682c } pre { background: #f6f6f6; padding: .7em; overflow-x: auto }
details { margin: .4em 0 }
"""


_MEASURES = (lambda run: f"{run.seconds:.1f}", lambda run: f"{run.cpu_seconds:.2f}",
             lambda run: f"{run.peak_kib / 1024:.1f}")


def _rows(rows: list[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f'<td class="{"n" if i else ""}">{escape(cell)}</td>' for i, cell in enumerate(row))
                   + "</tr>" for row in rows[1:])
    return f"<table><tr>{head}</tr>{body}</table>"


def _files(summary: Summary) -> str:
    targets = list(dict.fromkeys(target for target, _ in summary.state.runs))
    rows = [("target", *(f"{config}: passed/failed/skipped" + ("" if config == STOCK else ", functions")
                         for config in summary.configs), "seconds", "CPU seconds", "peak MiB")]
    for target in targets:
        runs = [summary.state.runs.get((target, config)) for config in summary.configs]
        cells = []
        for run in runs:
            text = "" if run is None else (f"{run.count('passed')}/{run.count('failed', 'xpassed')}/"
                                           f"{run.count('skipped', 'xfailed')}")
            if run and run.config != STOCK:
                text += f", {run.functions}"
            if run and run.died:
                text += f", {run.ending}"
            cells.append(text)
        rows.append((target, *cells, *(" / ".join(format(run) for run in runs if run) for format in _MEASURES)))
    return _rows(rows)


def page(summary: Summary) -> str:
    """The text of the page."""
    verdict = '<p class="bad">FAILED</p>' if summary.failed else '<p class="good">no regressions</p>'
    parts = [f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(summary.title)}</title>"
             f"<style>{_STYLE}</style><h1>{escape(summary.title)}</h1>{verdict}", _rows(summary.table())]
    parts += [f'<p class="{"bad" if line == cost.warning() else ""}">{escape(line)}</p>'
              for cost in summary.costs for line in (cost.line(), cost.warning()) if line]
    findings = summary.findings()
    if summary.problems:
        parts.append("<ul>" + "".join(f'<li class="bad">{escape(line)}' for line in summary.problems) + "</ul>")
    parts.append(f"<h2>Differences ({len(findings)})</h2>")
    for each in findings:
        mark = "bad" if each.fails else ""
        parts.append(f'<details><summary class="{mark}">{escape(each.line())}</summary><pre>{escape(each.detail)}\n\n'
                     f"{escape(each.command)}</pre></details>")
    if summary.notes:
        parts.append("<h2>Against the baseline</h2><ul>" + "".join(f"<li>{escape(line)}" for line in summary.notes)
                     + "</ul>")
    parts.append("<h2>Files</h2>" + _files(summary) + "</html>")
    return "\n".join(parts)


def write(path: Path, summary: Summary) -> None:
    """Writes the file. Raises: Problem."""
    try:
        path.write_text(page(summary), encoding="utf-8")
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}") from None
