"""A bar chart with intervals as SVG, on a logarithmic axis: 2x and 0.5x are equally far from 1x."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from tephra.bench import report_markdown, results
from tephra.bench.targets import BASE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c00", "#666666")
_WIDTH, _LEFT, _RIGHT, _TOP, _BAR, _GAP = 960, 190, 70, 74, 11, 9
_FONT = "font-family=\"DejaVu Sans, Verdana, sans-serif\""


@dataclass
class Chart:
    """What is drawn: `rows` are (label, one comparison as JSON or None per series)."""

    title: str
    subtitle: str
    series: list[str]
    rows: list[tuple[str, list[dict[str, Any] | None]]]


def of_results(document: dict[str, Any]) -> Chart:
    """The chart of a run: every target against the base, fastest program first, the geometric mean last."""
    summary = document["summary"]
    keys = [results.key_of(*pair) for pair in results.comparisons(document) if pair[0] == BASE]
    keys = [key for key in keys if key in summary["geometric_means"]]
    rows = [(name, [row["comparisons"].get(key) for key in keys]) for name, row in summary["programs"].items()]
    rows.sort(key=lambda row: -(row[1][0] or {"speed": 0})["speed"] if row[1] else 0)
    rows.append(("geometric mean", [summary["geometric_means"].get(key) for key in keys]))
    base = report_markdown.label_of(document, BASE)
    counted = document.get("measure") == "instructions"
    return Chart(f"Instructions of {base} / of the others" if counted else f"Speed relative to {base}", f"1 = as {'many' if counted else 'fast'}, higher is {'fewer' if counted else 'faster'}; bars are 95 % intervals; "
                 f"{document['machine']['cpu']}, {document['created'][:10]}",
                 [report_markdown.label_of(document, key.partition("/")[0]) for key in keys], rows)


def _ticks(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log2(low)), math.ceil(math.log2(high))
    step = max(1, (last - first) // 10)
    return [2.0 ** power for power in range(first, last + 1, step)]


def _range(chart: Chart) -> tuple[float, float]:
    found = [value for _, cells in chart.rows for cell in cells if cell
             for value in (cell["speed"], cell["low"] or cell["speed"], cell["high"] or cell["speed"])]
    low, high = min([*found, 0.8]), max([*found, 1.25])
    ticks = _ticks(low, high)
    return min(ticks[0], low), max(ticks[-1], high)


def draw(chart: Chart) -> str:
    """The SVG text."""
    low, high = _range(chart)
    scale = (_WIDTH - _LEFT - _RIGHT) / math.log(high / low)

    def x(value: float) -> float:
        return round(_LEFT + math.log(min(max(value, low), high) / low) * scale, 1)

    row_height = _BAR * len(chart.series) + _GAP
    top = _TOP + 18 * ((len(chart.series) + 3) // 4)
    height = top + row_height * len(chart.rows) + 34
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
             f'viewBox="0 0 {_WIDTH} {height}" role="img" {_FONT}>', f"<title>{escape(chart.title)}</title>",
             f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
             _text(16, 28, chart.title, 17, weight="bold"), _text(16, 48, chart.subtitle, 11, colour="#555555")]
    for i, label in enumerate(chart.series):
        left, line = 16 + (i % 4) * 230, 70 + 18 * (i // 4)
        parts.append(f'<rect x="{left}" y="{line - 9}" width="10" height="10" fill="{_COLOURS[i % len(_COLOURS)]}"/>')
        parts.append(_text(left + 15, line, label, 12))
    bottom = top + row_height * len(chart.rows)
    for tick in _ticks(low, high):
        dark = "#444444" if tick == 1 else "#dddddd"
        parts.append(f'<line x1="{x(tick)}" y1="{top}" x2="{x(tick)}" y2="{bottom}" stroke="{dark}"/>')
        parts.append(_text(x(tick), bottom + 16, f"{tick:g}x", 11, anchor="middle"))
    for number, (label, cells) in enumerate(chart.rows):
        parts += _row(label, cells, chart.series, top + number * row_height + _GAP / 2, x)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(label: str, cells: list[dict[str, Any] | None], series: list[str], y: float, x: Any) -> list[str]:
    bold = "bold" if label == "geometric mean" else ""
    parts = [_text(_LEFT - 8, y + _BAR * len(cells) / 2 + 4, label, 12, anchor="end", weight=bold)]
    for i, cell in enumerate(cells):
        if not cell:
            continue
        begin, end = sorted((x(1.0), x(cell["speed"])))
        top, middle = y + i * _BAR, y + i * _BAR + (_BAR - 1) / 2
        shown = report_markdown.speed(cell)
        parts.append(f'<rect x="{begin}" y="{top:g}" width="{max(end - begin, 0.5):.1f}" height="{_BAR - 1}" '
                     f'fill="{_COLOURS[i % len(_COLOURS)]}"><title>{escape(f"{label}, {series[i]}: {shown}")}</title></rect>')
        reach = x(cell["speed"])
        if cell["low"] is not None:
            reach = max(reach, x(cell["high"]))
            parts.append(f'<path d="M{x(cell["low"])} {middle:g}H{x(cell["high"])}M{x(cell["low"])} {middle - 2.5:g}v5'
                         f'M{x(cell["high"])} {middle - 2.5:g}v5" stroke="#000000" fill="none"/>')
        parts.append(_text(max(reach, x(1.0)) + 5, top + _BAR - 2, f"{cell['speed']:.2f}", 10, weight=bold))
    return parts


def _text(x: float, y: float, text: str, size: int, *, anchor: str = "", weight: str = "", colour: str = "") -> str:
    more = "".join(f' {name}="{value}"' for name, value in (("text-anchor", anchor), ("font-weight", weight),
                                                            ("fill", colour)) if value)
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}"{more}>{escape(text)}</text>'
