"""The decoder through the extension: canonical bytecode, feedback, bail-outs, the start-up self-test."""

import gc
import sys
import types

import pytest

from tephra import _tephra


def dump(func):
    """The canonical bytecode as text, or why there is none."""
    try:
        return _tephra.dump(func, "bytecode")
    except RuntimeError as error:
        return str(error)


def ops_of(text):
    return [line.split("  ")[-1].split()[0] for line in body_of(text)]


def body_of(text):
    # "    3  @7  LoadFast 0 (a)  ; feedback"
    lines = []
    for line in text.splitlines():
        head, _, rest = line.partition("@")
        if head.strip().isdigit() and head.startswith("  "):
            lines.append(rest.split("  ;")[0])
    return lines


def feedback_of(text):
    return [line.split("  ; ")[1].split()[0] for line in text.splitlines() if "  ; " in line]


def warm(func, *args):
    for _ in range(60):
        func(*args)


def test_self_test_finds_nothing():
    assert _tephra.self_test() == []


def test_truth_is_always_an_exact_bool_at_jumps():
    def f(x):
        if x:
            return 1
        return not x

    ops = ops_of(dump(f))
    for i, op in enumerate(ops):
        if op in ("PopJumpIfTrue", "PopJumpIfFalse", "UnaryNot"):
            assert ops[i - 1] in ("ToBool", "Compare", "IsOp", "ContainsOp"), ops


def test_keyword_call_is_one_instruction():
    def f(g):
        return g(1, key=2)

    assert {"Call", "CallKw"} & set(ops_of(dump(f)))


def test_feedback():
    class C:
        def __init__(self):
            self.v = 1

        def method(self):
            return self.v

    def f(xs, c):
        total = 0
        for i in range(len(xs)):
            total += xs[i] + c.method()
        return total

    warm(f, [1, 2, 3], C())
    kinds = feedback_of(dump(f))
    assert {"GlobalBuiltin", "CallLen", "ForRange", "ItemListInt", "BinaryInt", "MethodWithValues"} <= set(kinds)
    assert "class range" in dump(f) and "function test_feedback.<locals>.C.method" in dump(f)
    assert feedback_of(dump(C.method)) == ["AttrInstance"]
    assert "AttrInstance of class C [0]" in dump(C.method)


def test_stale_feedback_names_nothing():
    class C:
        def method(self):
            return 1

    def f(c):
        return c.method()

    warm(f, C())
    C.method = lambda self: 2  # the class's version is gone: no pointer of the cache may be followed
    assert "method" not in dump(f).split("LoadMethod")[1].partition(";")[2]


@pytest.mark.parametrize("source, reason", [
    ("def f():\n  yield 1", "generator"),
    ("async def f():\n  pass", "coroutine"),
    ("async def f():\n  yield 1", "async generator"),
])
def test_other_kinds_of_functions_are_refused(source, reason):
    namespace = {}
    exec(source, namespace)
    assert reason in dump(namespace["f"])


def test_module_body_is_refused():
    body = types.FunctionType(compile("x = 1", "m", "exec"), {})
    assert "module and class bodies" in dump(body)


def test_instrumented_code_is_refused_while_a_tool_is_active():
    def f():
        return 1

    def trace(frame, event, arg):
        return trace

    f()
    old = sys.gettrace()
    sys.settrace(trace)
    try:
        assert "instrumented" in dump(f)
    finally:
        sys.settrace(old)
    if old is None:
        f()  # its RESUME takes the instrumentation out
        assert dump(f).startswith("unit ")


def test_every_loaded_function_decodes_or_says_why_not():
    expected = ("generator", "coroutine", "module and class bodies", "instrumented")
    count = 0
    for func in [o for o in gc.get_objects() if isinstance(o, types.FunctionType)]:
        text = dump(func)
        if text.startswith("unit "):
            count += 1
        else:
            assert any(word in text for word in expected), (func, text)
    assert count > 500
