"""Imports in a function."""


def f():
    import os.path
    from sys import argv, path as p
    return os, argv, p
