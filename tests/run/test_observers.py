"""Frame objects of compiled code: one that nobody keeps changes nothing, one that is kept or used makes it leave."""

import sys

import pytest
from support import call, differential, load

from tephra import _tephra, jit

# What each source calls between the two halves of f's loop; f keeps its locals in registers if it can.
SOURCE = """
import sys
kept = []
class Items:
    def __init__(self, n): self.n = n
    def at(self, index):
        if index >= self.n: raise IndexError(index)
        return index
    def __getitem__(self, index): return self.at(index)
def passing(): pass
def looking():
    frame = sys._getframe(1)
    return frame.f_lineno > 0, frame.f_code.co_name, frame.f_back is not None
def keeping(): kept[:] = [sys._getframe(1)]
def reading(): return dict(sys._getframe(1).f_locals)
def tracing():
    frame = sys._getframe(1)
    seen = frame.f_trace, frame.f_trace_lines, frame.f_trace_opcodes
    frame.f_trace, frame.f_trace_lines = passing, False
    return seen
def f(n):
    total, text, log = 0, 'a', []
    for i in range(n):
        total += i
        log.append(%s)
        text = text + 'b'
    return total, text, log
"""
QUIET = ("sorted(Items(3))", "looking()", "list(Items(2))", "[*map(abs, Items(3))]")
LOUD = ("keeping()", "reading()", "tracing()")


def compiled(source, **options):
    namespace, function = load(source)
    for _ in range(30):
        function(3)
    for name, value in options.items():
        assert _tephra.set_option(name.replace("_", "-"), value) is None
    try:
        assert jit.force_compile(function)
    finally:
        for name in options:
            assert _tephra.set_option(name.replace("_", "-"), "1") is None
    return namespace, function


def exits(function, *args):
    """What the call gives, and how often compiled code met a frame object: once, if it leaves then."""
    jit.clear_runtime_stats()
    outcome = call(function, args)
    assert jit.is_jit_compiled(function)
    rows = [row for row in _tephra.runtime_stats() if row["function"] == function.__qualname__]
    return outcome, sum(row["count"] for row in rows if row["reason"] == "FrameObserved")


@pytest.mark.parametrize("what", QUIET + LOUD)
def test_it_does_what_the_interpreter_does(what):
    differential(SOURCE % what, [(0,), (1,), (5,)])


@pytest.mark.parametrize("what", QUIET)
def test_what_nobody_keeps_is_no_reason_to_leave(what):
    wanted = call(load(SOURCE % what)[1], (50,))
    _, function = compiled(SOURCE % what)
    assert exits(function, 50) == (wanted, 50)  # and all calls were compiled code's
    _, function = compiled(SOURCE % what, drop_frame_objects="0")
    assert exits(function, 50) == (wanted, 1)  # the interpreter does the rest of the call


@pytest.mark.parametrize("what", LOUD)
def test_what_is_kept_or_used_is(what):
    _, function = compiled(SOURCE % what)
    assert exits(function, 50)[1] == 1


@pytest.mark.parametrize("old", ["1", "None", "'text'", "10 ** 30", "[]", "True", "()"])
@pytest.mark.parametrize("new", ["2", "None", "'other'", "1.5"])
def test_locals_that_are_written_through_a_frame_that_nobody_keeps(old, new):
    differential(f"""
        import sys
        def write(value): sys._getframe(1).f_locals['x'] = value
        def f(n):
            x = {old}
            y = 0
            for i in range(n):
                if i == 2: write({new})
                y = y + 1 if x == {old} else y - 1
            return x, y
    """, [(0,), (2,), (6,)])


def test_a_local_that_is_bound_through_a_frame_that_nobody_keeps():
    differential("""
        import sys
        def write(value): sys._getframe(1).f_locals['x'] = value
        def f(n):
            if n > 5: x = 1
            write(n)
            try:
                return x
            except UnboundLocalError as error:
                return str(error)
    """, [(0,), (7,)])


def test_a_frame_of_another_thread():
    differential("""
        import sys, threading
        def f(n):
            x, log = 1, []
            me = threading.get_ident()
            def write():
                if n: sys._current_frames()[me].f_back.f_locals  # join's caller
            def other():
                frame = sys._current_frames()[me]
                while frame.f_code.co_name != 'f': frame = frame.f_back
                frame.f_locals['x'] = n
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
            log.append(x)
            x = x + 1
            return x, log
    """, [(0,), (5,)])


def test_code_that_is_replaced_while_it_runs():
    """Frames of the old code are marked by frame objects that nobody keeps; they must leave all the same."""
    source = """
        def other(change): return 'other'
        def f(change):
            total = 0
            for i in range(4):
                total += i
                if i == 1: change()
            return total
    """
    namespace, function = load(source)
    for _ in range(30):
        function(int)
    assert jit.force_compile(function)

    def change():
        function.__code__ = namespace["other"].__code__

    jit.clear_runtime_stats()
    assert function(change) == 6
    assert function(change) == "other"
    assert [row["count"] for row in _tephra.runtime_stats() if row["reason"] == "FrameObserved"] == [1]


def test_what_a_frame_held_dies_when_it_did():
    differential("""
        import sys
        log = []
        class Noisy:
            def __init__(self, name): self.name = name
            def __del__(self): log.append(self.name)
        def look(): return sys._getframe(1).f_lineno
        def f(n):
            noisy = Noisy('first')
            for i in range(n):
                look()
                noisy = Noisy(str(i))
                log.append('made')
            del noisy
            result, log[:] = list(log), []
            return result
    """, [(0,), (1,), (4,)])


@pytest.mark.skipif(sys.version_info < (3, 13), reason="frame.f_locals is a dict")
def test_proxies_of_locals_are_what_they_were():
    """Tephra sees when one is made (PEP 667)."""
    namespace, function = load("""
        import sys
        def f(a, b=2):
            proxy = sys._getframe().f_locals
            proxy['c'] = 3
            proxy['a'] = 4
            again = type(proxy)(sys._getframe())
            return a, b, sorted(again), again['c'], len(proxy), proxy == again, type(proxy).__name__
    """)
    wanted = call(function, (1,))
    assert jit.force_compile(function)
    assert call(function, (1,)) == wanted and wanted.kind == "return"
