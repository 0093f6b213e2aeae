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

from dev import build, machines, matrix, paths
from dev.util import DevError, clean_env, say

_THRESHOLDS = ("default", "0")
_EMULATION = 6  # how often the time that a process may take here fits into what it may take under emulation


@dataclasses.dataclass(frozen=True)
class Suite:
    """One suite of a list."""

    name: str
    targets: list[str]    # files and folders, below the source or the installed packages; "script:..." as verify's
    tests: int | dict[str, int]      # as many pass on stock at least; one number, or each version's
    functions: int | dict[str, int]  # and as many are compiled at the first call
    source: str = ""      # archive and its hash: where the tests are; without one, where the caller says
    sha256: str = ""
    quick: bool | list[str] = False  # with all versions, or these
    plugins: list[str] = dataclasses.field(default_factory=list)    # of pytest; no others are loaded
    arguments: list[str] = dataclasses.field(default_factory=list)  # pytest's
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    without: dict[str, str] = dataclasses.field(default_factory=dict)  # file, folder or test left out -> why
    only: list[str] = dataclasses.field(default_factory=list)  # versions; all where there are none
    emulated: bool = False  # run on emulated machines, too

    def least(self, version: str) -> tuple[int, int]:
        """How many tests must pass on stock with that version, and how many functions must be compiled."""
        tests, functions = (each if isinstance(each, int) else each[version] for each in (self.tests, self.functions))
        return tests, functions

    def is_quick(self, version: str) -> bool:
        return self.quick if isinstance(self.quick, bool) else version in self.quick

    def runs_on(self, machine: machines.Machine) -> bool:
        return machine.native or self.emulated


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
    table: Path  # TOML
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
        _check_floors(file, found[name])
    return found


def _check_floors(file: Path, suite: Suite) -> None:
    wanted = set(suite.only or paths.VERSIONS)
    for field, floor in (("tests", suite.tests), ("functions", suite.functions)):
        if isinstance(floor, dict) and set(floor) != wanted:
            raise DevError(f"{file}: [{suite.name}]: {field}: a number, or one for each of {', '.join(sorted(wanted))}")


def choose(file: Path, names: list[str], full: bool, version: str, machine: machines.Machine) -> list[Suite]:
    """The suites of these names for that machine; without names all, or those that are quick. Raises DevError where none is left."""
    every = read(file)
    if unknown := [name for name in names if name not in every]:
        raise DevError(f"{file}: there is no {', '.join(unknown)}; there are {', '.join(every)}")
    chosen = [every[name] for name in names] or [suite for suite in every.values() if full or suite.is_quick(version)]
    chosen = [suite for suite in chosen if suite.runs_on(machine) and (not suite.only or version in suite.only)]
    if not chosen:
        raise DevError(f"{file}: nothing to test with {_place(version, machine)}")
    return chosen


def _place(version: str, machine: machines.Machine) -> str:
    return f"CPython {version}{matrix.on(machine)}"


def _pytest_arguments(suite: Suite) -> list[str]:
    return [*(word for plugin in suite.plugins for word in ("-p", plugin)), *suite.arguments]


def _command(suite: Suite, python: Path, targets: list[str], output: Path, expected: Path | None, resume: bool,
             timeout: int) -> list[str]:
    words = [str(python), "-m", "tephra", "verify", *(t if is_program(t) else f"pytest:{t}" for t in targets),
             "--after", ",".join(_THRESHOLDS), "--jobs", str(paths.jobs()), "--output", str(output), "--timeout", str(timeout)]
    for what in suite.without:
        words += ["--deselect" if "::" in what else "--ignore", what]
    if expected is not None:
        words += ["--expected", str(expected)]
    words += ["--resume"] if resume else []
    return words if is_program(targets[0]) else [*words, "--", *_pytest_arguments(suite)]


def is_program(target: str) -> bool:
    return target.startswith("script:")


def expected_file(folder: Path, suite: Suite, version: str) -> Path | None:
    """The list of known differences: of the version, else of all, else none."""
    return next((file for name in (f"{suite.name}_{version}", suite.name) if (file := folder / f"{name}.toml").exists()), None)


def _config(report: dict, name: str) -> dict:
    return next((row for row in report.get("configs", ()) if row["config"] == name), {})


def _functions(suite: Suite) -> str:
    """Which of verify's figures counts: what is compiled while pytest imports the tests is not meant."""
    return "functions" if is_program(suite.targets[0]) else "functions_in_tests"


def problems(suite: Suite, version: str, status: int, report: dict) -> list[str]:
    """Why the run proves nothing, or shows a fault: verify's verdict and the least numbers of the list."""
    found = [f"python -m tephra verify ended with exit status {status}"] if status else []
    passed, compiled = _config(report, "stock").get("passed", 0), _config(report, "after=0").get(_functions(suite), 0)
    tests, functions = suite.least(version)
    if passed < tests:
        found.append(f"{passed} tests passed on stock, expected {tests} at least")
    if compiled < functions:
        found.append(f"{compiled} functions were compiled at the first call, expected {functions} at least")
    return found


