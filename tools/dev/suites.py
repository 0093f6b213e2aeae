"""Test suites of other people's, stock and under the JIT, through `verify`: what `./dev test packages` and `./dev test torch` share."""

from __future__ import annotations

import dataclasses
import datetime
import json
import subprocess
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

from dev import build, machines, paths, testing
from dev.util import DevError, cleanEnv, say

_THRESHOLDS = ("default", "0")


@dataclasses.dataclass(frozen=True)
class Suite:
    """One suite of a list."""

    name: str
    targets: list[str]    # files and folders, below the source or the installed packages; "script:..." as verify's
    tests: int            # as many pass on stock at least
    functions: int        # and as many are compiled at the first call
    source: str = ""      # archive and its hash: where the tests are; without one, where the caller says
    sha256: str = ""
    quick: bool | list[str] = False  # with all versions, or these
    plugins: list[str] = dataclasses.field(default_factory=list)    # of pytest; no others are loaded
    arguments: list[str] = dataclasses.field(default_factory=list)  # pytest's
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    without: dict[str, str] = dataclasses.field(default_factory=dict)  # file, folder or test left out -> why
    only: list[str] = dataclasses.field(default_factory=list)  # versions; all where there are none

    def isQuick(self, version: str) -> bool:
        return self.quick if isinstance(self.quick, bool) else version in self.quick


@dataclasses.dataclass
class Outcome:
    """What one suite gave with one CPython version."""

    suite: Suite
    problems: list[str]
    report: dict  # verify's report.json; empty where there is none


@dataclasses.dataclass(frozen=True)
class Collection:
    """Suites that one command runs, `./dev test NAME`."""

    name: str
    list: Path  # TOML
    docs: Path  # the page with the tables
    run: Callable[[build.Setup, str, list[Suite], bool], list[Outcome]]  # those with a version; True: go on where it was stopped


