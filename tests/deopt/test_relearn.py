"""Relearning: a site whose assumption failed is compiled again without it, and then stays compiled.

Each case: a function is warmed up and compiled; then the world changes. After a bounded number of
calls it must be compiled again, give the interpreter's results, and take no further exits.
"""

import sys

import pytest
from support import load

from tephra import _tephra, jit

THRESHOLD = 5  # recompile-after in these tests
CALLS = 600


@pytest.fixture(autouse=True)
def learning():
    _tephra.set_option("recompile-after", str(THRESHOLD))
    _tephra.set_option("max-recompiles", "8")
    _tephra.clear_runtime_stats()
    yield
    _tephra.set_option("recompile-after", "1000000000")
    _tephra.set_option("max-recompiles", "8")


def exits(name="f"):
    return sum(row["count"] for row in _tephra.runtime_stats() if row["function"] == name and row["kind"] == "deopt")


def compiled(source, warm, rounds=40):
    namespace, function = load(source)
    __, reference = load(source)
    for _ in range(rounds):
        for args in warm(namespace):
            function(*args)
    assert jit.force_compile(function)
    for args in warm(namespace):
        function(*args)
    return namespace, function


def settles(function, call, *, at_most=None, name="f"):
    """After ``CALLS`` calls the function is compiled, and CALLS more take no exit."""
    for i in range(CALLS):
        call(i)
    taken = exits(name)
    info = _tephra.function_info(function)
    assert jit.is_jit_compiled(function), (_tephra.runtime_stats(), info)
    for i in range(CALLS):
        call(i)
    assert exits(name) == taken, _tephra.runtime_stats()
    assert jit.is_jit_compiled(function)
    if at_most is not None:
        assert info["recompiles"] <= at_most, (info, _tephra.runtime_stats())
    return taken


CASES = {
    # name: (source, warm-up arguments, arguments after the change, result after it)
    "int_to_float": ("def f(a, b): return a * b + a", (3, 4), (1.5, 2), 4.5),
    "int_to_str": ("def f(a, b): return a + b", (3, 4), ("x", "y"), "xy"),
    "float_to_int": ("def f(a, b): return a - b", (3.5, 4.5), (5, 2), 3),
    "compare_type": ("def f(a, b): return 1 if a < b else 2", (3, 4), ("x", "y"), 1),
    "int_to_big": ("def f(a, b): return a + b", (3, 4), (1 << 70, 1), (1 << 70) + 1),
    "overflow_add": ("""
        def f(a, b):
            x = a * b
            x = x * x * x * x
            return x
    """, (3, 4), (1 << 29, 1 << 29), (1 << 58) ** 4),
    "overflow_loop": ("""
        def f(a, b):
            x = a
            for i in range(b): x = x * 3
            return x
    """, (1, 5), (1, 50), 3 ** 50),
    "overflow_while": ("""
        def f(a, b):
            i, x = 0, 1
            while i < b:
                x = x * a
                i = i + 1
            return x
    """, (2, 5), (2, 100), 2 ** 100),
    "shift": ("def f(a, b): return a << b", (1, 4), (1, 100), 1 << 100),
    "list_to_tuple": ("def f(a, b): return a[b]", ([1, 2], 0), ((1, 2), 1), 2),
    "list_to_dict": ("def f(a, b): return a[b]", ([1, 2], 0), ({5: 6}, 5), 6),
    "dict_to_list": ("def f(a, b): return a[b]", ({1: 2}, 1), ([7, 8], 1), 8),
    "store_subscript": ("def f(a, b): a[b] = b; return a[b]", ([1, 2], 0), ({}, 5), 5),
    "iterate": ("""
        def f(a, b):
            t = b
            for x in a: t = t + x
            return t
    """, ([1, 2], 0), ((1, 2), 1), 4),
    "iterate_range": ("""
        def f(a, b):
            t = b
            for x in a: t = t + x
            return t
    """, (range(4), 0), ([1, 2], 1), 4),
    "unpack": ("def f(a, b):\n    x, y = a\n    return x, y, b", ((1, 2), 0), ([3, 4], 1), (3, 4, 1)),
    "truth": ("def f(a, b): return 1 if a else b", (True, 0), ([], 5), 5),
    "truth_none": ("def f(a, b): return 1 if a else b", (None, 0), ("x", 5), 1),
    "builtin_len": ("def f(a, b): return len(a) + b", ([1], 0), ("abc", 5), 8),
    "contains": ("def f(a, b): return b in a", ([1], 0), ({5: 1}, 5), True),
    "call_other": ("def f(a, b): return a(b)", (len, []), (str, 5), "5"),
    "negate": ("def f(a, b): return -a", (1, 0), (1.5, 5), -1.5),
    "divide": ("def f(a, b): return a // b", (9, 2), (9.5, 2), 4.0),
    "mod_string": ("def f(a, b): return a % b", (9, 2), ("%s!", 2), "2!"),
}


