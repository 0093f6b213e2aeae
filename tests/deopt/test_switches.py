"""Every optimisation can be switched off: the IR changes, what programs do does not."""

import os
import sys

import pytest
from support import compile_all, differential, load

from tephra import _tephra

sys.path.insert(0, os.path.dirname(__file__))
from test_every_guard import CORPUS  # noqa: E402

# option -> (a function that uses the optimisation, arguments of its warm-up)
USES = {
    "feedback": ("def f(a, b): return a + b", (1, 2)),
    "arithmetic": ("def f(a, b): return a * b + a", (1, 2)),
    "attributes": ("""
        class A:
            def __init__(self): self.x = 1
        def f(o): return o.x
    """, "A"),
    "watch-entries": ("limit = 5\ndef f(a): return a + limit", (1,)),
    "globals": ("limit = 5\ndef f(a): return a + limit", (1,)),
    "methods": ("""
        class A:
            def m(self): return 1
        def f(o): return o.m()
    """, "A"),
    "direct-calls": ("""
        def g(x): return x
        def f(a): return g(a)
    """, (1,)),
    "builtin-calls": ("def f(a): return abs(a)", (1,)),
    "subscripts": ("def f(a): return a[0]", ([1, 2],)),
    "iteration": ("""
        def f(a):
            for x in a: print(x, end='')
    """, ([1],)),
    "unpacking": ("""
        def f(a):
            x, y = a
            return y
    """, ((1, 2),)),
    "wide-ints": ("def f(a, b): return a + b", (1, 2)),
    "guess-ints": ("def f(a): return a >> 1", (1,)),
    "reuse-boxes": ("""
        def f(n):
            x = 1000
            for i in range(n): x = x * 3 - i
            return x
    """, (5,)),
    # The frontend makes no phi with one input from today's bytecode; tests/passes/phi_elimination shows the pass.
    "pass-phi-elimination": None,
    "shapes": None,  # run/test_shapes.py
    "drop-frame-objects": None,  # run/test_observers.py
    "pass-simplify": ("""
        def f(a):
            y = 1
            return y + 1 + a
    """, (1,)),
    "pass-guard-removal": ("""
        class A:
            def __init__(self): self.x = 1
        def f(a): return a.x * a.x + a.x
    """, "A"),
    "pass-comparison-fusion": ("""
        def f(x):
            y = x is None
            if y is True: return 1
            return 2
    """, (1,)),
    "pass-unbox-phis": ("""
        def f(n):
            x = 0.0
            for i in range(n): x = x * 0.5 + 1.0
            return x
    """, (5,)),
    "loop-constants": ("""
        def f(n):
            total = 0
            for i in range(n): total = (total ^ 0x12345) + i
            return total
    """, (5,)),
    "shared-constants": ("""
        def f(a, b): return a * b + a
    """, (5, 6)),
    "observe-releases": ("""
        def f(a):
            a = None
            return 1
    """, ([],)),
    "pass-number-stores": ("""
        def f(p):
            p[0] = p[0] * 0.5 + 1.5
    """, ([1.5],)),
    "pass-unboxed-states": ("""
        def f(n):
            x = 1.0
            for i in range(n): x = (x * 0.5 + i) / (i + 1)
            return x
    """, (5,)),
    "pass-dce": ("""
        def f(n):
            x = 0.0
            for i in range(n): x = x + 1.5
            return n
    """, (5,)),
}
OPTIMISATIONS = [row[0] for row in _tephra.options()
                 if row[1] == "bool" and not row[0].startswith("stress-") and row[0] not in (
                     "enable", "verify", "summary", "unwind-tables", "debugger", "perf-map", "count-blocks")]


@pytest.fixture
def off():
    changed = []

    def switch(name):
        assert _tephra.set_option(name, "0") is None
        changed.append(name)
    yield switch
    for name in changed:
        _tephra.set_option(name, "1")


def test_every_switch_has_a_user():
    assert set(OPTIMISATIONS) == set(USES)


@pytest.mark.parametrize("option", OPTIMISATIONS)
def test_switching_off_changes_the_ir(option, off):
    if USES[option] is None:
        pytest.skip("golden files, or tests of its own, only")
    source, args = USES[option]
    namespace, function = load(source)
    if isinstance(args, str):
        args = (namespace[args](),)
    for _ in range(40):
        function(*args)
    compile_all(namespace, [function])
    def code():
        if option in ("loop-constants", "shared-constants"):  # of one architecture only
            return repr(_tephra.measure(function, "aarch64")["segments"])
        return _tephra.dump(function, "lir" if option in ("reuse-boxes", "wide-ints") else "hir")

    with_it = code()
    off(option)
    without = code()
    assert with_it != without, with_it


@pytest.mark.parametrize("option", OPTIMISATIONS)
def test_corpus_without(option, off):
    off(option)
    for name, (source, calls) in CORPUS.items():
        try:
            differential(source, calls, warm_rounds=4, modes=("warm",))
        except AssertionError as error:
            raise AssertionError(f"{name} without {option}: {error}") from error


def test_corpus_without_anything(off):
    for option in OPTIMISATIONS:
        off(option)
    for name, (source, calls) in CORPUS.items():
        try:
            differential(source, calls, warm_rounds=2)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
