"""Micro-benchmarks of calls, closures and unpacking."""

from .row import Row, group

_ADD = """
def add(a, b=2, c=3):
    return a + b + c
"""
_SHAPE = """
class Base:
    factor = 2

    def __init__(self, width):
        self.width = width

    def area(self):
        return self.width * 2

    @classmethod
    def make(cls, width):
        return cls.factor + width

    @staticmethod
    def twice(x):
        return x + x

    def __call__(self, x):
        return x + self.width


class Shape(Base):
    def __init__(self, width):
        super().__init__(width)

    def area(self):
        return super().area() + 1


base = Base(3)
shape = Shape(3)
"""

ROWS = group(
    "calls of functions",
    Row("call_no_arguments", "calls without arguments", "t += one()", 1000, setup="def one():\n    return 1",
        hot=("one",)),
    Row("call_positional", "calls with positional arguments", "t += add(i, 1, 2)", 502500, setup=_ADD, hot=("add",)),
    Row("call_default", "calls that use defaults", "t += add(i)", 504500, setup=_ADD, hot=("add",)),
    Row("call_keyword", "calls with keywords", "t += add(i, c=1, b=2)", 502500, setup=_ADD, hot=("add",)),
    Row("call_keyword_only", "calls of functions with keyword-only parameters", "t += scaled(i, factor=3)", 1499500,
        setup="def scaled(a, *, factor=2, offset=1):\n    return a * factor + offset", hot=("scaled",)),
    Row("call_eight_arguments", "calls with eight arguments", "t += many(i, 1, 2, 3, 4, 5, 6, 7)", 527500,
        setup="def many(a, b, c, d, e, f, g, h):\n    return a + b + c + d + e + f + g + h", hot=("many",)),
    Row("call_star_arguments", "calls with *arguments", "t += add(*args)", 6000, before="t, args = 0, (1, 2, 3)",
        setup=_ADD,
        hot=("add",)),
    Row("call_double_star_arguments", "calls with **arguments", "t += add(1, **args)", 4000,
        before="t, args = 0, {'b': 1, 'c': 2}", setup=_ADD, hot=("add",), size=2500),
    Row("call_varargs", "calls of functions with *args", "t += count(i, 1, 2)", 3000,
        setup="def count(*args):\n    return len(args)", hot=("count",)),
    Row("call_kwargs", "calls of functions with **kwargs", "t += count(a=i, b=1)", 2000,
        setup="def count(**kwargs):\n    return len(kwargs)", hot=("count",), size=2500),
    Row("call_forwarding", "forwarding *args and **kwargs", "t += outer(i, b=1)", 503500,
        setup=_ADD + "\n\ndef outer(*args, **kwargs):\n    return add(*args, **kwargs)",
        hot=("add", "outer"), size=1500),
    Row("call_lambda", "calls of lambdas", "t += f(i)", 500500, before="t, f = 0, increment",
        setup="increment = lambda x: x + 1", hot=("<lambda>",)),
    Row("call_recursive", "recursive calls", "t += depth(10)", 10000,
        setup="def depth(n):\n    if n == 0:\n        return 0\n    return depth(n - 1) + 1",
        hot=("depth",), size=700),
    Row("call_chain", "calls that call", "t += first(i)", 502500, setup="""
        def third(x):
            return x + 1

        def second(x):
            return third(x) + 1

        def first(x):
            return second(x) + 1
        """, hot=("first", "second", "third")),
    Row("call_partial", "functools.partial", "t += f(i)", 503500, before="t, f = 0, functools.partial(add, 1)",
        setup="import functools\n\n" + _ADD, hot=("add",), size=3000),
    Row("call_decorated", "calls through a decorator", "t += f(i)", 500500, before="t, f = 0, decorated", setup="""
        def plain(function):
            def wrapper(x):
                return function(x)
            return wrapper

        @plain
        def decorated(x):
            return x + 1
        """, hot=("plain.<locals>.wrapper", "decorated")),
    Row("call_lru_cache", "functools.lru_cache", "t += square(i & 7)", 17500, setup="""
        import functools

        @functools.lru_cache
        def square(x):
            return x * x
        """),
) + group(
    "calls of methods and classes",
    Row("call_method", "method calls", "t += b.area()", 6000, before="t, b = 0, base", setup=_SHAPE,
        hot=("Base.area",)),
    Row("call_bound_method", "calls of bound methods", "t += m()", 6000, before="t, m = 0, base.area", setup=_SHAPE,
        hot=("Base.area",)),
    Row("call_method_of_class", "calls of methods through the class", "t += Base.area(b)", 6000,
        before="t, b = 0, base",
        setup=_SHAPE, hot=("Base.area",)),
    Row("call_inherited_method", "calls of inherited methods", "t += s.twice(s.factor)", 4000,
        before="t, s = 0, shape",
        setup=_SHAPE, hot=("Base.twice",)),
    Row("call_classmethod", "class methods", "t += Base.make(i)", 501500, setup=_SHAPE, hot=("Base.make",)),
    Row("call_classmethod_of_instance", "class methods through an instance", "t += b.make(i)", 501500,
        before="t, b = 0, base",
        setup=_SHAPE, hot=("Base.make",)),
    Row("call_staticmethod", "static methods", "t += Base.twice(i)", 999000, setup=_SHAPE, hot=("Base.twice",)),
    Row("call_super", "super()", "t += s.area()", 7000, before="t, s = 0, shape", setup=_SHAPE,
        hot=("Shape.area", "Base.area"), size=2500),
    Row("call_object", "callable objects", "t += b(i)", 502500, before="t, b = 0, base", setup=_SHAPE,
        hot=("Base.__call__",),
        size=3000),
    Row("call_function_attribute", "functions kept in attributes", "t += h.function(i)", 500500,
        before="t, h = 0, holder", setup="""
        class Holder:
            pass

        def increment(x):
            return x + 1

        holder = Holder()
        holder.function = increment
        """, hot=("increment",)),
    Row("call_constructor", "making instances", "t += Base(i).width", 499500, setup=_SHAPE, hot=("Base.__init__",),
        size=2500),
    Row("call_constructor_super", "making instances with super().__init__()", "t += Shape(i).width", 499500,
        setup=_SHAPE,
        hot=("Shape.__init__", "Base.__init__"), size=1500),
    Row("call_constructor_default", "making instances with defaults and keywords", "t += Box(i, depth=2).depth", 2000,
        setup="""
        class Box:
            def __init__(self, width, height=1, depth=1):
                self.width = width
                self.height = height
                self.depth = depth
        """, hot=("Box.__init__",), size=1500),
    Row("call_constructor_slots", "making instances with __slots__", "t += Pair(i, 2).b", 2000, setup="""
        class Pair:
            __slots__ = ("a", "b")

            def __init__(self, a, b):
                self.a = a
                self.b = b
        """, hot=("Pair.__init__",), size=2500),
    Row("call_constructor_empty", "making instances without __init__", "o = Empty(); t += 1", 1000,
        setup="class Empty:\n    pass", size=3000),
    Row("call_constructor_new", "making instances with __new__", "t += Odd(i).value", 500000, setup="""
        class Odd:
            def __new__(cls, value):
                self = object.__new__(cls)
                self.value = value | 1
                return self
        """, hot=("Odd.__new__",), size=1500),
    Row("call_dataclass", "making data classes", "t += Point(i, 2).y", 2000, setup="""
        import dataclasses

        @dataclasses.dataclass
        class Point:
            x: int
            y: int
        """, size=2500),
    Row("call_namedtuple", "making named tuples", "t += Pair(i, 2)[1]", 2000,
        setup='import collections\n\nPair = collections.namedtuple("Pair", "x y")', size=2000),
) + group(
    "calls of C code",
    Row("call_c_len", "len", "t += len(xs)", 2000, before="t, xs = 0, (1, 2)"),
    Row("call_c_one_argument", "C functions of one argument", "t += hash(i) + ord('a')", 596500),
    Row("call_c_several_arguments", "C functions of several arguments", "t += max(i, 3, 500)", 624750, size=3000),
    Row("call_c_keyword", "C functions with keywords", "t += int('11', base=2)", 3000, size=2000),
    Row("call_c_method", "methods of builtin types", "t += xs.count(1) + xs.index(2)", 2000,
        before="t, xs = 0, [1, 2]",
        size=2500),
    Row("call_c_bound", "bound methods of builtin types", "append(i)", 1000, before="xs = []; append = xs.append",
        result="len(xs)"),
    Row("call_builtin_type", "calls of builtin types", "t += int('7') + len(str(i)) + len(list())", 9890, size=1000),
    Row("call_c_callback", "C functions that call back", "t += sum(map(increment, xs))", 14000,
        before="t, xs = 0, [1, 2, 3, 4]",
        setup="def increment(x):\n    return x + 1", hot=("increment",), size=700),
) + group(
    "closures",
    Row("closure_read", "reading variables of the enclosing function", "t += f(i)", 502500,
        before="t, f = 0, add_three", setup="""
        def adder(amount):
            def add(x):
                return x + amount
            return add

        add_three = adder(3)
        """, hot=("adder.<locals>.add",)),
    Row("closure_write", "writing variables of the enclosing function", "t += f() & 1", 500,
        before="t, f = 0, increment",
        setup="""
        def counter():
            count = 0

            def increment():
                nonlocal count
                count += 1
                return count
            return increment

        increment = counter()
        """, hot=("counter.<locals>.increment",)),
    Row("closure_make", "making closures", "t += adder(i)(1)", 500500, setup="""
        def adder(amount):
            def add(x):
                return x + amount
            return add
        """, hot=("adder",), size=2500),
    Row("closure_cell_variable", "variables that an inner function shares", "t += i", 499500,
        before="t = 0\ndef peek():\n    return t", result="peek()"),
    Row("function_definition", "function definitions", """
        def f(x, y=1):
            return x + y
        t += f(i)
        """, 500500, size=2500),
) + group(
    "unpacking",
    Row("unpack_tuple", "unpacking tuples", "a, b = pair; t += a + b", 3000, before="t, pair = 0, (1, 2)"),
    Row("unpack_list", "unpacking lists", "a, b, c = xs; t += a + b + c", 6000, before="t, xs = 0, [1, 2, 3]"),
    Row("unpack_star", "unpacking with *", "a, *b = xs; t += a + len(b)", 3000, before="t, xs = 0, (1, 2, 3)",
        size=3000),
    Row("unpack_nested", "unpacking nested tuples", "a, (b, c) = pair; t += a + b + c", 6000,
        before="t, pair = 0, (1, (2, 3))"),
    Row("unpack_swap", "swapping variables", "a, b = b, a", 12, before="a, b = 1, 2", result="a * 10 + b"),
    Row("unpack_three", "rotating three variables", "a, b, c = b, c, a", 2, before="a, b, c = 1, 2, 3", result="a"),
    Row("unpack_result", "functions that return several values", "a, b = both(i); t += a - b", 1000,
        setup="def both(x):\n    return x + 1, x", hot=("both",)),
    Row("unpack_string", "unpacking strs", "a, b = 'ab'; t += a < b", 1000),
)
