"""--count blocks: executed instructions of compiled code, exact, for both architectures from one run.

Each program runs once with counting code (option count-blocks, docs/aarch64.md); what the interpreter and C functions
execute is not in the figures. `python -m tephra counts` is the same without gates and reports.
"""

from __future__ import annotations

import math

from tephra import _config, _counted_run, _instruction_counts
from tephra.bench.errors import BenchError
from tephra.bench.programs import Program
from tephra.bench.targets import Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FUNCTIONS, _WORST = 5, 3  # named per program: functions that execute most, operations that cost AArch64 most
_WARMUP = 4


def check(programs: list[Program]) -> None:
    """Raises: BenchError where there is a program that cannot be counted."""
    without = [program.name for program in programs if program.file is None]
    if without:
        raise BenchError(f"--count blocks: counts programs in files of their own, not micro-benchmarks such as "
                         f"{without[0]}")


def run(target: Target, program: Program, timeout: float) -> dict[str, Any]:
    """The record of one program: per architecture instructions and bytes; the functions; or `problem`."""
    assert program.file is not None
    options = {word[2:].partition("=")[0]: word.partition("=")[2] for word in target.command[3:]}
    env = {_config.variable(name): text for name, text in options.items()}
    try:
        rows = _counted_run.run_program(str(program.file), _WARMUP, int(timeout), target.command[0], env)
    except _counted_run.Failed as error:
        return {"problem": str(error)}
    sums = _instruction_counts.totals(rows)
    keep = ("instructions", "estimated", "hot_bytes", "cold_bytes")
    return {
        "problem": "",
        "architectures": {arch: {key: sums[arch][key] for key in keep} for arch in _instruction_counts.ARCHITECTURES},
        "functions": [{"name": row["function"],
                       **{arch: row["architectures"][arch]["instructions"] for arch in _instruction_counts.ARCHITECTURES}}
                      for row in rows[:_FUNCTIONS]],
        "worst": [list(each) for each in _instruction_counts.differences(sums) if each[1] > 0][:_WORST]}


def _mean(values: list[float]) -> str:
    return f"{math.exp(sum(map(math.log, values)) / len(values)):.3f}" if values else ""


def rows(document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table of programs."""
    intel, arm = _instruction_counts.ARCHITECTURES
    head = ["program", "x86-64", "AArch64", "ratio", "hot bytes", "AArch64", "ratio", "cold bytes", "AArch64",
            "worst on AArch64"]
    found: list[list[str]] = []
    executed, sizes = [], []
    for name, record in document["blocks"].items():
        if record["problem"]:
            continue
        one, other = record["architectures"][intel], record["architectures"][arm]
        executed.append(other["instructions"] / one["instructions"])
        sizes.append(other["hot_bytes"] / one["hot_bytes"])
        found.append([name, f"{one['instructions']:,}", f"{other['instructions']:,}", f"{executed[-1]:.3f}",
                      f"{one['hot_bytes']:,}", f"{other['hot_bytes']:,}", f"{sizes[-1]:.3f}", f"{one['cold_bytes']:,}",
                      f"{other['cold_bytes']:,}", ", ".join(f"{what} {more:+,}" for what, more in record["worst"])])
    found.append(["**geometric mean**", "", "", _mean(executed), "", "", _mean(sizes), "", "", ""])
    return head, found


def functions(document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table of functions."""
    found = []
    for name, record in document["blocks"].items():
        for each in record.get("functions", ()):
            one, other = (each[arch] for arch in _instruction_counts.ARCHITECTURES)
            found.append([f"{name}: {each['name']}", f"{one:,}", f"{other:,}", f"{other / one:.3f}" if one else ""])
    return ["function", "x86-64", "AArch64", "ratio"], found
