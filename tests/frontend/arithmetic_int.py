"""Int feedback: guarded types, unboxed arithmetic."""


def f(a, b):
    return a + b - 2 * a


def warm():
    f(3, 4)
