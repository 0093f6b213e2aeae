"""A method of an instance with values, of a list, of a str, and one found without feedback."""


class C:
    def m(self, x):
        return x


c = C()


def f(c, xs, other=None):
    xs.append(c.m(1))
    if other:
        return other.thing(2)
    return "ab".join(xs)


def warm():
    try:
        f(c, [])
    except TypeError:
        pass
