"""Calls of compiled functions by C code and by the interpreter: arguments, lifetimes, closures."""

import gc
import sys
import weakref

from support import compile_all, differential, load
from tephra import _tephra, jit


def test_arguments_that_the_caller_only_borrows_live_during_the_call():
    # 3.12's WITH_EXCEPT_START passes the traceback borrowed from the exception.
    differential("""
        class Manager:
            def __enter__(self):
                return self
            def __exit__(self, kind, value, traceback):
                value.__traceback__ = None
                fresh = [str(n) * 3 for n in range(50)]
                self.seen = (traceback.tb_lineno > 0, len(fresh), type(traceback).__name__)
                return True
        def f(n):
            seen = []
            for i in range(n):
                manager = Manager()
                with manager:
                    [1, 2][i + 5]
                seen.append(manager.seen)
            return seen
        """, [(3,)])


def test_dict_values_passed_borrowed_are_released_once():
    class Value:
        pass

    namespace, f = load("""
        import weakref
        def g(a, b):
            a = None
            return b
        def f(call, a, b):
            return call(a, b)
        """)
    compile_all(namespace, [f, namespace["g"]])
    before = None
    for __ in range(5):
        value = Value()
        assert f(namespace["g"], 1, value) is value
        assert list(map(namespace["g"], [1], [value])) == [value]
        count = sys.getrefcount(value)
        assert before in (None, count)
        before = count
        alive = weakref.ref(value)
        del value
        gc.collect()
        assert alive() is None


def test_a_closure_that_dies_does_not_take_the_code_of_later_ones_away():
    namespace, f = load("""
        def f(n):
            def inner(x):
                return x + n
            return inner
        """)
    first = f(1)
    assert jit.force_compile(first)
    before = _tephra.totals()
    del first
    gc.collect()
    second = f(2)
    assert second(3) == 5
    assert jit.is_jit_compiled(second)
    assert _tephra.totals() == before or _tephra.totals()["functions"] == before["functions"]
