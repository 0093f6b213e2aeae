"""f-strings: conversions and formats; concatenation."""


def f(a, b):
    return f"{a}{b!r:>5}" + "x"
