"""What a program drops dies although compiled code knew it: namespaces, classes, functions, code objects, values.

Each test compiles by force, after feedback was gathered, and asserts that it did.
"""

import gc
import os
import subprocess
import sys
import textwrap
import threading
import types
import weakref

import pytest
from support import SLOWER, compile_all, load

from tephra import _tephra, jit


class Payload:
    pass


def dead(references):
    gc.collect()
    return not any(reference() is not None for reference in references)


# What the functions of a namespace name: run(k) is the driver, everything is compiled.
NAMESPACES = {
    "class": "class Z:\n def __init__(self, v): self.v = v\n def go(self, x): return self.v + x\n"
             "def run(k): return Z(k).go(2)",
    "function": "def g(x): return x + 1\ndef run(k): return g(k)",
    "recursion": "def run(k): return 1 if k <= 0 else run(k - 1)",
    "mutual": "def a(k): return 0 if k <= 0 else b(k - 1)\ndef b(k): return a(k)\ndef run(k): return a(k % 9)",
    "value": "class Z: n = 1\nz = Z()\ndef run(k): return z.n",
    "bound_method": "class Z:\n def m(self, k): return k\nm = Z().m\ndef run(k): return m(k)",
    "defaults": "class Z: pass\ndef g(k, z=Z(), *, w=Z): return z, w\ndef run(k): return g(k)",
    "default_function": "def h(x): return x\ndef g(k, h=h): return h(k)\ndef run(k): return g(k)",
    "keywords": "def g(a, b=2, c=()): return a, b, c\ndef run(k): return g(c=k, a=1), g(k, b=3)",
    "property": "class Z:\n @property\n def p(self): return 1\nz = Z()\ndef run(k): return z.p",
    "static": "class Z:\n @staticmethod\n def s(k): return k\n @classmethod\n def c(cls, k): return k\n"
              "def run(k): return Z.s(k), Z.c(k)",
    "class_attribute": "class Z:\n table = {}\n item = [1]\nZ.own = Z\nz = Z()\n"
                       "def run(k): return Z.table, z.item, z.own, Z.own",
    "descriptor": "class D:\n def __get__(self, o, t): return 1\nclass Z: d = D()\nz = Z()\ndef run(k): return z.d",
    "slots": "class Z:\n __slots__ = 'a',\nz = Z()\nz.a = 1\ndef run(k):\n z.a = z.a\n return z.a",
    "closure": "def make(n):\n def inner(x): return x + n\n return inner\ni = make(1)\ndef run(k): return i(k), make(k)(1)",
    "constructor": "class B:\n def __init__(self, v=None, *more): self.v = v\n"
                   "class Z(B):\n def __init__(self): super().__init__(1)\ndef run(k): return Z(), B(k), B()",
    "exception": "class E(Exception): pass\ndef run(k):\n try: raise E(k)\n except E: return 1",
    "isinstance": "class Z: pass\nz = Z()\ndef run(k): return isinstance(z, Z), isinstance(k, Z)",
    "iterator": "class Z:\n def __iter__(self): return iter((1, 2))\nz = Z()\ndef run(k): return [x for x in z]",
    "operator": "class Z:\n def __add__(self, o): return self\n def __getitem__(self, k): return k\nz = Z()\n"
                "def run(k): return z + k, z[k]",
    "module": "import types\nmod = types.ModuleType('mod')\nmod.f = lambda k: k\nmod.run = 1\n"
              "def run(k): return mod.f(k), mod.run",
    "builtin": "items = []\nitems.append(items)\nadd = items.count\ndef run(k): return add(k)",
    "decorated": "def deco(f):\n def w(*a, **k): return f(*a, **k)\n w.f = f\n return w\n@deco\ndef g(k): return k\n"
                 "def run(k): return g(k)",
}


# Each makes the dict of the function's locals, which 3.12 keeps in the frame; a name of the call's own stays unbound.
LOCALS = ("locals()", "vars()", "dir()", "eval('kept')", "exec('new = kept')", "locals().copy()", "sys._getframe().f_locals",
          "locals(), locals()", "[locals() for _ in range(2)]")


