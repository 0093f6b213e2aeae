"""A results document as Markdown tables."""

from __future__ import annotations

from tephra.bench import count_blocks, results
from tephra.bench.targets import BASE, SUBJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table whose columns line up in plain text too; the first column is left, the others right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: list[str]) -> str:
        shown = [cells[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))]
        return "| " + " | ".join(shown) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([line(head), rule, *map(line, rows)]) + "\n"


def speed(found: dict[str, Any] | None, *, verdict: bool = False) -> str:
    """"2.31 (2.25-2.38)"; an empty cell for None. `verdict`: "no difference" where the interval says so."""
    if not found:
        return ""
    text = f"{found['speed']:.2f}"
    if found["low"] is not None:
        text += f" ({found['low']:.2f}-{found['high']:.2f})"
    return text + (" no difference" if verdict and found["verdict"] == "no difference" else "")


def seconds(value: float) -> str:
    """A time with a unit that suits it."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if value * factor >= 1 or unit == "µs":
            return f"{value * factor:.3g} {unit}" if value * factor < 1000 else f"{value * factor:.0f} {unit}"
    return ""


def label_of(document: dict[str, Any], name: str) -> str:
    """What a target is called."""
    for target in document["targets"]:
        if target["name"] == name:
            return str(target["label"])
    return name


def heading(document: dict[str, Any], pair: tuple[str, str]) -> str:
    reference, subject = pair
    if reference == BASE:
        return label_of(document, subject)
    return f"{label_of(document, subject)} / {label_of(document, reference)}"


def speeds(document: dict[str, Any], *, others: bool = False) -> str:
    """The main table: speed of every target relative to the base, with intervals and geometric means.

    Args:
        others: instead Tephra's speed relative to each other target; "" where there is none.
    """
    means = document["summary"]["geometric_means"]
    pairs = [pair for pair in results.comparisons(document)
             if (pair[0] != BASE) == others and results.key_of(*pair) in means]
    if not pairs:
        return ""
    head = ["program", *(heading(document, pair) for pair in pairs)]
    rows = []
    for name, row in document["summary"]["programs"].items():
        marks = _mark(document["programs"][name])
        rows.append([name + marks, *(speed(row["comparisons"].get(results.key_of(*pair)), verdict=True) for pair in pairs)])
    rows.append(["**geometric mean**", *(speed(means.get(results.key_of(*pair))) for pair in pairs)])
    return table(head, rows)


def _mark(entry: dict[str, Any]) -> str:
    status = (entry["gates"] or {}).get("status", "")
    return f" ({status})" if status in ("known gap", "known slow") else ""


def counts(document: dict[str, Any]) -> str:
    """Instructions per iteration under each target."""
    head = ["program", *(target["label"] for target in document["targets"])]
    rows = []
    for name, row in document["summary"]["programs"].items():
        levels = [row["targets"].get(target["name"]) for target in document["targets"]]
        rows.append([name, *(f"{level['median'] * 1e9:,.0f}" if level else "" for level in levels)])
    return table(head, rows)


def figures(document: dict[str, Any]) -> str:
    """The other results: by mean, median and minimum; warm-up, compilation, memory."""
    key = results.key_of(BASE, SUBJECT)
    head = ["program", "by mean", "by median", "by minimum", "iteration", "first iteration", "steady after", "in calls",
            "compile time", "code bytes", "exits", "exits/iteration", "peak memory", "interpreter's"]
    rows = []
    for name, row in document["summary"]["programs"].items():
        ours, theirs = row["targets"].get(SUBJECT), row["targets"].get(BASE)
        found = row["comparisons"].get(key)
        if not ours or not theirs or not found:
            continue
        jit = ours.get("jit", {})
        rows.append([
            name, f"{found['mean']:.2f}", f"{found['median']:.2f}", f"{found['minimum']:.2f}",
            seconds(ours["median"]), seconds(ours["first_iteration"]), seconds(ours["seconds_to_steady"]),
            f"{ours['calls_to_steady']:g}", f"{jit.get('compile_ms', 0):.1f} ms", f"{jit.get('code_bytes', 0):.0f}",
            f"{jit.get('exits', 0):.0f}", f"{jit.get('exits_per_iteration', 0):.1f}",
            f"{ours['peak_kib'] / 1024:.1f} MiB", f"{theirs['peak_kib'] / 1024:.1f} MiB"])
    return table(head, rows) if rows else ""


def stopped(document: dict[str, Any]) -> list[str]:
    """Lines about programs that gates stopped, and about listed exceptions."""
    lines = []
    for name, entry in document["programs"].items():
        verdict = entry["gates"]
        if verdict and verdict["status"] != "passed":
            lines += [f"- {name}: {verdict['status']}: {reason}" for reason in verdict["reasons"]]
        for target, rows in entry["processes"].items():
            lines += [f"- {name}, {label_of(document, target)}: {row['problem']}" for row in rows if row["problem"]]
    lines += [f"- {problem}" for problem in document.get("setup", {}).get("problems", ())]
    lines += [f"- {name}: {row['problem']}" for name, row in document.get("blocks", {}).items() if row["problem"]]
    return lines


def about(document: dict[str, Any]) -> list[str]:
    """How it was measured, in sentences."""
    machine, noise = document["machine"], document["summary"]["noise"]
    clock = "wall time" if document["clock"] == "wall" else \
        f"CPU time (the processes were off the processor for {document['off_processor']:.0%} of the time)"
    revision = document.get("commit", {}).get("revision", "")
    dirty = ", with changes" if document.get("commit", {}).get("dirty") else ""
    lines = [f"{machine['cpu']}, {machine['usable_cores']} cores, {machine['architecture']}, Linux {machine['kernel']}; "
             f"{document['created']}" + (f"; commit {revision[:12]}{dirty}" if revision else "")]
    for target in document["targets"]:
        build = ", ".join(word for word, there in (("PGO", target.get("optimised")), ("LTO", target.get("lto"))) if there)
        lines.append(f"{target['label']}: {target.get('implementation', '')} {target.get('python', '')}"
                     + (f" ({build})" if build else "")
                     + (f", options {' '.join(options)}" if (options := _options(target)) else ""))
    if document.get("measure") == "blocks":
        lines.append("Executed instructions of compiled code in one iteration after warm-up: exact on this machine, from the same "
                     "run for the other architecture; bytes of the functions that were executed.")
    elif document.get("measure") == "instructions":
        lines.append(f"Executed instructions of {label_of(document, BASE)} divided by the target's, per iteration after "
                     "warm-up: 2.00 = half as many. These are no times.")
    elif document.get("measure") != "real":
        lines.append(f"Speed relative to {label_of(document, BASE)}, 1.00 = as fast; outlier-robust estimate over fresh "
                     f"processes that take turns, A B B A; 95 % bootstrap interval; {clock}.")
    if noise["between_processes"] is not None:
        speed = noise["of_speed"]
        within = "" if noise["within_processes"] is None else f", {noise['within_processes']:.1%} within one"
        lines.append(f"Noise of the machine: {noise['between_processes']:.1%} between processes{within}"
                     + ("." if speed is None else f"; of the speed, from pair to pair of processes: {speed:.1%}."))
    return lines + list(document["notes"])


def _options(target: dict[str, Any]) -> list[str]:
    """Tephra's options in a target: arguments, or variables."""
    if target["kind"] != "tephra":
        return []
    return [*target["command"][3:], *(f"{key}={text}" for key, text in target.get("env", {}).items() if key != "TEPHRA")]


