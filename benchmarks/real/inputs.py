"""Inputs that are the same in every process: prose, sources of the pinned packages in pieces, trees of records."""

import ast
import importlib.util
import pathlib
import random

_SYLLABLES = ("ba", "de", "fi", "go", "ku", "la", "me", "ni", "or", "pa", "re", "si", "to", "un", "va", "wy", "za")


def words(rng, count):
    """`count` made-up words."""
    return ["".join(rng.choices(_SYLLABLES, k=rng.randint(1, 4))) for _ in range(count)]


def sentence(rng):
    """A sentence of made-up words."""
    return " ".join(words(rng, rng.randint(5, 14))).capitalize() + "."


def paragraph(rng, sentences=4):
    """Some sentences."""
    return " ".join(sentence(rng) for _ in range(sentences))


def folder(package):
    """Where an installed package is."""
    spec = importlib.util.find_spec(package)
    return pathlib.Path(next(iter(spec.submodule_search_locations)))


def sources(package):
    """The texts of a package's modules, in order of name."""
    for path in sorted(folder(package).rglob("*.py")):
        yield path.read_text(encoding="utf-8")


def definitions(package, least=15, most=60, count=60):
    """The texts of the package's first `count` top-level functions and classes of `least` to `most` lines."""
    found = []
    for text in sources(package):
        if len(found) >= count:
            break
        lines = text.splitlines(keepends=True)
        for node in ast.parse(text).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and least <= node.end_lineno - node.lineno < most:
                begin = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                found.append("".join(lines[begin - 1:node.end_lineno]))
    return found[:count]


def record(rng, depth=2):
    """A dict of numbers, texts, lists and further dicts, as services send them."""
    found = {"id": rng.randrange(1 << 40), "name": " ".join(words(rng, 2)), "active": rng.random() < 0.5,
             "score": round(rng.random() * 100, 3), "tags": words(rng, 5), "parent": None}
    if depth:
        found["children"] = [record(rng, depth - 1) for _ in range(4)]
        found["properties"] = {word: rng.randrange(1000) for word in words(rng, 6)}
    return found


def generator(number):
    """A random generator for one step."""
    return random.Random(number * 7919 + 17)
