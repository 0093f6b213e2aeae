"""f(*args, **kwargs) with the parameters themselves: the call is given the dict, no merged copy of it."""


def callee(*args, **kwargs):
    return args, kwargs


def f(*args, **kwargs):
    return callee(*args, **kwargs), callee(**kwargs), callee(*args, k=1, **kwargs)


def warm():
    f(1, k2=3)
