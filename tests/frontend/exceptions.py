"""try/except/finally: the body compiled, raise, a handler that is entered in the interpreter."""


def f(x):
    try:
        return int(x)
    except ValueError as error:
        raise KeyError(x) from error
    finally:
        print(x)
