"""A loop over range: iterator unboxed, phis of the locals, CheckPeriodic on the back edge."""


def f(n):
    total = 0
    for i in range(n):
        total += i
    return total


def warm():
    f(10)
