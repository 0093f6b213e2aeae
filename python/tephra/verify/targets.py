"""What is to be run: CPython's own test modules, pytest targets, scripts."""

from __future__ import annotations

import difflib
import json
import os
import shlex
import subprocess
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

    Attributes: kind (cpython, pytest or script), what (module, pytest target or path), args (of a script).
    """

    kind: str
    what: str
    args: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As it is written on the command line."""
        return f"{self.kind}:{shlex.join((self.what, *self.args)) if self.args else self.what}"


def cpython_modules(python: str) -> list[str]:
    """All test modules of that interpreter's own suite, packages that regrtest splits taken apart.

    Raises: Problem when it has no test suite.
    """
    env = {key: text for key, text in os.environ.items() if not key.startswith("TEPHRA")}
    done = subprocess.run([python, "-c", _LIST_MODULES], capture_output=True, text=True, check=False, env=env,
                          cwd="/")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Problem(f"cpython: {python} has no test suite (package `test`): {last}")
    return [name.removeprefix("test.") for name in json.loads(done.stdout)]


def _cpython(name: str, modules: list[str]) -> list[Target]:
    name = name.removeprefix("test.")
    for each in (name, RENAMED.get(name)):
        found = [module for module in modules if each and (module == each or module.startswith(each + "."))]
        if found:
            return [Target("cpython", module) for module in found]
    near = difflib.get_close_matches(name, modules, 1)
    raise Problem(f"cpython:{name}: this interpreter's suite has no such module"
                  + (f" (did you mean cpython:{near[0]}?)" if near else ""))


def _pytest(what: str) -> list[Target]:
    path = Path(what.split("::")[0])
    if not path.exists():
        raise Problem(f"{what}: no such file or folder: {path}")
    if not path.is_dir():
        return [Target("pytest", what)]
    files = sorted({*path.rglob("test_*.py"), *path.rglob("*_test.py")})
    if not files:
        raise Problem(f"{what}: no test_*.py or *_test.py in that folder")
    return [Target("pytest", str(file)) for file in files]


def _script(text: str) -> list[Target]:
    words = shlex.split(text)
    if not words or not Path(words[0]).is_file():
        raise Problem(f"script:{text}: no such file: {words[0] if words else '(nothing given)'}")
    return [Target("script", words[0], tuple(words[1:]))]


def parse(words: list[str], python: str) -> list[Target]:
    """The targets that the words of the command line mean, each once, in that order.

    A word is cpython, cpython:MODULE, pytest:TARGET, "script:PATH ARGS", or a path: a folder or a file that is
    named like a test goes to pytest, any other file is a script.

    Raises: Problem, one line, for a word that means nothing.
    """
    found: list[Target] = []
    modules: list[str] = []
    for word in words:
        kind, colon, rest = word.partition(":")
        if kind == "cpython":
            modules = modules or cpython_modules(python)
            found += _cpython(rest, modules) if colon else [Target("cpython", module) for module in modules]
        elif kind == "pytest" and colon:
            found += _pytest(rest)
        elif kind == "script" and colon:
            found += _script(rest)
        else:
            path = Path(word.split("::")[0])
            if not path.exists():
                raise Problem(f"unknown target {word!r}: neither a path nor cpython[:MODULE], pytest:TARGET, "
                              "script:PATH")
            is_test = path.is_dir() or "::" in word or path.stem.startswith("test_") or path.stem.endswith("_test")
            found += _pytest(word) if is_test else _script(shlex.quote(word))
    return list(dict.fromkeys(found))
