"""`./dev test packages`: the test suites of other people's packages, stock and under the JIT, through `verify`.

tests/packages/packages.toml lists them; docs/packages.md has the results.
"""

from __future__ import annotations

import dataclasses
import shutil
import time
from pathlib import Path

from dev import build, machines, packages, paths, sources, suites, testing
from dev.util import DevError

LIST = paths.ROOT / "tests/packages/packages.toml"
PLUGINS = paths.ROOT / "tests/packages/plugins"
EXPECTED = paths.ROOT / "tests/packages/expected"
DOCS = paths.ROOT / "docs/packages.md"


def _place(suite: suites.Suite, python: Path, version: str, folder: Path, resume: bool) -> tuple[Path, list[str]]:
    """The folder to run in, and the targets' paths from there."""
    tree = folder / "tree"
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    if not suite.source:
        tree.mkdir(parents=True, exist_ok=True)
        site = python.parent.parent / f"lib/python{version}/site-packages"
        return tree, [str(site / target) for target in suite.targets]
    if not tree.exists():
        archive = sources.fetch(python, suite.source.removesuffix(".tar.gz").rpartition("-")[0], suite.source, suite.sha256)
        return sources.unpack(python, archive, tree), suite.targets
    return next(path for path in tree.iterdir() if path.is_dir()), suite.targets


def run(suite: suites.Suite, python: Path, version: str, folder: Path, resume: bool = False) -> suites.Outcome:
    """Runs a suite with the interpreter that has the packages, in `folder`."""
    here, targets = _place(suite, python, version, folder, resume)
    suite = dataclasses.replace(suite, environment={"PYTHONPATH": str(PLUGINS)} | suite.environment)
    return suites.run(suite, python, version, here, targets, folder / "result",
                      expected=suites.expectedFile(EXPECTED, suite, version), resume=resume)


def _all(setup: build.Setup, version: str, names: list[str], full: bool, resume: bool) -> list[suites.Outcome]:
    chosen = suites.choose(LIST, names, full, version)
    python = packages.ensure(setup, version, "packages", tools=[])
    return [run(suite, python, version, paths.DEV / f"packages-{version}" / suite.name, resume) for suite in chosen]


def quickResults(setup: build.Setup) -> list[testing.Result]:
    """The quick suites with each interpreter, as `./dev test` counts tests."""
    results = []
    for version in sorted(setup.pythons, reverse=True):
        result = testing.Result(f"packages, CPython {version}", setup.machine.name)
        start = time.monotonic()
        for outcome in _all(setup, version, [], False, False):
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


def main(versions: list[str], flavour: str, names: list[str], args) -> int:
    """Runs the suites of `names` (none: all with --full, else the quick ones) with each version; the exit status."""
    machine = machines.machine(args.arch if args.arch != "all" else None)
    if flavour != "release" or not machine.native:
        raise DevError("the packages are tested with the release build, on this machine")
    for version in versions:
        suites.choose(LIST, names, args.full, version)  # before anything is built
    setup = build.prepare(testing.available(versions, machine), flavour, machine)
    if not setup.pythons:
        raise DevError("no CPython to test with (TEPHRA_PYTHON names interpreters)")
    return suites.report("packages", DOCS, versions, args.write_docs, {
        version: lambda version=version: _all(setup, version, names, args.full, args.resume)
        for version in sorted(setup.pythons, reverse=True)})
