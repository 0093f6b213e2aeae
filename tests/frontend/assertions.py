"""assert with and without a message."""


def f(x):
    assert x
    assert x > 1, "too small"
