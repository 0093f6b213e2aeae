"""Ints of one, two and more digits in unboxed arithmetic, and what is guessed to be one."""

import enum
import fractions
import sys

import pytest
from support import compile_all, differential, load

from tephra import _tephra, jit

NEAR = [0, 1, 7, -1, -7, 255, 257, -6]
EDGES = sorted({sign * ((1 << bits) + off) for bits in (29, 30, 31, 32, 53, 59, 60, 61, 62, 63, 64, 90)
                for off in (-1, 0, 1) for sign in (1, -1)} | set(NEAR))
SMALL = [(3, 4), (1000, 7)]


def pairs():
    others = [1, -1, 3, (1 << 31) + 5, -(1 << 45) - 3, (1 << 60) - 1, 1 << 60]
    return [(a, b) for a in EDGES for b in others] + [(b, a) for a in EDGES[::3] for b in others]


@pytest.mark.parametrize("op", ["+", "-", "*", "&", "|", "^", "//", "%"])
def test_operators(op):
    differential(f"def f(a, b): return a {op} b, (a {op} 3), a + 0 {op} b + 0", pairs(), warm=SMALL)


@pytest.mark.parametrize("op", ["<", "<=", "==", "!=", ">", ">="])
def test_comparisons(op):
    differential(f"def f(a, b): return a {op} b, 1 if a {op} b else 2, a + 0 {op} 1 << 40", pairs(), warm=SMALL)


def test_shifts():
    counts = [0, 1, 2, 29, 30, 31, 32, 33, 62, 63, 64, 65, 100, -1]
    differential("def f(a, n): return a << n", [(a, n) for a in EDGES for n in counts], warm=[(1, 2)])
    differential("def f(a, n): return a >> n", [(a, n) for a in EDGES for n in counts], warm=[(1, 2)])


def test_constants_of_every_size():
    constants = ", ".join(f"a + {c}, a & {c}, a ^ {c}, a < {c}" for c in EDGES)
    differential(f"def f(a): return {constants}", [(a,) for a in EDGES], warm=[(3,), (4,)])


def test_unary_and_truth():
    differential("def f(a): b = a + 0; return -b, ~b, not b, 1 if b else 2", [(a,) for a in EDGES], warm=[(3,)])


def test_true_division():
    numbers = [a for a in EDGES if abs(a) < 1 << 64]
    differential("def f(a, b): a = a + 0; b = b + 0; return a / b",
                 [(a, b) for a in numbers for b in (1, -1, 3, 7, 1 << 53, (1 << 53) + 1, -(1 << 60) + 1, 0)],
                 warm=SMALL)


def test_floats_compared_with_ints_are_not_rounded():
    numbers = [(1 << 53) - 1, 1 << 53, (1 << 53) + 1, -(1 << 53) - 1, (1 << 62) + 1, (1 << 63) - 1, 3]
    floats = [float(a) for a in numbers] + [0.5, float("inf"), float("-inf"), float("nan")]
    differential("""
        def f(a, x):
            b = a + 0
            y = x * 1.0
            return b == y, b != y, b < y, b <= y, b > y, b >= y, y == b, y < b, b + y, b * y, y - b
        """, [(a, x) for a in numbers for x in floats], warm=[(3, 0.5), (4, 1.5)])


def test_sums_in_loops():
    differential("""
        def f(n, start, factor):
            t = start
            for i in range(n):
                t = (t * factor + 1013904223 + i) & 0xFFFFFFFF
                t ^= t >> 7 | (t << 25) & 0xFFFFFFFF
            return t
        """, [(50, 1, 1664525), (50, 0xFFFFFFFF, 1), (50, 5, 1 << 40), (50, 1 << 70, 3)])


def test_words_stay_compiled():
    """32-bit numbers take no exit: no deoptimisation, no recompilation."""
    namespace, function = load("""
        def f(n):
            t = 0xDEADBEEF
            for i in range(n):
                t = (t * 1664525 + 1013904223) & 0xFFFFFFFF
                t = (t >> 7 | t << 25) & 0xFFFFFFFF
            return t
        """)
    expected = function(200)
    for _ in range(40):
        function(20)
    compile_all(namespace, [function])
    _tephra.clear_runtime_stats()
    assert function(200) == expected
    assert [row for row in _tephra.runtime_stats() if row["function"] == "f"] == []


def test_three_digits_leave_the_code():
    namespace, function = load("def f(a, b): return a + b")
    for _ in range(40):
        function(1, 2)
    compile_all(namespace, [function])
    _tephra.clear_runtime_stats()
    assert function((1 << 60) - 1, 1) == 1 << 60
    assert [row["reason"] for row in _tephra.runtime_stats() if row["function"] == "f"] == []
    assert function(1 << 60, 1) == (1 << 60) + 1
    assert [row["reason"] for row in _tephra.runtime_stats() if row["function"] == "f"] == ["IntTooLarge"]


