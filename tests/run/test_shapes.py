"""Sites that meet several classes which find the same under the name (option shapes): they are compiled for all of
them, and whatever happens to the classes afterwards, the answer is the interpreter's."""

import sys

import pytest

from support import load

from tephra import _tephra, jit


@pytest.fixture(autouse=True)
def learns():
    _tephra.set_option("recompile-after", "5")
    _tephra.clear_runtime_stats()
    yield
    _tephra.set_option("shapes", "1")
    _tephra.set_option("recompile-after", "1000000000")


def exits():
    return sum(row["count"] for row in _tephra.runtime_stats())


CLASSES = """
    class Base:
        kind = "base"
        def __init__(self, n):
            self.m = 2 * n  # in the order in which 3.14 lays out what __init__ stores
            self.n = n
        def get(self): return self.n
        @property
        def twice(self): return self.m
    class A(Base): pass
    class B(Base):
        def only_b(self): return 2
    class C(B):
        def other(self): return 3
    class Slotted:
        __slots__ = ("n", "m")
        def __init__(self, n): self.n, self.m = n, 2 * n
        def get(self): return self.n
    class D(Slotted): __slots__ = ()
    class E(Slotted): __slots__ = ()
"""
SITES = {
    "instance": "def f(o): return o.n + o.m",
    "store": "def f(o):\n        o.m = o.n + 1\n        return o.m",
    "method": "def f(o): return o.get() + o.n",
    "property": "def f(o): return o.twice",
    "class attribute": "def f(o): return o.kind",
}
SLOTTED = ("instance", "store", "method")


def learned(site, *names, rounds=200):
    """f, compiled with the first class, after it has met the others, and they no longer leave it; the namespace."""
    namespace, f = load(CLASSES + "\n    " + SITES[site])
    make = [namespace[name] for name in names]
    want = [f(cls(5)) for cls in make]
    for _ in range(60):
        f(make[0](5))
    assert jit.force_compile(f)
    for _ in range(rounds):
        for cls, value in zip(make, want):
            assert f(cls(5)) == value
    assert jit.is_jit_compiled(f)
    before = exits()
    for _ in range(50):
        for cls, value in zip(make, want):
            assert f(cls(5)) == value
    assert exits() == before
    return namespace, f


def guards(f):
    counts = jit.get_function_hir_opcode_counts(f)
    return {op: counts.get(op, 0) for op in ("GuardTypeVersions", "LoadAttr", "LoadMethod", "StoreAttr", "CallDirect")}


@pytest.mark.parametrize("site", SITES)
def test_several_classes_at_one_site(site):
    if site == "class attribute" and sys.version_info < (3, 13):
        pytest.skip("3.12 has no cache for it")
    __, f = learned(site, "Base", "A", "B", "C")
    counts = guards(f)
    assert counts["GuardTypeVersions"] >= 1, counts
    assert counts["LoadAttr"] == counts["LoadMethod"] == counts["StoreAttr"] == 0, counts
    assert counts["CallDirect"] == (site in ("method", "property")), counts
    assert _tephra.function_info(f)["recompiles"] <= 3


@pytest.mark.parametrize("site", SLOTTED)
def test_slots(site):
    __, f = learned(site, "Slotted", "D", "E")
    counts = guards(f)
    assert counts["GuardTypeVersions"] >= 1 and counts["LoadAttr"] == counts["StoreAttr"] == 0, counts


@pytest.mark.parametrize("site", SLOTTED)
def test_what_is_laid_out_otherwise_is_looked_up(site):
    __, f = learned(site, "Base", "Slotted", "A", "D")
    assert guards(f)["GuardTypeVersions"] == 0


def test_the_switch():
    _tephra.set_option("shapes", "0")
    __, f = learned("instance", "Base", "A", "B")
    assert guards(f)["GuardTypeVersions"] == 0 and guards(f)["LoadAttr"] >= 1


