"""`./dev test`: unit tests, then tests/ with each CPython version, on each machine.

What an emulated machine runs by default are the tests of compiled code (`_EMULATED_PATHS`): the Python package and
the generated programs are the same everywhere. Each of these folders is a process of its own, so that two run at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dev import build, emulated_counts, machines, paths, system, venvs
from dev.matrix import Result, available, machines_of, on
from dev.util import clean_env, say

_NO_TESTS = 5  # pytest's exit status when it collected nothing
# Seconds. One test (a module of CPython's suite is one), all tests of a version, and the process: generated
# code that hangs serves no signal, so that the last bound alone is sure. An idle machine needs a third of it. --full has three times as much, and an
# emulated machine twice.
_TEST_LIMIT, _SESSION_LIMIT, _PROCESS_LIMIT = 600, 2400, 2640
_STRESS = "tests/stress"
_EMULATED_PATHS = ("tests/cpython", "tests/deopt", "tests/run")


@dataclass
class Part:
    """What one pytest process runs: `paths` with one interpreter. `whole`: it must compile something."""

    name: str
    machine: machines.Machine
    python: Path
    paths: list[str]
    env: dict[str, str]
    whole: bool


def _unit_tests(binary: Path, env: dict[str, str], machine: machines.Machine) -> Result:
    result = Result(f"unit tests{on(machine)}", machine.name)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "unit.json"
        command = [*machines.loader(machine), str(binary), "--gtest_brief=1", f"--gtest_output=json:{report}"]
        done = subprocess.run(command, env=env, cwd=paths.ROOT, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        result.seconds = time.monotonic() - start
        if done.returncode != 0:
            print(done.stdout)
        if report.exists():
            for suite in json.loads(report.read_text())["testsuites"]:
                for test in suite["testsuite"]:
                    if test.get("failures"):
                        result.failed += 1
                    elif test.get("status") == "NOTRUN" or test.get("result") == "SKIPPED":
                        result.skipped += 1
                    else:
                        result.passed += 1
        if done.returncode != 0 and not result.failed:
            how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit status {done.returncode}"
            result.fail(f"the unit tests ended with {how}")
    return result


def _counts(result: Result, report: Path) -> None:
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            result.failed += 1
        elif "skipped" in kinds:  # expected failures are among them
            result.skipped += 1
        else:
            result.passed += 1


def _bounded(command: list[str], env: dict[str, str], log, limit: int) -> int | None:
    """The exit status; None when the time was up, and the process with all that it started is gone."""
    process = subprocess.Popen(command, cwd=paths.ROOT, env=env, stdout=log,
                               stderr=subprocess.STDOUT if log else None, start_new_session=True)
    try:
        return process.wait(timeout=limit)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:  # time is up, or ^C
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _pytest_command(part: Part, args, report: Path, scale: int) -> list[str]:
    cache = paths.DEV / ("pytest-" + "".join(c if c.isalnum() else "-" for c in part.name))
    return [str(part.python), "-m", "pytest", "-q", f"--junitxml={report}", "-o", f"cache_dir={cache}",
            f"--timeout={_TEST_LIMIT * scale}", f"--session-timeout={_SESSION_LIMIT * scale}",
            *(["-x"] if args.first else []), *(["-k", args.keyword] if args.keyword else []), *part.paths]


def _python_tests(part: Part, args, log) -> Result:
    """Runs one part; its output goes to `log`, or is shown at once where that is None."""
    result = Result(part.name, part.machine.name)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report, stats = Path(folder) / "report.xml", Path(folder) / "stats.json"
        scale = (3 if args.full else 1) * (1 if part.machine.native else 2)
        env = dict(part.env, TEPHRA_TEST_STATS=str(stats), **({"TEPHRA_TEST_FULL": "1"} if args.full else {}))
        status = _bounded(_pytest_command(part, args, report, scale), env, log, _PROCESS_LIMIT * scale)
        result.seconds = time.monotonic() - start
        if report.exists():  # absent where pytest died
            _counts(result, report)
        if status is None:
            result.fail(f"pytest under {part.name} took longer than {_PROCESS_LIMIT * scale} s")
        elif status not in (0, 1, _NO_TESTS):
            how = f"signal {-status}" if status < 0 else f"exit status {status}"
            if status < 0 or not result.failed:  # else the errors are counted already
                result.fail(f"pytest under {part.name} ended with {how}")
        elif status == 1 and not result.failed:
            result.fail(f"pytest under {part.name} failed without a failing test; the limit for all of them is "
                        f"{_SESSION_LIMIT * scale} s")
        elif status == _NO_TESTS and part.whole:
            result.fail(f"pytest under {part.name} found no tests")
        if stats.exists():
            counted = json.loads(stats.read_text())
            result.functions, result.bytes = int(counted.get("functions", 0)), int(counted.get("bytes", 0))
        if part.whole and not (result.functions or result.failed):
            # A suite that compiled nothing proves nothing about a JIT.
            result.fail(f"under {part.name} no function was compiled")
    return result


def _parts(setup: build.Setup, args, env: dict[str, str]) -> list[Part]:
    machine = setup.machine
    chosen = bool(args.paths or args.keyword or args.first)
    parts = []
    for version, python in sorted(setup.pythons.items(), reverse=True):
        name = f"CPython {version}{on(machine)}"
        if args.paths:
            parts.append(Part(name, machine, python, args.paths, env, not chosen))
            continue
        if machine.native:
            # What the stress tests do to a process is theirs alone, and a crash there costs no other result.
            parts.append(Part(name, machine, python, ["tests", f"--ignore={_STRESS}"], env, not chosen))
            parts.append(Part(f"{name}: {_STRESS}", machine, python, [_STRESS], env, not chosen))
            continue
        folders = list(_EMULATED_PATHS)
        if args.full:
            folders = sorted({f"tests/{p.relative_to(paths.ROOT / 'tests').parts[0]}"
                              for p in (paths.ROOT / "tests").rglob("test_*.py")})
        parts += [Part(f"{name}: {folder}", machine, python, [folder], env, not chosen) for folder in folders]
    return parts


def _all_python(parts: list[Part], args) -> list[Result]:
    """Two parts at once (the first is shown live, each other one when it is done), or one after the other."""
    if len(parts) < 2 or paths.jobs() < 2 or args.serial:
        results = []
        for part in parts:
            say(f"tests with {part.name}")
            results.append(_python_tests(part, args, None))
        return results
    say(f"tests with {parts[0].name}; at the same time, shown afterwards: {'; '.join(p.name for p in parts[1:])}")
    with ThreadPoolExecutor(max_workers=2) as pool, contextlib.ExitStack() as stack:
        logs = [None, *(stack.enter_context(tempfile.TemporaryFile("w+")) for _ in parts[1:])]
        running = [pool.submit(_python_tests, part, args, log) for part, log in zip(parts, logs)]
        results = []
        for part, log, future in zip(parts, logs, running):
            results.append(future.result())
            if log:
                log.seek(0)
                say(f"tests with {part.name}")
                sys.stdout.write(log.read())
                sys.stdout.flush()
    return results


def _has_python_tests() -> bool:
    return any((paths.ROOT / "tests").rglob("test_*.py"))


def _summary(results: list[Result], what: str) -> str:
    passed, failed, skipped = (sum(getattr(r, key) for r in results) for key in ("passed", "failed", "skipped"))
    functions, size = sum(r.functions or 0 for r in results), sum(r.bytes for r in results)
    return (f"{what}{passed + failed + skipped} tests, {functions} functions compiled, {size} bytes of machine code; "
            f"{passed} passed, {failed} failed, {skipped} skipped")


def _report(results: list[Result], missing: str) -> int:
    print()
    for result in results:
        print(result.line())
        for problem in result.problems:
            print(f"  FAILED: {problem}")
    arches = list(dict.fromkeys(r.arch for r in results))
    for arch in arches:
        print(_summary([r for r in results if r.arch == arch], f"{arch}: "))
    if len(arches) > 1:
        print(_summary(results, "in all: "))
    if missing:
        print(missing)
    sys.stdout.flush()
    return 1 if any(r.failed for r in results) or not any(r.passed for r in results) else 0


def _environment(setup: build.Setup) -> dict[str, str]:
    env = clean_env(PYTHONUNBUFFERED="1", **build.asan_env(setup))
    env.pop("PYTHON_JIT", None)
    for name in [n for n in os.environ if n.startswith("TEPHRA_DUMP")]:
        env.pop(name, None)
    env["TEPHRA_BUILD_DIR"] = str(setup.build)  # where tests find jit-tool
    if not setup.machine.native:
        env["TEPHRA_TEST_EMULATED"] = "1"
        env["CC"] = setup.machine.tool("gcc")
        env["TEPHRA_TEST_COUNT_PLUGIN"] = str(emulated_counts.plugin())
    return env


def _unit_only(targets: list[machines.Machine]) -> int:
    results = []
    for machine in targets:
        folder = build.core(["tephra_unit_tests"], machine)
        results.append(_unit_tests(folder / "tephra_unit_tests", clean_env(), machine))
    return _report(results, "")


def main(versions: list[str], flavour: str, args) -> int:
    """Runs what `args` names; the exit status of ./dev test."""
    chosen = machines_of(args)
    for machine in chosen:  # all tools first: the native unit tests use the cross disassembler
        system.ensure_build(machine, prefix=False)
    if args.unit_only:
        return _unit_only(chosen)
    results: list[Result] = []
    parts: list[Part] = []
    missing, native = "", None
    for machine in chosen:
        wanted = available(versions, machine)
        if wanted != versions and machine.native:
            missing = "CPython 3.12 not found: only 3.14 is tested (TEPHRA_PYTHON names interpreters)"
            print(missing, flush=True)
            if not wanted:
                return 1
        with_unit = not (args.no_unit or args.paths or args.keyword)
        # Unit tests take longest to compile, with sanitizers above all: only where they are run.
        targets = [] if with_unit else [*(f"_tephra_{v.replace('.', '_')}" for v in wanted), "jit-tool"]
        setup = build.prepare(wanted, flavour, machine, tools=venvs.TEST_TOOLS, everything=with_unit, targets=targets)
        native = setup if machine.native else native
        env = _environment(setup)
        unit = setup.build / "tephra_unit_tests"
        if unit.exists() and with_unit:
            say(f"unit tests{on(machine)}")
            results.append(_unit_tests(unit, {k: v for k, v in env.items() if k != "LD_PRELOAD"}, machine))
        parts += _parts(setup, args, env)
    if _has_python_tests():
        results += _all_python(parts, args)
    if native is not None and flavour == "release" and not (args.paths or args.keyword or args.first):
        from dev import package_suites, suites, torch_suites  # these need tomllib, 3.11's

        for collection in (package_suites.collection(), torch_suites.collection()):
            results += suites.quick_results(collection, native)
    return _report(results, missing)
