"""What exits cost: code that leaves too often is compiled again or given back to the interpreter, at exact counts.

Functions are compiled by force here and so at once; each test says which. The ratios are in a process of their own, which
counts calls (TEPHRA_COMPILE_AFTER).
"""

import dis
import json
import os
import pathlib
import subprocess
import sys

import pytest
from support import EXIT_RATE, SLOWER, load

from tephra import _tephra, jit

WINDOW, STRIKES = 512, 4  # policy/exit_policy.h
GONE = WINDOW * STRIKES + 1  # the exit at which a function is given up, where it alone leaves, and far above the rate
CROSSINGS = 25_000  # calls between little code and a function that was given up, until they are noticed (policy/crossings.h)


@pytest.fixture(autouse=True)
def weighed():
    _tephra.set_option("exit-rate", EXIT_RATE)
    _tephra.set_option("recompile-after", "0")
    _tephra.set_option("give-up-raising", "0")
    _tephra.clear_runtime_stats()
    yield
    _tephra.set_option("exit-rate", "0")
    _tephra.set_option("recompile-after", "1000000000")
    _tephra.set_option("give-up-raising", "200")


def exits(name="f"):
    return sum(row["count"] for row in _tephra.runtime_stats() if row["function"] == name)


def forced(source, *names):
    namespace, function = load(source)
    for name in names:
        assert jit.force_compile(namespace[name]), name
        assert jit.is_jit_compiled(namespace[name]), name
    return namespace, function


def until_given_up(function, call, most):
    for i in range(most):
        if not jit.is_jit_compiled(function):
            return i
        call()
    raise AssertionError((_tephra.runtime_stats(), _tephra.function_info(function)))


def calm():
    """Ends the window that other tests have begun as one that was no storm."""
    __, function = forced("""
        def calm(n):
            try: raise ValueError(n)
            except ValueError: return n
        f = calm
    """, "calm")
    _tephra.set_option("exit-rate", "1000000000")
    for _ in range(2 * WINDOW):
        function(1)
    assert jit.is_jit_compiled(function)
    _tephra.set_option("exit-rate", EXIT_RATE)
    _tephra.clear_runtime_stats()


RAISING = {
    "a handler in the function": ("""
        def f(d):
            try: return d['x']
            except KeyError: return 1
    """, ({},), 1),
    "a handler in a loop": ("""
        def f(d):
            n = 0
            for key in (1, 2, 3):
                try: n += d[key]
                except KeyError: n += 1
            return n
    """, ({},), 3),
    "StopIteration": ("""
        def f(items):
            n = 0
            it = iter(items)
            while True:
                try: n += next(it)
                except StopIteration: break
            return n
    """, ([1, 2],), 3),
    "an observed frame": ("""
        class C:
            def __getattr__(self, name): raise AttributeError(name)
        c = C()
        def f(n): return hasattr(c, 'x') + n
    """, (1,), 1),
}


@pytest.mark.parametrize("name", RAISING)
def test_what_leaves_too_often_is_given_up(name):
    calm()
    source, args, want = RAISING[name]
    __, function = forced(source, "f")
    assert function(*args) == want
    gone = until_given_up(function, lambda: function(*args), 2 * GONE)
    # The window that was begun before may give one strike less.
    assert GONE - WINDOW <= exits() <= GONE + WINDOW
    assert gone + 1 == exits()
    assert "too often" in _tephra.force_compile(function)
    for _ in range(100):
        assert function(*args) == want
    assert exits() == gone + 1


def test_all_frames_that_an_exception_passes_are_given_up():
    namespace, function = forced("""
        def d(x): raise ValueError(x)
        def c(x): return d(x) + 1
        def b(x): return c(x) + 1
        def f(x):
            try: return b(x)
            except ValueError as error: return error.args[0]
    """, "d", "c", "b", "f")
    functions = [namespace[name] for name in "dcbf"]
    for i in range(4 * GONE):
        assert function(i) == i
    assert not any(jit.is_jit_compiled(each) for each in functions)
    taken = sum(exits(name) for name in "dcbf")
    assert taken <= len(functions) * GONE
    for i in range(100):
        assert function(i) == i
    assert sum(exits(name) for name in "dcbf") == taken


def test_no_rate_keeps_it_compiled():
    _tephra.set_option("exit-rate", "0")
    __, function = forced(RAISING["a handler in the function"][0], "f")
    for _ in range(3 * GONE):
        assert function({}) == 1
    assert jit.is_jit_compiled(function)
    assert exits() == 3 * GONE
    assert _tephra.function_info(function)["exits"] == 3 * GONE


def test_one_exception_in_many_calls_keeps_it_compiled():
    calm()
    __, function = forced(RAISING["a handler in the function"][0], "f")
    for _ in range(2 * GONE):
        for _ in range(70):
            function({"x": 1})
        assert function({}) == 1
    assert jit.is_jit_compiled(function)
    assert exits() == 2 * GONE


