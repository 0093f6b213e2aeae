"""--write-docs: the figures of runs as a part of a documentation page, with their pictures beside it."""

from __future__ import annotations

from pathlib import Path

from tephra.bench import report_markdown, report_svg, results
from tephra.bench.errors import BenchError
from tephra.bench.targets import BASE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BEGIN, _END = "<!-- figures -->", "<!-- /figures -->"


def page_of_checkout() -> Path:
    """docs/performance.md of the checkout that the working folder is in. Raises: BenchError."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "docs" / "performance.md").is_file():
            return folder / "docs" / "performance.md"
    raise BenchError("--write-docs: there is no docs/performance.md above the working folder")


def write(page: Path, runs: list[dict[str, Any]]) -> list[Path]:
    """Puts the runs between the page's marks, their pictures into figures/ beside it; the files written.

    Raises: BenchError where the page has no marks, a run has no figures, or a file cannot be written.
    """
    text = page.read_text(encoding="utf-8")
    if _BEGIN not in text or _END not in text:
        raise BenchError(f"--write-docs: {page} has no part between {_BEGIN} and {_END}")
    parts, written = [], [page]
    for document in runs:
        if not document["summary"]["programs"]:
            raise BenchError("--write-docs: a run has measured no program")
        if document.get("measure") == "real":
            raise BenchError("--write-docs: a run is of real programs; their report.md has the tables")
        base = report_markdown.label_of(document, BASE)
        version = next(t["python"] for t in document["targets"] if t["name"] == BASE).rpartition(".")[0]
        name = f"speed-{document['suite']}-{version}-{document['machine']['architecture']}.svg"
        picture = page.parent / "figures" / name
        results.write(picture, report_svg.draw(report_svg.of_results(document)))
        written.append(picture)
        lines = "\n".join(f"- {line}" for line in report_markdown.about(document))
        gates = "\n".join(report_markdown.stopped(document))
        parts.append(f"### Against {base}, {document['machine']['architecture']}, {document['suite']}\n\n{lines}\n\n"
                     f"![Speed relative to {base}](figures/{name})\n\n{report_markdown.speeds(document)}\n"
                     + (f"{gates}\n\n" if gates else "") + f"{report_markdown.figures(document)}")
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    results.write(page, f"{before}{_BEGIN}\n" + "\n".join(parts) + f"\n{_END}{after}")
    return written
