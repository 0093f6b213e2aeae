"""Stress mode: a garbage collection, with finalisers that run Python code, before every instruction."""

import gc
import os
import sys

import pytest
from support import compile_all, differential, load

from tephra import _tephra

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "deopt"))
from test_every_guard import CORPUS  # noqa: E402


@pytest.fixture
def collecting():
    gc.collect()
    gc.freeze()  # else each collection would go over all that pytest has
    assert _tephra.set_option("stress-gc", "1") is None
    yield
    _tephra.set_option("stress-gc", "0")
    gc.unfreeze()


@pytest.mark.parametrize("name", CORPUS)
def test_corpus(name, collecting):
    source, calls = CORPUS[name]
    differential(source, calls, warm_rounds=4)


GARBAGE = """
    import sys
    class Node:
        def __del__(self):
            frame = sys._getframe(1)
            seen.append((frame.f_code.co_name, len(frame.f_locals)))
    seen = []
    def garbage():
        node = Node()
        node.self = node
    def f(n):
        total, parts = 0, []
        for i in range(n):
            garbage()
            parts.append([i, (total, str(i))])
            total += i * 3 + len(parts[-1])
        return total, parts
"""


def test_finalisers_look_at_the_running_frame(collecting):
    differential(GARBAGE, [(5,), (20,)])
    namespace, function = load(GARBAGE)
    compile_all(namespace, [function])
    gc.collect()  # nothing of the runs before: the first finaliser that looks at f ends its compiled call
    function(20)
    assert any(where == "f" for where, _ in namespace["seen"])


def test_collections_come_between_any_two_instructions(collecting):
    def collections():
        namespace, function = load("def f(a): return [(a, [a]), (a, [a]), (a, [a])]")
        compile_all(namespace, [function])
        before = gc.get_stats()[2]["collections"]
        function(1)
        return gc.get_stats()[2]["collections"] - before
    assert collections() > 10
    _tephra.set_option("stress-gc", "0")
    assert collections() <= 1
