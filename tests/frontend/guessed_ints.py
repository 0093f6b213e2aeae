"""Operators that the interpreter has no caches for: ints are assumed where an operand is one, for shifts always."""


def f(a, b):
    return (a >> 3 | b << 2) & 0xFFFFFFFF, a % 5, b // a, a & b
