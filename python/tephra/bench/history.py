"""--history FOLDER: the runs below a folder in order of time, so that a slow decline is seen."""

from __future__ import annotations

from pathlib import Path

from tephra.bench import results
from tephra.bench.errors import BenchError
from tephra.bench.report_markdown import label_of, speed, table
from tephra.bench.targets import BASE, SUBJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def runs_below(folder: Path) -> tuple[list[tuple[Path, dict[str, Any]]], list[str]]:
    """(folder, document) of each run, oldest first; and what could not be read. Raises: BenchError for none."""
    found, remarks = [], []
    for file in sorted(folder.rglob("results.json")):
        try:
            found.append((file.parent, results.load(file)))
        except BenchError as error:
            remarks.append(str(error))
    if not found:
        raise BenchError(f"--history {folder}: there are no results of `tephra bench` below it"
                         + (f" that can be read ({remarks[0]})" if remarks else ""))
    return sorted(found, key=lambda each: each[1]["created"]), remarks


def report(folder: Path) -> str:
    """A table with a row per run."""
    found, remarks = runs_below(folder)
    key = results.key_of(BASE, SUBJECT)
    rows = []
    for place, document in found:
        revision = document.get("commit", {}).get("revision", "")[:12]
        mean = document["summary"]["geometric_means"].get(key)
        stopped = sum((entry["gates"] or {}).get("status") == "failed" for entry in document["programs"].values())
        rows.append([document["created"][:16], revision, label_of(document, BASE), document["machine"]["architecture"],
                     document.get("measure", "time"), str(len(results.measured(document))), str(stopped), speed(mean),
                     str(place)])
    head = ["time (UTC)", "commit", "interpreter", "machine", "measure", "programs", "stopped", "geometric mean", "run"]
    return table(head, rows) + "".join(f"left out: {remark}\n" for remark in remarks)