def read(file: Path) -> dict[str, Suite]:
    """All suites of a list, by name."""
    found = {}
    for name, row in tomllib.loads(file.read_text(encoding="utf-8")).items():
        known = {field.name for field in dataclasses.fields(Suite)} - {"name"}
        if unknown := set(row) - known:
            raise DevError(f"{file}: [{name}]: unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
        try:
            found[name] = Suite(name=name, **row)
        except TypeError as error:
            raise DevError(f"{file}: [{name}]: {error}") from None
    return found


def choose(file: Path, names: list[str], full: bool, version: str) -> list[Suite]:
    """The suites of these names; without names all, or those that are quick. Raises DevError where none is left."""
    every = read(file)
    if unknown := [name for name in names if name not in every]:
        raise DevError(f"{file}: there is no {', '.join(unknown)}; there are {', '.join(every)}")
    chosen = [every[name] for name in names] or [suite for suite in every.values() if full or suite.isQuick(version)]
    chosen = [suite for suite in chosen if not suite.only or version in suite.only]
    if not chosen:
        raise DevError(f"{file}: nothing to test with CPython {version}")
    return chosen


def _pytestArguments(suite: Suite) -> list[str]:
    return [*(word for plugin in suite.plugins for word in ("-p", plugin)), *suite.arguments]


def _command(suite: Suite, python: Path, targets: list[str], output: Path, expected: Path | None, resume: bool,
             timeout: int) -> list[str]:
    words = [str(python), "-m", "tephra", "verify", *(t if isProgram(t) else f"pytest:{t}" for t in targets),
             "--after", ",".join(_THRESHOLDS), "--jobs", str(paths.jobs()), "--output", str(output), "--timeout", str(timeout)]
    for what in suite.without:
        words += ["--deselect" if "::" in what else "--ignore", what]
    if expected is not None:
        words += ["--expected", str(expected)]
    words += ["--resume"] if resume else []
    return words if isProgram(targets[0]) else [*words, "--", *_pytestArguments(suite)]


def isProgram(target: str) -> bool:
    return target.startswith("script:")


def expectedFile(folder: Path, suite: Suite, version: str) -> Path | None:
    """The list of known differences: of the version, else of all, else none."""
    return next((file for name in (f"{suite.name}_{version}", suite.name) if (file := folder / f"{name}.toml").exists()), None)


def _config(report: dict, name: str) -> dict:
    return next((row for row in report.get("configs", ()) if row["config"] == name), {})


def _functions(suite: Suite) -> str:
    """Which of verify's figures counts: what is compiled while pytest imports the tests is not meant."""
    return "functions" if isProgram(suite.targets[0]) else "functions_in_tests"


def problems(suite: Suite, status: int, report: dict) -> list[str]:
    """Why the run proves nothing, or shows a fault: verify's verdict and the least numbers of the list."""
    found = [f"python -m tephra verify ended with exit status {status}"] if status else []
    passed, compiled = _config(report, "stock").get("passed", 0), _config(report, "after=0").get(_functions(suite), 0)
    if passed < suite.tests:
        found.append(f"{passed} tests passed on stock, expected {suite.tests} at least")
    if compiled < suite.functions:
        found.append(f"{compiled} functions were compiled at the first call, expected {suite.functions} at least")
    return found


def run(suite: Suite, python: Path, version: str, here: Path, targets: list[str], output: Path, *,
        expected: Path | None = None, resume: bool = False, timeout: int = 7200) -> Outcome:
    """Runs a suite with that interpreter in the folder `here`; verify's results stay in `output`. `timeout`: seconds of a process."""
    env = cleanEnv(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", **suite.environment)
    for name in [name for name in env if name.startswith(("TEPHRA", "PYTEST_ADD", "PYTEST_PLUGINS"))]:
        env.pop(name)
    say(f"CPython {version}: {suite.name}; results in {output}")
    if not resume and not isProgram(targets[0]):  # pytest's compiled files would be made by the first side alone
        subprocess.run([str(python), "-m", "pytest", "--collect-only", "-q", *_pytestArguments(suite), *targets], env=env, cwd=here,
                       check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    command = _command(suite, python, targets, output, expected, resume, timeout)
    status = subprocess.run(command, env=env, cwd=here, check=False).returncode
    if status == 130:
        raise KeyboardInterrupt
    report = output / "report.json"
    content = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    return Outcome(suite, problems(suite, status, content), content)


def _ratio(report: dict, name: str, what: str) -> str:
    cost = next((row for row in report.get("costs", ()) if row["config"] == name), None)
    return f"{cost[what]:.2f}" if cost and cost.get(what) else "-"


def _row(outcome: Outcome) -> str:
    suite, report = outcome.suite, outcome.report
    stock, default, first = (_config(report, name) for name in ("stock", "after=default", "after=0"))
    cells = [suite.source.removesuffix(".tar.gz") or suite.name, stock.get("passed", 0),
             f"{stock.get('failed', 0)} / {stock.get('skipped', 0)}", default.get("passed", 0), first.get("passed", 0),
             default.get(_functions(suite), 0), first.get(_functions(suite), 0),
             _ratio(report, "after=default", "cpu_ratio"), _ratio(report, "after=0", "cpu_ratio"),
             _ratio(report, "after=default", "memory_ratio"), "FAILED" if outcome.problems else "ok"]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(outcomes: list[Outcome]) -> str:
    """A Markdown table of the results of one version."""
    head = ("| suite | passed: stock | failed / skipped | default | first call | functions: default | first call "
            "| CPU: default | first call | memory | verdict |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|")
    return "\n".join([head, *map(_row, outcomes)])


def writeDocs(docs: Path, what: str, version: str, outcomes: list[Outcome]) -> None:
    """Puts a version's table into a page, between the marks `<!-- what version -->` and `<!-- /what version -->`."""
    begin, end = f"<!-- {what} {version} -->\n", f"<!-- /{what} {version} -->"
    before, found, rest = docs.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise DevError(f"{docs} has no place for CPython {version}'s table: {begin.strip()} ... {end}")
    today = datetime.date.today().isoformat()
    block = f"CPython {version}, {paths.HOST_ARCH}, {today}:\n\n{table(outcomes)}\n"
    docs.write_text(before + begin + block + end + after, encoding="utf-8")


def _report(collection: Collection, versions: list[str], write_docs: bool, runs: dict[str, Callable[[], list[Outcome]]]) -> int:
    """Runs the suites of each version and prints their tables; the exit status. `versions`: those that were asked for."""
    failed = []
    for version, run_all in runs.items():
        outcomes = run_all()
        failed += [f"CPython {version}: {outcome.suite.name}: {why}" for outcome in outcomes for why in outcome.problems]
        print(f"\nCPython {version}\n\n{table(outcomes)}", flush=True)
        if write_docs:
            writeDocs(collection.docs, collection.name, version, outcomes)
    missing = sorted(set(versions) - set(runs))
    print("\n".join(["", *(f"FAILED: {why}" for why in failed),
                     *(f"CPython {version}: not found, not tested (TEPHRA_PYTHON names interpreters)" for version in missing),
                     f"{collection.name}: {len(failed)} problems" if failed else f"{collection.name}: no regressions"]), flush=True)
    return 1 if failed or not runs else 0


def main(collection: Collection, versions: list[str], flavour: str, names: list[str], args) -> int:
    """Runs the suites of `names` (none: all with --full, else the quick ones) with each version; the exit status."""
    machine = machines.machine(args.arch if args.arch != "all" else None)
    if flavour != "release" or not machine.native:
        raise DevError(f"{collection.name}: tested with the release build, on this machine")
    for version in versions:
        choose(collection.list, names, args.full, version)  # before anything is built
    setup = build.prepare(testing.available(versions, machine), flavour, machine)
    if not setup.pythons:
        raise DevError("no CPython to test with (TEPHRA_PYTHON names interpreters)")

    def chosen(version: str) -> list[Outcome]:
        return collection.run(setup, version, choose(collection.list, names, args.full, version), args.resume)

    return _report(collection, versions, args.write_docs,
                   {version: lambda version=version: chosen(version) for version in sorted(setup.pythons, reverse=True)})


def quickResults(collection: Collection, setup: build.Setup) -> list[testing.Result]:
    """The quick suites with each interpreter, as `./dev test` counts tests."""
    results = []
    for version in sorted(setup.pythons, reverse=True):
        result = testing.Result(f"{collection.name}, CPython {version}", setup.machine.name)
        start = time.monotonic()
        for outcome in collection.run(setup, version, choose(collection.list, [], False, version), False):
            sides = [row for row in outcome.report.get("configs", ()) if row["config"] != "stock"]
            result.passed += sum(side["passed"] for side in sides)
            result.skipped += sum(side["skipped"] for side in sides)
            result.functions = (result.functions or 0) + sum(side["functions"] for side in sides)
            result.bytes += sum(side["code_bytes"] for side in sides)
            for why in outcome.problems:
                result.fail(f"{outcome.suite.name}: {why}")
        result.seconds = time.monotonic() - start
        results.append(result)
    return results
