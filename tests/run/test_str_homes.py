"""A str that is appended to in a local may grow in place: nobody may notice."""

import pytest
from support import compile_all, differential, load

from tephra import _tephra


@pytest.mark.parametrize("piece", ["'x'", "''", "'ab\\xe9'", "'\\u20ac'", "'\\U0001f600'", "s", "s[:3]", "str(i)"])
def test_pieces_of_every_kind(piece):
    differential(f"""
        def f(start, n):
            s = start
            seen = []
            for i in range(n):
                s += {piece}
                if i == 5: seen.append(s)
                if i == 7: seen.append({{s: i}}[s])
            return s, len(s), seen
        """, [(start, n) for start in ("", "a", "abc\xe9", "\u20ac", "\U0001f600") for n in (0, 1, 3, 12)])


def test_other_names_keep_their_str():
    differential("""
        def f(n):
            s, kept, before = 'start', [], None
            for i in range(n):
                before = s
                s += 'x'
                kept.append((before, s))
                t = s
                s = s + 'y'
                kept.append(t)
                s = 'z' + s
            return s, before, kept
        """, [(6,)])


def test_stack_keeps_the_old_str():
    differential("""
        def f(n):
            s = 'ab' * n
            out = []
            for i in range(n):
                out.append((s, (s := s + 'cd'), s + (s := s + 'e')))
            return out, s
        """, [(5,)])


def test_arguments_stay_the_callers():
    differential("""
        def g(s):
            s += 'x'
            s += 'y'
            return s
        def f(n):
            t = 'ab' * n
            return g(t), t, g(t), t
        """, [(3,), (5,)])


def test_hash_is_not_kept():
    differential("""
        def f(n):
            s = 'ab' * n
            seen = {}
            for i in range(n):
                seen[hash(s) == hash(str(s.encode(), 'ascii'))] = i
                s += 'c'
                s += 'd'
            return seen, s, s in {s}
        """, [(5,)])


def test_finalisers_of_what_was_there():
    differential("""
        log = []
        class Noisy:
            def __del__(self): log.append('gone')
        def f(a):
            x = Noisy()
            x = a + 'b'
            log.append(x)
            result, log[:] = list(log), []
            return result
        """, [("a",), ("abc",)])


def test_appending_is_linear():
    """The str keeps its place while there is room behind it: far fewer objects than steps."""
    namespace, function = load("""
        def f(n):
            s = 'start' * 10
            places = set()
            for i in range(n):
                s += 'x'
                places.add(id(s))
            return len(s), len(places)
        """)
    for _ in range(40):
        function(5)
    interpreted = function(5000)
    compile_all(namespace, [function])
    assert "str_into_home" in _tephra.dump(function, "lir")
    length, places = function(5000)
    assert length == interpreted[0]
    assert places <= 2 * interpreted[1] + 10
