"""A function gets another code object: compiled callers must not go on with what they knew of the old one."""

import pytest
from support import compile_all, load

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
