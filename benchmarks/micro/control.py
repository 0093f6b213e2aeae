"""Micro-benchmarks of iteration, generators, exceptions, `with` and match."""

from .row import Row, group

_GENERATOR_GAP = "generator functions are interpreted"
_ITEMS = "items = list(range(1000))"

ROWS = group(
    "iteration",
    Row("iter_range", "range", "t += i", 499500),
    Row("iter_range_step", "range with start and step", "t += i", 1501500, loop="for i in range(3000, 0, -3):"),
    Row("iter_while", "while", "t += i; i += 1", 499500, before="t = i = 0", loop="while i < 1000:"),
    Row("iter_list", "lists", "t += x", 499500, loop="for x in items:", setup=_ITEMS),
    Row("iter_list_by_index", "lists by index", "t += items[i]", 499500, loop="for i in range(len(items)):",
        setup=_ITEMS),
    Row("iter_tuple", "tuples", "t += x", 499500, loop="for x in items:", setup="items = tuple(range(1000))"),
    Row("iter_dict", "dicts", "t += x", 499500, loop="for x in items:", setup="items = {x: 1 for x in range(1000)}"),
    Row("iter_dict_items", "dict.items", "t += x + y", 500500, loop="for x, y in items.items():",
        setup="items = {x: 1 for x in range(1000)}"),
    Row("iter_dict_values", "dict.values", "t += x", 1000, loop="for x in items.values():",
        setup="items = {x: 1 for x in range(1000)}"),
    Row("iter_set", "sets", "t += x", 499500, loop="for x in items:", setup="items = set(range(1000))"),
    Row("iter_str", "strs", "if x == 'a': t += 1", 250, loop="for x in text:", setup="text = 'lavaflow' * 125"),
    Row("iter_bytes", "bytes", "t += x", 107500, loop="for x in text:", setup="text = b'lavaflow' * 125"),
    Row("iter_enumerate", "enumerate", "t += k * x", 332833500, loop="for k, x in enumerate(items):", setup=_ITEMS),
    Row("iter_zip", "zip", "t += x * y", 332833500, loop="for x, y in zip(items, items):", setup=_ITEMS),
    Row("iter_reversed", "reversed", "t += x", 499500, loop="for x in reversed(items):", setup=_ITEMS),
    Row("iter_map", "map", "t += x", 499500, loop="for x in map(abs, items):", setup=_ITEMS),
    Row("iter_filter", "filter with a lambda", "t += x", 250000, loop="for x in filter(odd, items):",
        setup=_ITEMS + "\nodd = lambda x: x & 1", hot=("<lambda>",), size=3000),
    Row("iter_sorted", "sorted", "t += x", 499500, loop="for x in sorted(items):", setup=_ITEMS),
    Row("iter_file", "lines of a file", "t += len(x)", 4500, loop="for x in io.StringIO(text):",
        setup="import io\n\ntext = 'lava\\nash\\n' * 500"),
    Row("iter_islice", "itertools", "t += x", 499500, loop="for x in itertools.islice(itertools.count(), 1000):",
        setup="import itertools"),
    Row("iter_nested", "nested loops", "for j in range(10): t += j", 4500, loop="for i in range(100):"),
    Row("iter_break_continue", "break and continue", """
        for x in row:
            if x == 1:
                continue
            if x == 3:
                break
            t += x
        """, 500, before="t, row = 0, [1, 2, 3, 4]", loop="for i in range(250):"),
    Row("iter_class", "iterators written in Python", "t += x", 499500, loop="for x in Countdown(1000):", setup="""
        class Countdown:
            def __init__(self, n):
                self.n = n

            def __iter__(self):
                return self

            def __next__(self):
                if self.n == 0:
                    raise StopIteration
                self.n -= 1
                return self.n
        """, hot=("Countdown.__next__",)),
    Row("iter_getitem", "the old protocol of iteration", "t += x", 332833500, loop="for x in Squares():", setup="""
        class Squares:
            def __getitem__(self, index):
                if index == 1000:
                    raise IndexError
                return index * index
        """, hot=("Squares.__getitem__",)),
    Row("iter_next", "iter and next", "t += next(it)", 499500, before="t, it = 0, iter(items)", setup=_ITEMS),
) + group(
    "comprehensions",
    Row("comprehension_list", "list comprehensions", "t += len([x + 1 for x in items])", 1000,
        loop="for i in range(10):",
        setup="items = list(range(100))"),
    Row("comprehension_filtered", "list comprehensions with a condition",
        "t += len([x for x in items if x & 1])", 500,
        loop="for i in range(10):", setup="items = list(range(100))"),
    Row("comprehension_nested", "nested list comprehensions",
        "t += sum([x * y for x in range(10) for y in range(10)])", 20250,
        loop="for i in range(10):"),
    Row("comprehension_dict", "dict comprehensions", "t += len({x: i for x in items})", 1000,
        loop="for i in range(10):",
        setup="items = list(range(100))"),
    Row("comprehension_set", "set comprehensions", "t += len({x & 15 for x in items})", 160,
        loop="for i in range(10):",
        setup="items = list(range(100))"),
    Row("comprehension_short", "comprehensions over short lists", "t += len([x for x in items])", 3000,
        setup="items = [1, 2, 3]", size=2000),
    Row("generator_expression", "sum of a generator expression", "t += sum(x + 1 for x in items)", 50500,
        loop="for i in range(10):", setup="items = list(range(100))",
        hot=("work.<locals>.<genexpr>",), gap=_GENERATOR_GAP),
    Row("generator_any", "any of a generator expression", "if any(x > 5 for x in items): t += 1", 100,
        loop="for i in range(100):", setup="items = list(range(10))",
        hot=("work.<locals>.<genexpr>",), gap=_GENERATOR_GAP),
) + group(
    "generators and coroutines",
    Row("generator_loop", "loops over a generator", "t += x", 499500, loop="for x in count(1000):",
        setup="def count(n):\n    for i in range(n):\n        yield i", hot=("count",), gap=_GENERATOR_GAP),
    Row("generator_pipeline", "generators over generators", "t += x", 999000, loop="for x in double(count(1000)):",
        setup="""
        def count(n):
            for i in range(n):
                yield i

        def double(xs):
            for x in xs:
                yield x * 2
        """, hot=("count", "double"), gap=_GENERATOR_GAP),
    Row("generator_short", "making short generators", "for x in pair(i): t += x", 500500,
        setup="def pair(i):\n    yield i\n    yield 1", hot=("pair",), gap=_GENERATOR_GAP, size=1500),
    Row("generator_send", "send", "t += g.send(i)", 499500, before="t = 0\ng = echo()\nnext(g)", setup="""
        def echo():
            x = 0
            while True:
                x = yield x
        """, hot=("echo",), gap=_GENERATOR_GAP),
    Row("generator_yield_from", "yield from", "t += x", 499500, loop="for x in outer(1000):", setup="""
        def inner(n):
            for i in range(n):
                yield i

        def outer(n):
            yield from inner(n)
        """, hot=("inner", "outer"), gap=_GENERATOR_GAP),
    Row("coroutine_await", "awaiting coroutines", "t += drive(outer(i))", 500500, setup="""
        async def inner(x):
            return x + 1

        async def outer(x):
            return await inner(x)

        def drive(coroutine):
            try:
                coroutine.send(None)
            except StopIteration as stop:
                return stop.value
        """, hot=("inner", "outer", "drive"), gap="coroutines are interpreted", size=1000),
) + group(
    "exceptions",
    Row("try_no_raise", "try without an exception", """
        try:
            t += i
        except ValueError:
            t = 0
        """, 499500),
    Row("try_else_finally", "try with else and finally", """
        try:
            x = i
        except ValueError:
            x = 0
        else:
            t += x
        finally:
            t += 1
        """, 500500),
    Row("raise_catch", "raising and catching", """
        try:
            raise ValueError
        except ValueError:
            t += 1
        """, 1000, size=2000),
    Row("raise_catch_as", "raising and catching with arguments", """
        try:
            raise ValueError(i)
        except ValueError as error:
            t += error.args[0]
        """, 499500, size=1000),
    Row("raise_catch_called", "catching what a called function raises", """
        try:
            fail(i)
        except ValueError:
            t += 1
        """, 1000, setup="def fail(x):\n    raise ValueError(x)", hot=("fail",), size=1000),
    Row("raise_catch_deep", "catching from four calls down", """
        try:
            down(4)
        except ValueError:
            t += 1
        """, 1000, setup="def down(n):\n    if n == 0:\n        raise ValueError\n    return down(n - 1)", hot=("down",),
        size=500),
    Row("raise_catch_custom", "exceptions written in Python", """
        try:
            raise Custom(i, 1)
        except (KeyError, Custom) as error:
            t += error.code
        """, 499500, setup="""
        class Custom(Exception):
            def __init__(self, code, other):
                super().__init__(code)
                self.code = code
        """, hot=("Custom.__init__",), size=500),
    Row("raise_catch_rare", "an exception in each hundredth round", """
        try:
            if i % 100 == 0:
                raise ValueError
            t += 1
        except ValueError:
            t += 2
        """, 1010),
    Row("raise_from_c", "exceptions of C code", """
        try:
            t += d[i]
        except KeyError:
            t += 1
        """, 1000, before="t, d = 0, {}", size=1000),
    Row("raise_from", "raise ... from ...", """
        try:
            try:
                raise ValueError
            except ValueError as error:
                raise KeyError from error
        except KeyError as error:
            t += 1
        """, 1000, size=700),
    Row("raise_again", "raising again", """
        try:
            try:
                raise ValueError
            except ValueError:
                raise
        except ValueError:
            t += 1
        """, 1000, size=1000),
    Row("raise_finally", "finally on the way out", """
        try:
            try:
                raise ValueError
            finally:
                t += 1
        except ValueError:
            t += 1
        """, 2000, size=1000),
    Row("assert_true", "assert", "assert i >= 0; t += 1", 1000),
) + group(
    "with",
    Row("with_class", "with and a class", """
        with manager:
            t += 1
        """, 1000, setup="""
        class Manager:
            def __enter__(self):
                return self

            def __exit__(self, kind, error, traceback):
                return None

        manager = Manager()
        """, hot=("Manager.__enter__", "Manager.__exit__"), size=2000),
    Row("with_lock", "with and a lock", """
        with lock:
            t += 1
        """, 1000, setup="import threading\n\nlock = threading.Lock()", size=3000),
    Row("with_contextlib", "with and contextlib", """
        with bracket() as x:
            t += x
        """, 1000, setup="""
        import contextlib

        @contextlib.contextmanager
        def bracket():
            yield 1
        """, size=400),
    Row("with_raise", "with and a suppressed exception", """
        with manager:
            raise ValueError
        t += 1
        """, 1000, setup="""
        class Manager:
            def __enter__(self):
                return self

            def __exit__(self, kind, error, traceback):
                return kind is ValueError

        manager = Manager()
        """, hot=("Manager.__enter__", "Manager.__exit__"), size=700),
) + group(
    "match",
    Row("match_int", "match on ints", """
        match i & 3:
            case 0:
                t += 1
            case 1 | 2:
                t += 2
            case _:
                t += 3
        """, 2000),
    Row("match_str", "match on strs", """
        match words[i & 3]:
            case "ash":
                t += 1
            case "lava":
                t += 2
            case other:
                t += len(other)
        """, 2750, before="t, words = 0, ['ash', 'lava', 'pumice', 'lava']"),
    Row("match_sequence", "match on sequences", """
        match rows[i & 3]:
            case [x]:
                t += x
            case [x, y]:
                t += x * y
            case [x, *rest]:
                t += len(rest)
        """, 4000, before="t, rows = 0, [[1], [2, 3], (4, 5, 6), [7]]", size=3000),
    Row("match_mapping", "match on mappings", """
        match events[i & 1]:
            case {"kind": "move", "x": x}:
                t += x
            case {"kind": "stop"}:
                t += 1
        """, 1500, before="t, events = 0, [{'kind': 'move', 'x': 2}, {'kind': 'stop'}]", size=1500),
    Row("match_class", "match on classes", """
        match shapes[i & 1]:
            case Circle(radius=r):
                t += r
            case Box(width, height):
                t += width * height
        """, 7000, before="t = 0", setup="""
        class Circle:
            def __init__(self, radius):
                self.radius = radius

        class Box:
            __match_args__ = ("width", "height")

            def __init__(self, width, height):
                self.width = width
                self.height = height

        shapes = [Circle(2), Box(3, 4)]
        """, size=1500),
    Row("import_in_function", "import within a function", "import math; t += math.inf > i", 1000, size=3000),
    Row("class_definition", "class definitions", "class C:\n    x = 1\nt += C.x", 20, loop="for i in range(20):",
        size=500),
)