@pytest.mark.parametrize("expression", LOCALS)
def test_the_locals_of_a_call_die(expression):
    names, f = load(f"import sys\ndef f(kept):\n    mine = [kept]\n    if kept is None: later = 1\n    {expression}\n    return len(mine)", "f")
    for _ in range(40):
        f(Payload())
    compile_all(names, [f])
    jit.clear_runtime_stats()
    references = []
    for _ in range(5):
        payload = Payload()
        references.append(weakref.ref(payload))
        assert f(payload) == 1
        del payload
    assert jit.is_jit_compiled(f)
    left = sum(row["count"] for row in _tephra.runtime_stats() if row["function"] == f.__qualname__)
    assert left == 0 or "_getframe" in expression or sys.version_info >= (3, 13)  # a frame object has the dict
    assert dead(references)


def test_locals_in_compiled_code_are_what_they_are_in_the_interpreter():
    source = "def f(a, b):\n    first = dict(locals())\n    c = a + b\n    second = locals()\n    second['other'] = 1\n    d = c * 2\n    return first, dict(second), locals() is second, sorted(locals()), d"
    names, f = load(source, "f")
    plain = [f(k, 2.5) for k in range(40)]
    compile_all(names, [f])
    assert [f(k, 2.5) for k in range(40)] == plain
    assert jit.is_jit_compiled(f)


@pytest.mark.parametrize("name", NAMESPACES)
def test_a_namespace_dies(name):
    references = []
    for _ in range(4):
        names, run = load(NAMESPACES[name], "run")
        names["payload"] = Payload()
        names["itself"] = names
        for k in range(60):
            run(k)
        compile_all(names, [run])
        for k in range(5):
            run(k)
        references += [weakref.ref(names["payload"]), weakref.ref(run), weakref.ref(run.__code__)]
        references += [weakref.ref(value) for value in names.values()
                       if isinstance(value, (type, types.FunctionType)) and value.__module__ == "case"]
        del names, run
    assert dead(references)


def test_what_a_kept_function_saw_dies():
    names, uses_class = load("""
        class Value: n = 1
        def make():
            class C:
                shared = []
                def __init__(self): self.x = 1
                def m(self): return self.x
                @property
                def p(self): return self.x
                @staticmethod
                def s(): return 3
            return C
        C, V, R = make(), Value(), make()
        def uses_class(): return C().m(), C.s(), C.shared
        def uses_value(): return V.n
        def receives(o): return o.m(), o.p, o.shared
        def function(): return 1
        def calls(): return function()
    """, "uses_class")
    functions = [uses_class, names["uses_value"], names["calls"], lambda: names["receives"](names["R"]())]
    for _ in range(100):
        for function in functions:
            function()
    compile_all(names, [uses_class, names["uses_value"], names["receives"], names["calls"]])
    for function in functions:
        function()
    references = [weakref.ref(names[name]) for name in ("C", "V", "R", "function")]
    references += [weakref.ref(vars(names[name])["m"]) for name in "CR"]
    names["C"] = names["R"] = names["make"]()
    names["V"] = names["Value"]()
    names["function"] = lambda: 2
    assert dead(references)
    assert uses_class() == (1, 3, names["C"].shared) and names["calls"]() == 2


def test_it_dies_at_once():
    """By reference count, without a collection, while its user runs compiled code."""
    names, f = load("""
        def callee(x): return x
        def f(change, seen):
            first = callee(1)
            change()
            seen.append(reference() is None)
            return first, callee(1)
    """)
    names["reference"] = weakref.ref(names["callee"])
    for _ in range(60):
        f(int, [])
    assert jit.force_compile(names["callee"]) and jit.force_compile(f)
    seen = []

    def change():
        names["callee"] = lambda x: "new"
    gc.disable()
    try:
        assert f(change, seen) == (1, "new")
    finally:
        gc.enable()
    assert seen == [True]


def test_the_method_that_is_being_called_stays():
    """Its class drops it meanwhile: the caller's stack holds it, as in the interpreter."""
    names, f = load("""
        class C:
            def m(self, x): return "old", x
            @staticmethod
            def s(): return drop(), here(), "static"
        def drop(): return 1
        def here(): return 2
        def f(o): return o.m(drop())
        def g(): return C.s()
    """)
    o, g = names["C"](), names["g"]
    for _ in range(60):
        f(o), g()
    compile_all(names, [f, g, names["C"].m, names["C"].s])
    method = weakref.ref(names["C"].m)
    garbage = []

    def drop():
        if "m" in vars(names["C"]):
            del names["C"].m
        gc.collect()
        garbage.append([(lambda a, b, c, d: None) for _ in range(100)])  # at the same address, perhaps
        return 5
    names["drop"] = drop
    assert f(o) == ("old", 5)
    assert dead([method])

    def drop_class():
        names.pop("C")
        del names["f"]
        gc.collect()
        garbage.append([(lambda a, b, c, d: None) for _ in range(100)])
        return 6

    def here():
        return sys._getframe(1).f_code.co_name
    names["drop"], names["here"] = drop_class, here
    del o
    assert g() == (6, "s", "static")


