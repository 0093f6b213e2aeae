"""Recursion ends where it ends without the JIT: at sys.getrecursionlimit(), not at the end of the native stack."""

import os
import subprocess
import sys
import threading

import pytest
from support import compile_all, load

from tephra import _tephra, jit

LIMIT = 60_000
SHAPES = {
    "function": "def f(n):\n    reached[0] = n\n    return f(n + 1)",
    "keywords": "def f(n, *rest, k=1, **more):\n    reached[0] = n\n    return f(n + 1, *rest, k=2, **more)",
    "many parameters": "def f(n, a=1, b=2, c=3, d=4, e=5, g=6):\n    reached[0] = n\n    return f(n + 1, a, b, c, d, e, g)",
    "mutual": "def f(n):\n    reached[0] = n\n    return g(n + 1)\ndef g(n, other=3):\n    reached[0] = n\n    return f(n + 1)",
    "method": "class A:\n    def m(self, n):\n        reached[0] = n\n        return self.m(n + 1)\ndef f(n): return A().m(n)",
    "super": "class A:\n    def m(self, n):\n        reached[0] = n\n        return type(self)().m(n + 1)\n"
             "class B(A):\n    def m(self, n): return super().m(n + 1)\ndef f(n): return B().m(n)",
    "closure": "def make():\n    def inner(n):\n        reached[0] = n\n        return inner(n + 1)\n    return inner\nf = make()",
    "constructor": "class A:\n    def __init__(self, n):\n        reached[0] = n\n        f(n + 1)\ndef f(n): return A(n)",
}


@pytest.fixture
def deep():
    old = sys.getrecursionlimit()
    sys.setrecursionlimit(LIMIT)
    yield
    sys.setrecursionlimit(old)


def functions_in(namespace):
    found = [namespace["f"], namespace.get("g")]
    for name in "AB":
        found += [v for v in vars(namespace.get(name, object)).values() if hasattr(v, "__code__")]
    return [function for function in found if function]


def run_out(source, compiled):
    """How far function f gets, the error, and the compiled functions."""
    namespace, function = load(f"reached = [0]\n{source}")
    functions = functions_in(namespace)
    if compiled:
        compile_all(namespace, [])
        for each in functions:
            jit.force_compile(each)
            assert jit.is_jit_compiled(each)
    with pytest.raises(RecursionError) as caught:
        function(0)
    return namespace["reached"][0], str(caught.value).split(" while ")[0], functions


@pytest.mark.parametrize("shape", sorted(set(SHAPES) - {"constructor"}))
def test_the_limit_is_the_interpreters(shape, deep):
    wanted, message, _ = run_out(SHAPES[shape], compiled=False)
    got, compiled_message, functions = run_out(SHAPES[shape], compiled=True)
    assert (got, compiled_message) == (wanted, message)
    assert wanted > LIMIT // 3
    assert all(jit.is_jit_compiled(function) for function in functions), "all are back"


def test_recursion_through_c_code_ends_with_an_error(deep):
    for source in (SHAPES["constructor"], "def f(n): return list(map(f, [n + 1]))",
                   "class A:\n    def __eq__(self, n): return A() == n\ndef f(n): return A() == n"):
        namespace, function = load(f"reached = [0]\n{source}")
        compile_all(namespace, [function])
        for _ in range(3):
            with pytest.raises(RecursionError):
                function(0)
        assert jit.is_jit_compiled(function)


def test_a_deep_call_returns_its_value(deep):
    namespace, function = load("def f(n): return [n] if n == 0 else f(n - 1) + [n] if n < 5 else f(n - 1)")
    compile_all(namespace, [function])
    for _ in range(2):
        assert function(50_000) == [0, 1, 2, 3, 4]
        assert jit.is_jit_compiled(function)


def test_oscillation_at_the_end_of_the_native_stack(deep):
    namespace, function = load("""
        def leaf(n): return n and leaf(n - 1)
        def f(n):
            if n == 0: return 1
            total = f(n - 1)
            if n < 40 or n > 30_000: total += leaf(30) + 1
            return total
    """)
    compile_all(namespace, [function])
    assert function(45_000) == 1 + 39 + 15_000
    assert jit.is_jit_compiled(function) and jit.is_jit_compiled(namespace["leaf"])


def test_a_function_that_dies_or_changes_while_it_steps_aside(deep):
    namespace, function = load("""
        def make():
            def inner(n): return 0 if n == 0 else inner(n - 1)
            return inner
        def other(n): return 7
        def f(n):
            if n: return f(n - 1)
            make()(5)
            f.__code__ = other.__code__
            return f(3)
    """)
    compile_all(namespace, [function])
    assert function(50_000) == 7
    assert function(1) == 7


