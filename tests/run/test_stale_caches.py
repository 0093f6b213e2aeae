"""Compiling while what an inline cache points to dies: caches hold borrowed pointers, and nothing of the dying may be used.

The function is compiled by a weak reference's callback: the referent is still in memory, the interpreter has told
everybody of its death already, and nothing has told the inline caches.
"""

import gc
import weakref

import pytest
from support import functions_of, load

from tephra import _tephra, jit

DYING = {
    "method": ("""
        class C:
            def victim(self, a): return a
        def f(c): return c.victim(1)
        def arguments(): return (C(),)
        def kill(): C.victim = lambda self, a: "new"
        def get(): return C.victim
    """, "new"),
    "class_attribute": ("""
        def victim(): return 1
        class C: attribute = victim
        del victim
        def f(c): return C.attribute()
        def arguments(): return (C(),)
        def kill(): C.attribute = lambda: "new"
        def get(): return vars(C)["attribute"]
    """, "new"),
    "inherited": ("""
        class B:
            def victim(self): return 1
        class C(B): pass
        def f(c): return c.victim()
        def arguments(): return (C(),)
        def kill(): B.victim = lambda self: "new"
        def get(): return B.victim
    """, "new"),
    "getter": ("""
        class C:
            @property
            def victim(self): return 1
        def f(c): return c.victim
        def arguments(): return (C(),)
        def kill(): vars(C)["victim"].__init__(lambda self: "new")
        def get(): return vars(C)["victim"].fget
    """, None),  # CPython's own cache goes on with the old getter
    "init": ("""
        class C:
            def __init__(self): self.victim = 1
        def f(): return C().victim
        def arguments(): return ()
        def new(self): self.victim = "new"
        def kill(): C.__init__ = new
        def get(): return C.__init__
    """, "new"),
    "global": ("""
        def victim(a): return a
        def f(): return victim(1)
        def arguments(): return ()
        def kill():
            global victim
            victim = lambda a: "new"
        def get(): return victim
    """, "new"),
    "argument": ("""
        def make():
            def victim(a): return a
            return victim
        victims = [make()]
        def other(a): return "new"
        def f(call): return call(1)
        def arguments(): return (victims[0] if victims else other,)
        def kill(): victims.clear()
        def get(): return victims[0]
    """, "new"),
}


@pytest.mark.parametrize("name", DYING)
def test_compiled_while_a_function_dies(name):
    source, result = DYING[name]
    namespace, f = load(source)
    arguments, kill = namespace["arguments"], namespace["kill"]
    for _ in range(100):
        f(*arguments())
    seen = []

    def die(reference):
        seen.append(_tephra.dump(f, "bytecode"))
        seen.append(_tephra.dump(f, "hir"))
        assert jit.force_compile(f)

    reference = weakref.ref(namespace["get"](), die)
    victim = repr(reference()).split()[1]
    assert "victim" in victim or "__init__" in victim
    kill()
    gc.collect()
    assert len(seen) == 2 and jit.is_jit_compiled(f)
    for text in seen:
        assert f"function {victim}" not in text
    # Others may take the dead function's place in memory, with other parameters.
    for _ in range(50):
        exec("def g(a, b, c): return a, b, c\ndef h(): return g(1, 2, 3)", namespace)
        for _ in range(30):
            namespace["h"]()
        jit.force_compile(namespace["h"])
        assert namespace["h"]() == (1, 2, 3)
        if result is not None:
            assert f(*arguments()) == result


def test_classes_that_come_and_go():
    """Caches of one function name classes that are gone; whatever it is compiled with, it must go by the living."""
    namespace, f = load("""
        def f(o): return o.value(), o.constant, o.prop, o.slot
        def make(i):
            class C:
                __slots__ = ("slot",)
                constant = [i]
                def value(self, default=i): return default
                @property
                def prop(self): return i
            return C
    """)
    make = namespace["make"]
    compiled = 0
    for i in range(60):
        cls = make(i)
        for _ in range(80 if i % 3 else 10):
            o = cls()
            o.slot = -i
            assert f(o) == (i, [i], i, -i)
        if i % 2:
            del cls, o
            gc.collect()
        jit.force_uncompile(f)
        compiled += jit.force_compile(f)
        cls = make(1000)
        o = cls()
        o.slot = i
        assert f(o) == (1000, [1000], 1000, i)
    assert compiled == 60
    assert functions_of(namespace)


def test_classes_are_found_by_their_version():
    """New classes, changed ones and their caches; what is gone is not looked for again, what is there is found."""
    namespace, f = load("""
        def f(o): return o.method()
        def make():
            class C:
                def method(self): return 1
            return C
    """)
    make = namespace["make"]
    kept = []
    for i in range(40):
        cls = make()
        if i % 4 == 1:
            cls.method(cls())  # a version, before the cache has one
        for _ in range(80):
            f(cls())
        text = _tephra.dump(f, "bytecode")
        assert "class C" in text and "function make.<locals>.C.method" in text
        if i % 3 == 0:
            kept.append(cls)
            cls.other = i  # another version
            assert "class C" not in _tephra.dump(f, "bytecode")
        del cls
        gc.collect()
        if i % 3:
            assert "class C" not in _tephra.dump(f, "bytecode")
            assert "class C" not in _tephra.dump(f, "bytecode")


def test_a_collection_is_due_while_compiling():
    """What caches name is garbage already, and describing constants (3.12's repr()) must not be what collects it."""
    compile_now, enable = _tephra.force_compile, gc.enable
    thresholds = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for _ in range(40):
            gc.disable()
            namespace, f = load("""
                def f(n):
                    class Local:
                        attr = n
                        def m(self): return self.attr + n
                    return Local().m(), Local.__qualname__, 12345, "text", 2.5
            """)
            for _ in range(20):
                f(4)
            enable()  # nothing is allocated from here to the compiler, so it meets the first chance to collect
            reason = compile_now(f)
            assert reason == "" and jit.is_jit_compiled(f)
            assert f(4) == (8, "f.<locals>.Local", 12345, "text", 2.5)
    finally:
        gc.set_threshold(*thresholds)
        gc.enable()
    gc.collect()