CHANGES = {
    "another method": ("A.get = lambda self: -1", "A", "method", 4),
    "a method of the base": ("Base.get = lambda self: -1", "B", "method", 4),
    "a property over the attribute": ("A.n = property(lambda self: 70, lambda self, value: None)", "A", "instance", 80),
    "a class attribute beside it": ("A.n = 70", "A", "instance", 15),
    "a property's getter": ("A.twice = property(lambda self: 7)", "A", "property", 7),
    "the class attribute": ("B.kind = 'b'", "B", "class attribute", "b"),
    "the class attribute of the base": ("Base.kind = 'new'", "B", "class attribute", "new"),
    "__getattribute__": ("A.__getattribute__ = lambda self, name: 4", "A", "instance", 8),
    "__setattr__": ("A.__setattr__ = lambda self, name, value: object.__setattr__(self, name, -value)", "A", "store", -6),
}


@pytest.mark.parametrize("name", CHANGES)
def test_classes_change(name):
    source, cls, site, want = CHANGES[name]
    namespace, f = learned(site, "Base", "A", "B")
    before = namespace[cls](5)
    exec(source, namespace)
    plain = type(f)(f.__code__, namespace, "plain")  # never entered compiled: asked of the interpreter
    jit.jit_suppress(plain)
    assert not jit.is_jit_compiled(plain)
    for _ in range(30):
        made = namespace[cls](5)
        assert f(made) == plain(made)
        assert f(before) == plain(before) == want


def test_an_instance_hides_the_method():
    namespace, f = learned("method", "Base", "A", "B")
    one = namespace["B"](5)
    one.get = lambda: 100
    assert f(one) == 105
    assert f(namespace["B"](5)) == 10  # whose keys have the name from now on
    two = namespace["A"](5)
    two.__dict__["get"] = lambda: 200
    assert f(two) == 205


def test_an_instance_without_the_attribute():
    namespace, f = learned("instance", "Base", "A", "B")
    one = namespace["A"](5)
    del one.n
    with pytest.raises(AttributeError, match="'A' object has no attribute 'n'"):
        f(one)


def test_attributes_in_another_order():
    namespace, f = learned("instance", "Base", "A", "B")
    exec("class Z(Base):\n    def __init__(self, n):\n        self.n = n\n        self.m = 100", namespace)
    for _ in range(100):
        assert f(namespace["Z"](5)) == 105
        assert f(namespace["A"](5)) == 15


def test_more_classes_than_a_site_learns():
    namespace, f = learned("instance", "Base", "A")
    many = [type(f"T{i}", (namespace["Base"],), {}) for i in range(40)]
    for _ in range(30):
        for i, cls in enumerate(many):
            assert f(cls(i)) == 3 * i
    before = exits()
    for i, cls in enumerate(many):
        assert f(cls(i)) == 3 * i
    assert jit.is_jit_compiled(f)
    assert exits() == before, "the site has not given up"
    assert _tephra.function_info(f)["recompiles"] <= 8


def test_a_class_as_the_receiver_is_learned_once():
    __, f = load("""
        class A: x = 1
        class B: x = 2
        def f(cls): return cls.x
    """)
    for _ in range(60):
        f(f.__globals__["A"])
    assert jit.force_compile(f)
    for _ in range(100):
        assert f(f.__globals__["A"]) == 1 and f(f.__globals__["B"]) == 2
    assert jit.is_jit_compiled(f) and _tephra.function_info(f)["recompiles"] == 1


def test_builtin_objects_are_learned_once():
    namespace, f = load("""
        class A:
            def __init__(self): self.real = 1
        def f(o): return o.real
    """)
    for _ in range(60):
        f(namespace["A"]())
    assert jit.force_compile(f)
    for i in range(100):
        assert f(namespace["A"]()) == 1 and f(i) == i and f(i / 2) == i / 2 and f(True) == 1
    assert jit.is_jit_compiled(f) and _tephra.function_info(f)["recompiles"] == 1


def test_classes_that_are_gone_are_forgotten():
    import gc
    import weakref
    namespace, f = learned("instance", "Base", "A")
    cls = type("Gone", (namespace["Base"],), {})
    for i in range(50):
        assert f(cls(i)) == 3 * i
    gone = weakref.ref(cls)
    del cls
    gc.collect()
    assert gone() is None
    other = type("Other", (namespace["Base"],), {})
    for i in range(50):
        assert f(other(i)) == 3 * i
    before = exits()
    assert f(other(1)) == 3
    assert exits() == before
