"""`./dev test`: unit tests, then tests/ with each CPython version."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

from dev import build, paths, venvs
from dev.util import cleanEnv, say

_NO_TESTS = 5  # pytest's exit status when it collected nothing
# Seconds. One test (a module of CPython's suite is one), all tests of a version, and the process: generated
# code that hangs serves no signal, so that the last bound alone is sure. --full has three times as much.
_TEST_LIMIT, _SESSION_LIMIT, _PROCESS_LIMIT = 600, 1380, 1560


@dataclass
class Result:
    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    functions: int | None = None
    bytes: int = 0
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def fail(self, why: str) -> None:
        """A failure that no test has counted."""
        self.failed += 1
        self.problems.append(why)

    def line(self) -> str:
        compiled = "" if self.functions is None else f"; {self.functions} functions compiled, {self.bytes} bytes"
        return (f"{self.name}: {self.passed} passed, {self.failed} failed, {self.skipped} skipped{compiled} "
                f"({self.seconds:.0f} s)")


def _unitTests(binary: Path, env: dict[str, str]) -> Result:
    result = Result("unit tests")
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "unit.json"
        done = subprocess.run([str(binary), "--gtest_brief=1", f"--gtest_output=json:{report}"], env=env,
                              cwd=paths.ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
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


def _pythonTests(version: str, python: Path, args, env: dict[str, str], log) -> Result:
    result = Result(f"CPython {version}")
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report, stats = Path(folder) / "report.xml", Path(folder) / "stats.json"
        env = dict(env, TEPHRA_TEST_STATS=str(stats))
        scale = 3 if args.full else 1
        if args.full:
            env["TEPHRA_TEST_FULL"] = "1"
        command = [str(python), "-m", "pytest", "-q", f"--junitxml={report}", "-o",
                   f"cache_dir={paths.DEV}/pytest-{version}", f"--timeout={_TEST_LIMIT * scale}",
                   f"--session-timeout={_SESSION_LIMIT * scale}", *(["-x"] if args.first else []),
                   *(["-k", args.keyword] if args.keyword else []), *(args.paths or ["tests"])]
        status = _bounded(command, env, log, _PROCESS_LIMIT * scale)
        result.seconds = time.monotonic() - start
        if report.exists():  # absent where pytest died
            _counts(result, report)
        if status is None:
            result.fail(f"pytest under CPython {version} took longer than {_PROCESS_LIMIT * scale} s")
        elif status not in (0, 1, _NO_TESTS):
            how = f"signal {-status}" if status < 0 else f"exit status {status}"
            if status < 0 or not result.failed:  # else the errors are counted already
                result.fail(f"pytest under CPython {version} ended with {how}")
        elif status == 1 and not result.failed:
            result.fail(f"pytest under CPython {version} failed without a failing test")
        elif status == _NO_TESTS and not args.keyword and not args.paths:
            result.fail(f"pytest under CPython {version} found no tests")
        if stats.exists():
            counted = json.loads(stats.read_text())
            result.functions, result.bytes = int(counted.get("functions", 0)), int(counted.get("bytes", 0))
        if not args.keyword and not args.paths and not args.first and not (result.functions or result.failed):
            # A suite that compiled nothing proves nothing about a JIT.
            result.fail(f"under CPython {version} no function was compiled")
    return result


def _allPython(setup: build.Setup, args, env: dict[str, str]) -> list[Result]:
    """The versions side by side (one shown live, the other afterwards), or one after the other."""
    versions = sorted(setup.pythons, reverse=True)
    if len(versions) < 2 or paths.jobs() < 2 or args.serial:
        results = []
        for version in versions:
            say(f"tests with CPython {version}")
            results.append(_pythonTests(version, setup.pythons[version], args, env, None))
        return results
    first, second = versions
    say(f"tests with CPython {first}, and with {second} at the same time (shown afterwards)")
    with tempfile.TemporaryFile("w+") as log:
        late: list[Result] = []
        thread = threading.Thread(
            target=lambda: late.append(_pythonTests(second, setup.pythons[second], args, env, log)))
        thread.start()
        results = [_pythonTests(first, setup.pythons[first], args, env, None)]
        thread.join()
        log.seek(0)
        say(f"tests with CPython {second}")
        sys.stdout.write(log.read())
    return results + late


def _hasPythonTests() -> bool:
    return any((paths.ROOT / "tests").rglob("test_*.py"))


def _report(results: list[Result], missing: str) -> int:
    print()
    for result in results:
        print(result.line())
        for problem in result.problems:
            print(f"  FAILED: {problem}")
    functions = sum(r.functions or 0 for r in results)
    size = sum(r.bytes for r in results)
    passed, failed, skipped = (sum(getattr(r, key) for r in results) for key in ("passed", "failed", "skipped"))
    print(f"{passed + failed + skipped} tests, {functions} functions compiled, {size} bytes of machine code")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    if missing:
        print(missing)
    sys.stdout.flush()
    return 1 if failed or not passed else 0


def main(versions: list[str], flavour: str, args) -> int:
    if args.unit_only:
        folder = build.core(["tephra_unit_tests"])
        return _report([_unitTests(folder / "tephra_unit_tests", cleanEnv())], "")
    missing = ""
    if "3.12" in versions and not build.bases(["3.12"], required=False):
        missing = "CPython 3.12 not found: only 3.14 is tested (TEPHRA_PYTHON names interpreters)"
        if versions == ["3.12"]:
            say(missing)
            return 1
        print(missing, flush=True)
        versions = [v for v in versions if v != "3.12"]
    setup = build.prepare(versions, flavour, tools=venvs.TEST_TOOLS, everything=True)
    env = cleanEnv(PYTHONUNBUFFERED="1", **build.asanEnv(setup))
    env.pop("PYTHON_JIT", None)
    for name in [n for n in os.environ if n.startswith("TEPHRA_DUMP")]:
        env.pop(name, None)
    env["TEPHRA_BUILD_DIR"] = str(setup.build)  # where tests find jit-tool
    results = []
    unit = setup.build / "tephra_unit_tests"
    if unit.exists() and not args.no_unit and not args.paths and not args.keyword:
        say("unit tests")
        results.append(_unitTests(unit, {k: v for k, v in env.items() if k != "LD_PRELOAD"}))
    if _hasPythonTests():
        results += _allPython(setup, args, env)
    return _report(results, missing)
