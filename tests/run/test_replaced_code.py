"""A function gets another code object: compiled callers must not go on with what they knew of the old one."""

import os
import subprocess
import sys

import pytest
from support import SLOWER, compile_all, load

from tephra import jit

MISSING = "g() missing 1 required positional argument: 'b'"

SOURCE = """
def g(a): return ("old", a)
def two(a, b): return ("new", a, b)
def many(*args): return ("many", args)
def swapped(a): return ("swapped", a)
def generator(a): yield a
def caller(): return g(1)
def caller_of_two(): return g(1, 2)
def running(change, keep):
    first = g(1)
    change()
    return first, keep(), g(1)
"""


def loaded():
    namespace, caller = load(SOURCE, name="caller")
    for _ in range(50):
        caller()
    compile_all(namespace, [caller])
    return namespace, caller


def outcome(function, *args):
    try:
        return function(*args)
    except TypeError as error:
        return str(error)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name, wanted", [("two", MISSING), ("many", ("many", (1,))), ("swapped", ("swapped", 1))])
def test_another_number_of_parameters(name, wanted, compiled):
    namespace, caller = loaded()
    g = namespace["g"]
    assert caller() == ("old", 1)
    g.__code__ = namespace[name].__code__
    if compiled:  # its register entry expects other arguments than the compiled caller passes
        jit.force_compile(g)
        assert jit.is_jit_compiled(g)
    assert outcome(caller) == wanted
    jit.force_compile(caller)
    assert jit.is_jit_compiled(caller)
    assert outcome(caller) == wanted


def test_a_generator():
    namespace, caller = loaded()
    namespace["g"].__code__ = namespace["generator"].__code__
    assert list(caller()) == [1]


def test_new_callers_get_the_new_number():
    namespace, caller = loaded()
    g, other = namespace["g"], namespace["caller_of_two"]
    g.__code__ = namespace["two"].__code__
    for _ in range(50):
        other()
    jit.force_compile(other)
    assert jit.is_jit_compiled(other)
    assert other() == ("new", 1, 2)
    jit.force_compile(g)
    assert jit.is_jit_compiled(g) and jit.is_jit_compiled(other)
    assert other() == ("new", 1, 2)


def test_in_the_middle_of_a_call():
    namespace, _ = loaded()
    g, running = namespace["g"], namespace["running"]
    for _ in range(50):
        running(int, int)
    jit.force_compile(running)
    assert jit.is_jit_compiled(running)

    def change():
        g.__code__ = namespace["two"].__code__
        jit.force_compile(g)
        assert jit.is_jit_compiled(g)

    assert outcome(running, change, int) == MISSING


COUNTED = """
from tephra import jit
def f(x): return x + 1
for _ in range(3): f(1)
f.__code__ = f.__code__.replace(co_name="other")
before = [f(k) for k in range(50)]
assert before == list(range(1, 51))
assert jit.is_jit_compiled(f), jit.count_interpreted_calls(f)
"""


def test_code_that_nobody_has_met_is_counted_too():
    environment = {**os.environ, "TEPHRA": "1", "TEPHRA_COMPILE_AFTER": "10"}
    done = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, text=True, timeout=100 * SLOWER,
                          env=environment)
    assert done.returncode == 0, done.stderr
