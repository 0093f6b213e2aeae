"""Lines of prose in the pages: at most 120 characters, wrapped anew where one is longer (`./dev check --fix`).

Tables, headings, blocks of code and HTML stay as they are. What stands in backticks, and a link, is not broken.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

WIDTH = 120

_ITEM = re.compile(r" *(?:[-*+]|\d+[.)]) +")
_KEPT = re.compile(r" *(?:\||#|>|<|```|=+$|-+$)")  # tables, headings, quotations, HTML, fences, underlines
_WHOLE = re.compile(r"`[^`\n]+`|\[[^\]\n]*\]\([^)\n]*\)")
_STARTS = re.compile(r"(?:[-*+>|#=]|\d+[.)])(?: |$)")  # would mean something else at the beginning of a line
_HARD = "\x00"


def _glued(text: str) -> str:
    text = _WHOLE.sub(lambda found: found.group().replace(" ", _HARD), " ".join(text.split()))
    words: list[str] = []
    for word in text.split(" "):
        if words and _STARTS.match(word):
            words[-1] += _HARD + word
        else:
            words.append(word)
    return " ".join(words)


def _filled(lines: list[str]) -> list[str]:
    """One paragraph, or one item of a list with its mark."""
    mark = _ITEM.match(lines[0])
    first = mark.group() if mark else lines[0][:len(lines[0]) - len(lines[0].lstrip())]
    later = " " * len(first)
    if not mark and len(lines) > 1:
        later = lines[1][:len(lines[1]) - len(lines[1].lstrip())]
    text = _glued(" ".join([lines[0][len(first):], *lines[1:]]))
    filled = textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False)
    return [line.replace(_HARD, " ") for line in filled]


def paragraphs(text: str) -> list[tuple[bool, list[str]]]:
    """The lines of a page in order: (are they prose, lines), each paragraph and each item of a list on its own."""
    found: list[tuple[bool, list[str]]] = []
    fenced, blank = False, True
    items = False  # within a list, what is indented is its text
    for line in text.split("\n"):
        fence = line.lstrip().startswith("```")
        indented = line.startswith("    ")
        code = fenced or fence or (indented and not items and (blank or (bool(found) and not found[-1][0])))
        if not line.strip() or code or _KEPT.match(line):
            found.append((False, [line]))
        elif _ITEM.match(line) or not found or not found[-1][0]:
            found.append((True, [line]))
        else:
            found[-1][1].append(line)
        items = bool(_ITEM.match(line)) or items and (not line.strip() or line.startswith("  ") or not blank)
        fenced ^= fence
        blank = not line.strip()
    return found


def long_lines(text: str) -> list[int]:
    """The numbers of lines of prose that are too long and that wrapping would mend."""
    found, number = [], 1
    for prose, lines in paragraphs(text):
        if prose and any(len(line) > WIDTH for line in lines) and _filled(lines) != lines:
            found += [number + index for index, line in enumerate(lines) if len(line) > WIDTH]
        number += len(lines)
    return found


def check(root: Path, files: list[Path], fix: bool) -> list[str]:
    """Lines that are too long in the pages among `files`; with `fix` they are wrapped instead."""
    errors = []
    for page in (path for path in files if path.suffix == ".md"):
        text = page.read_text(encoding="utf-8")
        found = long_lines(text)
        if found and fix:
            page.write_text(wrapped(text), encoding="utf-8")
        elif found:
            errors.append(f"{page.relative_to(root)}: {len(found)} lines of more than {WIDTH} characters, the first is "
                          f"{found[0]} (./dev check --fix)")
    return errors


def wrapped(text: str) -> str:
    """The page with its too long paragraphs wrapped; the others keep their line ends."""
    return "\n".join(line for prose, lines in paragraphs(text)
                     for line in (_filled(lines) if prose and any(len(each) > WIDTH for each in lines) else lines))
