"""Calls out of interpreted code run the compiled callee, also where the interpreter has specialised the call.

The interpreter's specialised calls push the callee's frame themselves; installing compiled code takes the function's
version away, which most of them check. In 3.14 two forms check no version (docs/status.md); they are named here, so
that it shows when that changes.
"""

import sys

import pytest
from support import load

from tephra import _tephra, jit

CLASS = """
class A:
    def __init__(self, x=0): self.x = x
    def method(self, y): return y
    @staticmethod
    def static(y): return y
    @classmethod
    def of_class(cls, y): return y
    @property
    def getter(self): return 1
    def __getitem__(self, y): return y
    def __call__(self, y): return y
    def __len__(self): return 3
    def __eq__(self, other): return True
    def __add__(self, other): return self
    def __contains__(self, y): return True
    def __enter__(self): return self
    def __exit__(self, *args): return None
class Fallback:
    def __getattr__(self, name): return 2
class B:
    def __getattribute__(self, name): return 3
class C(A):
    def up(self, y): return super().method(y)
def plain(a, b=1, *, c=2): return a
def closure():
    free = 1
    def inner(y): return free
    return inner
inner = closure()
a, b, fallback = A(), B(), Fallback()
bound = a.method
"""
# form -> (the call, the function that it should enter)
FORMS = {
    "positional": ("plain(1, 2)", "plain"),
    "default": ("plain(1)", "plain"),
    "keyword": ("plain(1, c=3)", "plain"),
    "star": ("plain(*(1,), **{'c': 1})", "plain"),
    "closure": ("inner(1)", "inner"),
    "method": ("a.method(1)", "A.method"),
    "bound method": ("bound(1)", "A.method"),
    "method of the class": ("A.method(a, 1)", "A.method"),
    "static method": ("a.static(1)", "A.static"),
    "class method": ("a.of_class(1)", "A.of_class.__func__"),
    "super": ("c.up(1)", "A.method"),
    "__getitem__": ("a[1]", "A.__getitem__"),
    "__call__": ("a(1)", "A.__call__"),
    "__len__": ("len(a)", "A.__len__"),
    "__eq__": ("a == 1", "A.__eq__"),
    "__add__": ("a + 1", "A.__add__"),
    "__contains__": ("1 in a", "A.__contains__"),
    "__getattr__": ("fallback.missing", "Fallback.__getattr__"),
    "__getattribute__": ("b.anything", "B.__getattribute__"),
    "property": ("a.getter", "A.__dict__['getter'].fget"),
    "__init__": ("A(1)", "A.__init__"),
    "map": ("list(map(plain, (1,)))", "plain"),
    "sort key": ("[1].sort(key=plain)", "plain"),
}
BYPASSED = {"property", "__init__"} if sys.version_info >= (3, 14) else set()
CALLS = 200


@pytest.fixture
def count_entries():
    """Functions compiled meanwhile leave at their first opportunity, which is counted (stress mode)."""
    assert _tephra.set_option("stress-deopt-every", "1") is None
    assert _tephra.set_option("stress-deopt", "1") is None
    _tephra.clear_runtime_stats()

    def count(function):
        return sum(row["count"] for row in _tephra.runtime_stats()
                   if row["reason"] == "Stress" and row["function"].endswith(function.__qualname__))
    yield count
    _tephra.set_option("stress-deopt", "0")
    _tephra.set_option("stress-deopt-every", "50")


def load_form(call):
    namespace, caller = load(f"{CLASS}\nc = C()\ndef caller(n):\n    for _ in range(n):\n        {call}\n", "caller")
    return namespace, caller


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("specialised", [True, False], ids=["specialised before", "fresh"])
def test_interpreted_callers_enter_compiled_code(form, specialised, count_entries):
    call, name = FORMS[form]
    namespace, caller = load_form(call)
    if specialised:
        caller(CALLS)
    callee = eval(name, namespace)
    assert jit.force_compile(callee) and jit.is_jit_compiled(callee)
    caller(CALLS)
    assert not jit.is_jit_compiled(caller)
    entered = count_entries(callee)
    if form in BYPASSED:
        assert entered < CALLS, f"{form} is entered now: take it out of BYPASSED and of docs/status.md"
    else:
        assert entered == CALLS


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"super"}))
def test_compiled_callers_enter_compiled_code(form, count_entries):
    call, name = FORMS[form]
    namespace, caller = load_form(call)
    caller(CALLS)
    callee = eval(name, namespace)
    assert jit.force_compile(callee)
    _tephra.set_option("stress-deopt", "0")
    assert jit.force_compile(caller)
    caller(CALLS)
    assert jit.is_jit_compiled(caller) and count_entries(callee) == CALLS


def test_a_closure_made_later_is_entered(count_entries):
    namespace, caller = load_form("inner(1)")
    caller(CALLS)
    assert jit.force_compile(namespace["inner"])
    namespace["inner"] = later = namespace["closure"]()
    caller(CALLS)
    assert jit.is_jit_compiled(later) and count_entries(later) == CALLS
