"""Subscripts with feedback: list, tuple, dict; loads and stores."""


def f(xs, t, d, i):
    xs[i] = t[i] + d[i]
    return xs[i]


def warm():
    f([1, 2], (3, 4), {1: 5}, 1)
