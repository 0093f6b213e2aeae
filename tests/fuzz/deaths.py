"""The order of deaths: random programs in the interpreter and compiled, compared by their last round's log.

    python tests/fuzz/deaths.py FIRST:COUNT [--mode first|default] [--keep N]

compares programs and prints the differing ones, reduced. CPython 3.14 changes the order in which operands
die when it specialises an instruction, so a function's first calls may differ from the later ones, in the
interpreter alone too: each program runs until that is done, on both sides, and only the last round counts.
"""

import argparse
import ast
import json
import os
import pathlib
import subprocess
import sys
import time
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from deaths_generator import program  # noqa: E402

WORKER = pathlib.Path(__file__).parent / "deaths_worker.py"
SLOWER = 4 if os.environ.get("TEPHRA_TEST_EMULATED") else 1
MEMORY = 4 << 30
# Environment and rounds of each way to run. Functions that raise often, or leave compiled code often, stay compiled.
KEPT = {"TEPHRA": "1", "TEPHRA_GIVE_UP_RAISING": "0", "TEPHRA_RECOMPILE_AFTER": "1000000000",
        "TEPHRA_EXIT_RATE": "0"}
MODES = {"first": ({**KEPT, "TEPHRA_COMPILE_AFTER": "0"}, 40), "default": ({**KEPT, "TEPHRA_COMPILE_AFTER": "400"}, 430)}
STOCK = ({"TEPHRA": "0"}, 40)
NOTHING = "def f(): pass\n"


def _process(sources, environment, rounds, limit):
    """Reports of as many of ``sources`` as one process got through; then how it ended, where it did not finish."""
    request = json.dumps({"rounds": rounds, "programs": sources, "memory": MEMORY})
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TEPHRA")}
    command = [sys.executable, "-W", "ignore", str(WORKER)]
    try:
        done = subprocess.run(command, input=request, env={**clean, "PYTHONHASHSEED": "0", **environment}, capture_output=True, text=True,
                              timeout=limit, check=False)
        output, how = done.stdout, f"exit status {done.returncode}: {done.stderr[-2000:]}"
        noise = done.stderr
    except subprocess.TimeoutExpired as late:
        output, how, noise = (late.stdout or b"").decode(), f"longer than {limit} s", ""
    lines = [json.loads(line) for line in output.splitlines() if line.endswith("}")]
    if lines and "totals" in lines[-1]:
        if noise:
            raise AssertionError(f"a worker complained: {noise[-2000:]}")
        return [line for line in lines if "log" in line or _says_nothing(line)], None, lines[-1]["totals"]
    started = max((line["start"] for line in lines if "start" in line), default=None)
    if started is None:
        raise AssertionError(f"no program was started: {how}")
    return [line for line in lines if "log" in line or _says_nothing(line)], how, {}


def reports(sources, environment, rounds):
    """A report for each source ({"died": how} where the process ended), and the totals of the processes."""
    found, totals = [], {"functions": 0, "code_bytes": 0}
    while len(found) < len(sources):
        rest = sources[len(found):]
        done, how, counted = _process(rest, environment, rounds, (60 + 0.5 * len(rest)) * SLOWER)
        found += done
        if how:
            found.append({"died": how})
        for name in totals:
            totals[name] += counted.get(name, 0)
    return found, totals


def _says_nothing(report):
    return "memory" in report or "invalid" in report


def _late(report):
    return report.get("died", "").startswith("longer than")


def difference(stock, compiled):
    """What differs between two reports of one program; "" when nothing does, None when there is nothing to compare."""
    if _says_nothing(stock) or _says_nothing(compiled) or _late(stock):
        return None
    if "died" in stock:
        return f"the interpreter died: {stock['died']}"
    if "died" in compiled:
        return f"died: {compiled['died']}"
    for what in ("log", "alive"):
        if stock[what] != compiled[what]:
            at = next((i for i, (a, b) in enumerate(zip(stock[what], compiled[what])) if a != b), min(len(stock[what]), len(compiled[what])))
            return (f"{what} differs at {at}:\n  interpreter: {' '.join(map(str, stock[what][max(0, at - 3):at + 12]))}\n"
                    f"  compiled:    {' '.join(map(str, compiled[what][max(0, at - 3):at + 12]))}")
    return ""


def compare(sources, mode):
    """A difference (as ``difference``) for each source, the compiled reports, and totals of the compiled side."""
    stock, _ = reports(sources, *STOCK)
    # What takes the interpreter too long is not run again.
    compiled, totals = reports([NOTHING if _late(report) else source for source, report in zip(sources, stock)], *MODES[mode])
    return [difference(*pair) for pair in zip(stock, compiled)], compiled, totals


