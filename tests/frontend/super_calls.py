"""super(): attribute and method."""


class A:
    x = 1

    def m(self):
        return self


class B(A):
    def m(self):
        return super().m(), super().x


f = B.m


def warm():
    f(B())
