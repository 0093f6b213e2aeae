"""Displays, comprehensions, subscripts and slices."""


def f(a, b):
    x = [a, b, *a]
    d = {"k": a, **b}
    s = {a, 1}
    x[0] = d["k"]
    del x[1]
    return [y for y in x if y], (a, b), s, x[1:2]