def sizes(document: dict[str, Any], count: int = 15) -> str:
    """The largest compiled functions, with what they consist of."""
    found = []
    for name, entry in document["programs"].items():
        for function, row in ((entry["gates"] or {}).get("functions") or {}).items():
            found.append((row["bytes"], name, function, row))
    rows = []
    for size, name, function, row in sorted(found, key=lambda each: -each[0])[:count]:
        often = sorted(row["hir"].items(), key=lambda item: -item[1])[:4]
        rows.append([f"{name}: {function}", str(size), str(sum(row["hir"].values())), f"{row['compile_ms']:.1f} ms",
                     ", ".join(f"{operation} {times}" for operation, times in often)])
    return table(["function", "code bytes", "HIR operations", "compile time", "most frequent"], rows) if rows else ""


def code_size(document: dict[str, Any]) -> str:
    """Bytes of functions with 1, 2 and 200 sites, and what a further site costs; "" where it was not measured."""
    rows = []
    for kind, sizes_of in document.get("code_size", {}).items():
        counts_of = sorted(map(int, sizes_of))
        each = (sizes_of[str(counts_of[-1])] - sizes_of[str(counts_of[0])]) / (counts_of[-1] - counts_of[0])
        rows.append([kind, *(str(sizes_of[str(count)]) for count in counts_of), f"{each:.0f}"])
    return table(["bytes of machine code", "1 site", "2 sites", "200 sites", "a further site"], rows) if rows else ""


def report(document: dict[str, Any], figures_of_another: str = "") -> str:
    """The whole Markdown report; `figures_of_another`: the sections of another measure, in place of the speeds."""
    parts = ["# Benchmark results\n", "\n".join(f"- {line}" for line in about(document)) + "\n"]
    if figures_of_another:
        parts.append(figures_of_another)
    elif document["summary"]["programs"]:
        parts += ["## Speed\n", speeds(document)]
        others = speeds(document, others=True)
        if others:
            parts += [f"## {label_of(document, SUBJECT)} against the others\n", others]
        detail = figures(document)
        if document.get("measure") == "instructions":
            parts += ["## Instructions per iteration\n", counts(document)]
        elif detail:
            parts += [f"## {label_of(document, SUBJECT)} in detail\n", detail]
    if document.get("blocks"):
        parts += ["## Instructions executed, by program\n", table(*count_blocks.rows(document)),
                  "## Instructions executed, by function\n", table(*count_blocks.functions(document))]
    lines = stopped(document)
    if lines:
        parts += ["## Gates\n", "\n".join(lines) + "\n"]
    ranking = sizes(document)
    if ranking:
        parts += ["## Largest functions\n", ranking]
    probes = code_size(document)
    if probes:
        parts += ["## Code size\n", probes]
    return "\n".join(parts)
