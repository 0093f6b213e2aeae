"""Binding of arguments, and the private functions that Tephra re-implements: same results, same messages.

Generated: every signature is called with every list of arguments, every statement meets every operand.
"""

import pytest
from support import differential

SIGNATURES = ["", "a", "a, b", "a, b=2", "a, /", "a, /, b", "a, *, k", "a, *, k=1", "*args", "**kw",
              "a, *args, k, m=3, **kw", "a, /, **kw", "a, b, c=1, *, d, e=5", "first_name, last_name=2"]
CALLS = ["", "1", "1, 2", "1, 2, 3", "1, 2, 3, 4", "1, a=2", "a=1", "a=1, b=2", "1, k=4", "1, k=4, z=5",
         "frst_name=1", "1, lastname=3", "1, 2, 3, d=4, q=5", "1, b=9, a=8", "*[1], **{'a': 2}", "*5", "**5",
         "1, **{1: 2}", "**{'a': 1}, **{'a': 2}"]


def names_of(signature):
    parts = [part.split("=")[0].strip(" *") for part in signature.split(",")]
    return "".join(f"{name}, " for name in parts if name and name != "/")


@pytest.mark.parametrize("signature", SIGNATURES)
def test_binding(signature):
    calls = "".join(f"    if case == {index}: return g({call})\n" for index, call in enumerate(CALLS))
    source = f"def g({signature}): return ({names_of(signature)})\ndef f(case):\n{calls}"
    differential(source, [(index,) for index in range(len(CALLS))], modes=("cold",))


STATEMENTS = {
    "unpack two": "a, b = x\n    return [a, b]",
    "unpack three": "a, b, c = x\n    return [a, b, c]",
    "unpack rest": "a, *b, c = x\n    return [a, b, c]",
    "unpack long rest": "a, b, c, *d, e = x\n    return [a, b, c, d, e]",
    "list display": "return [*x]",
    "set display": "return sorted({*x}, key=repr)",
    "dict display": "return {**x}",
    "raise": "raise x",
    "raise from": "if x is Odd: x = None  # 3.12 itself accepts a cause that is no exception\n    raise ValueError('v') from x",
    "except": "try:\n        raise ValueError(1)\n    except x:\n        return 'caught'",
    "except star": "try:\n        raise ValueError(1)\n    except* x as group:\n        y = repr(group)\n    return y",
    "with": "with x:\n        return 1",
    "match class": "match Point():\n        case Point(1, y=2): return 'point'\n        case x(): return 'x'",
    "match too many": "match x:\n        case Point(a, b, c): return a\n        case int(a): return a\n"
                      "        case dict(a): return 'dict'",
    "match keys": "match x:\n        case {'a': a, **rest}: return a, rest\n        case [a, *rest]: return a, rest",
    "super": "return super(Point, x).nope",
    "super method": "return super(Point, x).nope(1)",
    "format": "if hasattr(x, '__next__'): x = 'é'\n    return f'{x!r:>12} {x!s} {x!a} {x}'",
    "slice": "y = [1, 2, 3, 4]\n    y[x:3] = [9]\n    return y[x:], y",
    "power": "return x ** 2, 2 ** x",
    "call with star": "return dict(*x)",
    "unbound": "if x == 99: y = 1\n    return y",
    "import": "from os import nope, path",
    "delete global": "global missing\n    del missing",
}
OPERANDS = ["(1, 2)", "[1, 2, 3]", "'abc'", "{}", "{'a': 1}", "5", "None", "iter([1, 2, 3, 4])", "Breaks()", "Point()",
            "Point", "ValueError", "ValueError('x')", "KeyError", "(ValueError, 5)", "Odd", "ExceptionGroup",
            "NoExit()", "2.5"]
PRELUDE = """
class Breaks:
    def __iter__(self):
        yield 1
        raise ValueError('in iter')
    def __repr__(self): return 'Breaks'
class Point:
    __match_args__ = ('x', 'y')
    x = 1
    y = 2
    def __repr__(self): return 'Point'
class Odd(Exception):
    def __new__(cls, *args): return 5
class NoExit:
    def __enter__(self): return 1
    def __repr__(self): return 'NoExit'
"""


@pytest.mark.parametrize("statement", STATEMENTS)
def test_statement(statement):
    choice = "".join(f"    if case == {index}: return {operand}\n" for index, operand in enumerate(OPERANDS))
    source = f"{PRELUDE}\ndef operand(case):\n{choice}\ndef f(case):\n    x = operand(case)\n    {STATEMENTS[statement]}\n"
    differential(source, [(index,) for index in range(len(OPERANDS))])
