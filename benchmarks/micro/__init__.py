"""Micro-benchmarks: one per language feature, generated from the tables beside this file.

    names()       the names, in the tables' order
    load(name)    a module with the attributes of a benchmark program (see harness.py), and GROUP
    source(name)  its text

Each has a function `work()`, which uses the feature in a loop of some 1,000 rounds, and a `run(n)` that calls
it n times, so that it is compiled without on-stack replacement. `python benchmarks/micro NAME [n]` runs one like a
program.
"""

import difflib
import linecache
import types

from . import arithmetic, calls, containers, control, objects
from .row import source_of

_ROWS = {row.name: row for table in (arithmetic, containers, objects, calls, control) for row in table.ROWS}


def names():
    """Names of all micro-benchmarks."""
    return list(_ROWS)


def source(name):
    """The program text of a micro-benchmark.

    Raises: KeyError, with the nearest names, if there is none of this name.
    """
    if name not in _ROWS:
        near = difflib.get_close_matches(name, _ROWS, 3, 0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else "names() lists them"
        raise KeyError(f"no micro-benchmark {name!r}: {hint}")
    return source_of(_ROWS[name])


def load(name):
    """A fresh module with DEFAULT_SIZE, QUICK_SIZE, HOT, EXPECTED, run and perhaps KNOWN_GAP.

    Raises: KeyError, with the nearest names, if there is none of this name.
    """
    text = source(name)
    module = types.ModuleType(f"micro_{name}")
    module.__file__ = f"<micro {name}>"
    module.SOURCE = text
    linecache.cache[module.__file__] = (len(text), None, text.splitlines(True), module.__file__)
    exec(compile(text, module.__file__, "exec"), vars(module))
    return module
