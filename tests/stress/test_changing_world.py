"""Classes and functions die, change and come back while what names them is compiled, in a seeded random order.

Inline caches and compiled code know them by address and by version; nothing of the dead may be used. Weak references'
callbacks compile in the middle of a death, too.
"""

import gc
import random
import weakref

import pytest
from support import load

from tephra import _tephra, jit

CLASSES, FUNCTIONS = 3, 3

SOURCE = """
def make_class(tag):
    class C:
        constant = [tag]
        def __init__(self): self.value = tag
        def method(self, a): return tag, a
        @property
        def prop(self): return tag
    return C
def make_method(tag):
    def method(self, a): return tag, a
    return method
def make_property(tag): return property(lambda self: tag)
def make_function(tag, count):
    if count == 1:
        def g(a): return tag, a
    elif count == 2:
        def g(a, b): return tag, a, b
    elif count == 3:
        def g(a, b, c): return tag, a, b, c
    else:
        def g(*args): return (tag, *args)
    return g
def use(o): return o.method(7), o.constant, o.prop, o.value
def in_a_loop(o, n):
    total = []
    for i in range(n): total.append(o.method(i))
    return total
""" + "".join(f"""
def new_{i}(): return C_{i}()
def use_{i}():
    o = C_{i}()
    return o.method(7), C_{i}.constant, o.prop, o.value
""" for i in range(CLASSES)) + "".join(f"""
def one_{i}(): return g_{i}(1)
def two_{i}(): return g_{i}(1, 2)
def three_{i}(): return g_{i}(1, 2, 3)
""" for i in range(FUNCTIONS))


class World:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.namespace, _ = load(SOURCE, "use")
        self.callers = [f for name, f in self.namespace.items() if callable(f) and not name.startswith(("make", "__"))]
        self.tag = 0
        self.classes, self.functions = {}, {}
        self.watched, self.compiled, self.deaths = {}, 0, 0
        for i in range(CLASSES):
            self.new_class(i)
        for i in range(FUNCTIONS):
            self.new_function(i)

    def next_tag(self):
        self.tag += 1
        return self.tag

    def watch(self, victim):
        self.watched[id(victim)] = weakref.ref(victim, self.died)

    def died(self, reference):
        self.deaths += 1
        self.compile(self.random.choice(self.callers))

    def compile(self, function):
        _tephra.force_uncompile(function)
        if self.random.random() < 0.8:
            self.compiled += _tephra.force_compile(function) == ""

    def new_class(self, i):
        tag = self.next_tag()
        cls = self.namespace[f"C_{i}"] = self.namespace["make_class"](tag)
        self.classes[i] = dict.fromkeys(("method", "constant", "prop", "value"), tag)
        self.watch(cls)
        self.watch(cls.method)

    def new_method(self, i):
        tag = self.classes[i]["method"] = self.next_tag()
        method = self.namespace["make_method"](tag)
        self.watch(method)
        self.namespace[f"C_{i}"].method = method

    def new_property(self, i):
        tag = self.classes[i]["prop"] = self.next_tag()
        self.namespace[f"C_{i}"].prop = self.namespace["make_property"](tag)

    def new_constant(self, i):
        tag = self.classes[i]["constant"] = self.next_tag()
        self.namespace[f"C_{i}"].constant = [tag]

    def new_function(self, i):
        tag, count = self.next_tag(), self.random.randrange(4)
        self.functions[i] = tag, count
        g = self.namespace["make_function"](tag, count)
        self.watch(g)
        self.namespace[f"g_{i}"] = g

    def new_code(self, i):
        """The same function, other parameters. Its cell keeps the tag."""
        count = self.random.randrange(4)
        self.functions[i] = self.functions[i][0], count
        self.namespace[f"g_{i}"].__code__ = self.namespace["make_function"](0, count).__code__

    def compile_callee(self, i):
        self.compile(self.namespace[f"g_{i % FUNCTIONS}"])
        self.compile(self.namespace[f"C_{i % CLASSES}"].method)

    def step(self):
        change = self.random.choice([self.new_class, self.new_method, self.new_property, self.new_constant,
                                     self.new_function, self.new_code, self.compile_callee, self.compile_callee])
        change(self.random.randrange(min(CLASSES, FUNCTIONS)))
        if self.random.random() < 0.2:
            gc.collect()
        for _ in range(2):
            self.compile(self.random.choice(self.callers))

    def call(self, name, *args):
        function = self.namespace[name]
        for _ in range(self.random.choice((1, 1, 20))):
            try:
                result = function(*args)
            except TypeError as error:
                result = str(error)
        return result

    def check(self):
        for i, tags in self.classes.items():
            wanted = (tags["method"], 7), [tags["constant"]], tags["prop"], tags["value"]
            assert self.call(f"use_{i}") == wanted
            assert self.call("use", self.call(f"new_{i}")) == wanted
            assert self.call("in_a_loop", self.call(f"new_{i}"), 3) == [(tags["method"], k) for k in range(3)]
        for i, (tag, count) in self.functions.items():
            for given, name in enumerate(("one", "two", "three"), 1):
                result = self.call(f"{name}_{i}")
                if count in (0, given):
                    assert result == (tag, *range(1, given + 1))
                else:
                    assert "positional argument" in result


@pytest.mark.parametrize("seed", range(4))
def test_nothing_of_the_dead_is_used(seed):
    world = World(seed)
    for _ in range(150):
        world.step()
        world.check()
    assert world.compiled > 200 and world.deaths > 20
    assert any(jit.is_jit_compiled(f) for f in world.callers)
