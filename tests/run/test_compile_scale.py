"""Compile time grows about as the function does.

Eight times the size took 38 (arithmetic) and 55 times the time (branches) while register allocation and the order of
blocks were quadratic; 9 to 15 since. The bar leaves room for a busy machine.
"""

import time

import pytest
from tephra import _tephra

LINES = {
    "arithmetic": "    a = a + b * {m} - {i}",
    "branches": "    if a > {i}: b = b + {i}\n    else: b = b - 1",
}
BAR = 24


def make(kind, lines):
    body = "\n".join(LINES[kind].format(i=i, m=i % 7 + 1) for i in range(lines))
    space = {}
    exec(f"def function(a, b):\n{body}\n    return a + b\n", space)
    for _ in range(3):
        space["function"](1, 2)
    return space["function"]


def cost(kind, lines, times):
    """CPU seconds of one compilation, the least of several functions."""
    least = float("inf")
    for _ in range(times):
        function = make(kind, lines)
        start = time.process_time()
        assert _tephra.force_compile(function) == ""
        least = min(least, time.process_time() - start)
    return least


@pytest.mark.parametrize("kind", LINES)
def test_eight_times_the_size(kind):
    small, large = cost(kind, 100, 4), cost(kind, 800, 3)
    assert large < BAR * small, (small, large)
