"""Exceptions that leave compiled code: what they release, what they show, and when compiling is not worth it."""

import sys

import pytest
from support import differential, load

from tephra import _tephra, jit

UNWINDING = {
    "values on the stack": ("""
        log = []
        class Noisy:
            def __init__(self, name): self.name = name
            def __del__(self): log.append(self.name)
        def fail(*args): raise ValueError(len(args))
        def g(n): return [Noisy('a'), (Noisy('b'), n), fail(Noisy('c'), n)]
        def f(n):
            try:
                g(n)
            except ValueError as error:
                log.append(str(error))
            result, log[:] = list(log), []
            return result
    """, [(1,), (2,)]),
    "locals live on in the traceback": ("""
        def g(a, b):
            c = [a, b]
            a = c * 2
            return c[0] + None
        def f(a, b):
            try:
                g(a, b)
            except TypeError as error:
                frame = error.__traceback__.tb_next.tb_frame
                return dict(frame.f_locals), frame.f_lineno, error.__traceback__.tb_next.tb_lineno
    """, [(1, 2), (3, None)]),
    "nested calls": ("""
        def down(n):
            if n == 0: raise ValueError('deep')
            return [n, down(n - 1)]
        def f(n): return down(n)
    """, [(0,), (5,), (40,)]),
    "another exception in finally": ("""
        def g(n):
            try:
                return 1 // n
            finally:
                n[0]
        def f(n): return g(n)
    """, [(0,), (1,)]),
    "bare raise": ("""
        def again(): raise
        def f(n):
            try:
                1 // n
            except ZeroDivisionError:
                again()
    """, [(0,)]),
}


@pytest.mark.parametrize("name", UNWINDING)
def test_unwinding(name):
    source, calls = UNWINDING[name]
    differential(source, calls)


def test_unwinding_keeps_reference_counts():
    namespace, function = load("""
        def g(a, b): return [a, (b, a), a + b]
        def f(a, b):
            try:
                g(a, b)
            except TypeError:
                pass
    """)
    for each in (namespace["g"], function):
        assert jit.force_compile(each)
    a, b = object(), [1]
    for _ in range(20):
        function(a, b)
    before = sys.getrefcount(a), sys.getrefcount(b)
    for _ in range(100):
        function(a, b)
    assert (sys.getrefcount(a), sys.getrefcount(b)) == before


def test_exits_are_counted_one_by_one():
    namespace, function = load("def f(n): raise ValueError(n)")
    assert jit.force_compile(function)
    for _ in range(2):
        _tephra.clear_runtime_stats()
        for n in range(7):
            with pytest.raises(ValueError):
                function(n)
        rows = [row for row in _tephra.runtime_stats() if row["function"] == "f"]
        assert [(row["kind"], row["count"]) for row in rows] == [("raise", 7)]


@pytest.fixture
def limit():
    _tephra.set_option("give-up-raising", "20")
    yield 20
    _tephra.set_option("give-up-raising", "200")


SOMETIMES = """
    def f(d, key):
        try:
            return d[key]
        except KeyError:
            return None
"""


def call(function, hits, misses, rounds):
    for _ in range(rounds):
        for _ in range(hits):
            assert function({1: 2}, 1) == 2
        for _ in range(misses):
            assert function({}, 1) is None


def test_a_function_that_raises_nearly_always_stays_interpreted(limit):
    namespace, function = load(SOMETIMES)
    assert jit.force_compile(function)
    call(function, 0, 1, limit - 1)
    assert jit.is_jit_compiled(function)
    call(function, 0, 1, 2)
    assert not jit.is_jit_compiled(function)
    assert "raises" in _tephra.force_compile(function)
    call(function, 1, 1, 10)


def test_a_function_that_raises_seldom_stays_compiled(limit):
    namespace, function = load(SOMETIMES)
    assert jit.force_compile(function)
    call(function, 3, 1, 5 * limit)
    call(function, 1, 1, 5 * limit)
    assert jit.is_jit_compiled(function)


def test_the_limit_can_be_switched_off():
    _tephra.set_option("give-up-raising", "0")
    try:
        namespace, function = load(SOMETIMES)
        assert jit.force_compile(function)
        call(function, 0, 1, 1000)
        assert jit.is_jit_compiled(function)
    finally:
        _tephra.set_option("give-up-raising", "200")


def test_loops_stay_compiled(limit):
    namespace, function = load("""
        def f(items):
            t = 0
            for item in items:
                t += item
            raise ValueError(t)
    """)
    assert jit.force_compile(function)
    for _ in range(5 * limit):
        with pytest.raises(ValueError, match="3"):
            function([1, 2])
    assert jit.is_jit_compiled(function)


def test_given_up_in_the_middle_of_recursion(limit):
    namespace, function = load("""
        def f(n):
            if n == 0:
                raise ValueError('end')
            return f(n - 1)
    """)
    assert jit.force_compile(function)
    for _ in range(limit):
        with pytest.raises(ValueError, match="end"):
            function(7)
    assert not jit.is_jit_compiled(function)
    with pytest.raises(ValueError, match="end"):
        function(20)
