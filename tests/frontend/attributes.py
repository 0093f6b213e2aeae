"""Instance values, a class attribute, a slot, a module's function, a store."""
import math


class Plain:
    kind = 5

    def __init__(self):
        self.x = 1
        self.y = 2


class Slotted:
    __slots__ = ("z",)


p, s = Plain(), Slotted()
s.z = 3


def f(p, s):
    p.y = p.x
    s.z = p.kind
    return s.z, math.pi, p.missing


def warm():
    try:
        f(p, s)
    except AttributeError:
        pass
