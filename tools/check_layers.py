#!/usr/bin/env python3
"""Enforces the include order of src/ (docs/architecture.md) and the rules that go with it.

  base -> options -> {pyver, metadata} -> hir -> {frontend, passes}
  hir -> lir -> target -> {lower, regalloc, target/emit} -> codegen -> driver
  runtime sees base, options, pyver, metadata: never an IR; policy (only for driver) sees base

Also: Python.h, asmjit, CPython version numbers and host-architecture conditionals only where they belong;
no include cycle. Prints one line per violation; exit status 1 when there is one.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"

_PLAIN = {"base", "options"}
_HIR = _PLAIN | {"pyver/common", "metadata", "hir"}
_LIR = _HIR | {"lir"}
_TARGET = _LIR | {"target"}

# Each layer with what it may include besides itself.
ALLOWED: dict[str, set[str]] = {
    "base": set(),
    "options": {"base"},
    "policy": {"base"},
    "boot": set(),
    "pyver/common": _PLAIN,
    "pyver": _PLAIN | {"pyver/common", "metadata"},
    "metadata": _PLAIN | {"pyver/common"},
    "hir": _HIR,
    "frontend": _HIR,
    "passes": _HIR,
    "lir": _LIR,
    "target": _LIR - {"hir"},  # the description of a machine; its emission is target/emit
    "lower": _TARGET,
    "regalloc": _TARGET,
    "target/emit": _TARGET - {"hir"},
    "codegen": _TARGET | {"lower", "regalloc", "target/emit"},
    "runtime": _PLAIN | {"pyver", "pyver/common", "metadata"},
    "driver": _TARGET | {"frontend", "passes", "lower", "regalloc", "target/emit", "codegen", "pyver", "runtime", "policy", "boot"},
}

# The driver's files, lowest first: each may include those of rows above its own. What has to be called from below is
# a hook, set when the JIT begins (lifecycle.cc).
_DRIVER = [
    ["jit"],
    ["trail", "sampler", "stress", "counts", "local_events"],
    ["unit"],
    ["code_state"],
    ["function_tables", "entries"],
    ["cells", "names"],
    ["units"],
    ["placing"],
    ["retired", "compile"],
    ["install"],
    ["function_events", "exits", "heat", "monitoring"],
    ["lifecycle"],
    ["module"],
]
_DRIVER_RANK = {name: rank for rank, row in enumerate(_DRIVER) for name in row}

_PYTHON_H = {"boot", "pyver", "runtime", "driver"}  # Python-free: every other layer, pyver/common too
_ASMJIT = {"target/emit", "codegen"}
_HOST_FILES = re.compile(r"code_memory")  # outside src/target

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
# A version's name, and what a build knows it by.
_VERSION_NAME = re.compile(r"\bv?3_\d+\b|\bTEPHRA_(?:PYVER\w*|VERSION_HEADER)\b")
_VERSION = re.compile(rf"\bPY_(?:VERSION_HEX|MAJOR_VERSION|MINOR_VERSION|MICRO_VERSION)\b|{_VERSION_NAME.pattern}")
_CONDITION = re.compile(r"^\s*(?:#\s*(?:el)?ifn?(?:def)?\b|\}?\s*(?:else\s+)?if\b).*$", re.MULTILINE)
_HOST_IF = re.compile(r"^\s*#\s*(?:el)?if.*\b(__x86_64__|__amd64__|__aarch64__|__arm64__|_M_X64|_M_ARM64)\b",
                      re.MULTILINE)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def layer_of(path: str) -> str | None:
    """The layer of a file below src/, or of an include written relative to it."""
    parts = path.split("/")
    folder = parts[0]
    if len(parts) < 2:
        return None
    if folder == "pyver":
        # Tables become plain data, whatever folder they are generated into.
        return "pyver/common" if parts[1] == "common" or ".gen." in parts[-1] else "pyver"
    if folder == "runtime" and ".gen." in parts[-1]:
        return "metadata"  # names and numbers of helpers: plain data that lowering needs
    if folder == "target":
        return "target/emit" if parts[-1].startswith("emit") else "target"  # the others describe
    return folder if folder in ALLOWED else None


def _without_comments(text: str) -> str:
    # Keeps the line count, for the line numbers of reports.
    return _COMMENT.sub(lambda m: "\n" * m.group().count("\n"), text)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _check_includes(name: str, layer: str, text: str, graph: dict[str, list[str]]) -> list[str]:
    errors = []
    for match in _INCLUDE.finditer(text):
        where = f"src/{name}:{_line(text, match.start(2))}"
        quoted, target = match.group(1) == '"', match.group(2)
        if target == "Python.h" or target.startswith(("internal/pycore", "cpython/")):
            if layer not in _PYTHON_H:
                errors.append(f"{where}: {layer} is Python-free and includes {target}")
        elif target.startswith("asmjit/"):
            if layer not in _ASMJIT:
                errors.append(f"{where}: only src/target/*/emit* and src/codegen may include asmjit, not {layer}")
        elif quoted or (SRC / target).exists():
            below = layer_of(target)
            if below is None:
                if "/" not in target and (SRC / name).parent.joinpath(target).exists():
                    errors.append(f"{where}: write includes from src/ on: \"{Path(name).parent}/{target}\"")
                continue
            graph.setdefault(name, []).append(target)
            if below != layer and below not in ALLOWED[layer]:
                errors.append(f"{where}: {layer} must not include {below} ({target})")
    return errors


def _check_driver(name: str, text: str) -> list[str]:
    stem = Path(name).stem
    if stem not in _DRIVER_RANK:
        return [f"src/{name}: not in the driver's order (_DRIVER in tools/check_layers.py)"]
    errors = []
    for match in _INCLUDE.finditer(text):
        below = Path(match.group(2)).stem
        if not match.group(2).startswith("driver/") or below == stem:
            continue
        if _DRIVER_RANK.get(below, len(_DRIVER)) >= _DRIVER_RANK[stem]:
            errors.append(f"src/{name}:{_line(text, match.start(2))}: {stem} is below {below} in the driver: "
                          "give it a hook (driver/lifecycle.cc)")
    return errors


def _versions_named(name: str, layer: str, text: str) -> list[tuple[int, str]]:
    """Where a file names a CPython version that it must not know."""
    if layer != "pyver":
        return [(match.start(), match.group()) for match in _VERSION.finditer(text)]
    own = name.split("/")[1]
    if name == "pyver/python.h":  # includes the header that the build names
        own = "TEPHRA_VERSION_HEADER"
    found = [(match.start(), match.group()) for match in _VERSION_NAME.finditer(text) if match.group() != own]
    if not own.startswith("v3_"):
        for condition in _CONDITION.finditer(text):
            found += [(condition.start() + match.start(), match.group()) for match in _VERSION.finditer(condition.group())
                      if not _VERSION_NAME.fullmatch(match.group())]
    return found


def _check_rules(name: str, layer: str, text: str) -> list[str]:
    errors = []
    for position, found in _versions_named(name, layer, text):
        errors.append(f"src/{name}:{_line(text, position)}: names a CPython version ({found}); "
                      "only src/pyver/v3_XX may, others ask for named features")
    if not name.startswith("target/") and not _HOST_FILES.search(Path(name).name):
        for match in _HOST_IF.finditer(text):
            errors.append(f"src/{name}:{_line(text, match.start(1))}: host conditional {match.group(1)} outside "
                          "src/target and code memory")
    return errors


def _cycles(graph: dict[str, list[str]]) -> list[str]:
    state: dict[str, int] = {}
    errors: list[str] = []

    def visit(node: str, trail: list[str]) -> None:
        state[node] = 1
        for target in graph.get(node, ()):
            if state.get(target) == 1:
                errors.append("include cycle: " + " -> ".join([*trail[trail.index(target):], target]))
            elif target not in state:
                visit(target, [*trail, target])
        state[node] = 2

    for node in sorted(graph):
        if node not in state:
            visit(node, [node])
    return errors


def check() -> list[str]:
    errors: list[str] = []
    graph: dict[str, list[str]] = {}
    for path in sorted(SRC.rglob("*")):
        if path.suffix not in (".h", ".cc", ".c", ".def", ".inc") or not path.is_file():
            continue
        name = path.relative_to(SRC).as_posix()
        layer = layer_of(name)
        if layer is None:
            errors.append(f"src/{name}: not in a folder that docs/architecture.md knows")
            continue
        text = _without_comments(path.read_text(encoding="utf-8"))
        errors += _check_includes(name, layer, text, graph)
        errors += _check_rules(name, layer, text)
        if layer == "driver":
            errors += _check_driver(name, text)
    return errors + _cycles(graph)


def main() -> int:
    errors = check()
    for error in errors:
        print(error)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
