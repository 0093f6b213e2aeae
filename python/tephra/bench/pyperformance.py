"""The programs of the package pyperformance, run by this package's own worker.

A script of pyperformance hands functions to pyperf's Runner. The worker takes them from there and runs them like a program of
ours: `size` loops an iteration, in processes that take turns, in CPU or wall time. So the method, the statistics and the reports
are those of the suite; pyperf's own processes, calibration and clock take no part.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import tomllib
from pathlib import Path

from tephra.bench import gates
from tephra.bench.errors import BenchError
from tephra.bench.processes import WORKER
from tephra.bench.programs import Program
from tephra.bench.real import UnprobedSession

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tephra.bench.processes import Outcome
    from tephra.bench.progress import Progress
    from tephra.bench.targets import Target

_LIMIT = 120.0  # seconds to list a script


def folder() -> Path:
    """Where the package keeps its benchmarks. Raises: BenchError."""
    spec = importlib.util.find_spec("pyperformance")
    if spec is None or not spec.submodule_search_locations:
        raise BenchError("--pyperformance: it is not installed in this interpreter; `./dev bench --pyperformance` makes an "
                         "environment that has it and what its programs need (benchmarks/pyperformance.txt)")
    return Path(next(iter(spec.submodule_search_locations))) / "data-files" / "benchmarks"


def entries(benchmarks: Path) -> list[tuple[str, Path, tuple[str, ...]]]:
    """(name, script, its options) of each benchmark in the package's manifest."""
    found = []
    for line in (benchmarks / "MANIFEST").read_text(encoding="utf-8").splitlines():
        name, _, where = line.strip().partition("\t")
        if line.startswith("#") or not where.startswith("<local"):
            continue
        base = where.strip("<>").partition(":")[2] or name
        home = benchmarks / f"bm_{base}"
        own = home / f"bm_{name}.toml"
        table = tomllib.loads((own if own.is_file() else home / "pyproject.toml").read_text(encoding="utf-8"))
        options = table.get("tool", {}).get("pyperformance", {}).get("extra_opts", ())
        found.append((name, home / "run_benchmark.py", tuple(options)))
    return found


def _listed(script: Path, options: tuple[str, ...], target: Target) -> tuple[list[tuple[str, int]], str]:
    """(name, loops) of the benchmarks of a script, and why it could not be run, or ""."""
    request = {"listing": True, "file": str(script), "name": "", "options": list(options)}
    try:
        done = subprocess.run([*target.command, str(WORKER), json.dumps(request)], env=target.environment(0), text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return [], f"not listed after {_LIMIT:.0f} s"
    found = []
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event[0] == "benchmark":
            found.append((event[1], event[2]))
    if done.returncode or not found:
        return [], (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1][:200]
    return found, ""


def programs(wanted: list[str], target: Target, progress: Progress) -> tuple[list[Program], list[str]]:
    """The benchmarks whose manifest entry or own name `wanted` (globs; empty: all) means, and why others cannot be run.

    Each script is run once in the plain interpreter, which also says how many loops take about 10 ms.
    """
    from fnmatch import fnmatch

    benchmarks = folder()
    found: list[Program] = []
    problems = []
    known = entries(benchmarks)
    chosen = [entry for entry in known if not wanted or any(fnmatch(entry[0], each) or each.startswith(entry[0]) for each in wanted)]
    progress.start(0, len(chosen))
    for name, script, options in chosen:
        progress.say_doing(f"listing: {name}")
        rows, problem = _listed(script, options, target)
        progress.process_done(0.0)
        if problem:
            problems.append(f"{name}: cannot be run by {target.label}: {problem}")
            progress.problem(problems[-1])
        for own, loops in rows:
            if any(each.name == own for each in found):
                continue  # two entries of the manifest with one benchmark
            if not wanted or any(fnmatch(own, each) or fnmatch(name, each) for each in wanted):
                found.append(Program(own, f"pyperformance: {name}", loops, loops, (), "", benchmarks, script,
                                     ("pyperformance",), script=(own, *options)))
    if not found:
        raise BenchError("--pyperformance: no benchmark of these names can be run"
                         + (f": {problems[0]}" if problems else "; its names: " + ", ".join(entry[0] for entry in known)))
    return found, problems


class PyperformanceSession(UnprobedSession):
    """Rounds of pyperformance's programs; in some of them there is nothing to compile."""

    _candidates = False

    def _why_no_proof(self, outcome: Outcome) -> list[str]:
        jit: dict[str, Any] = outcome.end.get("jit", {})
        return [] if jit.get("enabled") else gates.nothing_compiled(outcome)