@pytest.mark.parametrize("name", CASES)
def test_type_changes_are_learned(name):
    source, warm, later, result = CASES[name]
    namespace, function = compiled(source, lambda ns: [warm])

    def one(i):
        got = function(*later)
        assert got == result and type(got) is type(result)
    settles(function, one, at_most=5)


@pytest.mark.parametrize("name", CASES)
def test_a_mixture_is_learned_too(name):
    source, warm, later, result = CASES[name]
    namespace, function = compiled(source, lambda ns: [warm])
    first = load(source)[1](*warm)

    def one(i):
        got, want = (function(*later), result) if i % 3 == 0 else (function(*warm), first)
        assert got == want and type(got) is type(want)
    settles(function, one, at_most=6)


CLASSES = """
    class A:
        kind = 1
        def __init__(self): self.x = 1
        def m(self): return self.x
    class B:
        kind = 2
        def __init__(self): self.y = 0; self.x = 2
        def m(self): return self.x * 10
    class S:
        __slots__ = ('x',)
        kind = 3
        def __init__(self): self.x = 3
        def m(self): return self.x * 100
    def f(o): return o.x, o.m(), o.kind
"""


@pytest.mark.parametrize("other", ["B", "S"])
def test_attribute_shapes(other):
    namespace, function = compiled(CLASSES, lambda ns: [(ns["A"](),)])
    objects = [namespace["A"](), namespace[other]()]
    want = [(1, 1, 1), {"B": (2, 20, 2), "S": (3, 300, 3)}[other]]

    def one(i):
        assert function(objects[i % 2]) == want[i % 2]
    settles(function, one, at_most=6)


def test_stores_to_attributes():
    source = """
        class A:
            def __init__(self): self.x = 1
        class B:
            def __init__(self): self.y = 0; self.x = 2
        def f(o):
            o.x = o.x + 1
            return o.x
    """
    namespace, function = compiled(source, lambda ns: [(ns["A"](),)])
    objects = [namespace["A"](), namespace["B"]()]

    def one(i):
        before = objects[i % 2].x
        assert function(objects[i % 2]) == before + 1
    settles(function, one, at_most=6)


def test_instances_with_real_dicts():
    namespace, function = compiled(CLASSES, lambda ns: [(ns["A"](),)])
    o = namespace["A"]()
    vars(o)["extra"] = 1
    o.__dict__ = dict(vars(o))

    def one(i):
        assert function(o) == (1, 1, 1)
    settles(function, one, at_most=6)


def test_class_mutation_once():
    namespace, function = compiled(CLASSES, lambda ns: [(ns["A"](),)])
    A = namespace["A"]
    o = A()
    A.kind = 50
    A.m = lambda self: "new"

    def one(i):
        assert function(o) == (1, "new", 50)
    settles(function, one, at_most=4)


def test_class_mutation_for_ever_does_not_deoptimise_for_ever():
    namespace, function = compiled(CLASSES, lambda ns: [(ns["A"](),)])
    A = namespace["A"]
    o = A()
    for i in range(3000):
        A.kind = i
        assert function(o) == (1, 1, i)
    taken = exits()
    for i in range(1000):
        A.kind = i
        assert function(o) == (1, 1, i)
    assert exits() == taken, _tephra.runtime_stats()


GLOBALS = """
    scale = 2
    def g(x): return x + 1
    def f(x): return g(x) * scale + len([x])
"""


def test_globals_that_change_once():
    namespace, function = compiled(GLOBALS, lambda ns: [(1,)])
    namespace["scale"] = 3
    namespace["new_name"] = 1
    namespace["g"] = lambda x: x

    def one(i):
        assert function(i) == i * 3 + 1
    settles(function, one, at_most=4)


def test_globals_whose_keys_change_for_ever():
    namespace, function = compiled(GLOBALS, lambda ns: [(1,)])

    def one(i):
        namespace[f"name{len(namespace)}"] = 1
        assert function(i) == (i + 1) * 2 + 1
    for i in range(3000):
        one(i)
    taken = exits()
    for i in range(1000):
        one(i)
    assert exits() == taken, _tephra.runtime_stats()


