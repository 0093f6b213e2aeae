"""Float feedback."""


def f(a, b):
    return a * b + 0.5


def warm():
    f(1.5, 2.5)
