"""`./dev test packages`: the test suites of other people's packages, stock and under the JIT, through `verify`.

tests/packages/packages.toml lists them; docs/packages.md has the results.
"""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from dev import build, packages, paths, sources, suites
from dev.machines import Machine

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


def run(suite: suites.Suite, python: Path, version: str, folder: Path, machine: Machine, resume: bool = False) -> suites.Outcome:
    """Runs a suite with the interpreter that has the packages, in `folder`."""
    here, targets = _place(suite, python, version, folder, resume)
    suite = dataclasses.replace(suite, environment={"PYTHONPATH": str(PLUGINS)} | suite.environment)
    return suites.run(suite, python, version, here, targets, folder / "result", machine=machine,
                      expected=suites.expected_file(EXPECTED, suite, version), resume=resume)


def _all(setup: build.Setup, version: str, chosen: list[suites.Suite], resume: bool) -> list[suites.Outcome]:
    python = packages.ensure(setup, version, "packages", tools=[])
    folder = paths.DEV / f"packages-{version}{setup.machine.suffix}"
    return [run(suite, python, version, folder / suite.name, setup.machine, resume) for suite in chosen]


def collection() -> suites.Collection:
    return suites.Collection("packages", LIST, DOCS, _all)