def test_builtin_that_is_shadowed_and_comes_back():
    namespace, function = compiled(GLOBALS, lambda ns: [(1,)])

    def one(i):
        if i % 20 == 0:
            namespace["len"] = lambda x: 100
        if i % 20 == 10:
            del namespace["len"]
        assert function(i) == (i + 1) * 2 + (1 if i % 20 >= 10 else 100)
    for i in range(3000):
        one(i)
    taken = exits()
    for i in range(3000, 4000):
        one(i)
    assert exits() == taken, _tephra.runtime_stats()


def test_code_of_a_callee_changes():
    namespace, function = compiled(GLOBALS, lambda ns: [(1,)])

    def other(x): return x - 1
    namespace["g"].__code__ = other.__code__

    def one(i):
        assert function(i) == (i - 1) * 2 + 1
    settles(function, one, at_most=4)


def test_defaults_of_a_callee_change():
    namespace, function = compiled("""
        def g(x, y=1): return x + y
        def f(x): return g(x)
    """, lambda ns: [(1,)])
    namespace["g"].__defaults__ = (10,)

    def one(i):
        assert function(i) == i + 10
    settles(function, one, at_most=4)


def test_an_inner_loop_alone_can_teach():
    # One call, many failing guards one after the other: each enters the interpreter, which finishes the loop.
    namespace, function = compiled("""
        def g(x): return x + x
        def f(items): return [g(x) for x in items]
    """, lambda ns: [([1, 2, 3],)])
    jit.force_compile(namespace["g"])
    want = ["ab" * 2] * 500

    def one(i):
        assert function(["ab"] * 500) == want
    settles(namespace["g"], one, name="g")


def test_max_recompiles_leads_to_the_interpreter_with_a_reason():
    _tephra.set_option("max-recompiles", "0")
    namespace, function = compiled("def f(a, b): return a + b", lambda ns: [(1, 2)])
    for _ in range(THRESHOLD + 1):
        assert function("a", "b") == "ab"
    assert not jit.is_jit_compiled(function)
    assert _tephra.force_compile(function) == "its assumptions failed too often"
    assert not jit.is_jit_compiled(function)
    taken = exits()
    for i in range(500):
        assert function(i, 1.5) == i + 1.5
    assert exits() == taken
    assert not jit.is_jit_compiled(function)


def test_max_recompiles_is_a_limit():
    _tephra.set_option("max-recompiles", "2")
    names = [f"p{i}" for i in range(12)]
    source = f"def f({', '.join(names)}): return " + ", ".join(f"{n} + {n}" for n in names)
    args = [1] * 12
    namespace, function = compiled(source, lambda ns: [tuple(args)])
    for k in range(12):
        args[k] = "s"
        for i in range(300):
            assert function(*args) == tuple(a + a for a in args)
    assert not jit.is_jit_compiled(function)
    assert _tephra.force_compile(function) == "its assumptions failed too often"


def test_instrumentation_that_came_and_went():
    namespace, function = compiled("""
        def f(n):
            t = 0
            for i in range(n): t += i
            return t
    """, lambda ns: [(5,)])
    lines = []

    def tracer(frame, event, arg):
        if frame.f_code is function.__code__:
            lines.append(event)
        return tracer
    for _ in range(THRESHOLD + 3):
        sys.settrace(tracer)
        assert function(4) == 6
        sys.settrace(None)
    assert lines.count("call") == THRESHOLD + 3
    assert lines.count("return") == THRESHOLD + 3

    def one(i):
        assert function(4) == 6
    for i in range(3000):
        one(i)
    settles(function, one)


def test_monitoring_that_came_and_went():
    namespace, function = compiled("def f(n): return [n, len(str(n))]", lambda ns: [(5,)])
    events = []
    monitoring = sys.monitoring
    monitoring.use_tool_id(3, "test")
    monitoring.register_callback(3, monitoring.events.PY_START, lambda code, offset: events.append(code))
    for _ in range(THRESHOLD + 3):
        monitoring.set_events(3, monitoring.events.PY_START)
        function(4)
        monitoring.set_events(3, 0)
        function(4)
    monitoring.free_tool_id(3)
    assert events.count(function.__code__) == THRESHOLD + 3

    def one(i):
        assert function(4) == [4, 1]
    for i in range(3000):
        one(i)
    settles(function, one)


def test_frames_that_are_always_observed_are_never_learned_from():
    namespace, function = compiled("""
        import sys
        def f(n):
            frame = sys._getframe()
            return frame.f_locals['n'] + n
    """, lambda ns: [(5,)])
    for i in range(500):
        assert function(i) == 2 * i
    assert jit.is_jit_compiled(function)
    assert _tephra.function_info(function)["recompiles"] == 0
