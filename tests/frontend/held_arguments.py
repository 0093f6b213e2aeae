"""Where the compiler has not proved that a local outlives a call, the interpreter's stack has a reference of its own (3.14)."""


def g(a, b=2):
    return a


def f(x, y):
    try:
        z = g(x)
    except ValueError:
        z = g(y, x)
    return g(x), g(x if y else z, z), g(w := x), x.real(), g(z, b=y)


def warm():
    f(N(), [])


class N:
    def real(self):
        return self
