"""Micro-benchmarks of attributes, names, operators of classes and type tests."""

from .row import Row, group

_POINT = """
class Point:
    kind = 3

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def method(self):
        return self.x


point = Point(1, 2)
"""
_SLOTS = """
class Slotted:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y


point = Slotted(1, 2)
"""
_MANY = """
class A:
    x = 1
    def method(self): return 1

class B:
    def __init__(self): self.x = 2
    def method(self): return 2

class C(B):
    def method(self): return 3

class D:
    __slots__ = ("x",)
    def __init__(self): self.x = 4
    def method(self): return 4

class E(A):
    pass

class F:
    def __init__(self): self.y = 0; self.x = 6
    def method(self): return 6


two = [B(), F()]
four = [A(), B(), C(), D()]
six = [A(), B(), C(), D(), E(), F(), A(), F()]
"""
_NUMBER = """
class Number:
    def __init__(self, value):
        self.value = value

    def __add__(self, other):
        return Number(self.value + other.value)

    def __radd__(self, other):
        return self.value + other

    def __iadd__(self, other):
        self.value += other
        return self

    def __eq__(self, other):
        return self.value == other.value

    def __lt__(self, other):
        return self.value < other.value

    def __len__(self):
        return self.value

    def __bool__(self):
        return self.value > 0

    def __hash__(self):
        return self.value

    def __getitem__(self, index):
        return self.value + index

    def __setitem__(self, index, value):
        self.value = value

    def __contains__(self, item):
        return item == self.value

    def __neg__(self):
        return -self.value


a = Number(3)
b = Number(4)
"""

