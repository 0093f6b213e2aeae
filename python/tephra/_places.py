"""What FILE.py:NAME and MODULE:NAME mean on the command line."""

from __future__ import annotations

import os
import sys

from tephra import _config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FunctionType
    from typing import Any


class NotFound(Exception):
    """Why a place names nothing; the text is one line."""


def find_function(place: str) -> FunctionType:
    """The function that FILE.py:NAME or MODULE:NAME means; loads the file or module.

    Raises: NotFound.
    """
    source, _, name = place.rpartition(":")
    if not source or not name:
        raise NotFound(f"bad place {place!r}; expected FILE.py:NAME or MODULE:NAME")
    found: Any = load(source)
    trail = name.split(".")
    for i, part in enumerate(trail):
        if part == "<locals>":
            return _inner(found, trail[i + 1:], place)
        inside = vars(found).get(part) if isinstance(found, type) else None
        inside = inside if inside is not None else getattr(found, part, None)
        if isinstance(inside, (staticmethod, classmethod)):
            inside = inside.__func__
        if isinstance(inside, property):
            inside = inside.fget
        if inside is None:
            owner = ".".join(trail[:i]) or source
            near = _config.closest(part, [each for each in dir(found) if not each.startswith("__")])
            raise NotFound(f"{owner} has no {part!r}{near}")
        found = inside
    found = _python_function(found)
    if found is None:
        raise NotFound(f"{place} is no Python function")
    return found


def _python_function(found: Any) -> FunctionType | None:
    from types import FunctionType

    for each in (found, getattr(found, "__func__", None), getattr(found, "__wrapped__", None)):
        if isinstance(each, FunctionType):
            return each
    return None


def load(source: str) -> Any:
    """The module that a file or a module's name means, loaded but not as __main__.

    Raises: NotFound.
    """
    import importlib
    import importlib.util

    try:
        if not source.endswith(".py") and os.sep not in source:
            return importlib.import_module(source)
        name = os.path.splitext(os.path.basename(source))[0]
        spec = importlib.util.spec_from_file_location(name, source)
        if spec is None or spec.loader is None or not os.path.isfile(source):
            raise NotFound(f"no such file: {source}")
        sys.path.insert(0, os.path.dirname(os.path.realpath(source)))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    except NotFound:
        raise
    except (Exception, SystemExit) as error:
        raise NotFound(f"{source} does not load: {type(error).__name__}: {error}") from None
    return module


def _inner(outer: Any, trail: list[str], place: str) -> FunctionType:
    """A function within a function: from its code object, with empty cells for its free variables."""
    from types import CellType, CodeType, FunctionType

    function = _python_function(outer)
    code = function.__code__ if function else None
    for part in (each for each in trail if each != "<locals>"):
        found = [each for each in (code.co_consts if code else ())
                 if isinstance(each, CodeType) and each.co_name == part]
        if not found:
            raise NotFound(f"{place}: there is no {part!r} within the function")
        code = found[0]
    assert code is not None and function is not None
    cells = tuple(CellType() for _ in code.co_freevars)
    return FunctionType(code, function.__globals__, code.co_name, None, cells)