def test_code_that_is_replaced_dies():
    names, f = load("def f(x): return x")
    references = []
    for i in range(30):
        exec(f"def r(x): return x + {i}", names)
        f.__code__ = names.pop("r").__code__
        references.append(weakref.ref(f.__code__))
        for k in range(20):
            assert f(k) == k + i
        assert jit.force_compile(f) and jit.is_jit_compiled(f)
        assert f(1) == 1 + i
    f.__code__ = (lambda x: x).__code__
    assert dead(references)


def test_code_that_is_replaced_lives_as_long_as_it_runs():
    names, f = load("""
        def f(change):
            first = change()
            return first, change(), here()
        def other(change): return "new"
    """)
    names["here"] = lambda: sys._getframe(1).f_code is old()
    for _ in range(60):
        f(int) if "old" in names else None
    assert jit.force_compile(f) and jit.is_jit_compiled(f)
    old = names["old"] = weakref.ref(f.__code__)

    def change():
        f.__code__ = names["other"].__code__
        gc.collect()
        return old() is not None
    assert f(change) == (True, True, True)
    assert f(change) == "new"
    assert dead([old])


def test_an_address_that_is_used_again():
    """Something dies in a call from the running loop; another object of its kind takes its address."""
    names, f = load("""
        def make(i):
            class C:
                tag = i
                def __init__(self): self.x = i
            return C
        C = make(0)
        def f(n, change):
            out = []
            for i in range(n):
                change(i)
                out.append((C().x, C.tag))
            return out
    """)
    for _ in range(40):
        f(2, int)
    compile_all(names, [f])
    make = names["make"]

    def change(i):
        if i >= 2:
            names["C"] = None
            gc.collect()
            names["C"] = make(i)
    assert f(30, change) == [(0, 0)] * 2 + [(i, i) for i in range(2, 30)]


def test_defaults_that_are_replaced():
    names, f = load("""
        class Z:
            def __init__(self, n): self.n = n
        def g(a, z=Z(0), w=5): return z.n, w
        def f(n, change):
            out = []
            for i in range(n):
                change(i)
                out.append(g(i))
            return out
    """)
    for _ in range(40):
        f(2, int)
    assert jit.force_compile(names["g"]) and jit.force_compile(f)
    old = weakref.ref(names["g"].__defaults__[0])

    def change(i):
        if i:
            names["g"].__defaults__ = (names["Z"](i), -i)
    assert f(20, change) == [(i, -i if i else 5) for i in range(20)]
    assert dead([old])


def test_dropped_defaults_and_closures_die():
    names, f = load("""
        def outer(o):
            def inner(a=o): return o, a
            return inner
        def f(o): return outer(o)()
    """)
    for _ in range(60):
        f(1)
    compile_all(names, [f])
    payload = Payload()
    reference = weakref.ref(payload)
    assert f(payload) == (payload, payload)
    del payload
    assert reference() is None


def child(source, **options):
    environment = {**os.environ, "TEPHRA": "1", **{f"TEPHRA_{name.upper()}": str(value) for name, value in options.items()}}
    result = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True,
                            timeout=200 * SLOWER, env=environment)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


GROWTH = """
import gc
from tephra import jit
def used():
    gc.collect()
    return jit.get_allocator_stats()["used_bytes"]
def measure(step, rounds=60):
    for i in range(rounds): step(i)
    middle = used()
    for i in range(4 * rounds): step(i)
    print(used() - middle)
"""

STEPS = {
    "redefinition": """
        def work(n):
            t = 0
            for i in range(n): t += callee(i)
            return t
        def step(r):
            exec(f"def callee(x): return x + {r}", globals())
            for k in range(30): work(100)
        """,
    "namespaces": """
        SOURCE = "class Z:\\n def __init__(self, v): self.v = v\\n def go(self, x): return self.v + x\\n"
        SOURCE += "def run(k): return Z(k).go(2)"
        def step(r):
            names = {}
            exec(SOURCE, names)
            for k in range(40): names["run"](k)
        """,
    "code": """
        def f(x): return x
        def step(r):
            names = {}
            exec(f"def r(x):\\n for i in range(3): x += {r}\\n return x", names)
            f.__code__ = names["r"].__code__
            for k in range(40): f(k)
        """,
    "classes": """
        def make(r):
            class C:
                tag = r
                def __init__(self): self.x = r
                def m(self): return self.x + self.tag
            return C
        def use(cls): return cls().m()
        def glob(): return C().m()
        def step(r):
            global C
            C = make(r)
            for k in range(40): use(C), glob()
        """,
    "closures": """
        def step(r):
            def make(n):
                def inner(x): return x + n
                return inner
            many = [make(n) for n in range(20)]
            for each in many:
                for k in range(4): each(k)
        """,
}


