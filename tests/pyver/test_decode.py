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


def opsOf(text):
    return [line.split("  ")[-1].split()[0] for line in bodyOf(text)]


def bodyOf(text):
    # "    3  @7  LoadFast 0 (a)  ; feedback"
    lines = []
    for line in text.splitlines():
        head, _, rest = line.partition("@")
        if head.strip().isdigit() and head.startswith("  "):
            lines.append(rest.split("  ;")[0])
    return lines


def feedbackOf(text):
    return [line.split("  ; ")[1].split()[0] for line in text.splitlines() if "  ; " in line]


def warm(func, *args):
    for _ in range(60):
        func(*args)


def testSelfTestFindsNothing():
    assert _tephra.self_test() == []


def testTruthIsAlwaysAnExactBoolAtJumps():
    def f(x):
        if x:
            return 1
        return not x

    ops = opsOf(dump(f))
    for i, op in enumerate(ops):
        if op in ("PopJumpIfTrue", "PopJumpIfFalse", "UnaryNot"):
            assert ops[i - 1] in ("ToBool", "Compare", "IsOp", "ContainsOp"), ops


def testKeywordCallIsOneInstruction():
    def f(g):
        return g(1, key=2)

    assert {"Call", "CallKw"} & set(opsOf(dump(f)))


def testFeedback():
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
    kinds = feedbackOf(dump(f))
    assert {"GlobalBuiltin", "CallLen", "ForRange", "ItemListInt", "BinaryInt", "MethodWithValues"} <= set(kinds)
    assert "class range" in dump(f) and "function testFeedback.<locals>.C.method" in dump(f)
    assert feedbackOf(dump(C.method)) == ["AttrInstance"]
    assert "AttrInstance of class C [0]" in dump(C.method)


def testStaleFeedbackNamesNothing():
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
def testOtherKindsOfFunctionsAreRefused(source, reason):
    namespace = {}
    exec(source, namespace)
    assert reason in dump(namespace["f"])


def testModuleBodyIsRefused():
    body = types.FunctionType(compile("x = 1", "m", "exec"), {})
    assert "module and class bodies" in dump(body)


def testInstrumentedCodeIsRefusedWhileAToolIsActive():
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


def testEveryLoadedFunctionDecodesOrSaysWhyNot():
    expected = ("generator", "coroutine", "module and class bodies", "instrumented")
    count = 0
    for func in [o for o in gc.get_objects() if isinstance(o, types.FunctionType)]:
        text = dump(func)
        if text.startswith("unit "):
            count += 1
        else:
            assert any(word in text for word in expected), (func, text)
    assert count > 500
