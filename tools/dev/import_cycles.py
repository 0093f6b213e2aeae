"""Import cycles among the modules of a Python package, lazy imports within functions included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def _module(folder: Path, file: Path) -> str:
    parts = file.relative_to(folder).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _named(tree: ast.Module) -> Iterator[str]:
    """The full names of what is imported: of `from a import b` both a.b and a, since b may be a module or not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "import_module"
              and node.args and isinstance(node.args[0], ast.Constant)):
            yield str(node.args[0].value)


def imports(folder: Path) -> dict[str, list[str]]:
    """Each module below `folder` with those that it imports.

    Packages that a module lies in do not count: they are loaded before it whatever it says.
    """
    files = {_module(folder, file): file for file in sorted(folder.rglob("*.py"))}
    graph = {}
    for module, file in files.items():
        named = set(_named(ast.parse(file.read_text(encoding="utf-8"))))
        graph[module] = sorted(name for name in named & set(files) if not f"{module}.".startswith(f"{name}."))
    return graph


def find(graph: dict[str, list[str]]) -> list[list[str]]:
    """One cycle for each import that closes one; its first module stands at the end again."""
    finished: set[str] = set()
    found: list[list[str]] = []

    def visit(module: str, trail: list[str]) -> None:
        if module in trail:
            found.append([*trail[trail.index(module):], module])
        elif module not in finished:
            for other in graph[module]:
                visit(other, [*trail, module])
            finished.add(module)

    for module in graph:
        visit(module, [])
    return found
