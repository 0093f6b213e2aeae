"""Calls of compiled functions from interpreted code, from C and from compiled code: every way of binding arguments.

Mode: force_compile of the callees (and of the caller, where that is compiled code). The same calls on an equal module that
stays interpreted give the same results, or the same exceptions with the same texts.
"""

import gc
import sys

import pytest

from tephra import jit

FUNCTIONS = """
class Kept(dict):
    pass
class Word(str):
    pass
def plain(a, b): return 'plain', a, b
def late(a, b=2, c=3): return 'late', a, b, c
def only(a, *, k, j=5): return 'only', a, k, j
def first(a, b=7, /, c=8): return 'first', a, b, c
def rest(a, *others): return 'rest', a, others
def words(a, **named): return 'words', a, sorted(named.items())
def same(a, /, **named): return 'same', a, sorted(named.items())
def everything(a, b=1, *others, k=2, **named): return 'everything', a, b, others, k, sorted(named.items())
def none(): return 'none'
def many(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q=17): return a, p, q
odd = everything.__class__(everything.__code__, globals(), 'odd', (9,))
odd.__kwdefaults__ = Kept({1: 2, 'k': 'kept'})
"""
NAMES = ("plain", "late", "only", "first", "rest", "words", "same", "everything", "none", "many", "odd")
CALLS = """
plain(1, 2) | plain(1) | plain(1, 2, 3) | plain(b=1, a=2) | plain(1, a=2) | plain(1, c=2) | plain(a=1) | plain(**{'a': 1, 'b': 2})
plain(**{''.join(['a', '']): 1, 'b': 2}) | plain(1, **{Word('b'): 3}) | plain(1, **{Word('x'): 3}) | plain(*(1, 2)) | plain(*[1], b=2)
late(1) | late(1, 5) | late(1, c=5) | late(c=1, a=2) | late() | late(1, 2, 3, 4) | late(1, b=None, c=None) | late(*(1, 2, 3))
only(1, k=2) | only(1) | only(1, 2) | only(a=1, k=2, j=3) | only(1, j=3) | only(1, k=2, x=3)
first(1) | first(1, c=2) | first(a=1) | first(1, b=2) | first(1, 2, 3) | first(1, 2, 3, 4)
rest(1) | rest(1, 2) | rest(1, 2, 3) | rest(a=1) | rest(1, a=2) | rest(*range(40)) | rest()
words(1) | words(1, x=2) | words(a=1, x=2, y=3) | words(1, a=2) | words(1, **{Word('x'): 2}) | words(1, **{''.join(['x', 'y']): 2})
words(1, **dict.fromkeys(map(str, range(40)))) | words(1, **{1: 2}) | words(1, 2)
same(1) | same(1, a=2) | same(a=1) | same(1, a=2, b=3)
everything(1) | everything(1, 2, 3, 4, k=5, z=6) | everything(k=1, a=2) | everything(1, b=2, a=3) | everything(z=1) | everything(*(1, 2), **{'a': 3})
none() | none(1) | none(x=1) | none(*()) | none(**{})
many(*range(16)) | many(*range(17)) | many(*range(16), q=0) | many(*range(15), p=3)
odd(1) | odd(1, k=2) | odd() | odd(1, 2, 3, z=4)
"""
CALLS = [call.strip() for line in CALLS.split("\n") for call in line.split("|") if call.strip()]


def outcome(function):
    try:
        return function()
    except TypeError as error:
        return f"TypeError: {error}"


@pytest.fixture(scope="module")
def modules():
    plain, compiled = {"__name__": "case"}, {"__name__": "case"}
    for namespace in (plain, compiled):
        exec(FUNCTIONS, namespace)
    for name in NAMES:
        assert jit.force_compile(compiled[name]), name
    yield plain, compiled
    assert all(jit.is_jit_compiled(compiled[name]) for name in NAMES)


@pytest.mark.parametrize("call", CALLS)
def test_from_interpreted_code(modules, call):
    """In a loop, so that the interpreter specialises the call."""
    results = []
    for namespace in modules:
        exec(f"def caller():\n    return {call}\n", namespace)
        assert not jit.is_jit_compiled(namespace["caller"])
        results.append([outcome(namespace["caller"]) for _ in range(30)])
    assert results[0] == results[1]


@pytest.mark.parametrize("call", CALLS)
def test_from_compiled_code(modules, call):
    results = []
    for namespace in modules:
        exec(f"def caller():\n    return {call}\n", namespace)
        if namespace is modules[1]:
            assert jit.force_compile(namespace["caller"])
        results.append([outcome(namespace["caller"]) for _ in range(3)])
    assert results[0] == results[1]


@pytest.mark.parametrize("name, arguments", [("late", (1,)), ("rest", (1, 2, 3)), ("everything", (1, 2, 3)), ("plain", (1,))])
def test_from_c(modules, name, arguments):
    results = [outcome(lambda: list(map(namespace[name], *[[each] for each in arguments]))) for namespace in modules]
    assert results[0] == results[1]


@pytest.mark.parametrize("call", ["plain(o, o)", "late(o)", "late(a=o)", "rest(o, o, o)", "words(o, x=o)", "everything(o, o, o, k=o, z=o)",
                                  "plain(o)", "words(o, o)", "only(o, k=o)", "only(o)"])
def test_no_reference_is_lost_or_kept(modules, call):
    o = object()
    for namespace in modules:
        namespace["o"] = o
        exec(f"def caller():\n    return {call}\n", namespace)
        outcome(namespace["caller"])
        gc.collect()
        before = sys.getrefcount(o)
        for _ in range(50):
            outcome(namespace["caller"])
        gc.collect()
        assert sys.getrefcount(o) == before
        del namespace["o"]
