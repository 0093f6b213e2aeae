"""Handlers in the graph of compiled code: what raises there goes to its handler without leaving.

The front end makes no handlers yet. The HIR here does what `interpreted` does, by hand.
"""

import dis
import gc
import sys
import traceback
import weakref

import pytest
from tephra import _tephra, jit

HIR = """
fun guarded {{
bb0:
  v0:Object = LoadArg {{index=0}}
  v1:Object = LoadArg {{index=1}}
  v2:Object = LoadArg {{index=2}}
  PushFrame
  v3:State = FrameState v0, v1 {{offset={get}, raise_offset={get}, nstack=2}} @{get}
  v4:Object = GetItem v0, v1, v3, bb1, bb4 @{get}
bb1 (preds bb0):
  v5:State = FrameState v4 {{offset={behind_get}, raise_offset={get}, nstack=1}} @{get}
  GuardUnobserved v5 @{get}
  v6:State = FrameState v4, v2 {{offset={add}, raise_offset={add}, nstack=2}} @{add}
  v7:Object = BinaryOp v4, v2, v6, bb2, bb4 {{kind=add}} @{add}
bb2 (preds bb1):
  v8:State = FrameState v7 {{offset={behind_add}, raise_offset={add}, nstack=1}} @{add}
  GuardUnobserved v8 @{add}
  LeaveFrame aux[0, 2, 4, 7] @{behind_add}
  Return v7 @{behind_add}
bb4 cold (preds bb0, bb1):
  v9:Object = Phi v1, v4
  v10:Object = CatchException @{get}
  v12:State = FrameState v9, v10 {{offset={get}, raise_offset={get}, nstack=2}} @{get}
  v11:Tuple = MakeTuple v9, v10, v12 @{get}
  LeaveFrame aux[0, 2, 4, 7] @{behind_add}
  Return v11 @{behind_add}
}}
"""


def guarded(container, key, addend):
    result = container[key] + addend
    return result


def interpreted(container, key, addend):
    """What the text does."""
    taken = key
    try:
        taken = container[key]
        return taken + addend
    except Exception as error:
        return taken, error


def code_units():
    places = {}
    instructions = list(dis.get_instructions(guarded))
    for at, behind in zip(instructions, instructions[1:], strict=False):
        subscript = at.opname == "BINARY_SUBSCR" or (at.opname == "BINARY_OP" and at.argrepr == "[]")
        name = "get" if subscript else "add" if at.opname == "BINARY_OP" else None
        if name:
            places |= {name: at.offset // 2, f"behind_{name}": behind.offset // 2}
    return places


@pytest.fixture
def compiled():
    function = type(guarded)(guarded.__code__.replace(), globals(), "guarded")
    assert _tephra.compile_text(function, HIR.format(**code_units()), ()) == ""
    assert jit.is_jit_compiled(function)
    _tephra.clear_runtime_stats()
    return function


def exits():
    return {row["reason"]: row["count"] for row in _tephra.runtime_stats()}


class Odd:
    def __getitem__(self, key):
        raise KeyError(key)


CASES = [
    ([1, 2, 3], 1, 40),
    ([1, 2, 3], 9, 40),  # the first raises
    ([1, 2, 3], 1, "x"),  # the second does
    ({"a": 1}, "b", 2),
    ({}, [], 2),
    (Odd(), 3, 4),
    (None, 3, 4),
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_handled_in_compiled_code(compiled, case):
    for _ in range(5):
        found, expected = compiled(*case), interpreted(*case)
        assert type(found) is type(expected)
        if not isinstance(found, tuple):
            assert found == expected
            continue
        assert found[0] == expected[0]
        assert (type(found[1]), str(found[1])) == (type(expected[1]), str(expected[1]))
    assert "Raised" not in exits()


def test_the_traceback_says_where(compiled):
    for case, place in [(([1], 5, 1), "get"), (([1], 0, "x"), "add")]:
        _, error = compiled(*case)
        first = error.__traceback__
        assert first.tb_frame.f_code is compiled.__code__
        assert first.tb_lasti == 2 * code_units()[place]
        assert first.tb_next is None
        assert first.tb_frame.f_locals["key"] == case[1]
    _, error = compiled(Odd(), 1, 1)
    assert [each.name for each in traceback.extract_tb(error.__traceback__)] == ["guarded", "__getitem__"]


def test_nothing_is_set_behind_it(compiled):
    compiled([1], 5, 1)
    assert sys.exception() is None
    outer = ValueError("outer")
    try:
        raise outer
    except ValueError:
        _, error = compiled([1], 5, 1)
        assert sys.exception() is outer
        assert error.__context__ is outer
    _, error = compiled([1], 5, 1)
    assert error.__context__ is None


def test_references_are_given_back(compiled):
    class Thing:
        def __add__(self, other):
            raise TypeError

    for _ in range(20):
        thing = Thing()
        gone = weakref.ref(thing)
        items = [thing]
        del thing
        taken, error = compiled(items, 0, 1)
        assert taken is gone()
        error.__traceback__ = None  # its frame has items
        count = sys.getrefcount(taken)
        del items
        assert sys.getrefcount(taken) == count - 1
        del taken, error
        gc.collect()
        assert gone() is None


def test_a_tool_takes_it_to_the_interpreter(compiled):
    events = []
    monitoring = sys.monitoring
    monitoring.use_tool_id(4, "test")
    try:
        monitoring.register_callback(4, monitoring.events.RAISE, lambda code, at, error: events.append((code, at)))

        class Switch:
            def __getitem__(self, key):
                monitoring.set_events(4, monitoring.events.RAISE)
                raise KeyError(key)

        with pytest.raises(KeyError) as caught:  # the interpreter has no handler there
            compiled(Switch(), 0, 1)
        assert [each.name for each in caught.traceback][-2:] == ["guarded", "__getitem__"]
        assert (compiled.__code__, 2 * code_units()["get"]) in events
        assert exits() == {"Raised": 1}
    finally:
        monitoring.set_events(4, 0)
        monitoring.free_tool_id(4)
