"""A report as one HTML file that needs nothing else: the Markdown report's text and tables, with the picture."""

from __future__ import annotations

import re
from html import escape

_STYLE = """
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #222; }
h1 { font-size: 1.6em } h2 { font-size: 1.2em; margin-top: 2em }
.wide { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: 3px 9px; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left } th { cursor: pointer; border-bottom: 2px solid #888; }
tr:hover td { background: #f4f7fb } svg { max-width: 100%; height: auto; border: 1px solid #eee; }
"""
# A click on a head sorts by that column, numbers by value.
_SCRIPT = """
document.querySelectorAll("th").forEach(head => head.addEventListener("click", () => {
  const table = head.closest("table"), column = head.cellIndex, body = table.tBodies[0];
  const value = row => { const text = row.cells[column].textContent, number = parseFloat(text);
                         return isNaN(number) ? text : number; };
  const down = head.dataset.down = head.dataset.down === "1" ? "" : "1";
  [...body.rows].sort((a, b) => { const x = value(a), y = value(b), order = x < y ? -1 : x > y ? 1 : 0;
                                  return down ? -order : order; }).forEach(row => body.append(row));
}));
"""


def _inline(text: str) -> str:
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(text, quote=False))


def _cells(line: str) -> list[str]:
    return [_inline(cell.strip()) for cell in line.strip().strip("|").split("|")]


def _table(lines: list[str]) -> str:
    head = "".join(f"<th>{cell}</th>" for cell in _cells(lines[0]))
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in _cells(line)) + "</tr>" for line in lines[2:])
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>'


def _body(markdown: str, picture: str) -> str:
    """Headings, lists, tables and paragraphs as our reports write them; the picture before the first table."""
    parts: list[str] = []
    for block in re.split(r"\n\n+", markdown.strip()):
        lines = block.splitlines()
        if lines[0].startswith("#"):
            level = len(lines[0]) - len(lines[0].lstrip("#"))
            parts.append(f"<h{level}>{_inline(lines[0][level:].strip())}</h{level}>")
            lines = lines[1:]
        if not lines:
            continue
        if lines[0].startswith("|"):
            parts += [picture] if picture else []
            picture = ""
            parts.append(_table(lines))
        elif lines[0].startswith("- "):
            parts.append("<ul>" + "".join(f"<li>{_inline(line[2:])}</li>" for line in lines) + "</ul>")
        else:
            parts.append(f"<p>{_inline(' '.join(lines))}</p>")
    return "\n".join(parts + ([picture] if picture else []))


def page(title: str, markdown: str, svg: str) -> str:
    """The page."""
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>\n'
            f"<style>{_STYLE}</style></head>\n<body>\n{_body(markdown, svg)}\n<script>{_SCRIPT}</script>\n</body>\n</html>\n")
