"""A number stored to a local may take over the object of the number that was there: nobody may notice."""

import pytest
from support import differential

EDGES = [0, 1, -1, -5, -6, 255, 256, 257, (1 << 30) - 2, -(1 << 30) + 2, (1 << 30) - 1, 1 << 30, -(1 << 30),
         (1 << 60) - 2, 1 << 60, -(1 << 60), (1 << 62), (1 << 63) - 2, -(1 << 63) + 2]


def edge_calls():
    return [(start, 4) for start in EDGES] + [(-200, 500)]


@pytest.mark.parametrize("step", ["t + 1", "t - 1", "-t + i", "t ^ 1"])
def test_every_size_of_int(step):
    differential(f"""
        def f(start, n):
            t = start
            seen = []
            for i in range(n):
                t = {step}
                seen.append(t + 0)
            return t, seen
        """, edge_calls())


def test_large_rounds():
    differential("""
        def f(n):
            t = 300
            low = 0
            for i in range(n):
                t = t + i
                low = low - i
                if i & 1:
                    t = t - 17
            return t, low, i
        """, [(0 + 1,), (10,), (3000,)])


def test_other_names_keep_their_number():
    differential("""
        def f(n):
            t = 1000
            kept = []
            before = t
            for i in range(n):
                before = t
                t = t + 1000
                kept.append(before)
                kept.append(t)
                pair = (t, before)
                x = t
                t = t + 1
                kept.append((x, t, pair))
            return t, before, kept
        """, [(6,)])


def test_stack_keeps_the_old_number():
    differential("""
        def f(n):
            t = 1000
            total = 0
            for i in range(n):
                total = total + (t - (t := t + 1000)) * (t + (t := t + 3))
            return t, total
        """, [(6,)])


def test_arguments_stay_the_callers():
    differential("""
        def step(x):
            x = x + 1000
            x = x + 1000
            return x

        def f(n):
            t = 5000
            kept = []
            for i in range(n):
                u = step(t)
                kept.append((t, u))
                t = t + 7
            return t, kept
        """, [(5,)])


def test_floats():
    differential("""
        def f(n):
            t = 0.5
            u = 1.0
            kept = []
            for i in range(n):
                old = u
                u = u * 1.5
                t = t + u
                kept.append((old, u))
                u = -u
            return t, u, old, kept, t - 0.0
        """, [(1,), (7,)])


def test_changing_type():
    differential("""
        def f(xs):
            t = 1000
            kept = []
            for x in xs:
                kept.append(t)
                t = t + x
            return t, kept
        """, [([1, 2, 0.5, 3, 1 << 70, 1],), ([0.5, 0.25, 1],), ([1000, 1000, 1000],)])


def test_unbound_and_deleted():
    differential("""
        def f(n):
            for i in range(n):
                if i > 2:
                    del t
                    t = i * 1000
                else:
                    t = i * 1000 + 1
                t = t + 500
            del i
            try:
                return t, i
            except NameError as error:
                return t, str(error)
        """, [(1,), (6,)])


def test_overflow_leaves_with_the_right_locals():
    differential("""
        def f(n):
            t = 1000
            low = 1.5
            for i in range(n):
                low = low * 2.0
                t = t * 1000
            return t, low, i
        """, [(2,), (30,)], warm=[(2,)])


def test_locals_seen_from_outside():
    differential("""
        import sys

        def look(kept):
            kept.append(dict(sys._getframe(1).f_locals, kept=None))

        def f(n):
            kept = []
            t = 1000
            u = 0.5
            for i in range(300, n):
                t = t + 1000
                u = u + 0.5
                if i % 4 == 0:
                    look(kept)
                t = t + 1
            return t, u, kept
        """, [(310,)])


WORDS = [0, 1, -1, 2, -2, 3, 62, 63, 64, 300, -300, (1 << 30) - 1, 1 << 30, -(1 << 30), 12345678901, -98765432109,
         (1 << 53) - 1, 1 << 53, (1 << 53) + 1, (1 << 60) - 1, -(1 << 60) + 1, 1 << 60, -(1 << 61), 1 << 62, 1 << 63, True]


@pytest.mark.parametrize("op", ["+", "-", "*", "&", "|", "^", "<<", ">>", "//", "%", "/", "**"])
def test_operators_on_words(op):
    pairs = [(a, b) for a in WORDS for b in WORDS
             if op not in ("<<", "**") or abs(b) < 70 and (op == "<<" or abs(a) < 1 << 40)]
    differential(f"""
        def f(pairs):
            kept = []
            for a, b in pairs:
                try:
                    kept.append(a {op} b)
                    c = a
                    c {op}= b
                    kept.append(c)
                except (ArithmeticError, ValueError) as error:
                    kept.append((type(error), str(error)))
            return kept, [str(x) for x in kept]
        """, [(pairs,)], warm_rounds=2, modes=("cold", "warm"))