@pytest.mark.parametrize("after", [1, 20])
@pytest.mark.parametrize("name", STEPS)
def test_code_memory_is_flat(name, after):
    """Four times as many rounds again leave no more code than some generations that wait for their end."""
    source = GROWTH + textwrap.dedent(STEPS[name]) + "\nmeasure(step)\n"
    grown = int(child(source, compile_after=after)[-1])
    assert grown < 100_000, grown


def test_a_redefined_callee_costs_few_compilations():
    """However time is counted: each loss doubles the wait."""
    count = child(GROWTH + textwrap.dedent(STEPS["redefinition"]) + """
from tephra import _tephra
for r in range(50): step(r)
before = _tephra.totals()["functions"]
jit.force_compile(work)  # it may be already: the rounds take longer on slower machines
assert jit.is_jit_compiled(work)
for r in range(200): step(r)
print(_tephra.totals()["functions"] - before)
""", compile_after=1_000_000, compile_after_ms=1)
    assert int(count[-1]) < 40, count


def test_something_dies_while_another_thread_runs_its_user():
    names, f = load("""
        def make(i):
            class C:
                def __init__(self): self.x = i
            return C
        C = make(0)
        def f(wait):
            first = C().x
            wait()
            return first, C().x
    """)
    for _ in range(60):
        f(int)
    compile_all(names, [f])
    inside, go_on = threading.Event(), threading.Event()
    results = []

    def wait():
        inside.set()
        assert go_on.wait(60)
    thread = threading.Thread(target=lambda: results.append(f(wait)))
    thread.start()
    assert inside.wait(60)
    old = weakref.ref(names["C"])
    names["C"] = None
    assert dead([old])
    many = [names["make"](i) for i in range(1, 50)]  # one of them at the old one's address, perhaps
    for names["C"] in many:
        if id(names["C"]) == id(old):
            break
    go_on.set()
    thread.join()
    assert results == [(0, names["C"]().x)]


def test_retired_code_ends_while_its_caller_is_in_a_finaliser():
    """A function that has left its frame waits for a finaliser, which takes out compiled code over and over."""
    names, f = load("""
        class Last:
            def __del__(self): act()
        def f(x):
            last = Last()
            return x + 1
        def other(x): return x
    """)
    names["act"] = int
    for _ in range(60):
        f(1), names["other"](1)
    compile_all(names, [f, names["other"]])
    compiled = []

    def act():
        names["act"] = int
        jit.force_uncompile(f)
        for _ in range(100):
            jit.force_uncompile(names["other"])
            jit.force_compile(names["other"])
            compiled.append(jit.is_jit_compiled(names["other"]))
    for i in range(20):
        jit.force_compile(f)
        assert jit.is_jit_compiled(f)
        names["act"] = act
        assert f(i) == i + 1
    assert compiled == [True] * 2000


def test_code_that_is_taken_out_again_and_again_leaves_nothing():
    __, f = load("def f(x):\n    for i in range(2): x += i\n    return x")
    for _ in range(60):
        f(1)
    used = []
    for i in range(400):
        assert jit.force_compile(f) and jit.is_jit_compiled(f)
        assert f(i) == i + 1
        assert jit.force_uncompile(f)
        used.append(jit.get_allocator_stats()["used_bytes"])
    assert max(used[200:]) <= max(used[:200]) + 1000


def test_closures_made_by_the_thousand_are_all_detached():
    """Only the first few are listed; code that ends must be in none of the others."""
    names, make = load("def make(k):\n    def inner(x): return x + k\n    return inner", "make")
    many = [make(k) for k in range(60)]
    for _ in range(40):
        many[0](1)
    for i in range(60):
        assert jit.force_compile(many[0])
        many.append(make(i))
        assert jit.is_jit_compiled(many[-1])
        jit.force_compile(many[i])  # made before there was compiled code: it gets that now
        assert jit.force_uncompile(many[i])
        assert not any(map(jit.is_jit_compiled, many))
        assert [each(0) for each in many] == [*range(60), *range(i + 1)]
