"""Without feedback: every operator through the generic operation, with a state before and one after."""


def f(a, b):
    a += b
    return -a * b, not a, a < b, a is b, a in b
