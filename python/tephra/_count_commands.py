"""`python -m tephra counts` and `python -m tephra sizes`: executed instructions and bytes of code, side by side
for both architectures.

One run counts for both: the code that runs counts how often each of its pieces is executed, the same IR is
also compiled for the other architecture, and the pieces have the same names on both (docs/aarch64.md).
"""

from __future__ import annotations

import json
import math
import os

from tephra import _config, _counted_run, _instruction_counts, _native, _places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COUNTS_USAGE = """\
usage: python -m tephra counts [--json FILE] [--worst N] [--warmup N] [--timeout S] PROGRAM.py ...

Runs each program with counting code in a process of its own and prints, for x86-64 and AArch64: executed
emitted instructions (exact on this machine; derived for the other one from the same run), bytes of hot code
of the functions that were executed, and the operations that cost AArch64 most. A program with QUICK_SIZE and run(n), like those of
benchmarks/, is warmed up first; any other one is run once, as a script.

  --json FILE   all figures, per function and operation
  --worst N     operations to name per program (default 3)
  --warmup N    calls of run(QUICK_SIZE) before the counted one (default 4)
  --timeout S   seconds for one program (default 600)
Exit status 1 when a program failed or ran no compiled code.
"""

_SIZES_USAGE = """\
usage: python -m tephra sizes [FILE.py:NAME ...]

Prints bytes of hot and cold code on x86-64 and AArch64: of functions with 1, 2 and 200 calls of one helper and
of one Python function, and of the functions named, largest first, with the HIR operations they consist of.
"""


def counts_main(args: list[str]) -> int:
    """The command `counts`. Returns the exit status."""
    options = {"--json": "", "--worst": "3", "--warmup": "4", "--timeout": "600"}
    programs = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word in ("-h", "--help"):
            print(_COUNTS_USAGE, end="")
            return 0
        name, equals, text = word.partition("=")
        if name in options:
            if not equals and not rest:
                return _usage(f"counts: {name} needs a value")
            options[name] = text if equals else rest.pop(0)
        elif word.startswith("-"):
            return _usage(f"counts: unknown option {word}")
        else:
            programs.append(word)
    try:
        worst, warmup, timeout = (int(options[name]) for name in ("--worst", "--warmup", "--timeout"))
    except ValueError:
        return _usage("counts: --worst, --warmup and --timeout need whole numbers")
    if not programs:
        return _usage("counts: no program given")
    if _native.reason:
        _config.complain(f"counts: the JIT is off: {_native.reason}")
        return 1
    return _report(programs, worst, warmup, timeout, options["--json"])


def _usage(line: str) -> int:
    _config.complain(f"{line}; see python -m tephra counts --help")
    return 2


def _report(programs: list[str], worst: int, warmup: int, timeout: int, path: str) -> int:
    results, failed = {}, 0
    print("| program | x86-64 | AArch64 | ratio | hot bytes | | ratio | worst operations on AArch64 |")
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    for program in programs:
        name = os.path.splitext(os.path.basename(program))[0]
        try:
            results[name] = _counted_run.run_program(program, warmup, timeout)
        except _counted_run.Failed as error:
            failed += 1
            _config.complain(f"counts: {program}: {error}")
            continue
        print(table_row(name, results[name], worst), flush=True)
    if len(results) > 1:
        ratios = [_ratio(rows, "instructions") for rows in results.values()]
        sizes = [_ratio(rows, "hot_bytes") for rows in results.values()]
        print(f"| geometric mean | | | {_mean(ratios):.3f} | | | {_mean(sizes):.3f} | |")
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump({name: [_counted_run.plain(row) for row in rows] for name, rows in results.items()}, file, indent=1)
    return 1 if failed else 0


