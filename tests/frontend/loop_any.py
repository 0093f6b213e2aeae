"""Iteration without feedback, and a while loop."""


def f(xs):
    for x in xs:
        while x:
            x = x - 1
