"""Locals that may be unbound: checks, deletion."""


def f(a):
    if a:
        b = 1
    c = b
    del c
    return c
