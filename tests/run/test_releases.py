"""Who looks after a release: a finaliser may write a local of the running frame, switch on tracing or monitoring, or raise a
signal, and it takes effect where it does in the interpreter, whatever has released the object."""

import signal
import sys

import pytest
from support import load

from tephra import _tephra, jit

WRITES_THROUGH = sys.version_info >= (3, 13)  # f_locals

# `{make}` makes the object that acts when it dies, `{act}` is a value whose end acts, too, or not at all.
KINDS = {
    "rebinding": "x = Act()\n    x = None",
    "rebinding_to_number": "x = Act()\n    x = n + 1",
    "delete": "x = Act()\n    del x",
    "temporary": "Act()",
    "identity": "Act() is None",
    "identity_of_two": "Act() is Act()",
    "identity_in_branch": "if Act() is None:\n        pass",
    "none_test": "x = 1 if Act() is None else 2",
    "truth": "if not Act():\n        pass",
    "and_or": "x = Act() and 1",
    "attribute": "Act().value",
    "attribute_store": "kept.value = Act()\n    kept.value = None",
    "attribute_replaced_by_number": "kept.value = Act()\n    kept.value = n * 2.5",
    "attribute_replaced_by_small_number": "kept.value = Act()\n    kept.value = n + 1",
    "attribute_of_temporary": "Act().value = n + 1",
    "slot_store": "slots.value = Act()\n    slots.value = None",
    "item_store": "items[0] = Act()\n    items[0] = None",
    "item_replaced_by_number": "items[0] = Act()\n    items[0] = n * 2.5",
    "item_replaced_by_small_number": "items[0] = Act()\n    items[0] = n + 1",
    "item_of_dict": "table[1] = Act()\n    table[1] = None",
    "global_store": "global place\n    place = Act()\n    place = None",
    "cell_store": "def inner():\n        return x\n    x = Act()\n    x = None",
    "cell_delete": "def inner():\n        return x\n    x = Act()\n    del x",
    "delete_item": "table[1] = Act()\n    del table[1]",
    "delete_slice": "items[1:] = [Act()]\n    del items[1:]",
    "delete_attribute": "kept.other = Act()\n    del kept.other",
    "pop": "items.append(Act())\n    items.pop()",
    "clear": "table[2] = Act()\n    table.clear()",
    "list_of_them": "[Act(), Act()]",
    "item_of_temporary": "[Act(), 1][1]",
    "unpacking": "x, y = Act(), 1\n    x, y = 1, 2",
    "unpacking_temporary": "x, y = [Act(), 1]\n    x = 0",
    "loop_target": "for x in [Act(), 1]:\n        pass",
    "loop_end": "for x in [1, Act()]:\n        pass\n    x = 0",
    "iterator": "for x in ActingIterator():\n        pass",
    "left_loop": "for x in ActingIterator():\n        break",
    "comprehension": "x = [0 for y in ActingIterator()]",
    "comprehension_of_them": "x = [None for y in [Act(), Act()]]",
    "argument": "nothing(Act())",
    "argument_of_builtin": "len([Act()])",
    "formatted": "f'{Act()}'",
    "swap": "x, y = Act(), 1\n    x, y = y, 2",
    "several": "x, y, z = Act(), Act(), 1\n    x = y = None",
    "weak_reference": "x = Plain()\n    w = weakref.ref(x, called)\n    x = None",
    "weak_reference_of_temporary": "x = Plain()\n    w = weakref.ref(x, called)\n    del x",
}

SOURCE = """
    import sys, weakref

    class Act:
        value = 1

        def __del__(self):
            called(self)

    class ActingIterator(Act):
        left = 2

        def __iter__(self):
            return self

        def __next__(self):
            self.left -= 1
            if self.left < 0:
                raise StopIteration
            return 1

    class Plain:
        pass

    class Slots:
        __slots__ = "value",

    def nothing(argument):
        return None

    kept, slots, items, table = Plain(), Slots(), [None], {{}}
    kept.value = slots.value = None
    action = None

    def called(which):
        if action is not None:
            action(sys._getframe(2 if isinstance(which, Act) else 1))

    def f(n):
        t = 1
        {body}
        u = t
        v = n
        return t, u, v
"""


def prepared(body, compiled):
    namespace, function = load(SOURCE.format(body=body.replace("\n", "\n    ")))
    jit.jit_suppress(function) if not compiled else None
    for i in range(80):
        function(i)
    if compiled:
        jit.force_compile(function)
        assert jit.is_jit_compiled(function)
        function(1)
    return namespace, function


def both(body, observe):
    results = [observe(*prepared(body, compiled)) for compiled in (False, True)]
    assert results[1] == results[0]
    return results[0]


@pytest.mark.parametrize("body", KINDS.values(), ids=KINDS)
def test_a_local_written_by_a_finaliser(body):
    def observe(namespace, function):
        def write(frame):
            frame.f_locals["t"] = 9
        namespace["action"] = write
        return function(3), function(4)

    result = both(body, observe)
    if WRITES_THROUGH:
        assert result[0][1] == 9


@pytest.mark.parametrize("body", KINDS.values(), ids=KINDS)
def test_line_events_switched_on_by_a_finaliser(body):
    monitoring, tool = sys.monitoring, 4

    def observe(namespace, function):
        seen = []
        monitoring.register_callback(tool, monitoring.events.LINE, lambda code, line: seen.append(
            line - code.co_firstlineno) if code is function.__code__ else None)
        namespace["action"] = lambda frame: monitoring.set_events(tool, monitoring.events.LINE)
        function(3)
        monitoring.set_events(tool, 0)
        return seen

    monitoring.use_tool_id(tool, "test")
    try:
        assert both(body, observe)
    finally:
        monitoring.free_tool_id(tool)


@pytest.mark.parametrize("body", KINDS.values(), ids=KINDS)
def test_tracing_switched_on_by_a_finaliser(body):
    def observe(namespace, function):
        seen = []

        def trace(frame, event, argument):
            if frame.f_code is function.__code__:
                seen.append((event, frame.f_lineno - function.__code__.co_firstlineno))
            return trace

        def start(frame):
            frame.f_trace = trace
            sys.settrace(trace)

        namespace["action"] = start
        try:
            function(3)
        finally:
            sys.settrace(None)
        return seen

    assert both(body, observe)


@pytest.mark.parametrize("body", KINDS.values(), ids=KINDS)
def test_a_signal_raised_by_a_finaliser(body):
    def observe(namespace, function):
        lines = []
        old = signal.signal(signal.SIGUSR1, lambda number, frame: lines.append(
            (frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno)))
        namespace["action"] = lambda frame: signal.raise_signal(signal.SIGUSR1)
        try:
            function(3)
        finally:
            signal.signal(signal.SIGUSR1, old)
        return lines

    assert both(body, observe)


def test_looks_cost_nothing_where_nothing_can_end():
    _, function = load("""
        def f(n):
            total, name = 0, "a"
            for i in range(n):
                total = total + i
                name = name + "b"
            return total
        """)
    for i in range(60):
        function(5)
    jit.force_compile(function)
    assert "ObserveRelease" not in jit.get_function_hir_opcode_counts(function)


def test_the_option_switches_looking_off():
    _tephra.set_option("observe-releases", "0")
    try:
        namespace, function = prepared("x = Act()\n    x = None", True)
        assert "ObserveRelease" not in jit.get_function_hir_opcode_counts(function)
    finally:
        _tephra.set_option("observe-releases", "1")
    namespace, function = prepared("x = Act()\n    x = None", True)
    assert "ObserveRelease" in jit.get_function_hir_opcode_counts(function)