def _mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def table_row(name: str, rows: list[dict[str, Any]], worst: int) -> str:
    """A line of the Markdown table."""
    sums = _instruction_counts.totals(rows)
    intel, arm = sums["x86_64"], sums["aarch64"]
    named = ", ".join(f"{operation} {more:+,}" for operation, more in _instruction_counts.differences(sums)[:worst] if more > 0)
    return (f"| {name} | {intel['instructions']:,} | {arm['instructions']:,} | {_ratio(rows, 'instructions'):.3f} "
            f"| {intel['hot_bytes']:,} | {arm['hot_bytes']:,} | {_ratio(rows, 'hot_bytes'):.3f} | {named} |")


def _ratio(rows: list[dict[str, Any]], what: str) -> float:
    sums = _instruction_counts.totals(rows)
    return sums["aarch64"][what] / sums["x86_64"][what]


# ---- sizes ----------------------------------------------------------------------------------------


def _probe(body: str, calls: int) -> Any:
    """A function with so many calls, warmed up."""
    lines = "\n".join([f"    {body}"] * calls)
    names: dict[str, Any] = {}
    exec(f"class Thing:\n    def __matmul__(self, other):\n        return None\n"
         f"def callee(x):\n    return x\n"
         f"def function(x, y):\n{lines}\n    return x\n", names)
    function, thing = names["function"], names["Thing"]()
    for _ in range(60):
        function(thing, thing)
    _native.api.force_compile(names["callee"])
    return function


def sizes_main(args: list[str]) -> int:
    """The command `sizes`. Returns the exit status."""
    if args and args[0] in ("-h", "--help"):
        print(_SIZES_USAGE, end="")
        return 0
    if _native.reason:
        _config.complain(f"sizes: the JIT is off: {_native.reason}")
        return 1
    print("| calls | of | x86-64 hot | cold | AArch64 hot | cold | hot bytes ratio |")
    print("|---:|---|---:|---:|---:|---:|---:|")
    for what, body in (("one helper", "x @ y"), ("one Python function", "callee(x)")):
        sizes = {}
        for calls in (1, 2, 200):
            function = _probe(body, calls)
            intel, arm = (_native.api.measure(function, arch) for arch in _instruction_counts.ARCHITECTURES)
            sizes[calls] = intel["hot_bytes"], arm["hot_bytes"]
            print(f"| {calls} | {what} | {intel['hot_bytes']} | {intel['cold_bytes']} | {arm['hot_bytes']} | "
                  f"{arm['cold_bytes']} | {arm['hot_bytes'] / intel['hot_bytes']:.3f} |")
        each = [(sizes[200][i] - sizes[2][i]) / 198 for i in (0, 1)]
        print(f"| each further | {what} | {each[0]:.1f} | | {each[1]:.1f} | | {each[1] / each[0]:.3f} |")
    try:
        if args:
            _named_sizes(args)
    except _places.NotFound as error:
        _config.complain(f"sizes: {error}")
        return 2
    return 0


def _named_sizes(places: list[str]) -> None:
    rows = []
    for place in places:
        function = _places.find_function(place)
        intel, arm = (_native.api.measure(function, arch) for arch in _instruction_counts.ARCHITECTURES)
        operations: dict[str, int] = {}
        for _name, _count, parts in arm["segments"]:
            for _operation, origin, _instructions, size in parts:
                operations[origin or "entries and exits"] = operations.get(origin or "entries and exits", 0) + size
        rows.append((place, intel, arm, operations))
    print("\n| function | x86-64 hot | cold | AArch64 hot | cold | AArch64 bytes by HIR operation |")
    print("|---|---:|---:|---:|---:|---|")
    for place, intel, arm, operations in sorted(rows, key=lambda row: -row[2]["hot_bytes"]):
        largest = sorted(operations.items(), key=lambda item: -item[1])[:6]
        print(f"| {place} | {intel['hot_bytes']} | {intel['cold_bytes']} | {arm['hot_bytes']} | {arm['cold_bytes']} | "
              + ", ".join(f"{name} {size}" for name, size in largest) + " |")
