"""A number stored to an attribute or a list item may take over the object that was there: nobody may notice."""

import gc
import sys

import pytest
from support import compile_all, differential, load

from tephra import jit

EDGES = [0, 1, -1, -5, -6, 255, 256, 257, (1 << 30) - 2, -(1 << 30) + 2, (1 << 30) - 1, 1 << 30, -(1 << 30), (1 << 60) - 2, 1 << 60,
         (1 << 62), (1 << 63) - 2, -(1 << 63) + 2]
PLACES = {
    "attribute": ("class P:\n    def __init__(self, v): self.other = 5; self.v = v\n", "P(start)", "p.v"),
    "item": ("", "[9, start]", "p[1]"),
    "item_from_end": ("", "[9, start]", "p[-1]"),
    "item_by_name": ("k = 1\n", "[9, start]", "p[k]"),
}


def program(place, body, tail="return seen"):
    before, make, at = PLACES[place]
    return (before + f"def f(start, n):\n    p = {make}\n    seen = []\n    for i in range(n):\n"
            + "".join(f"        {line.replace('@', at)}\n" for line in body)
            + f"    seen.append({at})\n    {tail.replace('@', at)}\n")


def compiled(source, warm=((3, 40),)):
    namespace, function = load(source)
    for args in warm:
        function(*args)
    compile_all(namespace, [function])
    return namespace, function


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("step", ["@ + 1", "@ - 1", "-@ + i", "@ ^ 1", "@ * 2", "@ + 0.5"])
def test_every_size_of_number(place, step):
    differential(program(place, [f"@ = {step}", "seen.append(@ + 0)"]), [(start, 4) for start in EDGES] + [(-200, 500)])


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("start", [0.5, -0.0, 1e308, float("inf"), float("nan")])
def test_floats(place, start):
    differential(program(place, ["@ = @ * 1.5 - 0.25", "seen.append(@ + 0.0)", "@ -= i * 0.5"]), [(start, 5)])


@pytest.mark.parametrize("place", PLACES)
def test_the_store_is_there(place):
    source = program(place, ["@ = @ * 1.5"])
    _, function = compiled(source, [(1.0, 40)])
    counts = jit.get_function_hir_opcode_counts(function)
    assert counts.get("ReplaceInlineValue", 0) + counts.get("ReplaceListItem", 0) == 1 and "BoxFloat" not in counts
    jit.clear_runtime_stats()
    assert function(1.0, 5) == [7.59375]
    assert not jit.get_and_clear_runtime_stats()["deopt"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("start", [1000, 2.5])
def test_whoever_has_the_old_number_keeps_it(place, start):
    differential(program(place, ["before = @", "@ = @ + 1000", "seen.append(before)", "seen.append(@)", "t = @", "@ = @ + 1",
                                 "seen.append((t, @, before))"]), [(start, 6)])
    differential(program(place, ["q = [@, @]", "@ += i + 1", "seen.append((q, q[0] is q[1], @ is q[0]))"]), [(start, 6)])
    differential(program(place, ["seen.append([@, p, max(@, 0)])", "@ += 300", "seen.append(@)"],
                         "return [each if isinstance(each, (int, float)) else (each[0], each[2]) for each in seen]"), [(start, 4)])


@pytest.mark.parametrize("place", PLACES)
def test_the_same_object_in_two_places(place):
    differential(program(place, ["@ = other = @ + 1000", "seen.append((other is @, other))", "other += 1", "seen.append((other, @))"]),
                 [(1000, 4), (0.5, 4)])
    differential(program(place, ["q = [0]", "q[0] = @ = @ + 1000", "seen.append(q[0] is @)", "q[0] += 1", "seen.append((q[0], @))"]),
                 [(1000, 4), (0.5, 4)])


@pytest.mark.parametrize("old", ["'text'", "None", "True", "[1]", "1 << 70", "Sub(5)", "Ends()"])
@pytest.mark.parametrize("place", PLACES)
def test_what_was_there_is_no_plain_number(place, old):
    source = ("ended = []\nclass Sub(int):\n    pass\nclass Ends:\n    def __del__(self): ended.append(len(ended))\n"
              + program(place, [f"if i % 3 == 1: @ = {old}", "@ = (i + 1000) * 1", "seen.append(@)", f"if i % 3 == 1: @ = {old}",
                                "@ = i * 0.5", "seen.append((@, len(ended)))"]))
    differential(source, [(5, 7)])


def test_an_attribute_that_is_not_there_yet():
    differential("""
        class P:
            def __init__(self, a):
                if a % 2:
                    self.first = a
                self.v = a * 1000
                self.w = a * 0.5

        def f(n):
            return [list(vars(P(i)).items()) for i in range(n)]
        """, [(5,)])


def test_a_dict_that_shares_the_values():
    differential("""
        class P:
            def __init__(self):
                self.v = 1000

        def f(n, look):
            p = P()
            if look == 1:
                d = vars(p)
            for i in range(n):
                p.v = p.v + i
                if look == 2:
                    d = p.__dict__
                if look == 3:
                    p.extra = i
                if look == 4:
                    del p.v
                    p.v = 2000
                p.v += 7
            return p.v, list(vars(p).items())
        """, [(4, 0), (4, 1), (4, 2), (4, 3), (4, 4)], warm=[(4, 0)])


def test_index_errors_and_other_types():
    differential("""
        def f(p, k, n):
            for i in range(n):
                p[k] = p[k] * 2 + 500
            return p
        """, [([1, 2], 1, 3), ([1, 2], -2, 3), ([1, 2], 2, 3), ([1, 2], -3, 3), ([1.5, 2.5], 0, 3), ({1: 5}, 1, 3), ([1], 0, 60)],
        warm=[([1, 2], 1, 9)])


def test_no_leak_and_no_double_release():
    _, function = compiled(program("attribute", ["@ = @ * 1.5", "q = [@ + 1.0]", "q[0] = q[0] + 0.25", "q[0] += i"]), [(1.0, 40)])
    function(1.0, 10)
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(50):
        function(1.0, 20)
    gc.collect()
    assert abs(sys.getallocatedblocks() - before) < 50