ROWS = group(
    "attribute access",
    Row("attr_instance", "attributes of an instance", "t += p.x + p.y", 3000, before="t, p = 0, point", setup=_POINT),
    Row("attr_instance_store", "storing attributes of an instance", "p.x = i", 999, before="p = Point(0, 0)",
        result="p.x", setup=_POINT),
    Row("attr_instance_update", "updating attributes in place", "p.x += i", 499500, before="p = Point(0, 0)",
        result="p.x",
        setup=_POINT),
    Row("attr_slots", "__slots__ attributes", "t += p.x + p.y", 3000, before="t, p = 0, point", setup=_SLOTS),
    Row("attr_slots_store", "storing __slots__ attributes", "p.x = i", 999, before="p = Slotted(0, 0)", result="p.x",
        setup=_SLOTS),
    Row("attr_own_dict", "attributes of an instance with a dict of its own", "t += p.x + p.y", 3000,
        before="t, p = 0, point", setup=_POINT + "point.__dict__ = {'z': 0, 'x': 1, 'y': 2}"),
    Row("attr_many", "attributes of an instance with forty", "t += p.a39 + p.a0", 39000, before="t, p = 0, wide",
        setup="""
        class Wide:
            pass

        wide = Wide()
        for number in range(40):
            setattr(wide, f"a{number}", number)
        """),
    Row("attr_class", "class attributes through an instance", "t += p.kind", 3000, before="t, p = 0, point",
        setup=_POINT),
    Row("attr_class_inherited", "class attributes four classes up", "t += p.kind", 3000, before="t, p = 0, low",
        setup=_POINT
        + "class A(Point): pass\nclass B(A): pass\nclass C(B): pass\nclass D(C): pass\n\n\nlow = D(1, 2)"),
    Row("attr_of_class", "attributes of a class itself", "t += Point.kind", 3000, setup=_POINT),
    Row("attr_of_class_store", "changing class attributes", "Point.kind = i; t += Point.kind", 499500, setup=_POINT),
    Row("attr_chain", "chains of attributes", "t += o.point.point.x", 1000, before="t, o = 0, outer",
        setup=_POINT + """
outer = Point(0, 0)
outer.point = Point(0, 0)
outer.point.point = point
"""),
    Row("attr_property", "properties", "t += p.value", 5000, before="t, p = 0, holder", hot=("Holder.value",),
        setup="""
        class Holder:
            def __init__(self):
                self._value = 5

            @property
            def value(self):
                return self._value

        holder = Holder()
        """),
    Row("attr_property_store", "setting properties", "p.value = i", 999, before="p = Holder()", result="p._value",
        hot=("Holder.value",), setup="""
        class Holder:
            def __init__(self):
                self._value = 5

            @property
            def value(self):
                return self._value

            @value.setter
            def value(self, new):
                self._value = new
        """),
    Row("attr_descriptor", "descriptors written in Python", "t += p.value", 4000, before="t, p = 0, holder",
        hot=("Constant.__get__",), setup="""
        class Constant:
            def __init__(self, value):
                self.held = value

            def __get__(self, instance, owner):
                return self.held

        class Holder:
            value = Constant(4)

        holder = Holder()
        """, size=3000),
    Row("attr_getattr_hook", "__getattr__", "t += p.missing", 7000, before="t, p = 0, dynamic",
        hot=("Dynamic.__getattr__",), setup="""
        class Dynamic:
            def __getattr__(self, name):
                return 7

        dynamic = Dynamic()
        """, size=2000),
    Row("attr_getattribute_hook", "__getattribute__", "t += p.x", 7000, before="t, p = 0, dynamic",
        hot=("Dynamic.__getattribute__",), setup="""
        class Dynamic:
            def __getattribute__(self, name):
                return 7

        dynamic = Dynamic()
        """, size=3000),
    Row("attr_bound_method", "making bound methods", "m = p.method; t += 1", 1000, before="t, p = 0, point",
        setup=_POINT),
    Row("attr_module", "attributes of a module", "t += sys.maxunicode & 1", 1000, setup="import sys"),
    Row("attr_module_getattr", "attributes of a module that has __getattr__", "t += lazy.constant", 2000, setup="""
        import types

        lazy = types.ModuleType("lazy")
        lazy.constant = 2
        lazy.__getattr__ = lambda name: 5
        """),
    Row("attr_two_classes", "one site that sees two classes", "t += ps[i & 1].x", 4000, before="t, ps = 0, two",
        setup=_MANY),
    Row("attr_four_classes", "one site that sees four classes", "t += ps[i & 3].x", 2250, before="t, ps = 0, four",
        setup=_MANY),
    Row("attr_six_classes", "one site that sees six classes", "t += ps[i & 7].x", 2875, before="t, ps = 0, six",
        setup=_MANY),
    Row("attr_getattr", "getattr with a constant name", "t += getattr(p, 'x') + getattr(p, 'w', 2)", 3000,
        before="t, p = 0, point", setup=_POINT, size=2500),
    Row("attr_setattr", "setattr with a constant name", "setattr(p, 'x', i)", 999, before="p = Point(0, 0)",
        result="p.x",
        setup=_POINT, size=3000),
    Row("attr_hasattr", "hasattr", "if hasattr(p, 'x'): t += 1", 1000, before="t, p = 0, point", setup=_POINT),
    Row("attr_dunder_class", "the class of an object", "if p.__class__ is Point: t += 1", 1000,
        before="t, p = 0, point",
        setup=_POINT),
    Row("attr_delete", "storing and deleting attributes", "p.z = i; del p.z", 1, before="p = Point(1, 2)",
        result="p.x",
        setup=_POINT),
    Row("attr_of_namedtuple", "fields of a named tuple", "t += p.x + p.y", 3000, before="t, p = 0, pair", setup="""
        import collections

        Pair = collections.namedtuple("Pair", "x y")
        pair = Pair(1, 2)
        """),
    Row("attr_of_enum", "members of an enumeration", "if c is Colour.RED: t += Colour.BLUE.value", 2000,
        before="t, c = 0, Colour.RED", setup="""
        import enum

        class Colour(enum.Enum):
            RED = 1
            BLUE = 2
        """, size=2500),
) + group(
    "global names",
    Row("global_load", "reading global names", "t += limit + step", 5000, setup="limit = 3\nstep = 2"),
    Row("global_store", "storing global names", "counter = i", 999, before="global counter", result="counter",
        setup="counter = 0"),
    Row("global_update", "updating global names in place", "counter += i", 499500,
        before="global counter; counter = 0", result="counter", setup="counter = 0"),
    Row("global_builtin", "reading builtin names", "t += len is abs", 0),
    Row("global_changed_rarely", "reading a global name that others change", """
        if i == 500:
            bump()
        t += limit
        """, 2000, setup="""
        limit = 1

        def bump():
            global limit
            limit ^= 2
        """, before="global limit; limit = 1; t = 0"),
) + group(
    "operators of classes",
    Row("class_add", "__add__", "t = a + b", 7, before="pass", result="t.value", setup=_NUMBER,
        hot=("Number.__add__", "Number.__init__"), size=2500),
    Row("class_radd", "__radd__", "t = t + a", 3000, setup=_NUMBER, hot=("Number.__radd__",), size=3000),
    Row("class_iadd", "__iadd__", "t += i", 499500, before="t = Number(0)", result="t.value", setup=_NUMBER,
        hot=("Number.__iadd__",), size=3000),
    Row("class_equal", "__eq__", "if a == b: t += 1", 0, setup=_NUMBER, hot=("Number.__eq__",), size=3000),
    Row("class_less", "__lt__", "if a < b: t += 1", 1000, setup=_NUMBER, hot=("Number.__lt__",), size=3000),
    Row("class_len", "__len__", "t += len(a)", 3000, setup=_NUMBER, hot=("Number.__len__",), size=3000),
    Row("class_bool", "__bool__", "if a: t += 1", 1000, setup=_NUMBER, hot=("Number.__bool__",), size=3000),
    Row("class_hash", "__hash__ and __eq__ in a dict", "t += d[a]", 1000, before="t, d = 0, {a: 1, b: 2}",
        setup=_NUMBER,
        hot=("Number.__hash__",), size=3000),
    Row("class_getitem", "__getitem__", "t += a[i]", 502500, setup=_NUMBER, hot=("Number.__getitem__",), size=3000),
    Row("class_setitem", "__setitem__", "t[0] = i", 999, before="t = Number(0)", result="t.value", setup=_NUMBER,
        hot=("Number.__setitem__",), size=3000),
    Row("class_contains", "__contains__", "if 3 in a: t += 1", 1000, setup=_NUMBER, hot=("Number.__contains__",),
        size=3000),
    Row("class_negative", "__neg__", "t += -a", -3000, setup=_NUMBER, hot=("Number.__neg__",), size=3000),
) + group(
    "type tests",
    Row("isinstance_builtin", "isinstance with a builtin type", "if isinstance(i, int): t += 1", 1000),
    Row("isinstance_class", "isinstance with a class", "if isinstance(p, Point): t += 1", 1000,
        before="t, p = 0, point",
        setup=_POINT),
    Row("isinstance_false", "isinstance that fails", "if isinstance(i, str) or isinstance(p, dict): t += 1", 0,
        before="t, p = 0, point", setup=_POINT),
    Row("isinstance_inherited", "isinstance with a base class", "if isinstance(p, Point): t += 1", 1000,
        before="t, p = 0, low", setup=_POINT + "class A(Point): pass\nclass B(A): pass\n\n\nlow = B(1, 2)"),
    Row("isinstance_tuple", "isinstance with a tuple of types", "if isinstance(i, (str, int)): t += 1", 1000,
        size=3000),
    Row("isinstance_abc", "isinstance with an abstract class", "if isinstance(p, Sized): t += 1", 1000,
        before="t, p = 0, [1]", setup="from collections.abc import Sized", size=1500),
    Row("issubclass_class", "issubclass", "if issubclass(bool, int): t += 1", 1000),
    Row("type_is", "type(x) is", "if type(i) is int: t += 1", 1000),
    Row("callable_object", "callable", "if callable(work): t += 1", 1000),
) + group(
    "sites whose types change",
    Row("changing_int_float", "an addition that sees ints and floats", "t = t + xs[i & 1]", 750.0,
        before="t, xs = 0, [1, 0.5]"),
    Row("changing_int_str", "a comparison that sees ints and strs", "if xs[i & 1] == ys[i & 1]: t += 1", 500,
        before="t, xs, ys = 0, [1, 'a'], [1, 'b']"),
    Row("changing_containers", "a subscript that sees lists, tuples, dicts and strs", "t += len(xs[i & 3][0])", 2500,
        before="t, xs = 0, [['ab'], ('abc',), {0: 'abcd'}, 'ab']"),
    Row("changing_callee", "a call that sees several functions", "t += fs[i & 1](i)", 623750,
        before="t, fs = 0, [double, half]",
        setup="""
        def double(x):
            return x * 2

        def half(x):
            return x // 2
        """, hot=("double", "half")),
    Row("changing_method", "a method call that sees several classes", "t += ps[i & 3].method()", 2500,
        before="t, ps = 0, four", setup=_MANY, hot=("A.method", "B.method", "C.method", "D.method")),
    Row("changing_late", "a site whose type changes in each thousandth round", """
        x = i if i != 999 else 0.5
        t = t + x
        """, 498501.5),
    Row("changing_overflow", "an addition that leaves the range of machine words in each thousandth round", """
        t = (t + i) if i != 999 else (t + (1 << 70))
        """, 1180591620717411801925),
    Row("changing_none", "a variable that is None or an int", """
        x = None if i % 3 == 0 else i
        if x is not None:
            t += x
        """, 332667),
)
