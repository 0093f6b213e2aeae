"""File and function sizes: no file over 1,500 lines (800 is the aim), no function over 80."""

from __future__ import annotations

import ast
import re
from pathlib import Path

FILE_LIMIT, FILE_AIM, FUNCTION_LIMIT = 1500, 800, 80
# On the line of a function's head or the one above: why it may be longer.
_EXEMPT = re.compile(r"check: long function \(.+\)")

_NOISE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL)
_NOT_FUNCTION = re.compile(r"(?:^|[\s;])(namespace|class|struct|union|enum|extern)\b[^()]*$|=\s*$")
_FUNCTION_HEAD = re.compile(
    r"\)\s*(?:const|noexcept(?:\([^()]*\))?|override|final|mutable|&&?|->\s*[\w:<>,&*\s]+|requires\b[^{]*"
    r"|:\s*[\w:]+\s*[({].*)*\s*$", re.DOTALL)


def _blank(match: re.Match) -> str:
    return re.sub(r"[^\n]", " ", match.group())


def cpp_functions(text: str):
    """(first line, last line, head) of each outermost function body, by matching braces."""
    clean = _NOISE.sub(_blank, text)
    clean = re.sub(r"^[ \t]*#[^\n]*(?:\\\n[^\n]*)*", _blank, clean, flags=re.MULTILINE)
    stack: list[tuple[bool, int, str]] = []
    head_start = 0
    for match in re.finditer(r"[{};]", clean):
        position = match.start()
        if match.group() == "{":
            head = clean[head_start:position]
            inside = any(is_function for is_function, _, _ in stack)
            is_function = not inside and not _NOT_FUNCTION.search(head) and bool(_FUNCTION_HEAD.search(head))
            begin = clean.count("\n", 0, head_start + len(head) - len(head.lstrip())) + 1
            stack.append((is_function, begin, " ".join(head.split())[-70:]))
        elif match.group() == "}" and stack:
            is_function, begin, head = stack.pop()
            if is_function:
                yield begin, clean.count("\n", 0, position) + 1, head
        head_start = position + 1


def python_functions(text: str):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno or node.lineno, node.name


def check(root: Path, files: list[Path]) -> tuple[list[str], list[str]]:
    """(errors, remarks)."""
    errors, remarks = [], []
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        name = path.relative_to(root).as_posix()
        lines = text.splitlines()
        if len(lines) > FILE_LIMIT:
            errors.append(f"{name}: {len(lines)} lines, more than {FILE_LIMIT}")
        elif len(lines) > FILE_AIM:
            remarks.append(f"{name}: {len(lines)} lines, the aim is {FILE_AIM}")
        if path.suffix in (".cc", ".h", ".c"):
            functions = cpp_functions(text)
        elif path.suffix == ".py":
            functions = python_functions(text)
        else:
            continue
        for first, last, head in functions:
            length = last - first + 1
            if length > FUNCTION_LIMIT and not any(_EXEMPT.search(line) for line in lines[max(0, first - 3):first + 1]):
                errors.append(f"{name}:{first}: a function of {length} lines, more than {FUNCTION_LIMIT} ({head})")
    return errors, remarks
