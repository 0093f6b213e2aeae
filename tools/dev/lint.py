"""`./dev check` on Python: ruff, types by mypy (pyproject.toml has their rules), import cycles."""

from __future__ import annotations

import subprocess
from pathlib import Path

from dev import import_cycles, interpreters, machines, paths, venvs
from dev.util import DevError

_TOOLS = ["ruff==0.14.0", "mypy==2.4.1"]
_FOLDERS = ("python", "tools", "benchmarks")  # each has packages of its own


def cycles(root: Path) -> list[str]:
    """Import cycles in the folders with packages, lazy imports included."""
    return [f"{folder}: import cycle: {' -> '.join(cycle)}"
            for folder in _FOLDERS for cycle in import_cycles.find(import_cycles.imports(root / folder))]


def check(root: Path, fix: bool) -> list[str]:
    """What ruff and mypy find. With `fix`, ruff mends what it can."""
    base = interpreters.ensure(paths.DEFAULT_VERSION, machines.machine(None))
    if base is None:
        raise DevError(f"no CPython {paths.DEFAULT_VERSION} to run ruff and mypy with")
    python = venvs.ensure(paths.DEV / "venv-lint", base, tools=_TOOLS)
    commands = [["ruff", "check", "--quiet", "--no-cache", "--output-format=concise", *(["--fix"] if fix else []), "."],
                ["mypy", "--no-error-summary", "--cache-dir", str(paths.DEV / "mypy")]]
    found = []
    for command in commands:
        done = subprocess.run([python, "-m", *command], cwd=root, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        lines = done.stdout.splitlines()
        found += lines if done.returncode else []
        if done.returncode and not lines:
            found.append(f"{command[0]} failed")
    return found
