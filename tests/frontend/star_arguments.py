"""All kinds of parameters; those that are never written borrow."""


def f(a, /, b, *args, c=1, **kwargs):
    b = a
    return args, kwargs, c, b
