"""The frame's position where nothing of the program is called: finalisers, allocations, cells that are being made."""

from support import differential

WATCHED = """
import sys
seen = []
class Watched:
    def __init__(self, name): self.name = name
    def __del__(self): seen.append((self.name, sys._getframe(1).f_lineno, sys._getframe(1).f_code.co_name))
def done():
    result = list(seen)
    seen.clear()
    return result
"""


def test_finaliser_of_a_local():
    differential(WATCHED + """
def f(n):
    a = Watched("overwritten")
    b = Watched("deleted")
    a = (
        n
    )
    del b
    c = Watched("last use")
    c = n
    return done()
    """, [(1,), ("x",)])


def test_finaliser_in_a_loop():
    differential(WATCHED + """
def f(n):
    for i in [1, 2, 3]:
        a = Watched(i)
        if i == n:
            a = None
        b = i
    a = b
    return done()
    """, [(2,), (9,)])


def test_finaliser_of_a_parameter_and_of_what_a_container_holds():
    differential(WATCHED + """
def g(a, n):
    b = [n]
    a = b
    b = (
        n
    )
    return a
def f(n):
    result = g(Watched("parameter"), n)
    held = [Watched("held")]
    held = n
    return done()
    """, [(1,), (2,)])


def test_resource_warning_names_the_line_of_the_release():
    differential("""
import os, warnings
def f(n):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        file = open(os.devnull)
        other = n

        file = None
    return [(str(each.category), each.lineno) for each in caught]
    """, [(1,)])


def test_tracemalloc_names_the_line_of_an_allocation():
    differential("""
import tracemalloc
def lines(*made):
    found = [tracemalloc.get_object_traceback(each) for each in made]
    tracemalloc.stop()
    return [each and each[-1].lineno for each in found]
def f(a, text):
    tracemalloc.start()
    one = [a]
    two = (a,
           text)
    three = f"{text}-{text}"
    four = text + text

    five = {a: text}
    six = lambda: None
    seven = [a, a]
    return lines(one, two, three, four, five, six, seven)
    """, [(1, "some words"), (2, "others")])


def test_a_frame_that_makes_its_cells_is_shown_to_nobody():
    differential("""
import tracemalloc
def make(x):
    y = x
    def g():
        return x, y
    return g
def f(n):
    tracemalloc.start(3)
    made = make(n)
    found = [tracemalloc.get_object_traceback(cell) for cell in made.__closure__]
    tracemalloc.stop()
    return [[frame.lineno for frame in each if frame.filename == "<case>"] for each in found], made()
    """, [(1,), (2,)])
