"""Which benchmark programs there are.

The suite is the folder benchmarks/ of a checkout, or its copy in an installed package. A program is a file whose
first docstring line says what it stands for, with DEFAULT_SIZE, QUICK_SIZE, HOT (qualified names of the functions that must
be compiled) and run(n), which checks its result; KNOWN_GAP says what Tephra does not do well yet. The micro-benchmarks are
the package `micro` in that folder: names() and load(name), which gives an object with the same attributes.

Real programs are the files of benchmarks/real: run(step, size) does a fixed amount of work and calls step(result) `size` times;
DEFAULT_SIZE is that number, PACKAGES names what they run on, QUICK = True those of a quick run.
"""

from __future__ import annotations

import ast
import difflib
import fnmatch
import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tephra.bench.errors import BenchError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_CONSTANTS = ("DEFAULT_SIZE", "QUICK_SIZE", "HOT", "KNOWN_GAP", "PACKAGES", "QUICK")


@dataclass(frozen=True)
class Program:
    """One program. `file` is None for a micro-benchmark of `folder`/micro; `packages`, `quick`: of a real program.

    `script`: of a benchmark of pyperformance, its name for pyperf and the options of its script.
    """

    name: str
    about: str
    default_size: int
    quick_size: int
    hot: tuple[str, ...]
    known_gap: str
    folder: Path
    file: Path | None
    packages: tuple[str, ...] = ()
    quick: bool = False
    script: tuple[str, ...] = ()

    def request(self) -> dict[str, Any]:
        """What the worker needs to load it."""
        if self.file is None:
            return {"micro": True, "folder": str(self.folder), "name": self.name}
        if self.script:
            return {"file": str(self.file), "name": self.script[0], "options": list(self.script[1:]), "pyperf": True}
        return {"file": str(self.file), "name": self.name}


def suite_folder(named: str | None = None) -> Path:
    """Where the suite is: `named`, or the package's own copy, or the checkout that the working folder is in.

    Raises: BenchError.
    """
    if named:
        if not Path(named).is_dir():
            raise BenchError(f"--suite {named}: no such folder")
        return Path(named).resolve()
    own = Path(__file__).resolve().parents[1] / "_benchmarks"
    here = Path.cwd()
    for folder in (own, *(each / "benchmarks" for each in (here, *here.parents))):
        if (folder / "nbody.py").is_file():
            return folder
    raise BenchError(f"the suite is not there: neither {own} nor a folder benchmarks/ above the working folder; "
                     "--suite FOLDER names one")


def _literals(file: Path) -> dict[str, Any]:
    """The docstring and the constants of a program, without running it."""
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError, OSError) as error:
        raise BenchError(f"{file}: cannot be read as a program: {error}") from None
    found: dict[str, Any] = {"doc": ast.get_docstring(tree) or ""}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "run":
            found["run"] = True
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) \
                and node.targets[0].id in _CONSTANTS:
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                raise BenchError(f"{file}: {node.targets[0].id} must be a literal") from None
    return found


def from_file(file: Path, *, real: bool = False) -> Program:
    """The program in a file. Raises: BenchError where something that it must have is missing."""
    found = _literals(file)
    if real:
        if "run" not in found or not isinstance(found.get("DEFAULT_SIZE"), int):
            raise BenchError(f"{file}: a real program has run(step, size) and DEFAULT_SIZE")
        return Program(file.stem, found["doc"].partition("\n")[0], found["DEFAULT_SIZE"], found["DEFAULT_SIZE"], (), "",
                       file.parent, file.resolve(), tuple(found.get("PACKAGES", ())), bool(found.get("QUICK")))
    hot = found.get("HOT", ())
    hot = (hot,) if isinstance(hot, str) else tuple(hot)
    for name, there in (("run(n)", "run" in found), ("DEFAULT_SIZE", "DEFAULT_SIZE" in found), ("HOT", bool(hot))):
        if not there:
            raise BenchError(f"{file}: no {name}; a benchmark program has run(n), DEFAULT_SIZE, QUICK_SIZE and HOT")
    size = found["DEFAULT_SIZE"]
    return Program(file.stem, found["doc"].partition("\n")[0], size, found.get("QUICK_SIZE", size), hot,
                   str(found.get("KNOWN_GAP") or ""), file.parent, file.resolve())


def programs_of(folder: Path, *, real: bool = False) -> list[Program]:
    """The programs of a suite, by name. Files without DEFAULT_SIZE are helpers, not programs."""
    return [from_file(file, real=real) for file in sorted(folder.glob("*.py"))
            if "DEFAULT_SIZE" in _literals(file)]


def micro_of(folder: Path) -> list[Program]:
    """The micro-benchmarks of a suite, in their table's order."""
    if not (folder / "micro").is_dir() and not (folder / "micro.py").is_file():
        raise BenchError(f"{folder}: this suite has no micro-benchmarks")
    sys.path.insert(0, str(folder))
    try:
        micro = importlib.import_module("micro")
        found = []
        for name in micro.names():
            each = micro.load(name)
            about = str(getattr(each, "__doc__", "") or getattr(each, "doc", "") or "").strip().partition("\n")[0]
            found.append(Program(name, about, each.DEFAULT_SIZE, getattr(each, "QUICK_SIZE", each.DEFAULT_SIZE),
                                 tuple(each.HOT), str(getattr(each, "KNOWN_GAP", "") or ""), folder, None))
        return found
    finally:
        sys.path.remove(str(folder))


def select(available: list[Program], wanted: Iterable[str], *, real: bool = False) -> list[Program]:
    """Those that the names, globs and file names mean, in the order of `available`; all of them for none.

    Raises: BenchError for a name that is not there, with those that are like it.
    """
    names = [program.name for program in available]
    chosen: dict[str, Program] = {}
    files = []
    for word in wanted:
        if word.endswith(".py") or os.sep in word:
            if not Path(word).is_file():
                raise BenchError(f"{word}: no such file")
            files.append(from_file(Path(word), real=real))
            continue
        matching = fnmatch.filter(names, word)
        if not matching:
            close = difflib.get_close_matches(word, names, 3, 0.5)
            hint = f"did you mean {' or '.join(close)}?" if close else "--list shows what there is"
            raise BenchError(f"unknown program {word!r}: {hint}")
        for program in available:
            if program.name in matching:
                chosen[program.name] = program
    picked = [program for program in available if program.name in chosen] + files
    return picked or list(available)
