"""A compiled function is a Python function to sys.monitoring, and its code a plain code object to interpreters."""

import sys

import pytest
import support

from tephra import jit

TOOL = 3
EVENTS = sys.monitoring.events
SOURCE = """
def callee(n):
    return len("abc") + n
def f(n):
    return callee(n) + callee(n + 1)
"""


@pytest.fixture
def tool():
    sys.monitoring.use_tool_id(TOOL, "test")
    yield TOOL
    sys.monitoring.set_events(TOOL, 0)
    sys.monitoring.free_tool_id(TOOL)


def compiled_pair():
    namespace, f = support.load(SOURCE)
    for name in ("callee", "f"):
        jit.force_compile(namespace[name])
    return namespace["callee"], f


def record(tool, f, switch):
    """Names that CALL and C_RETURN report during a call of f."""
    seen = []
    for name in ("CALL", "C_RETURN"):
        event = getattr(EVENTS, name)
        sys.monitoring.register_callback(
            tool, event, lambda code, offset, what, arg, name=name: seen.append((name, what.__name__)))
    switch(EVENTS.CALL)
    f(1)
    switch(0)
    return [each for each in seen if each[1] in ("callee", "len", "f")]


@pytest.mark.parametrize("local", [False, True])
def test_python_calls_give_no_c_return(tool, local):
    def switch(events, f=None):
        if local:
            for function in (wanted[1], wanted[0]):
                sys.monitoring.set_local_events(tool, function.__code__, events)
        else:
            sys.monitoring.set_events(tool, events)

    plain, plain_f = support.load(SOURCE)
    wanted = plain["callee"], plain_f
    expected = record(tool, plain_f, switch)
    assert ("C_RETURN", "len") in expected and ("C_RETURN", "callee") not in expected
    wanted = callee, f = compiled_pair()
    assert jit.is_jit_compiled(callee) and jit.is_jit_compiled(f)
    assert record(tool, f, switch) == expected
    if not local:  # local events leave instrumented code behind, which is not compiled at once
        assert jit.is_jit_compiled(callee) and jit.is_jit_compiled(f)
        assert f(1) == plain_f(1)


def test_freeing_the_tool_ends_it():
    callee, f = compiled_pair()
    sys.monitoring.use_tool_id(TOOL, "test")
    sys.monitoring.set_events(TOOL, EVENTS.CALL)
    assert not jit.is_jit_compiled(f)
    sys.monitoring.set_events(TOOL, 0)
    sys.monitoring.free_tool_id(TOOL)
    assert jit.is_jit_compiled(f) and f(2) == 11


@pytest.mark.skipif(sys.version_info < (3, 14), reason="no concurrent.interpreters before 3.14")
def test_compiled_functions_go_to_other_interpreters():
    from concurrent import interpreters

    namespace, f = support.load("def f():\n    return 6 * 7\n")
    jit.force_compile(f)
    assert jit.is_jit_compiled(f) and f() == 42
    interpreter = interpreters.create()
    try:
        assert interpreter.call(f) == 42
    finally:
        interpreter.close()
