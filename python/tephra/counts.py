"""`python -m tephra counts` and `python -m tephra sizes`: executed instructions and bytes of code, side by side
for both architectures.

One run counts for both: the code that runs counts how often each of its pieces is executed, the same IR is
also compiled for the other architecture, and the pieces have the same names on both (docs/aarch64.md).
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile

from tephra import _config, _counts, _native

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


class Failed(Exception):
    """A program that gave no counts; the text says why."""


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
            results[name] = run_program(program, warmup, timeout)
        except Failed as error:
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
            json.dump({name: [_plain(row) for row in rows] for name, rows in results.items()}, file, indent=1)
    return 1 if failed else 0


def _mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row of get_instruction_counts() that JSON can hold."""
    return {**row, "architectures": {
        arch: {**each, "operations": [[*key, count] for key, count in each["operations"].items()]}
        for arch, each in row["architectures"].items()}}


def run_program(program: str, warmup: int = 4, timeout: int = 600, python: str = sys.executable,
                env: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Runs a program with counting code; the rows of tephra.jit.get_instruction_counts() there.

    Args:
        program: path of a Python file; with QUICK_SIZE and run(n) it is warmed up first.
        warmup: calls of run(QUICK_SIZE) before the counted one.
        timeout: seconds.
        python: the interpreter, with Tephra installed.
        env: added to the environment.

    Raises: Failed.
    """
    if not os.path.isfile(program):
        raise Failed("no such file")
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "counts.json")
        command = [python, "-m", "tephra.counts", out, str(warmup), program]
        # By counted calls: the same functions in each run.
        environment = {"TEPHRA_COMPILE_AFTER": "400", **os.environ, **(env or {}), "TEPHRA": "1", "TEPHRA_COUNT_BLOCKS": "1"}
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"no end after {timeout} s") from None
        if done.returncode != 0:
            last = (done.stderr.strip() or "no message").splitlines()[-1]
            raise Failed(f"exit status {done.returncode}: {last}")
        with open(out, encoding="utf-8") as file:
            rows = json.load(file)
    for row in rows:
        for each in row["architectures"].values():
            each["operations"] = {(origin, name): count for origin, name, count in each["operations"]}
    if not sum(row["instructions"] for row in rows):
        raise Failed("no compiled code was executed")
    missing = [row["function"] for row in rows if len(row["architectures"]) < 2]
    if missing:
        raise Failed(f"not compiled for both architectures: {', '.join(missing[:3])}")
    return rows


def table_row(name: str, rows: list[dict[str, Any]], worst: int) -> str:
    """A line of the Markdown table."""
    sums = _counts.totals(rows)
    intel, arm = sums["x86_64"], sums["aarch64"]
    named = ", ".join(f"{operation} {more:+,}" for operation, more in differences(sums)[:worst] if more > 0)
    return (f"| {name} | {intel['instructions']:,} | {arm['instructions']:,} | {_ratio(rows, 'instructions'):.3f} "
            f"| {intel['hot_bytes']:,} | {arm['hot_bytes']:,} | {_ratio(rows, 'hot_bytes'):.3f} | {named} |")


def _ratio(rows: list[dict[str, Any]], what: str) -> float:
    sums = _counts.totals(rows)
    return sums["aarch64"][what] / sums["x86_64"][what]


def differences(sums: dict[str, dict[str, Any]]) -> list[tuple[str, int]]:
    """Operations with the instructions that AArch64 executes more, worst first; `sums`: _counts.totals()."""
    more: dict[str, int] = {}
    for measure, sign in ((sums["aarch64"], 1), (sums["x86_64"], -1)):
        for (origin, operation), count in measure["operations"].items():
            name = f"{origin}:{operation}" if origin else operation
            more[name] = more.get(name, 0) + sign * count
    return sorted(more.items(), key=lambda item: -item[1])


# ---- the counted process --------------------------------------------------------------------------


def _child(out: str, warmup: int, program: str) -> None:
    from tephra import _cli, _runner

    source = _source(program)
    if "QUICK_SIZE" in source and "def run(" in source:
        module: Any = _cli._load(program)
        for _ in range(warmup):
            module.run(module.QUICK_SIZE)
        _native.api.clear_instruction_counts()
        module.run(module.QUICK_SIZE)
    else:
        _native.api.clear_instruction_counts()
        try:
            _runner.run_script(program, [])
        except SystemExit as error:
            if error.code not in (None, 0):
                raise
    with open(out, "w", encoding="utf-8") as file:
        json.dump([_plain(row) for row in _counts.take() if row["instructions"]], file)


def _source(program: str) -> str:
    with open(program, encoding="utf-8", errors="replace") as file:
        return file.read()


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
            intel, arm = (_native.api.measure(function, arch) for arch in _counts.ARCHITECTURES)
            sizes[calls] = intel["hot_bytes"], arm["hot_bytes"]
            print(f"| {calls} | {what} | {intel['hot_bytes']} | {intel['cold_bytes']} | {arm['hot_bytes']} | "
                  f"{arm['cold_bytes']} | {arm['hot_bytes'] / intel['hot_bytes']:.3f} |")
        each = [(sizes[200][i] - sizes[2][i]) / 198 for i in (0, 1)]
        print(f"| each further | {what} | {each[0]:.1f} | | {each[1]:.1f} | | {each[1] / each[0]:.3f} |")
    if args:
        _named_sizes(args)
    return 0


def _named_sizes(places: list[str]) -> None:
    from tephra import _cli

    rows = []
    for place in places:
        function = _cli.find_function(place)
        intel, arm = (_native.api.measure(function, arch) for arch in _counts.ARCHITECTURES)
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


if __name__ == "__main__":
    _child(sys.argv[1], int(sys.argv[2]), sys.argv[3])
