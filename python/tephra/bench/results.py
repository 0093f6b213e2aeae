"""From raw samples to one JSON document, and back.

Schema "tephra-bench/2": header fields (created, machine, versions, commit, options, targets), `programs` with gate verdicts
and every raw sample, and `summary`, which can be computed again from them.

Clock: wall time, unless the processes were kept off the processor for more than 2 % of the time; then CPU time, for all
programs and targets, and the report says so. With "measure": "instructions" the samples are instructions per iteration; with "blocks"
there are none, and `blocks` holds what was counted per program. With "real" they are steps in CPU time (tephra.bench.real_results).
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path

from tephra.bench import estimate, gates
from tephra.bench.errors import CANNOT_WRITE, BenchError
from tephra.bench.targets import BASE, SUBJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Document = dict[str, Any]

SCHEMA = "tephra-bench/2"
_OFF_LIMIT = 0.02
_WALL, _CPU, _TURN = 0, 1, 2


def build(records: list[dict[str, Any]], clock: str = "auto", figures: Callable[[Document], dict[str, Any]] | None = None) \
        -> Document:
    """The document of a session's records; `clock`: "auto", "wall" or "cpu"; `figures` derives those of another measure."""
    header = {key: value for key, value in records[0].items() if key != "kind"}
    programs: dict[str, Any] = {}
    for about in header.pop("programs"):
        programs[about["name"]] = {**about, "gates": None, "processes": {}}
    notes, code_size, blocks = [], {}, {}
    for record in records[1:]:
        entry = programs.get(record.get("program", ""))
        if record["kind"] == "note":
            notes.append(record["text"])
        elif record["kind"] == "code size":
            code_size = record["bytes"]
        elif record["kind"] == "blocks":
            blocks[record["program"]] = {key: record[key] for key in record if key not in ("kind", "program")}
        elif entry is not None and record["kind"] == "gates":
            entry["gates"] = {key: record[key] for key in ("status", "reasons", "probe_speed", "functions")}
        elif entry is not None and record["kind"] == "process":
            row = {key: record[key] for key in record if key not in ("kind", "program", "target")}
            entry["processes"].setdefault(record["target"], []).append(row)
    document: Document = {"schema": SCHEMA, **header, "notes": notes, "code_size": code_size, "blocks": blocks,
                          "programs": programs}
    document["off_processor"] = round(_off_processor(programs), 4)
    if document.get("measure") == "instructions":
        clock = "wall"
    elif document.get("measure") == "real":
        clock = "cpu"
    if clock == "auto":
        clock = "cpu" if document["off_processor"] > _OFF_LIMIT else "wall"
    document["clock"] = clock
    document["summary"] = (figures or summarise)(document)
    return document


def _off_processor(programs: dict[str, Any]) -> float:
    wall = cpu = 0
    for entry in programs.values():
        for rows in entry["processes"].values():
            for row in rows:
                wall += sum(each[_WALL] for each in row["iterations_ns"])
                cpu += sum(each[_CPU] for each in row["iterations_ns"])
    return max(0.0, 1 - cpu / wall) if wall else 0.0


def _clock(document: Document) -> int:
    return _CPU if document["clock"] == "cpu" else _WALL


def rounds(document: Document, program: str, target: str) -> dict[int, list[float]]:
    """Round -> seconds of the measured iterations, of the processes that went well."""
    which = _clock(document)
    return {row["round"]: [each[which] / 1e9 for each in row["iterations_ns"]]
            for row in document["programs"][program]["processes"].get(target, ())
            if not row["problem"] and row["iterations_ns"]}


def turns(document: Document, program: str, target: str) -> dict[int, dict[int, float]]:
    """Round -> number of the turn -> median seconds of its iterations."""
    found: dict[int, dict[int, float]] = {}
    for row in document["programs"][program]["processes"].get(target, ()):
        if row["problem"]:
            continue
        if row.get("steps"):  # a real program: its whole work
            found[row["round"]] = {0: row["steps"][-1][0] / 1e9}
            continue
        grouped: dict[int, list[float]] = {}
        for each in row["iterations_ns"]:
            grouped.setdefault(each[_TURN], []).append(each[_clock(document)] / 1e9)
        found[row["round"]] = {turn: statistics.median(times) for turn, times in grouped.items()}
    return found


def compare(document: Document, program: str, reference: str, subject: str) -> estimate.Comparison | None:
    """The speed of `subject` relative to `reference` in one program; None where a side has nothing."""
    a, b = turns(document, program, reference), turns(document, program, subject)
    common = {i: sorted(a[i].keys() & b[i].keys()) for i in sorted(a.keys() & b.keys())}
    pairs = [([a[i][t] for t in each], [b[i][t] for t in each]) for i, each in common.items() if each]
    return estimate.compare([x for x, _ in pairs], [y for _, y in pairs]) if pairs else None


def comparisons(document: Document) -> list[tuple[str, str]]:
    """(reference, subject) pairs: each target against the base, then Tephra against each other target."""
    names = [target["name"] for target in document["targets"]]
    others = [name for name in names if name not in (BASE, SUBJECT)]
    return [(BASE, SUBJECT)] + [(BASE, name) for name in others] + [(name, SUBJECT) for name in others]


def key_of(reference: str, subject: str) -> str:
    """How a comparison is called in the document."""
    return f"{subject}/{reference}"


def measured(document: Document) -> list[str]:
    """Programs whose gates did not stop them and of which no process failed."""
    found = []
    for name, entry in document["programs"].items():
        rows = [row for each in entry["processes"].values() for row in each]
        stopped = entry["gates"] and entry["gates"]["status"] in (gates.FAILED, gates.INAPPLICABLE)
        if rows and not stopped and not any(row["problem"] for row in rows):
            found.append(name)
    return found


