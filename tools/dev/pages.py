"""Do the pages (docs/, README.md, ...) name files and commands that exist?

Looked at is code, in backticks and in blocks. In backticks: paths that begin with a folder of the checkout or of src/ and names
of files with one of this project's endings, unless they are generated or stand for many (v3_XX, NAME); in both: calls of ./dev.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_SPAN = re.compile(r"`([^`\n]+)`")
_BLOCK = re.compile(r"^ *```.*?^ *```|^    \S[^\n]*$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"\.?[\w*-][\w.*-]*(?:/[\w.*{},-]+)+/?")
_FILE = re.compile(r"[a-z_][a-z0-9_*]*\.(?:cc|h|tbl|cmake|toml|yml)")
_ANY = re.compile(r"(?<![A-Za-z])[A-Z]{2,}(?![a-z])|\.gen\.")
_BRACES = re.compile(r"\{([^{}]*)\}")
_DEV = re.compile(r"\./dev ([a-z][a-z-]*)([^\n;|&()#]*)")
_PASSING = {"bench", "coverage-of", "run", "shell"}  # what follows may be somebody else's option


def files_of(root: Path, listed: list[Path]) -> tuple[set[str], set[str]]:
    """Files and folders of the checkout, relative to it."""
    files = {path.relative_to(root).as_posix() for path in listed}
    folders = {str(folder) for name in files for folder in PurePosixPath(name).parents}
    return files, folders


def _expanded(path: str) -> list[str]:
    """`a/b.{h,cc}` as two."""
    found = _BRACES.search(path)
    if not found:
        return [path]
    return [each for word in found.group(1).split(",") for each in _expanded(path[:found.start()] + word + path[found.end():])]


class Tree:
    """What a path on a page may mean."""

    def __init__(self, root: Path, listed: list[Path]) -> None:
        self._root = root
        files, folders = files_of(root, listed)
        self._known = files | folders
        self._stems = {name.rpartition(".")[0] for name in files}
        self._names = {name.rpartition("/")[2] for name in files}
        self._roots = ("", "src/", "python/", "tests/")
        self._first = {name.removeprefix(start).partition("/")[0] for name in files for start in ("", "src/")
                       if name.startswith(start) and "/" in name.removeprefix(start)}

    def lacks(self, word: str) -> bool:
        """Is this the path of a file of ours, and there is none?"""
        if _ANY.search(word):
            return False
        if _PATH.fullmatch(word) and word.partition("/")[0] in self._first:
            return not all(map(self._exists, _expanded(word.rstrip("/"))))
        if _FILE.fullmatch(word):
            return not any(PurePosixPath(name).match(word) for name in self._names)
        return False

    def _exists(self, path: str) -> bool:
        for start in self._roots:
            if start + path in self._known or start + path in self._stems:  # `driver/heat` is heat.h and heat.cc
                return True
            if "*" in path and next(self._root.glob(start + path), None):
                return True
        return False


def _code(text: str, *, blocks: bool) -> Iterator[tuple[int, str]]:
    """(line, code) of each span in backticks, or of each line of a block."""
    if blocks:
        for block in _BLOCK.finditer(text):
            first = text.count("\n", 0, block.start()) + 1
            yield from enumerate(block.group().splitlines(), first)
        return
    text = _BLOCK.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)
    for found in _SPAN.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, found.group(1)


def _commands(parser: argparse.ArgumentParser) -> dict[str, set[str]]:
    """Each command of ./dev with its options."""
    action = next(each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    return {name: set(sub._option_string_actions) for name, sub in action.choices.items()}


def wrong_commands(code: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """What is wrong with the calls of ./dev in some code."""
    commands = _commands(parser)
    for name, rest in _DEV.findall(code):
        if name not in commands:
            yield f"./dev has no command {name}"
            continue
        options = {word.split("=")[0].rstrip(".,:]") for word in rest.replace("[", " ").split() if word.startswith("--") and word != "--"}
        if name not in _PASSING and (unknown := options - commands[name]):
            yield f"./dev {name} has no option {', '.join(sorted(unknown))}"


def check(root: Path, listed: list[Path], parser: argparse.ArgumentParser) -> list[str]:
    """What the pages among the files `listed` name and is not there."""
    tree, errors = Tree(root, listed), []
    for page in (path for path in listed if path.suffix == ".md" and path.name != "CHANGELOG.md"):
        text, name = page.read_text(encoding="utf-8"), page.relative_to(root).as_posix()
        spans, blocks = list(_code(text, blocks=False)), list(_code(text, blocks=True))
        wrong = [(line, f"there is no {word}") for line, code in spans for word in code.split() if tree.lacks(word.rstrip(".,:;"))]
        wrong += [(line, what) for line, code in [*spans, *blocks] for what in wrong_commands(code, parser)]
        errors += [f"{name}:{line}: {what}" for line, what in sorted(wrong)]
    return errors
