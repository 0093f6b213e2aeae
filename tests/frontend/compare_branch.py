"""Comparisons that feed branches; a chained comparison and a boolean operator."""


def f(a, b):
    if 0 < a < b and not b == 7:
        return 1
    return a or b


def warm():
    f(3, 7)
    f(3, 9)