# ---- reduction


def _variants(tree):
    """Sources with one statement less, a block in place of its statement, or a part of an expression in its place."""
    nodes = list(ast.walk(tree))
    for node in nodes:
        for name in ("body", "orelse", "finalbody", "handlers"):
            block = getattr(node, name, None)
            if not isinstance(block, list):
                continue
            for index in range(len(block)):
                kept = list(block)
                replacements = [[]] if len(block) > 1 or name != "body" else []
                if len(block) == 1 and name == "body" and not isinstance(node, ast.Module) and not isinstance(block[0], ast.Pass):
                    replacements = [[ast.Pass()]]
                inner = getattr(block[index], "body", None)
                if isinstance(inner, list) and not isinstance(block[index], (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler)):
                    replacements.append(inner)
                head = next((getattr(block[index], field, None) for field in ("value", "iter", "test") if hasattr(block[index], field)), None)
                if head and not isinstance(node, ast.ClassDef) and not isinstance(block[index], ast.Expr):
                    replacements.append([ast.Expr(head)])
                for replacement in replacements:
                    block[index:index + 1] = replacement
                    yield ast.unparse(ast.fix_missing_locations(tree))
                    block[:] = kept
    for node in nodes:
        for field, old in ast.iter_fields(node):
            if isinstance(old, ast.expr):
                for new in _simpler(old):
                    setattr(node, field, new)
                    yield ast.unparse(tree)
                setattr(node, field, old)
            elif isinstance(old, list) and field in ("elts", "args", "keywords", "values", "decorator_list"):
                for index in range(len(old)):
                    kept = list(old)
                    if field in ("args", "elts") and isinstance(old[index], ast.expr):
                        for new in _simpler(old[index]):
                            old[index] = new
                            yield ast.unparse(tree)
                    old[:] = kept
                    if isinstance(node, (ast.Dict, ast.JoinedStr, ast.BoolOp)):
                        continue
                    del old[index]
                    yield ast.unparse(tree)
                    old[:] = kept


def _simpler(node):
    """Expressions that may stand for this one."""
    if isinstance(node, (ast.Constant, ast.Name)) or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    yield ast.Constant(None)
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "D" and len(node.args) == 1):
        yield ast.Call(ast.Name("D"), [ast.Constant("o")], [])
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.keyword):
            child = child.value
        if isinstance(child, ast.expr) and not isinstance(child, (ast.Constant, ast.Name)):
            yield child


def _valid(source):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(source, "<case>", "exec")
        except (SyntaxError, ValueError, RecursionError):
            return False
    return True


def reduce(source, mode, seconds=600, chunk=30):
    """A smaller program that differs in the same respect; the largest cuts are tried first, for so many seconds."""
    end = time.monotonic() + seconds
    what = compare([source], mode)[0][0]
    if not what:
        return source  # seen once
    respect = what.split()[0]
    while True:
        seen = dict.fromkeys(text for text in _variants(ast.parse(source)) if len(text) < len(source) and _valid(text) and "def f():" in text)
        smaller = sorted(seen, key=len)
        for start in range(0, len(smaller), chunk):
            if time.monotonic() > end:
                return source
            some = smaller[start:start + chunk]
            found, _, _ = compare(some, mode)
            better = next((text for text, what in zip(some, found) if what and what.split()[0] == respect), None)
            if better:
                source = better
                break
        else:
            return source


def explain(source, mode):
    """A program, what differs, and both logs."""
    (what,), _, _ = compare([source], mode)
    return f"{source}\n{what}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seeds", help="FIRST:COUNT")
    parser.add_argument("--mode", choices=MODES, default="first")
    parser.add_argument("--keep", type=int, default=5, help="how many differing programs to reduce and print")
    args = parser.parse_args()
    first, count = map(int, args.seeds.split(":"))
    seeds = range(first, first + count)
    found, compiled, totals = compare([program(seed) for seed in seeds], args.mode)
    bad = [seed for seed, what in zip(seeds, found) if what]
    print(f"{len(bad)} of {count} programs differ; {totals}; {sum(what is None for what in found)} out of memory")
    for seed in bad[:args.keep]:
        print(f"---- seed {seed}, mode {args.mode}\n{explain(reduce(program(seed), args.mode), args.mode)}", flush=True)


if __name__ == "__main__":
    main()
