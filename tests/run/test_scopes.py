"""Exits out of inlined code whose frames are absent: they are made, outermost first, as calls would have made them.

The front end inlines nothing yet. The HIR here is what it will make of `outer`, with `middle` and `inner` in it.
"""

import ctypes
import dis
import gc
import sys
import traceback
import weakref

import pytest
from tephra import _tephra, jit

HIR = """
fun outer {{
scope 1 in 0 @{outer_call} absent middle
scope 2 in 1 @{middle_call} absent inner
bb0:
  v0:Object = LoadArg {{index=0}}
  v1:Object = LoadArg {{index=1}}
  v2:Object = LoadArg {{index=2}}
  v3:Object = LoadArg {{index=3}}
  PushFrame
  v4:Int64 = ConstInt {{value=1}}
  v5:State = FrameState v4 {{offset={outer_next}, raise_offset={outer_call}, nstack=1}} @{outer_call}
  v6:State = FrameState v1, v2, v3, v0, v5 {{offset={middle_next}, raise_offset={middle_call}, nstack=0}} \
aux[0, 1, 2, function, parent] @{middle_call}/1
  v7:State = FrameState v2, v2, v2, v1, v6 {{offset={inner_add}, raise_offset={inner_add}, nstack=2}} \
aux[0, function, parent] @{inner_add}/2
  v8:Int = GuardType v2, v7 {{type=Int}} @{inner_add}/2
  v9:Int64 = UnboxInt v8, v7 @{inner_add}/2
  v10:Int64 = IntAdd v9, v9, v7 @{inner_add}/2
  v11:State = FrameState v10, v3, v1, v2, v3, v0, v5 {{offset={middle_add}, raise_offset={middle_add}, nstack=2}} \
aux[0, 1, 2, function, parent] @{middle_add}/1
  v12:Int = GuardType v3, v11 {{type=Int}} @{middle_add}/1
  v13:Int64 = UnboxInt v12, v11 @{middle_add}/1
  v14:Int64 = IntAdd v10, v13, v11 @{middle_add}/1
  v15:State = FrameState v4, v14 {{offset={outer_add}, raise_offset={outer_add}, nstack=2}} @{outer_add}
  v16:Int64 = IntAdd v4, v14, v15 @{outer_add}
  v17:Int = BoxInt v16, v15 @{outer_add}
  LeaveFrame aux[0, 2, 4, 6] @{outer_add}
  Return v17 @{outer_add}
}}
"""
# The same where middle has a frame of its own, in which inner's is absent.
PUSHED = """
fun outer {{
scope 1 in 0 @{outer_call} pushed middle
scope 2 in 1 @{middle_call} absent inner
bb0:
  v0:Object = LoadArg {{index=0}}
  v1:Object = LoadArg {{index=1}}
  v2:Object = LoadArg {{index=2}}
  v3:Object = LoadArg {{index=3}}
  PushFrame
  v4:Int64 = ConstInt {{value=1}}
  v20:Null = ConstNull
  v21:State = FrameState v4, {callable}, v1, v2, v3 {{offset={outer_call}, raise_offset={outer_call}, nstack=6}} @{outer_call}
  SetPosition {{offset={outer_call}}} @{outer_call}
  PushInlinedFrame v0, v1, v2, v3, v21 @0/1
  v5:State = FrameState v4 {{offset={outer_next}, raise_offset={outer_call}, nstack=1}} @{outer_call}
  v6:State = FrameState v5 {{offset={middle_next}, raise_offset={middle_call}, nstack=0}} aux[parent] @{middle_call}/1
  v7:State = FrameState v2, v2, v2, v1, v6 {{offset={inner_add}, raise_offset={inner_add}, nstack=2}} aux[0, function, parent] @{inner_add}/2
  v8:Int = GuardType v2, v7 {{type=Int}} @{inner_add}/2
  v9:Int64 = UnboxInt v8, v7 @{inner_add}/2
  v10:Int64 = IntAdd v9, v9, v7 @{inner_add}/2
  v11:State = FrameState v10, v3, v5 {{offset={middle_add}, raise_offset={middle_add}, nstack=2}} aux[parent] @{middle_add}/1
  v12:Int = BoxInt v10, v11 @{middle_add}/1
  v13:Object = BinaryOp v12, v3, v11 {{kind=add}} @{middle_add}/1
  v14:State = FrameState v13, v5 {{offset={middle_behind}, raise_offset={middle_add}, nstack=1}} aux[parent] @{middle_add}/1
  GuardUnobserved v14 @{middle_add}/1
  LeaveFrame aux[0, 2, 4] @{middle_behind}/1
  v15:State = FrameState v4, v13 {{offset={outer_next}, raise_offset={outer_call}, nstack=2}} @{outer_call}
  GuardUnobserved v15 @{outer_call}
  v16:State = FrameState v4, v13 {{offset={outer_add}, raise_offset={outer_add}, nstack=2}} @{outer_add}
  v17:Int = BoxInt v4, v16 @{outer_add}
  v18:Object = BinaryOp v17, v13, v16 {{kind=add}} @{outer_add}
  v19:State = FrameState v18 {{offset={outer_behind}, raise_offset={outer_add}, nstack=1}} @{outer_add}
  GuardUnobserved v19 @{outer_add}
  LeaveFrame aux[0, 2, 4, 6] @{outer_behind}
  Return v18 @{outer_behind}
}}
"""
BIG = 2**62


