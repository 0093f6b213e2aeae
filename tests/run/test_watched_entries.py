"""Globals, builtins and modules' attributes are constants of compiled code as long as nothing changes them: whoever
changes one, and whenever, what runs sees it where the interpreter would."""

import builtins
import gc
import os
import subprocess
import sys
import textwrap
import threading
import types
import weakref

import pytest

from tephra import _tephra, jit


def made(source, *names, **variables):
    """A namespace with the source run in it, and these functions compiled."""
    namespace = {"__name__": "watched", "__builtins__": builtins, **variables}
    exec(textwrap.dedent(source), namespace)
    for name in names:
        compiled(namespace[name])
    return namespace


def compiled(function):
    jit.force_compile(function)
    assert jit.is_jit_compiled(function)
    assert "AssumeEntry" in _tephra.dump(function, "hir")
    return function


READ = "limit = 5\ndef f(): return limit\n"

WAYS = {
    "a store": lambda space: space.__setitem__("limit", 6),
    "update": lambda space: space.update(limit=6),
    "in place": lambda space: space.__ior__({"limit": 6}),
    "a global statement": lambda space: exec("def g():\n    global limit\n    limit = 6\ng()", space),
    "a key that is not interned": lambda space: space.__setitem__("".join(["li", "mit"]), 6),
    "a key of a subclass": lambda space: space.__setitem__(type("S", (str,), {})("limit"), 6),
    "deleted and set": lambda space: (space.pop("limit"), space.setdefault("limit", 6)),
    "cleared and set": lambda space: (space.clear(), space.update(limit=6, __builtins__=builtins)),
    "PyDict_SetItem": lambda space: exec("limit = 6", space),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_change_it(way):
    space = made(READ, "f")
    f = space["f"]
    assert f() == 5
    WAYS[way](space)
    assert f() == 6
    compiled_again(f)
    assert f() == 6
    space["limit"] = 7
    assert f() == 7


def compiled_again(function):
    jit.force_compile(function)
    assert jit.is_jit_compiled(function)


def test_an_entry_that_changed_is_no_constant_again():
    space = made(READ, "f")
    f = space["f"]
    space["limit"] = 6
    assert not jit.is_jit_compiled(f)
    compiled_again(f)
    assert "AssumeEntry" not in _tephra.dump(f, "hir")
    for value in range(5):
        space["limit"] = value
        assert f() == value and jit.is_jit_compiled(f)


def test_other_entries_may_change():
    space = made(READ, "f")
    for i in range(1000):
        space["other"] = i
        space[f"other{i}"] = i
    assert jit.is_jit_compiled(space["f"]) and space["f"]() == 5


def test_a_dict_that_changes_all_the_time_is_not_watched():
    space = made(READ + "def g(): return limit + 1\n", "f")
    for i in range(5000):
        space["other"] = i
    f, g = space["f"], space["g"]
    assert not jit.is_jit_compiled(f) and f() == 5
    jit.force_compile(g)
    assert "AssumeEntry" not in _tephra.dump(g, "hir")
    space["limit"] = 6
    assert (f(), g()) == (6, 7)


def test_builtins_and_what_hides_them():
    space = made("def f(x): return len(x)", "f")
    f = space["f"]
    assert f("abc") == 3
    space["len"] = lambda x: "global"
    assert f("abc") == "global"
    del space["len"]
    assert f("abc") == 3
    space = made("def f(x): return abs(x)", "f")
    f = space["f"]
    saved = builtins.abs
    builtins.abs = lambda x: "builtin"
    try:
        assert f(-1) == "builtin"
    finally:
        builtins.abs = saved
    assert f(-1) == 1


def test_a_name_that_is_gone():
    space = made(READ, "f")
    del space["limit"]
    with pytest.raises(NameError, match="name 'limit' is not defined"):
        space["f"]()


def test_attributes_of_modules():
    inner = types.ModuleType("inner")
    inner.value = 1
    inner.double = lambda x: 2 * x
    outer = types.ModuleType("outer")
    outer.inner = inner
    space = made("def f(): return outer.inner.value\ndef g(x): return outer.inner.double(x)\n", "f", "g", outer=outer)
    f, g = space["f"], space["g"]
    assert (f(), g(3)) == (1, 6)
    inner.value = 2
    assert f() == 2
    inner.double = lambda x: 3 * x
    assert g(3) == 9
    other = types.ModuleType("inner")
    other.value, other.double = 10, lambda x: 10 * x
    compiled_again(f)
    compiled_again(g)
    outer.inner = other
    assert (f(), g(3)) == (10, 30)
    space["outer"] = types.SimpleNamespace(inner=types.SimpleNamespace(value="no module", double=str))
    assert (f(), g(3)) == ("no module", "3")
    del inner.value
    space["outer"] = outer
    outer.inner = inner
    with pytest.raises(AttributeError, match="module 'inner' has no attribute 'value'"):
        f()


def test_the_class_of_a_module_is_replaced():
    module = types.ModuleType("module")
    module.value = 1

    class Lazy(types.ModuleType):
        @property
        def value(self):
            return "of the class"

    space = made("def f(): return module.value", "f", module=module)
    assert space["f"]() == 1
    module.__class__ = Lazy
    assert space["f"]() == "of the class"


@pytest.mark.parametrize("what", ["call", "operator", "attribute", "iteration", "item", "compare", "truth", "with",
                                  "finaliser", "format", "star", "store"])
def test_changed_while_it_runs(what):
    """The function reads the variable behind something that changes it."""
    statements = {
        "call": "change()", "operator": "o + 1", "attribute": "o.name", "iteration": "for _ in o: pass",
        "item": "o[0]", "compare": "o < 1", "truth": "bool(o) or not o", "with": "with o: pass",
        "finaliser": "x = o; del o; x = None", "format": "f'{o}'", "star": "change(*o)", "store": "o.put = 1",
    }
    space = made(f"""
        before = after = 5

        def change(*_):
            global after, before
            after = 6
            before = [7]

        class O:
            def __add__(self, other): change()
            @property
            def name(self): change()
            def __iter__(self):
                change()
                return iter(())
            def __getitem__(self, i): change()
            def __lt__(self, other):
                change()
                return True
            def __bool__(self):
                change()
                return True
            def __enter__(self): change()
            def __exit__(self, *_): pass
            def __format__(self, spec):
                change()
                return ""
            def __setattr__(self, name, value): change()
            def __del__(self):
                if "{what}" == "finaliser": change()

        def f(o):
            held = before
            {statements[what]}
            return held, after, before

        def make(): return O()
        """)
    f = compiled(space["f"])
    seen = f(space["make"]())  # in an assert, pytest would hold the argument
    assert seen == (5, 6, [7])
    assert f(space["make"]())[1:] == (space["after"], space["before"])


def test_what_was_read_lives_on():
    space = made("""
        items = [1, 2]

        def change():
            global items
            items = None
            return 3

        def f():
            return use(items, change(), items)

        def use(first, x, second): return first, x, second
        """)
    gone = []

    class Watched(list):
        pass

    space["items"] = Watched([1, 2])
    weakref.finalize(space["items"], gone.append, True)
    f = compiled(space["f"])
    assert f() == ([1, 2], 3, None)
    gc.collect()
    assert gone == [True]


def test_frames_further_down_see_it():
    space = made("""
        limit = 5

        def f(n):
            if n == 0:
                change()
                return [limit]
            return f(n - 1) + [limit]

        def change():
            global limit
            limit = 6
        """, "f")
    assert space["f"](50) == [6] * 51


def test_another_thread_changes_it():
    space = made("""
        stop = False

        def f():
            n = 0
            while not stop:
                n += 1
            return n
        """, "f")
    timer = threading.Timer(0.05, lambda: space.__setitem__("stop", True))
    timer.start()
    assert space["f"]() > 0
    timer.join()


def test_code_that_stores_it_itself():
    space = made("count = 0\ndef f():\n    global count\n    count += 1\n    return count\n")
    jit.force_compile(space["f"])
    assert [space["f"]() for _ in range(5)] == [1, 2, 3, 4, 5]
    assert jit.is_jit_compiled(space["f"])


def test_namespaces_that_die():
    for _ in range(50):
        space = made(READ, "f")
        assert space["f"]() == 5
        alive = weakref.ref(space["f"])
        del space
        gc.collect()
        assert alive() is None


def test_folded_branches():
    space = made("""
        DEBUG = False

        def f(x):
            if DEBUG:
                return "debug"
            return x
        """, "f")
    assert "Branch" not in _tephra.dump(space["f"], "hir")
    assert space["f"](1) == 1
    space["DEBUG"] = True
    assert space["f"](1) == "debug"


def test_the_option():
    script = textwrap.dedent("""
        from tephra import _tephra, jit
        limit = 5
        def f(): return limit
        jit.force_compile(f)
        print("AssumeEntry" in _tephra.dump(f, "hir"), f())
        limit = 6
        print(f())
    """)
    for value, seen in (("1", "True 5\n6\n"), ("0", "False 5\n6\n")):
        done = subprocess.run([sys.executable, "-c", script], env={**os.environ, "TEPHRA_WATCH_ENTRIES": value},
                              capture_output=True, text=True, check=True)
        assert done.stdout == seen


def test_the_end_of_the_process():
    """What runs while modules are taken apart sees None where the interpreter does."""
    script = textwrap.dedent("""
        from tephra import jit
        limit = 5
        def f(): return limit
        jit.force_compile(f)
        class Last:
            def __init__(self): self.f = f
            def __del__(self): print(self.f())
        import sys
        sys.last = Last()
        f()
    """)
    outputs = [subprocess.run([sys.executable, "-c", script], env={**os.environ, "TEPHRA_WATCH_ENTRIES": value},
                              capture_output=True, text=True, check=True).stdout for value in "10"]
    plain = subprocess.run([sys.executable, "-c", script.replace("jit.force_compile(f)", "")], capture_output=True,
                           text=True, check=True).stdout
    assert outputs == [plain, plain]
