"""Globals of the module, builtins, stores and deletions of globals."""
limit = 10


def f():
    global fresh
    fresh = limit
    del fresh
    return len, limit, undefined


def warm():
    try:
        f()
    except NameError:
        pass