def run(suite: Suite, python: Path, version: str, here: Path, targets: list[str], output: Path, *,
        machine: machines.Machine | None = None, expected: Path | None = None, resume: bool = False, timeout: int = 7200) -> Outcome:
    """Runs a suite with that interpreter in the folder `here`; verify's results stay in `output`.

    `machine`: the interpreter's, by default this one; `timeout`: seconds of a process, more under emulation, where times are not reported.
    """
    machine = machine or machines.machine(None)
    env = clean_env(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", **suite.environment)
    for name in [name for name in env if name.startswith(("TEPHRA", "PYTEST_ADD", "PYTEST_PLUGINS"))]:
        env.pop(name)
    say(f"{_place(version, machine)}: {suite.name}; results in {output}")
    if not resume and not is_program(targets[0]):  # pytest's compiled files would be made by the first side alone
        subprocess.run([str(python), "-m", "pytest", "--collect-only", "-q", *_pytest_arguments(suite), *targets], env=env, cwd=here,
                       check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    command = _command(suite, python, targets, output, expected, resume, timeout * (1 if machine.native else _EMULATION))
    status = subprocess.run(command, env=env, cwd=here, check=False).returncode
    if status == 130:
        raise KeyboardInterrupt
    report = output / "report.json"
    content = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    found = problems(suite, version, status, content)
    if not machine.native:
        content.pop("costs", None)
    return Outcome(suite, found, content)


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


def write_docs(docs: Path, what: str, version: str, machine: machines.Machine, outcomes: list[Outcome]) -> None:
    """Puts a version's table into a page, between the marks `<!-- what version -->` and `<!-- /what version -->`.

    An emulated machine's name stands behind the version.
    """
    mark = f"{what} {version}" + ("" if machine.native else f" {machine.name}")
    begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    before, found, rest = docs.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise DevError(f"{docs} has no place for the table of {_place(version, machine)}: {begin.strip()} ... {end}")
    today = datetime.date.today().isoformat()
    block = f"CPython {version}, {machine.name}{'' if machine.native else ' emulated'}, {today}:\n\n{table(outcomes)}\n"
    docs.write_text(before + begin + block + end + after, encoding="utf-8")


def _report(collection: Collection, versions: list[str], setups: list[build.Setup], names: list[str], args) -> int:
    """Runs the suites with each interpreter and prints their tables; the exit status. `versions`: those that were asked for."""
    failed: list[str] = []
    tested: set[str] = set()
    for setup in setups:
        for version in sorted(setup.pythons, reverse=True):
            where = _place(version, setup.machine)
            outcomes = collection.run(setup, version, choose(collection.table, names, args.full, version, setup.machine), args.resume)
            tested.add(version)
            failed += [f"{where}: {outcome.suite.name}: {why}" for outcome in outcomes for why in outcome.problems]
            print(f"\n{where}\n\n{table(outcomes)}", flush=True)
            if args.write_docs:
                write_docs(collection.docs, collection.name, version, setup.machine, outcomes)
    missing = sorted(set(versions) - tested)
    why_missing = ("TEPHRA_PYTHON names interpreters" if any(setup.machine.native for setup in setups) else
                   "Debian has one version for a machine that is emulated")
    print("\n".join(["", *(f"FAILED: {why}" for why in failed),
                     *(f"CPython {version}: not found, not tested ({why_missing})" for version in missing),
                     f"{collection.name}: {len(failed)} problems" if failed else f"{collection.name}: no regressions"]), flush=True)
    return 1 if failed or not tested else 0


def main(collection: Collection, versions: list[str], flavour: str, names: list[str], args) -> int:
    """Runs the suites of `names` (none: all with --full, else the quick ones) with each version on each machine; the exit status."""
    if flavour != "release":
        raise DevError(f"{collection.name}: tested with the release build")
    wanted: dict[machines.Machine, list[str]] = {}
    for machine in matrix.machines_of(args):
        if args.arch == "all" and not any(suite.runs_on(machine) for suite in read(collection.table).values()):
            say(f"{collection.name}: nothing of it is run on {machine.name}")
            continue
        wanted[machine] = matrix.available(versions, machine)
        for version in wanted[machine]:
            choose(collection.table, names, args.full, version, machine)  # before anything is built
    setups = [build.prepare(found, flavour, machine) for machine, found in wanted.items()]
    if not any(setup.pythons for setup in setups):
        raise DevError("no CPython to test with (TEPHRA_PYTHON names interpreters)")
    return _report(collection, versions, setups, names, args)


def quick_results(collection: Collection, setup: build.Setup) -> list[matrix.Result]:
    """The quick suites with each interpreter, as `./dev test` counts tests."""
    results = []
    for version in sorted(setup.pythons, reverse=True):
        result = matrix.Result(f"{collection.name}, CPython {version}", setup.machine.name)
        start = time.monotonic()
        for outcome in collection.run(setup, version, choose(collection.table, [], False, version, setup.machine), False):
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