class Flag(enum.IntFlag):
    A = 1
    B = 2


class Own(int):
    def __lshift__(self, other):
        return "shifted"

    def __rand__(self, other):
        return "and"

    def __rmod__(self, other):
        return "mod"


# Operators that are guessed to be of ints, with operands that are none.
GUESSES = {
    "a << b": [(1, 2), (Own(1), 2), (True, 3), (1.5, 2), (Flag.A, 1)],
    "a >> b": [(8, 2), (True, 0), ("x", 1), (Flag.B, 1)],
    "a & 6": [(7, 0), (Own(7), 0), (True, 0), (Flag.B, 0), ({1}, 0), (2.0, 0)],
    "6 & a": [(7, 0), (Own(7), 0), (True, 0), (None, 0)],
    "a | 1": [(7, 0), (True, 0), ({1: 2}, 0), (Flag.B, 0)],
    "a ^ 1": [(7, 0), (False, 0), (frozenset(), 0)],
    "a % 5": [(7, 0), ("%s!", 0), (7.5, 0), (fractions.Fraction(15, 2), 0), (b"%d", 0)],
    "5 % a": [(3, 0), (0, 0), (-3, 0), (Own(3), 0), (2.5, 0)],
    "a // 2": [(7, 0), (-7, 0), (7.5, 0), (fractions.Fraction(15, 2), 0), ("x", 0)],
    "(a << 1 | 1) & b": [(7, 0xFF), (7, True), (7, Flag.A), (7, 1.0)],
}


@pytest.mark.parametrize("expression", GUESSES)
def test_wrong_guesses(expression):
    calls = GUESSES[expression]
    differential(f"def f(a, b): return {expression}", calls)
    for first in calls[1:]:  # whatever was seen in the warm-up
        try:
            eval(expression, {"a": first[0], "b": first[1]})
        except (TypeError, ZeroDivisionError):
            continue
        differential(f"def f(a, b): return {expression}", calls, warm=[first])


def test_guesses_are_made():
    namespace, function = load("def f(a): return (a >> 3 | a << 4) & 0xFFFF")
    assert jit.force_compile(function)
    hir = _tephra.dump(function, "hir")
    assert "IntShr" in hir and "IntShl" in hir and "IntAnd" in hir and "BinaryOp" not in hir
    assert function(0x12345) == (0x12345 >> 3 | 0x12345 << 4) & 0xFFFF


def test_a_wrong_guess_is_given_up():
    _tephra.set_option("recompile-after", "5")
    try:
        namespace, function = load("def f(a): return a % 5")
        assert jit.force_compile(function)
        assert "IntMod" in _tephra.dump(function, "hir")
        for _ in range(300):
            assert function("%d") == "5"
        assert jit.is_jit_compiled(function)
        assert "IntMod" not in _tephra.dump(function, "hir")
    finally:
        _tephra.set_option("recompile-after", "1000000000")


@pytest.mark.parametrize("op", ["+", "-", "*", "&", "|", "^", "//", "%", ">>", "<<", "/"])
def test_generic_operators(op):
    """The runtime's own arithmetic of ints of up to 90 bits, and where it ends."""
    _tephra.set_option("arithmetic", "0")
    try:
        numbers = [sign * ((1 << bits) + off) for bits in (30, 60, 62, 63, 64, 65, 89, 90, 119, 120, 127)
                   for off in (-1, 0, 3) for sign in (1, -1)]
        others = [0, 1, -1, 12345, 1 << 31, 1 << 62, -(1 << 63), 1 << 63, (1 << 64) - 1, 1 << 64, -(1 << 64) - 1,
                  (1 << 119) + 7, -(1 << 120), 1 << 130]
        if op in ("<<", ">>"):
            others = [0, 1, 31, 62, 63, 64, 119, 127, 128, 500, -1]
        differential(f"def f(a, b): return a {op} b", [(a, b) for a in numbers for b in others], modes=("cold",))
    finally:
        _tephra.set_option("arithmetic", "1")


def test_references_of_large_ints():
    namespace, function = load("def f(a, b): return a + b")
    for _ in range(40):
        function(1, 2)
    compile_all(namespace, [function])
    a, b = (1 << 40) + 1, (1 << 41) + 3
    before = sys.getrefcount(a), sys.getrefcount(b)
    for _ in range(100):
        function(a, b)
    assert (sys.getrefcount(a), sys.getrefcount(b)) == before
