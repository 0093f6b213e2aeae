"""Figures from counting code (option count-blocks): instructions executed, by function and operation.

The extension gives, per compilation, the segments of the code: runs of instructions that are all executed
as often, with their counter; and the segments that the same IR has on the other architecture. Segments have
the same names on both (src/target/tally.h), so the counts of this run hold for both.
"""

from __future__ import annotations

from tephra import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ARCHITECTURES = ("x86_64", "aarch64")


class _Counts:
    """How often each named place of one function was executed."""

    def __init__(self, own: dict[str, Any]) -> None:
        segments = own["segments"]
        self._by_name: dict[str, int] = {}
        for name, count, _rows in segments:
            self._by_name[name] = self._by_name.get(name, 0) + count
        for name, index in own["aliases"].items():
            self._by_name.setdefault(name, segments[index][1])

    def of(self, name: str) -> tuple[int, bool]:
        """The count of a segment, and whether it is exact."""
        if name == "padding":
            return 0, True
        found = self._by_name.get(name)
        if found is not None:
            return found, True
        if name.startswith("e"):
            derived = self._edge(name)
            if derived is not None:
                return derived, True
        # Part of an operation that has no such part here: as often as what follows the operation.
        prefix = name.split(".cold", 1)[0]
        prefix = prefix.rsplit(".", 1)[0] if "#" in prefix and "#" not in prefix.rsplit(".", 1)[1] else prefix
        for near in (prefix + ".end", prefix, name.split(".", 1)[0]):
            if near in self._by_name:
                return self._by_name[near], False
        return 0, False

    def _edge(self, name: str) -> int | None:
        """An edge that is not counted itself: what leaves its block by no other edge."""
        source, _, target = name[1:].partition("-")
        others = [key for key in self._by_name if key.startswith(f"e{source}-") and "." not in key
                  and key != name]
        if len(others) == 1:
            return max(self._block_end(source) - self._by_name[others[0]], 0)
        return self._by_name.get(f"b{target}") if not others else None

    def _block_end(self, block: str) -> int:
        """The executions of a block's last operation."""
        found = [count for key, count in self._by_name.items()
                 if key == f"b{block}" or key.startswith(f"b{block}.") and key.endswith(".end")]
        return min(found) if found else 0


def _sum(segments: list[Any], counts: _Counts) -> tuple[int, int, dict[tuple[str, str], int]]:
    """Executed instructions, those among them that are no exact figure, and the figures by operation."""
    total = estimated = 0
    operations: dict[tuple[str, str], int] = {}
    for name, _count, rows in segments:
        count, exact = counts.of(name)
        for operation, origin, instructions, _bytes in rows:
            executed = count * instructions
            total += executed
            estimated += 0 if exact else executed
            key = (origin, operation)
            operations[key] = operations.get(key, 0) + executed
    return total, estimated, operations


def take() -> list[dict[str, Any]]:
    """What get_instruction_counts() returns."""
    merged: dict[tuple[str, str, str, int], dict[str, Any]] = {}
    for record in _native.api.instruction_counts():
        counts = _Counts(record["own"])
        key = (record["module"], record["function"], record["filename"], record["line"])
        row = merged.setdefault(key, {
            "module": key[0], "function": key[1], "filename": key[2], "line": key[3], "compilations": 0,
            "architectures": {}})
        row["compilations"] += 1
        for measure in (record["own"], record["other"]):
            if measure is None:
                continue
            total, estimated, operations = _sum(measure["segments"], counts)
            into = row["architectures"].setdefault(measure["arch"], {
                "instructions": 0, "estimated": 0, "hot_bytes": 0, "cold_bytes": 0, "static": 0, "operations": {}})
            into["instructions"] += total
            into["estimated"] += estimated
            into["hot_bytes"] += measure["hot_bytes"]
            into["cold_bytes"] += measure["cold_bytes"]
            into["static"] += measure["instructions"]
            for operation, executed in operations.items():
                into["operations"][operation] = into["operations"].get(operation, 0) + executed
        row["own"] = record["own"]["arch"]
    rows = list(merged.values())
    for row in rows:
        row["instructions"] = row["architectures"][row["own"]]["instructions"]
        for each in row["architectures"].values():
            each["operations"] = dict(sorted(each["operations"].items(), key=lambda item: -item[1]))
    return sorted(rows, key=lambda row: -row["instructions"])


def totals(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Sums over functions, per architecture."""
    result: dict[str, dict[str, Any]] = {}
    for row in rows:
        for arch, measure in row["architectures"].items():
            into = result.setdefault(arch, {"instructions": 0, "estimated": 0, "hot_bytes": 0, "cold_bytes": 0,
                                            "static": 0, "operations": {}})
            for name in ("instructions", "estimated", "hot_bytes", "cold_bytes", "static"):
                into[name] += measure[name]
            for operation, executed in measure["operations"].items():
                into["operations"][operation] = into["operations"].get(operation, 0) + executed
    return result


def differences(sums: dict[str, dict[str, Any]]) -> list[tuple[str, int]]:
    """Operations with the instructions that AArch64 executes more, worst first; `sums`: totals()."""
    more: dict[str, int] = {}
    for measure, sign in ((sums["aarch64"], 1), (sums["x86_64"], -1)):
        for (origin, operation), count in measure["operations"].items():
            name = f"{origin}:{operation}" if origin else operation
            more[name] = more.get(name, 0) + sign * count
    return sorted(more.items(), key=lambda item: -item[1])


def summary() -> list[str]:
    """Lines for the summary at exit; none where nothing was counted."""
    rows = take()
    if not rows:
        return []
    lines = []
    for arch, each in totals(rows).items():
        where = "executed" if arch == rows[0]["own"] else "would be executed"
        lines.append(f"tephra: {each['instructions']} emitted instructions {where} on {arch}, "
                     f"{each['hot_bytes']} + {each['cold_bytes']} bytes of hot and cold code")
    for row in rows[:5]:
        lines.append(f"tephra:   {row['instructions']} in {row['module']}:{row['function']}")
    return lines
