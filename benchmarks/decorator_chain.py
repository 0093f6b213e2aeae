"""Functions under several decorators: stands for closures, `*args` and `**kwargs` forwarding."""

import functools

DEFAULT_SIZE = 100000
QUICK_SIZE = 12000
HOT = ("counted.<locals>.decorator.<locals>.wrapper", "checked.<locals>.wrapper",
       "clamped.<locals>.decorator.<locals>.wrapper", "memoised.<locals>.wrapper", "drive")

EXPECTED = {12000: 13662000, 100000: 113840000}

CALLS = {}


def counted(name):
    def decorator(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            CALLS[name] = CALLS.get(name, 0) + 1
            return function(*args, **kwargs)
        return wrapper
    return decorator


def checked(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        for arg in args:
            if not isinstance(arg, int):
                raise TypeError(f"expected an int, got {arg!r}")
        return function(*args, **kwargs)
    return wrapper


def clamped(low, high):
    def decorator(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            result = function(*args, **kwargs)
            if result < low:
                return low
            if result > high:
                return high
            return result
        return wrapper
    return decorator


def memoised(function):
    known = {}

    @functools.wraps(function)
    def wrapper(*args):
        if args not in known:
            known[args] = function(*args)
        return known[args]
    return wrapper


@counted("add")
@checked
@clamped(0, 1000)
def add(a, b, scale=1):
    return (a + b) * scale


@counted("square")
@memoised
def square(a):
    return a * a


class IntScale(int):
    @counted("twice")
    @checked
    def twice(self):
        return self * 2


def drive(n):
    scale = IntScale(3)
    total = 0
    for i in range(n):
        total += add(i % 300, 5)
        total += add(i % 100, 7, scale=3)
        total += square(i % 50)
        total += scale.twice()
    return total


def run(n):
    """Call each decorated function n times."""
    CALLS.clear()
    result = drive(n)
    wrong = [name for name, times in (("add", 2 * n), ("square", n), ("twice", n)) if CALLS[name] != times]
    if wrong:
        raise AssertionError(f"decorator_chain({n}): wrong call counts {CALLS} of {wrong}")
    try:
        add(1, "2")
        raise AssertionError(f"decorator_chain({n}): add(1, '2') was not refused")
    except TypeError:
        pass
    expected = sum(i % 300 + 5 + (i % 100 + 7) * 3 + (i % 50) ** 2 + 6 for i in range(n))
    if result != EXPECTED.get(n, expected):
        raise AssertionError(f"decorator_chain({n}): got {result}, expected {EXPECTED.get(n, expected)}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