@pytest.mark.parametrize("size", [256 * 1024, 16 * 1024 * 1024])
def test_threads_with_stacks_of_their_own(size, deep):
    wanted, _, _ = run_out(SHAPES["function"], compiled=False)
    results = []
    old = threading.stack_size(size)
    try:
        threads = [threading.Thread(target=lambda: results.append(run_out(SHAPES["function"], compiled=True)[0]))
                   for _ in range(3)]
        for thread in threads:
            thread.start()
            thread.join()
    finally:
        threading.stack_size(old)
    assert len(results) == 3 and len(set(results)) == 1
    assert LIMIT - 100 < results[0] < LIMIT


SMALL_STACKS = """
import json, re, sys, threading
from tephra import jit
limit, kib, mode = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
sys.setrecursionlimit(limit)
def down(n): return 0 if n == 0 else 1 + down(n - 1)
def a(n): return n and b(n=n - 1)
def b(n): return n and c(n - 1)
def c(n, *rest): return n and a(n - 1)
class A:
    def m(self, n): return n if n == 0 else self.m(n - 1)
class B(A):
    def m(self, n): return super().m(n)
def c_code(n): return json.dumps([[n]]) + str(re.compile("(x|y)*" + str(n)).groups) if n == 0 else c_code(n - 1)
def run():
    for _ in range(2):
        reached = [0]
        def out(n):
            reached[0] = n
            return out(n + 1)
        try: out(0)
        except RecursionError as error: print(reached[0], str(error).split(" while ")[0])
        print(down(limit - 60), a(limit - 60), A().m(limit - 60), B().m(limit // 3), c_code(limit - 200))
if mode == "compiled":
    for function in (down, a, b, c, A.m, B.m, c_code, run): jit.force_compile(function)
threading.stack_size(kib * 1024)
thread = threading.Thread(target=run)
thread.start()
thread.join()
if mode == "compiled":
    for function in (down, a, b, c, A.m, B.m, c_code): assert jit.is_jit_compiled(function), function
"""


@pytest.mark.parametrize("limit", [1000, 20_000])
@pytest.mark.parametrize("kib", [64, 128, 256])
def test_threads_with_small_stacks(kib, limit):
    """3.14's interpreter refuses to be entered in the last 32 KiB: half of such a stack, and more than our margin was."""
    if kib * 1024 < os.sysconf("SC_THREAD_STACK_MIN"):
        pytest.skip("no thread has so small a stack on this machine")

    def run(mode, **env):
        done = subprocess.run([sys.executable, "-c", SMALL_STACKS, str(limit), str(kib), mode], capture_output=True,
                              text=True, timeout=100, env={**os.environ, **env})
        assert done.returncode == 0 and not done.stderr, done.stderr[-600:]
        return done.stdout

    stock = run("stock", TEPHRA="0")
    assert "maximum recursion depth exceeded" in stock and str(limit - 60) in stock
    assert run("compiled", TEPHRA="1", TEPHRA_COMPILE_AFTER="1000000") == stock
    assert run("counted", TEPHRA="1", TEPHRA_COMPILE_AFTER="1000000") == stock
    assert run("first call", TEPHRA="1", TEPHRA_COMPILE_AFTER="1") == stock
    assert run("hot", TEPHRA="1", TEPHRA_COMPILE_AFTER="50") == stock


COUNTED = """
import sys
from tephra import jit
limit = int(sys.argv[1])
sys.setrecursionlimit(limit)
def a(n): return n and b(n - 1)
def b(n): return n and c(n - 1)
def c(n): return n and a(n - 1)
assert a(limit - 50) == 0
try: a(limit + 50)
except RecursionError: print('RecursionError')
print(jit.count_interpreted_calls(a) > 0, jit.is_jit_compiled(a))
"""


@pytest.mark.parametrize("limit", [1000, LIMIT])
def test_functions_that_are_only_counted(limit):
    run = subprocess.run([sys.executable, "-c", COUNTED, str(limit)], capture_output=True, text=True, timeout=100,
                         env={**os.environ, "TEPHRA": "1", "TEPHRA_COMPILE_AFTER": "1000000"})
    assert run.stdout == "RecursionError\nTrue False\n", run.stderr[-600:]


def test_exits_far_down(deep):
    """Deoptimisation needs native stack too: it may be used below the limit."""
    assert _tephra.set_option("stress-deopt", "3") is None
    try:
        namespace, function = load("def f(n): return n if n == 0 else f(n - 1) + 1")
        compile_all(namespace, [function])
        assert function(20_000) == 20_000
    finally:
        _tephra.set_option("stress-deopt", "0")
