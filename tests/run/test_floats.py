"""Floats that compiled code makes and releases use the interpreter's own free list."""

import gc
import sys
import tracemalloc

from tephra import jit


def chain(a, n):
    total = 0.0
    for _ in range(n):
        b = a * 1.5
        c = b - a
        total += b * c + a / 3.0
    return total


def many(n):
    items = []
    for i in range(n):
        items.append(i * 0.5)
    return items


def ensure_compiled(*functions):
    for function in functions:
        jit.force_compile(function)
        assert jit.is_jit_compiled(function)


def test_same_numbers():
    expected = chain(1.25, 1000), many(1000)
    ensure_compiled(chain, many)
    for _ in range(20):
        assert (chain(1.25, 1000), many(1000)) == expected
    for item in many(10):
        assert sys.getrefcount(item) <= 3


def test_nothing_leaks():
    chain(1.25, 1000)
    many(1000)
    ensure_compiled(chain, many)
    many(1000)
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(50):
        chain(1.25, 100)
        many(1000)
    gc.collect()
    assert sys.getallocatedblocks() - before < 200


def test_tracemalloc_sees_floats():
    ensure_compiled(many)
    tracemalloc.start()
    try:
        items = many(2000)
        assert tracemalloc.get_object_traceback(items[-1]) is not None
    finally:
        tracemalloc.stop()
    assert items[4] == 2.0
