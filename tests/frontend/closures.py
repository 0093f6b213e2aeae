"""Cells: a parameter that becomes one, a free variable, a nested function with defaults."""


def outer():
    free = 1

    def f(a):
        def inner(b=free, *, c=2):
            return a + b
        return inner, free
    return f


f = outer()
