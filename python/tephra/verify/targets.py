"""What is to be run: CPython's own test modules, pytest targets, scripts."""

from __future__ import annotations

import difflib
import functools
import json
import os
import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tephra.verify.records import Problem

_LIST_MODULES = """
import json
from test.libregrtest.findtests import findtests, split_test_packages
print(json.dumps(split_test_packages(findtests())))
"""
RENAMED = {"test_str": "test_unicode"}  # its name before 3.13


@dataclass(frozen=True)
class Target:
    """One thing to run in a process of its own.

    Attributes: kind (cpython, pytest or script), what (module, pytest target or path; "" is all that cpython or
        pytest find by themselves), args (of a script), without (modules of CPython's suite that it leaves out).
    """

    kind: str
    what: str
    args: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As it is written on the command line."""
        if not self.what:
            return self.kind
        return f"{self.kind}:{shlex.join((self.what, *self.args)) if self.args else self.what}"


@dataclass(frozen=True)
class Selection:
    """How the words of the command line become targets.

    Attributes: python (the interpreter), whole (one process per word, not per file), pytest (options and arguments
        for pytest), leave_out (files and folders that are no targets; pytest does not look into them either).
    """

    python: str
    whole: bool = False
    pytest: tuple[str, ...] = ()
    leave_out: tuple[Path, ...] = ()

    def leaves_out(self, path: str) -> bool:
        """Whether a file is, or lies in, one of those that are left out."""
        full = Path(path.split("::")[0]).resolve()
        return any(full.is_relative_to(each.resolve()) for each in self.leave_out)


def plain_environment() -> dict[str, str]:
    """Our variables without those that only say that a pytest, or the JIT, runs around us. pytest's own settings
    (PYTEST_ADDOPTS, PYTEST_PLUGINS, ...) are the user's: they stay."""
    own = ("TEPHRA", "PYTHON_JIT", "PYTEST_CURRENT_TEST", "PYTEST_VERSION", "PYTEST_XDIST_")
    return {key: text for key, text in os.environ.items() if not key.startswith(own)}


@functools.cache
def cpython_modules(python: str) -> list[str]:
    """All test modules of that interpreter's own suite, packages that regrtest splits taken apart.

    Raises: Problem when it has no test suite.
    """
    done = subprocess.run([python, "-c", _LIST_MODULES], capture_output=True, text=True, check=False,
                          env=plain_environment(), cwd="/")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Problem(f"cpython: {python} has no test suite (package `test`): {last}")
    return [name.removeprefix("test.") for name in json.loads(done.stdout)]


def _cpython(name: str, modules: list[str], whole: bool) -> list[Target]:
    name = name.removeprefix("test.")
    for each in (name, RENAMED.get(name)):
        found = [module for module in modules if each and (module == each or module.startswith(each + "."))]
        if each and found:
            return [Target("cpython", module) for module in ([each] if whole else found)]
    near = difflib.get_close_matches(name, modules, 1)
    raise Problem(f"cpython:{name}: this interpreter's suite has no such module"
                  + (f" (did you mean cpython:{near[0]}?)" if near else ""))


def pytest_files(what: str, selection: Selection) -> list[str]:
    """The paths of the files that pytest would collect in a folder ("": where its configuration says).

    Raises: Problem where it cannot start.
    """
    with tempfile.TemporaryDirectory(prefix="tv-") as scratch:
        found = Path(scratch, "files")
        command = [selection.python, "-m", "pytest", "-q", "-o", f"cache_dir={scratch}/cache", "-p",
                   "tephra.pytest_plugin", f"--tephra-files={found}",
                   *(f"--ignore={each}" for each in selection.leave_out), *selection.pytest, *([what] if what else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                              env=plain_environment() | {"TEPHRA": "0"})
        if not found.exists() or done.returncode not in (0, 1, 5):  # 1: a plugin that judges the session as a whole
            lines = [line.strip() for line in (done.stderr + "\n" + done.stdout).splitlines() if line.strip()]
            said = next((line for line in lines if "rror" in line), (lines or ["no message"])[-1])
            raise Problem(f"{what or 'pytest'}: pytest finds no files: {said}")
        return found.read_text().splitlines()


def _pytest(what: str, selection: Selection) -> list[Target]:
    path = Path(what.split("::")[0])
    installed = "--pyargs" in selection.pytest
    if what and not installed and not path.exists():
        raise Problem(f"{what}: no such file or folder: {path}")
    if selection.whole or "::" in what or what and not installed and not path.is_dir():
        return [Target("pytest", what)]
    files = pytest_files(what, selection)
    if what and path.is_dir():  # pytest looks into the folders above a package, too
        files = [file for file in files if Path(file).is_relative_to(os.path.abspath(path))]
    if not files:
        raise Problem(f"{what or 'pytest'}: pytest finds no file with tests in that folder")
    if not path.is_absolute() and not (installed and not path.exists()):  # written as the word was
        files = [os.path.relpath(file) for file in files]
    return [Target("pytest", file) for file in files]


def _script(text: str) -> list[Target]:
    words = shlex.split(text)
    if not words or not Path(words[0]).is_file():
        raise Problem(f"script:{text}: no such file: {words[0] if words else '(nothing given)'}")
    return [Target("script", words[0], tuple(words[1:]))]


def parse(words: list[str], selection: Selection, without: list[str]) -> list[Target]:
    """The targets that the words of the command line mean, each once, in that order.

    A word is cpython, cpython:MODULE, pytest, pytest:TARGET, "script:PATH ARGS", or a path: a folder or a file that
    is named like a test goes to pytest, any other file is a script. `without`: words of the same kind, not paths,
    for what is left out.

    Raises: Problem, one line, for a word that means nothing.
    """
    excluded = {each for word in without for whole in (False, True)
                for each in _one(word, Selection(selection.python, whole))}
    found = []
    for word in words:
        for target in _one(word, selection):
            if target in excluded or target.kind != "cpython" and target.what and selection.leaves_out(target.what):
                continue
            inside = tuple(sorted(each.what for each in excluded if target.kind == each.kind == "cpython"
                                  and (not target.what or each.what.startswith(target.what + "."))))
            found.append(Target(target.kind, target.what, target.args, inside if selection.whole else ()))
    return list(dict.fromkeys(found))


@functools.cache
def _one(word: str, selection: Selection) -> list[Target]:
    """What one word means."""
    kind, colon, rest = word.partition(":")
    if kind == "cpython":
        modules = cpython_modules(selection.python)
        if colon:
            return _cpython(rest, modules, selection.whole)
        return [Target("cpython", module) for module in ([""] if selection.whole else modules)]
    if kind == "pytest" and (colon or not Path(word).exists()):
        return _pytest(rest, selection)
    if kind == "script" and colon:
        return _script(rest)
    path = Path(word.split("::")[0])
    if not path.exists():
        raise Problem(f"unknown target {word!r}: neither a path nor cpython[:MODULE], pytest[:TARGET], script:PATH")
    is_test = path.is_dir() or "::" in word or path.stem.startswith("test_") or path.stem.endswith("_test")
    return _pytest(word, selection) if is_test else _script(shlex.quote(word))
