"""str(x) is compiled as what it does, PyObject_Str."""

import pytest
from support import compile_all, differential, load

from tephra import _tephra

OBJECTS = """
class Sub(str): pass
class Own:
    def __init__(self, text): self.text = text
    def __str__(self): return self.text
class Failing:
    def __str__(self): raise ValueError('no text')
class Plain:
    def __repr__(self): return 'repr'
values = [1, -5, 1 << 80, 2.5, None, True, 'text', Sub('sub'), b'bytes', [1, 'a'], {}, Own('own'), Own(Sub('s')),
          Plain(), ValueError('x', 1), str]
"""


def test_what_str_gives():
    differential(OBJECTS + """
def f(n):
    out = []
    for x in values:
        s = str(x)
        out.append((s, type(s), s is x, str(x) + str(n)))
    return out, str(), str(object='k'), str(b'ab', 'ascii')
""", [(1,), ("y",)])


@pytest.mark.parametrize("bad", ["Failing()", "Own(5)", "Own(None)"])
def test_what_str_raises(bad):
    differential(OBJECTS + f"""
def f(n):
    return [n,
            str({bad})]
""", [(1,)], warm=[])


def test_arguments_that_it_does_not_take():
    differential("def f(x): return str(x, 1)", [(1,), ("a",)])
    differential("def f(x): return str(x, 'ascii', 'strict', 4)", [(1,)])


def test_another_str():
    namespace, function = load("""
        def f(x): return str(x)
    """)
    for _ in range(40):
        assert function(3) == "3"
    compile_all(namespace, [function])
    assert "ConvertValue" in _tephra.dump(function, "hir")
    assert function(4) == "4"
    namespace["str"] = lambda x: ("other", x)
    assert function(4) == ("other", 4)
    del namespace["str"]
    assert function(4) == "4"
