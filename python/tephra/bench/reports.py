"""All result files of a run, a comparison or a merge."""

from __future__ import annotations

import sys
from pathlib import Path

from tephra.bench import count_blocks, export_pyperf, report_html, report_markdown, report_png, report_real, report_svg, results

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from tephra.bench.compare import Report


def write_all(folder: Path, document: dict[str, Any], args: argparse.Namespace) -> None:
    """Writes a run's files and prints its table. Raises: BenchError."""
    results.save(folder / "results.json", document)
    if args.json:
        results.save(Path(args.json), document)
    real = document.get("measure") == "real"
    markdown = report_markdown.report(document, report_real.report(document) if real else "")
    picture = ""
    if document["summary"]["programs"] and real:
        picture = report_svg.draw(report_real.chart(document))
        print(report_real.ratios(document))
    elif document["summary"]["programs"]:
        picture = report_svg.draw(report_svg.of_results(document))
        print(report_markdown.speeds(document))
        if len(document["targets"]) > 2:
            print(report_markdown.speeds(document, others=True))
    if document.get("blocks"):
        print(report_markdown.table(*count_blocks.rows(document)))
    for line in (*report_markdown.about(document), *(report_real.about(document) if real else ())):
        print(line)
    _write(folder, "report", "Benchmark results", markdown, picture)
    if args.pyperf:
        for path in export_pyperf.write(Path(args.pyperf), document):
            print(f"pyperf: {path}")
    sys.stdout.flush()


def write_report(folder: Path | None, name: str, report: Report) -> None:
    """Prints a comparison or merge; writes its files if there is a folder. Raises: BenchError(CANNOT_WRITE)."""
    print(report.markdown.partition("\n\n")[2])
    if folder:
        _write(folder, name, report.title, report.markdown, report_svg.draw(report.chart))
    sys.stdout.flush()


def _write(folder: Path, name: str, title: str, markdown: str, picture: str) -> None:
    results.write(folder / f"{name}.md", markdown)
    results.write(folder / f"{name}.html", report_html.page(title, markdown, picture))
    if picture:
        results.write(folder / f"{name}.svg", picture)
        data, why = report_png.convert(picture)
        if data:
            results.write(folder / f"{name}.png", data)
        else:
            print(f"no PNG: {why}")
    print(f"results: {folder}")