def test_an_assumption_that_fails_above_the_rate_is_compiled_again():
    calm()
    __, function = load("def f(a, b): return a + b")
    for _ in range(40):
        function(1, 2)
    assert jit.force_compile(function)
    _tephra.clear_runtime_stats()
    for i in range(2 * GONE):
        assert function("a", "b") == "ab"
    assert jit.is_jit_compiled(function)
    assert _tephra.function_info(function)["recompiles"] == 1
    assert exits() <= GONE


LONG = """
    def f(a, n):
        t = a + a
        for i in range(n): t = a
        return t
"""


def test_an_assumption_in_front_of_a_long_loop_is_compiled_again_after_the_second_time():
    __, function = load(LONG)
    for _ in range(40):
        function(1, 3)
    assert jit.force_compile(function)
    _tephra.clear_runtime_stats()
    info = _tephra.function_info(function)
    rounds = int(info["compile_time"] * 4e8) + 1000  # some ns each: well above what compiling costs
    function("a", rounds)
    assert jit.is_jit_compiled(function)
    assert _tephra.function_info(function)["lost_time"] > 2 * info["compile_time"]
    function("a", 3)
    assert not jit.is_jit_compiled(function)
    for _ in range(100):
        function("a", 3)
    assert jit.is_jit_compiled(function)
    assert exits() == 2


def test_an_assumption_in_front_of_a_return_may_fail_often():
    _tephra.set_option("exit-rate", "1000000000")
    __, function = load("def f(a, b): return a + b")
    for _ in range(40):
        function(1, 2)
    assert jit.force_compile(function)
    for _ in range(200):
        assert function("a", "b") == "ab"
    assert jit.is_jit_compiled(function)
    assert _tephra.function_info(function)["recompiles"] == 0
    assert exits() == 200


def test_who_only_calls_what_was_given_up_follows_it():
    calm()
    namespace, function = load("""
        def g(d):
            try: return d['x']
            except KeyError: return 1
        def f(d, n):
            t = 0
            for i in range(n): t += g(d)
            return t
    """)
    for _ in range(20):
        function({}, 3)
    for name in "gf":
        assert jit.force_compile(namespace[name])
    for _ in range(GONE + WINDOW):
        function({}, 1)
    assert not jit.is_jit_compiled(namespace["g"])
    assert jit.is_jit_compiled(function)
    for _ in range(CROSSINGS // 100 + 2):
        assert function({}, 100) == 100
    if SLOWER == 1:  # else such calls are too few in a second
        assert not jit.is_jit_compiled(function)
        assert "does little" in _tephra.force_compile(function)
    assert function({}, 5) == 5


def test_who_does_much_between_such_calls_stays_compiled():
    calm()
    work = "; ".join(f"a = (a * 3 + {k}) & 1023" for k in range(12))
    namespace, function = load(f"""
        def g(d):
            try: return d['x']
            except KeyError: return 1
        def f(d, n):
            t = a = 0
            for i in range(n):
                {work}
                t += g(d)
            return t
    """)
    for _ in range(20):
        function({}, 3)
    for name in "gf":
        assert jit.force_compile(namespace[name])
    for _ in range(GONE + WINDOW):
        function({}, 1)
    assert not jit.is_jit_compiled(namespace["g"])
    for _ in range(4 * CROSSINGS // 100):
        assert function({}, 100) == 100
    assert jit.is_jit_compiled(function)


def test_a_function_that_was_given_up_is_inlined_by_the_interpreter_again():
    # Its own vectorcall and version: the interpreter specialises calls of it as before.
    calm()
    namespace, function = load("""
        def g(d):
            try: return d['x']
            except KeyError: return 1
        def f(d): return g(d)
    """)
    assert jit.force_compile(namespace["g"])
    for _ in range(2 * GONE):
        function({})
    assert not jit.is_jit_compiled(namespace["g"])
    for _ in range(20000):  # it tries again after up to 4096 of them
        function({})
    shown = [each.opname for each in dis.get_instructions(function, adaptive=True)]
    assert "CALL_PY_EXACT_ARGS" in shown, shown


PROGRAM = pathlib.Path(__file__).with_name("exits_cost_program.py")


@pytest.mark.skipif(SLOWER != 1, reason="times under emulation mean nothing")
def test_raising_and_catching_costs_what_it_costs_the_interpreter():
    # Mode: counted calls. Noise is met by the best of many interleaved rounds, and by another try.
    environment = os.environ | {"TEPHRA": "1", "TEPHRA_COMPILE_AFTER": "400", "TEPHRA_SUMMARY": "0"}
    slow = {}
    for _ in range(3):
        names = list(slow)
        output = subprocess.run([sys.executable, str(PROGRAM), *names], env=environment, check=True,
                                stdout=subprocess.PIPE, text=True, timeout=600).stdout
        rows = [json.loads(line) for line in output.splitlines()]
        assert len(rows) == len(names) or not names and len(rows) > 10
        for row in rows:
            assert row["compiled"], row  # at some time, before it was given up
            assert row["exits_per_second"] <= 10000, row
        slow = {row["name"]: row for row in rows if row["ratio"] > 1.05}
        if not slow:
            return
    raise AssertionError(slow)
