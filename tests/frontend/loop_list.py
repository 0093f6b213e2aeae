"""Iteration over a list, with break and else."""


def f(xs):
    for x in xs:
        if x:
            break
    else:
        return None
    return x


def warm():
    f([0, 0, 5])
