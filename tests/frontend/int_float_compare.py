"""An int compared with a float is not rounded: one beyond 53 bits leaves. So does the division of such ints."""


def f(a, x):
    b = a + 1
    y = x * 1.5
    return b < y, b / 3


def warm():
    f(3, 0.5)