def summarise(document: Document) -> dict[str, Any]:
    """All derived figures."""
    wanted = comparisons(document)
    summary: dict[str, Any] = {"programs": {}, "geometric_means": {}}
    found: dict[str, list[estimate.Comparison]] = {key_of(*pair): [] for pair in wanted}
    for name in measured(document):
        row: dict[str, Any] = {"targets": {}, "comparisons": {}}
        for target in document["targets"]:
            levels = _levels(document, name, target["name"])
            if levels:
                row["targets"][target["name"]] = levels
        for pair in wanted:
            comparison = compare(document, name, *pair)
            if comparison:
                row["comparisons"][key_of(*pair)] = as_json(comparison)
                found[key_of(*pair)].append(comparison)
        summary["programs"][name] = row
    for key, each in found.items():
        if each:
            summary["geometric_means"][key] = {**as_json(estimate.combine(each)), "programs": len(each)}
    summary["noise"] = _noise(document, found[key_of(BASE, SUBJECT)])
    return summary


def as_json(comparison: estimate.Comparison) -> dict[str, Any]:
    """A comparison without its draws."""
    def short(value: float | None) -> float | None:
        return None if value is None else round(value, 5)

    return {"speed": short(comparison.speed), "low": short(comparison.low), "high": short(comparison.high),
            "mean": short(comparison.mean), "median": short(comparison.median), "minimum": short(comparison.minimum),
            "pairs": comparison.pairs, "verdict": comparison.verdict}


def _levels(document: Document, program: str, target: str) -> dict[str, Any] | None:
    """Times in seconds and the other figures of one program under one target."""
    sample = list(rounds(document, program, target).values())
    rows = [row for row in document["programs"][program]["processes"].get(target, ()) if not row["problem"]]
    if not sample or not rows:
        return None
    which = _clock(document)
    everything = [[each[which] / 1e9 for each in (*row["warmup_ns"], *row["iterations_ns"])] for row in rows]
    steady = [estimate.steady_state(each) for each in everything]
    medians = [statistics.median(process) for process in sample]
    levels: dict[str, Any] = {
        "mean": statistics.fmean([x for process in sample for x in process]), "median": statistics.median(medians),
        "minimum": min(map(min, sample)), "robust": estimate.pseudo_median(medians),
        "first_iteration": statistics.median(each[0] for each in everything),
        "calls_to_steady": statistics.median(calls for calls, _ in steady),
        "seconds_to_steady": statistics.median(seconds for _, seconds in steady),
        "processes": len(sample), "iterations": sum(map(len, sample)),
        "peak_kib": statistics.median(row["at_end"]["peak_kib"] for row in rows),
        "spread_between": round(estimate.spread_between(sample), 5),
        "spread_within": round(estimate.spread_within(sample), 5)}
    if rows[0]["at_end"].get("jit"):
        levels["jit"] = _jit(rows)
    return levels


def _jit(rows: list[dict[str, Any]]) -> dict[str, Any]:
    def middle(name: str) -> float:
        return statistics.median(row["at_end"]["jit"][name] for row in rows)

    per_iteration = [(row["at_end"]["jit"]["exits"] - row["at_steady"]["exits"]) / len(row["iterations_ns"])
                     for row in rows]
    return {"functions": middle("functions"), "compile_ms": middle("compile_ms"), "code_bytes": middle("code_bytes"),
            "exits": middle("exits"), "exits_per_iteration": statistics.median(per_iteration)}


def _noise(document: Document, speeds: list[estimate.Comparison]) -> dict[str, Any]:
    """The machine's noise: medians over programs of relative deviations, of the plain interpreter, and of the speed from
    one pair of processes to the next."""
    between, within = [], []
    of_speed = [each.spread for each in speeds if each.pairs > 1]
    for name in measured(document):
        sample = list(rounds(document, name, BASE).values())
        if len(sample) > 1:
            between.append(estimate.spread_between(sample))
            within.append(estimate.spread_within(sample))
    return {"between_processes": round(statistics.median(between), 5) if between else None,
            "within_processes": round(statistics.median(within), 5) if within else None,
            "of_speed": round(statistics.median(of_speed), 5) if of_speed else None,
            "off_processor": document["off_processor"], "clock": document["clock"]}


def write(file: Path, text: str | bytes) -> None:
    """Writes a result file whole or not at all. Raises: BenchError(CANNOT_WRITE)."""
    data = text.encode() if isinstance(text, str) else text
    fresh = file.with_name(file.name + ".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(data)
        fresh.replace(file)
    except OSError as error:
        try:
            fresh.unlink()
        except OSError:
            pass
        raise BenchError(f"cannot write {file}: {error.strerror}", CANNOT_WRITE) from None


def save(file: Path, document: Document) -> None:
    """Writes the document. Raises: BenchError(CANNOT_WRITE)."""
    write(file, json.dumps(document, separators=(",", ":")) + "\n")


def load(file: str | Path) -> Document:
    """Reads a results file, or the one in a run's folder. Raises: BenchError."""
    path = Path(file)
    if path.is_dir():
        path = path / "results.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BenchError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise BenchError(f"{path}: truncated or no JSON ({error}); a run's raw.jsonl can be read again with "
                         "--resume FOLDER") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise BenchError(f"{path}: no results of `tephra bench` (expected \"schema\": \"{SCHEMA}\")")
    for name in ("targets", "programs", "clock", "summary", "created", "machine"):
        if name not in document:
            raise BenchError(f"{path}: incomplete: no {name!r}")
    return document
