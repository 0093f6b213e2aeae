"""All result files of a run."""

from __future__ import annotations

import sys
from pathlib import Path

from tephra.bench import report_markdown, results

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any


def write_all(folder: Path, document: dict[str, Any], args: argparse.Namespace) -> None:
    """Writes the files and prints the table. Raises: BenchError(CANNOT_WRITE)."""
    results.save(folder / "results.json", document)
    if args.json:
        results.save(Path(args.json), document)
    results.write(folder / "report.md", report_markdown.report(document))
    if document["summary"]["programs"]:
        print(report_markdown.speeds(document))
    for line in report_markdown.about(document):
        print(line)
    print(f"results: {folder}")
    sys.stdout.flush()
