"""Unpacking: a pair with feedback, any iterable, a starred target, a swap."""


def f(pair, any):
    a, b = pair
    c, *d = any
    a, b = b, a
    return a, b, c, d


def warm():
    f((1, 2), "xyz")
