"""Keywords and defaults put in their places, and instances made and initialised without the class's call."""


def g(a, b=2, c=3):
    return a


class C:
    def __init__(self, a, b=2):
        self.a = a


def f(x):
    return g(x), g(x, c=1), C(x), C(b=x, a=1)


def warm():
    f(1)
