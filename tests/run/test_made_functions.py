"""Calls of functions that the calling code has made itself: another function each time, with code that is known."""

import pytest
from support import call, compile_all, differential, load

from tephra import _tephra, jit


def warmed(source, calls=60, args=(3,)):
    namespace, function = load(source)
    for _ in range(calls):
        call(function, args)
    compile_all(namespace, [function])
    return function


def operations(function):
    return jit.get_function_hir_opcode_counts(function)


@pytest.mark.parametrize("signature, arguments", [
    ("x, y", "n, 2"), ("x, y=1", "n"), ("x, y=1", "y=n, x=2"), ("x, /, y=1, z=2", "n, z=5"), ("x=1, y=2", ""), ("", ""),
    ("x, y=(1, 2), z=None", "n"), ("a, b, c, d, e", "1, 2, 3, 4, n")])
def test_they_are_called_directly(signature, arguments):
    source = f"""
        def f(n):
            seen = []
            for i in range(n):
                def inner({signature}):
                    return list(locals().values()), n
                seen.append(inner({arguments}))
            return seen
        """
    differential(source, [(3,), (0,)], warm_rounds=30)
    function = warmed(source)
    counts = operations(function)
    assert counts["CallDirect"] == 1
    jit.clear_runtime_stats()
    assert function(3) == load(source)[1](3)
    assert not jit.get_and_clear_runtime_stats()["deopt"]


@pytest.mark.parametrize("signature, arguments", [
    ("x, y", "n"), ("x, y=1", ""), ("x", "n, 2"), ("x", "y=n"), ("x, /", "x=n"), ("x", "n, x=1"), ("*args", "n, 2"), ("x, *, k=2", "n"),
    ("**names", "n=n"), ("a, b, c, d, e, f", "1, 2, 3, 4, 5, n"), ("x, y=[n]", "n"), ("x", "*[n]")])
def test_what_does_not_match_is_the_binders(signature, arguments):
    source = f"""
        def f(n):
            seen = []
            for i in range(n):
                def inner({signature}):
                    return list(locals().items())
                seen.append(inner({arguments}))
            return seen
        """
    differential(source, [(3,)], warm_rounds=30)
    assert "CallDirect" not in operations(warmed(source))


def test_lambdas_closures_and_generators():
    differential("""
        def f(n):
            total = 0
            double = lambda x: 2 * x
            for i in range(n):
                add = lambda x, by=3: x + by + i
                total += add(double(i)) + add(i, by=n)
            def count(k):
                for j in range(k):
                    yield j + n
            return total, list(count(n)), (lambda: n)(), (lambda x: x.real)(n)
        """, [(3,), (5,)], warm_rounds=30)


def test_other_code_and_other_defaults_in_between():
    source = """
        def other(x, y=7):
            return "other", x, y

        def spoil(function, i):
            if i == 1:
                function.__defaults__ = (i, 30)
            if i == 2:
                function.__code__ = other.__code__
            if i == 3:
                function.__defaults__ = None

        def f(n):
            seen = []
            for i in range(n):
                def inner(x, y=1):
                    return "inner", x, y
                spoil(inner, i)
                try:
                    seen.append(inner(i))
                except TypeError as error:
                    seen.append(str(error))
            return seen
        """
    differential(source, [(5,), (2,), (5,)], warm_rounds=0)
    function = warmed(source, args=(1,))
    assert operations(function)["CallDirect"] >= 1
    for _ in range(3):
        assert function(5) == load(source)[1](5)


def test_other_builtins():
    source = """
        import builtins

        def f(n):
            seen = []
            for i in range(n):
                if i == 2:
                    globals()["__builtins__"] = {"len": lambda x: -1, "range": range, "globals": globals}
                def inner(x):
                    return len(x)
                seen.append(inner("abc"))
            globals()["__builtins__"] = builtins
            return seen
        """
    function = warmed(source, args=(1,))
    assert operations(function)["CallDirect"] == 1
    for _ in range(3):
        assert function(4) == load(source)[1](4) == [3, 3, -1, -1]


def test_the_cell_follows_the_code_inside():
    """Interpreted, compiled, given up, compiled again: the same answers."""
    source = """
        def f(n):
            def inner(x):
                return x + n
            return inner(n), inner
        """
    _, function = load(source)
    for _ in range(60):
        function(2)
    assert jit.force_compile(function)
    inner = function(2)[1]
    for step in (lambda: None, lambda: jit.force_compile(inner), lambda: jit.force_uncompile(inner), lambda: jit.jit_suppress(inner),
                 lambda: jit.jit_unsuppress(inner), lambda: jit.force_compile(function(2)[1]), lambda: jit.disable(deopt_all=True),
                 jit.enable):
        step()
        assert function(2)[0] == 4 and function(2.5)[0] == 5.0 and function("a")[0] == "aa"


def test_the_call_passes_by_the_vectorcall_entry():
    """Counted: of the compiled inner function the entry for C callers is not executed."""
    _, function = load("""
        def f(n):
            def inner(x, y=1):
                return x + y
            return inner(n), inner
        """)
    for _ in range(60):
        function(2)
    assert _tephra.set_option("count-blocks", "1") is None
    try:
        assert jit.force_compile(function) and jit.force_compile(function(2)[1])
        jit.clear_instruction_counts()
        inner = function(2)[1]
        for from_c in (False, True):
            if from_c:
                list(map(inner, (5,)))
            row, = (row for row in jit.get_instruction_counts() if row["function"].endswith("inner"))
            operations_of = row["architectures"][row["own"]]["operations"]
            assert operations_of["", "prologue"] > 0 and (operations_of["", "entry"] > 0) == from_c
    finally:
        _tephra.set_option("count-blocks", "0")


def test_another_vectorcall():
    """A C extension's own vectorcall is called, not passed by."""
    testing = pytest.importorskip("_testcapi")
    _, function = load("""
        def f(change, n):
            def inner(x):
                return x + n
            before = inner(n)
            change(inner)
            return before, inner(n)
        """)
    for _ in range(60):
        assert function(lambda made: None, 2) == (4, 4)
    assert jit.force_compile(function) and operations(function)["CallDirect"] == 2
    inner = None

    def keep(made):
        nonlocal inner
        inner = made
    function(keep, 2)
    for compiled in (False, True):
        assert jit.is_jit_compiled(inner) == compiled
        assert function(testing.function_setvectorcall, 2) == (4, "overridden")
        jit.force_compile(inner)


def test_an_exception_inside_names_both_lines():
    differential("""
        def f(n):
            for i in range(n):
                def inner(x, y=0):
                    return x // (y - 1 + i)
                n = inner(n)
            return n
        """, [(3,), (5,)], warm_rounds=30)
