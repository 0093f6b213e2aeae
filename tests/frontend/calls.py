"""Direct calls of a known function, keywords, *args and **kwargs, a builtin by address."""


def g(a, b=2):
    return a


def f(x, args, kwargs):
    return g(x, 1), g(a=x), len(args), g(*args), g(x, **kwargs), x(1)


def warm():
    f(abs, (1,), {})
