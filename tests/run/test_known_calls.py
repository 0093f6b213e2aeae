"""Calls of known functions and classes: keywords and defaults matched at compile time, instances made in place."""

import gc
import sys

import pytest
from support import call, compile_all, differential, load

from tephra import jit

SIGNATURES = ["a, b, c", "a, b=2, c=3", "a, /, b, c=3", "a=1, b=2, c=3", "a, b=2, /, c=3", "a, b, c, d=(1,), e=None"]
ARGUMENTS = ["1, 2, 3", "1", "", "1, c=30", "1, b=20, c=30", "c=30, a=10, b=20", "1, 2, c=3", "b=20", "1, 2, 3, 4", "1, a=5",
             "1, q=5", "1, 2, a=3", "*[1, 2], c=3", "1, **{'c': 4}", "(n, n), [n], c={n}", "1, 2, e=5"]


def warmed(source, calls=60, args=(3,), name="f"):
    """The function, compiled after a warm-up, and its namespace."""
    namespace, function = load(source, name)
    for _ in range(calls):
        call(function, args)
    compile_all(namespace, [function])
    return namespace, function


def operations(function):
    return jit.get_function_hir_opcode_counts(function)


@pytest.mark.parametrize("signature", SIGNATURES)
@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_every_signature_with_every_call(signature, arguments):
    differential(f"""
        def callee({signature}):
            return list(locals().items())

        def f(n):
            seen = []
            for i in range(n):
                seen.append(callee({arguments}))
            return seen
        """, [(3,)], warm_rounds=30)


@pytest.mark.parametrize("signature, arguments", [
    ("a, b, c", "1, 2, 3"), ("a, b=2, c=3", "1"), ("a, b=2, c=3", "1, c=n"), ("a, /, b, c=3", "1, b=n"), ("a, b, c", "c=1, b=2, a=n")])
def test_keywords_and_defaults_are_direct(signature, arguments):
    source = f"""
        def callee({signature}):
            return a, b, c

        def f(n):
            return callee({arguments})
        """
    namespace, function = warmed(source)
    assert operations(function)["CallDirect"] == 1 and "Call" not in operations(function)
    jit.clear_runtime_stats()
    assert function(3) == load(source)[1](3)
    assert not jit.get_and_clear_runtime_stats()["deopt"]


def test_other_defaults():
    source = """
        def callee(a, b=2, *, c=3):
            return a, b, c

        def plain(a, b=2, c=3):
            return a, b, c

        def f(n):
            before = plain(n), callee(n)
            plain.__defaults__ = (20, n)
            callee.__defaults__ = None
            callee.__kwdefaults__ = {"c": n}
            middle = plain(n), callee(n, 1)
            plain.__defaults__ = None
            try:
                after = plain(n)
            except TypeError as error:
                after = str(error)
            plain.__defaults__ = (2, 3)
            callee.__defaults__, callee.__kwdefaults__ = (2,), {"c": 3}
            return before, middle, after
        """
    differential(source, [(3,), (4,)], warm_rounds=30)
    assert operations(warmed(source)[1])["GuardFieldIs"] > 0


def test_another_function_and_other_code():
    differential("""
        def one(a, b=1):
            return "one", a, b

        def two(b, a=2):
            return "two", a, b

        def three(a, b, *rest, c=5):
            return "three", a, b, rest, c

        target = one

        def f(n):
            seen = []
            for i in range(n):
                if i == 2:
                    globals()["target"] = two
                if i == 3:
                    globals()["target"] = one
                    code, one.__code__ = one.__code__, two.__code__
                if i == 5:
                    one.__code__ = code
                if i == 6:
                    globals()["target"] = three
                seen.append(target(i, b=7) if i != 2 else target(i, a=7))
            globals()["target"] = one
            return seen
        """, [(2,), (9,)], warm=[(2,)], warm_rounds=40)


CLASSES = {
    "plain": "class C:\n    def __init__(self, a, b=2): self.a, self.b = a, b",
    "slots": "class C:\n    __slots__ = ('a', 'b')\n    def __init__(self, a, b=2): self.a, self.b = a, b",
    "inherited": "class B:\n    def __init__(self, a, b=2): self.a, self.b = a, b\nclass C(B):\n    pass",
    "with_new": "class C:\n    def __new__(cls, a, b=2): self = object.__new__(cls); self.new = a; return self\n"
                "    def __init__(self, a, b=2): self.a, self.b = a, b",
    "new_only": "class C:\n    def __new__(cls, a, b=2): return (a, b)",
    "no_init": "class C:\n    a = b = 5",
    "metaclass": "class M(type):\n    def __call__(cls, a, b=2): return ('called', a, b)\nclass C(metaclass=M):\n"
                 "    def __init__(self, a, b=2): self.a = a",
    "abstract": "import abc\nclass C(abc.ABC):\n    @abc.abstractmethod\n    def m(self): pass\n    def __init__(self, a, b=2): pass",
    "star": "class C:\n    def __init__(self, *args, **kwargs): self.a, self.b = args, kwargs",
    "list": "class C(list):\n    def __init__(self, a, b=2): super().__init__([a, b])",
    "exception": "class C(Exception):\n    def __init__(self, a, b=2): super().__init__(a, b)",
    "static_init": "class C:\n    @staticmethod\n    def __init__(a, b=2): pass",
    "returns": "class C:\n    def __init__(self, a, b=2): return a if a else None",
    "raises": "class C:\n    def __init__(self, a, b=2):\n        if a == 2: raise ValueError(a)\n        self.a = a",
}