def inner(a):
    return a + a


def middle(inner, a, b):
    return inner(a) + b


def outer(middle, inner, a, b):
    return 1 + middle(inner, a, b)


def offsets(function):
    """Where the function's call and addition are, and what follows each, in code units."""
    name, found = function.__name__, {}
    instructions = list(dis.get_instructions(function))
    for at, behind in zip(instructions, instructions[1:], strict=False):
        if at.opname == "CALL":
            found |= {f"{name}_call": at.offset // 2, f"{name}_next": behind.offset // 2}
        elif at.opname == "BINARY_OP":
            found |= {f"{name}_add": at.offset // 2, f"{name}_behind": behind.offset // 2}
    return found


def copy(function):
    return type(function)(function.__code__.replace(), function.__globals__, function.__name__)


class Program:
    """The three functions, each with code of its own, and a copy of outer into which the other two are inlined."""

    def __init__(self, hir=HIR, middle=middle, inner=inner):
        self.hir = hir
        self.outer, self.middle, self.inner, self.inlining = copy(outer), copy(middle), copy(inner), copy(outer)
        assert _tephra.compile_text(self.inlining, self.text(), (self.middle, self.inner)) == ""
        assert jit.is_jit_compiled(self.inlining)
        jit.get_and_clear_runtime_stats()

    def text(self):
        places = {"callable": "v0, v20" if sys.version_info >= (3, 13) else "v20, v0"}
        for each in (self.outer, self.middle, self.inner):
            places |= offsets(each)
        return self.hir.format(**places)

    def interpreted(self, a, b):
        return self.outer(self.middle, self.inner, a, b)

    def compiled(self, a, b):
        return self.inlining(self.middle, self.inner, a, b)


@pytest.fixture(params=[HIR, PUSHED], ids=["absent", "pushed"])
def program(request):
    return Program(request.param)


def exits():
    rows = _tephra.runtime_stats()
    _tephra.clear_runtime_stats()
    return {(row["function"].rpartition(".")[2], row["reason"]): row["count"] for row in rows}


def outcome(call, *args):
    try:
        return repr(call(*args))
    except Exception as error:
        lines = [(each.name, each.lineno, each.colno) for each in traceback.extract_tb(error.__traceback__)[2:]]
        return type(error).__name__, str(error), lines


def test_nothing_leaves(program):
    assert program.compiled(20, 1) == 42
    assert exits() == {}


@pytest.mark.parametrize(
    ("a", "b", "where"),
    [
        (1.5, 1, ("inner", "TypeChanged")),
        (BIG, 1, ("inner", "IntTooLarge")),
        (1, 2.5, ("middle", "TypeChanged")),
        (1, BIG, ("middle", "IntTooLarge")),
        ("x", "y", ("inner", "TypeChanged")),  # 1 + "xxy" raises in outer
        (None, 1, ("inner", "TypeChanged")),  # raises in inner, three frames deep
        (1, None, ("middle", "TypeChanged")),
    ],
)
def test_what_leaves_goes_on_in_its_frame(program, a, b, where):
    for _ in range(3):
        assert outcome(program.compiled, a, b) == outcome(program.interpreted, a, b)
    generic = program.hir is PUSHED and where[0] == "middle"  # an addition of anything
    if generic:
        where = ("middle", "Raised") if b is None else None
    assert exits() == ({where: 3} if where else {})


class Watcher:
    """Sees the frames that add it."""

    def __init__(self):
        self.seen = []

    def look(self, other):
        frame = sys._getframe(2)
        while frame.f_code.co_name != "run":
            self.seen.append((frame.f_code.co_name, frame.f_lineno, frame.f_lasti, sorted(frame.f_locals)))
            frame = frame.f_back
        return 5

    def __add__(self, other):
        return self.look(other)

    def __radd__(self, other):
        return self.look(other)


@pytest.mark.parametrize("place", ["a", "b"])
def test_who_looks_sees_all_frames(program, place):
    def run(function):
        watcher = Watcher()
        result = function(**{"a": 7, "b": 8, place: watcher})
        return result, watcher.seen

    expected, found = run(program.interpreted), run(program.compiled)
    found[1][:] = [row for row in found[1] if row[0] != "compiled"]
    expected[1][:] = [row for row in expected[1] if row[0] != "interpreted"]
    if sys.version_info < (3, 13):  # a caller inlined by 3.12's interpreter stands at the call's last cache entry
        expected, found = ((r, [(name, line, names) for name, line, _, names in seen]) for r, seen in (expected, found))
    assert found == expected
    assert [name for name, *_ in found[1]][:2] == {"a": ["inner", "middle"], "b": ["middle", "outer"]}[place]


def test_functions_in_the_frames_are_those_called(program):
    # The frame's function is the value that was called, not the one that the code came with.
    made = type(inner)(program.inner.__code__, {"elsewhere": 1}, "inner")
    seen = []

    class Globals:
        def __add__(self, other):
            seen.append(sys._getframe(1).f_globals)
            return 1

    program.inlining(program.middle, made, Globals(), 1)
    assert seen == [made.__globals__]


def test_nothing_is_kept(program):
    class Thing:
        def __add__(self, other):
            return 3

    thing = Thing()
    gone = weakref.ref(thing)
    watched = program.middle, program.inner, program.inner.__code__
    counts = [sys.getrefcount(each) for each in watched]
    for _ in range(50):
        assert program.compiled(thing, 4) == 8
    assert [sys.getrefcount(each) for each in watched] == counts
    del thing
    gc.collect()
    assert gone() is None


def depth():
    try:
        return 1 + depth()
    except RecursionError:
        return 1


def test_recursion_is_counted(program):
    before = depth()
    for a in (1.5, None, BIG):
        for _ in range(20):
            outcome(program.compiled, a, 1)
    assert depth() == before
    depths = []

    class Deep:
        def __add__(self, other):
            depths.append(depth())
            return 1

    program.compiled(Deep(), 1)
    program.interpreted(Deep(), 1)
    assert depths[0] == depths[1]


def test_no_recursion_left(program):
    """At each depth near the limit the one behaves as the other, errors and all."""

    def at(depth, call):
        return call(1, 2) if depth == 0 else at(depth - 1, call)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(120)
    try:
        for depth in range(60, 120):
            found, expected = outcome(at, depth, program.compiled), outcome(at, depth, program.interpreted)
            # Where the frame of `inner` is absent, the call does not count: it may succeed one frame deeper.
            assert found[:2] == expected[:2] or found == "5", depth
    finally:
        sys.setrecursionlimit(limit)


def test_a_tool_sees_the_rest(program):
    def traced(function):
        lines = []

        class Switch:
            def __add__(self, other):
                def trace(frame, event, arg):
                    lines.append((frame.f_code.co_name, event))
                    return trace

                sys.settrace(trace)
                frame = sys._getframe(1)
                while frame.f_code.co_name != "traced":
                    frame.f_trace = trace
                    frame = frame.f_back
                return 1

        try:
            function(program.middle, program.inner, Switch(), 2)
        finally:
            sys.settrace(None)
        return lines

    assert traced(program.inlining) == traced(program.outer)


class Arena(ctypes.Structure):
    _fields_ = [("ctx", ctypes.c_void_p), ("alloc", ctypes.c_void_p), ("free", ctypes.c_void_p)]


def large(lines, *names):
    """A function with a frame that no chunk of the data stack has room for beside another."""
    space = {}
    exec(compile(lines + "    if 0: " + "".join(f"v{i} = " for i in range(6000)) + "0\n", __file__, "exec"), globals(), space)
    return space[names[0]]


@pytest.mark.parametrize("which", ["middle", "inner"])
def test_no_memory_for_a_frame(which):
    big = {
        "inner": "def inner(a):\n    return a + a\n",
        "middle": "def middle(inner, a, b):\n    return inner(a) + b\n",
    }
    program = Program(HIR, **{which: large(big[which], which)})

    class Thing:
        def __add__(self, other):
            return 1

    thing = Thing()
    gone = weakref.ref(thing)
    assert program.compiled(thing, 1) == 3
    # 3.14 keeps the chunk that a call has left: the frame of `take` is there then.
    take = large("def take(call, *args):\n    return call(*args)\n", "take")
    call = take if sys.version_info >= (3, 14) else lambda call, *args: call(*args)
    name = ctypes.create_string_buffer(b"TEPHRA_NO_SUCH_VARIABLE")
    api, arena = ctypes.pythonapi, Arena()
    getenv = ctypes.cast(ctypes.CDLL(None).getenv, ctypes.c_void_p).value
    api.PyObject_GetArenaAllocator(ctypes.byref(arena))
    none = Arena(ctypes.addressof(name), getenv, arena.free)
    error = None
    try:
        api.PyObject_SetArenaAllocator(ctypes.byref(none))
        try:
            call(program.compiled, thing, 1)
        except MemoryError as caught:
            error = caught
    finally:
        api.PyObject_SetArenaAllocator(ctypes.byref(arena))
    names = [each.name for each in traceback.extract_tb(error.__traceback__)]
    assert names[-1] == {"middle": "outer", "inner": "middle"}[which]
    del thing, error
    gc.collect()
    assert gone() is None


def test_text_is_checked():
    program = Program()
    good, middle, inner = program.text(), program.middle, program.inner
    for text, inlined, why in [
        ("fun f {\nbb0:\n  Nonsense\n}\n", (), "line 3"),
        (good, (middle,), "another number of scopes"),
        (good.replace("v0, v5", "v5").replace("2, function, parent", "2, parent"), (middle, inner), "whose function"),
    ]:
        assert why in _tephra.compile_text(copy(outer), text, inlined)
    with pytest.raises(TypeError):
        _tephra.compile_text(copy(outer), good, (1, 2))