@pytest.mark.parametrize("arguments", ["i", "i, 5", "a=i", "i, b=6", "b=i", "", "i, 1, 2"])
@pytest.mark.parametrize("kind", CLASSES)
def test_every_kind_of_class(kind, arguments):
    source = CLASSES[kind] + f"""

def show(x):
    return [type(x).__name__, str(x) if isinstance(x, (list, tuple, Exception)) else "",
            [(name, getattr(x, name)) for name in ("a", "b", "new") if hasattr(x, name)]]

def f(n):
    seen = []
    for i in range(n):
        seen.append(show(C({arguments})))
    return seen
"""
    differential(source, [(1,), (4,)], warm_rounds=30)


@pytest.mark.parametrize("kind", ["plain", "slots", "inherited"])
def test_instances_are_made_in_place(kind):
    source = CLASSES[kind] + "\n\ndef f(n):\n    x = C(n)\n    y = C(b=n, a=1)\n    return x.a, x.b, y.a, y.b\n"
    namespace, function = warmed(source)
    counts = operations(function)
    assert counts["NewInstance"] == counts["CheckInitResult"] == counts["CallDirect"] == 2 and "Call" not in counts
    jit.clear_runtime_stats()
    assert function(7) == (7, 2, 1, 7)
    assert not jit.get_and_clear_runtime_stats()["deopt"]


def test_classes_change():
    differential("""
        class C:
            def __init__(self, a):
                self.a = a

        def other(self, a, b=1):
            self.a = ("other", a, b)

        def f(n):
            seen = []
            for i in range(n):
                if i == 3:
                    old, C.__init__ = C.__init__, other
                if i == 5:
                    C.__init__ = old
                if i == 6:
                    C.__new__ = lambda cls, *args: object.__new__(cls)
                if i == 8:
                    del C.__new__
                if i == 9:
                    C.__init__.__defaults__ = (99,)
                seen.append((C(i) if i != 9 else C()).a)
            C.__init__.__defaults__ = None
            return seen
        """, [(3,), (12,)], warm=[(3,)], warm_rounds=40)


def test_finalisers_see_each_instance_once():
    differential("""
        made, ended = [0], [0]

        class C:
            def __init__(self, a, b=1):
                made[0] += 1
                if a == 3:
                    raise ValueError(a)

            def __del__(self):
                ended[0] += 1

        def f(n):
            made[0] = ended[0] = 0
            for i in range(n):
                if i == 2:
                    C.__init__.__defaults__ = (2,)
                try:
                    C(i)
                except ValueError:
                    pass
            C.__init__.__defaults__ = (1,)
            return made[0], ended[0]
        """, [(1,), (6,)], warm=[(1,)], warm_rounds=40)


def test_the_class_is_kept_while_its_constructor_runs():
    differential("""
        class C:
            def __init__(self, a):
                global C
                kept, C = C, None
                C = kept
                self.a = a

        def f(n):
            return [C(i).a for i in range(n)]
        """, [(4,)], warm_rounds=30)


def test_a_tool_that_watches_constructors():
    source = """
        class C:
            def __init__(self, a, b=2):
                self.a = a

        def f(n):
            return C(n).a + C(a=n).a
        """

    def lines(function):
        seen = []

        def trace(frame, event, arg):
            if frame.f_code.co_filename == "<case>":
                seen.append((frame.f_code.co_name, event, frame.f_lineno - 1))
            return trace

        sys.settrace(trace)
        try:
            function(3)
        finally:
            sys.settrace(None)
        return seen

    namespace, function = warmed(source)
    assert operations(function)["NewInstance"] == 2
    assert lines(function) == lines(load(source)[1])


def test_no_leak():
    namespace, function = warmed("""
        class C:
            def __init__(self, a, b=None):
                self.a = a
                if b:
                    raise ValueError

        def f(n, b=None):
            for i in range(n):
                try:
                    C(i, b=b)
                    C([])
                except ValueError:
                    pass
        """)
    assert operations(function)["NewInstance"] == 2
    counts = []
    for _ in range(3):
        function(50)
        function(50, True)
        gc.collect()
        counts.append(len(gc.get_objects()))
    assert counts[2] - counts[1] < 20
    assert sys.getrefcount(namespace["C"]) < 40
