"""Every construct of ordinary functions: interpreter and compiled code must agree."""

import pytest
from support import differential

# name -> (source with a function f, argument tuples)
CASES = {
    "constants": ("def f(): return (None, True, 1, -5, 300, 10**20, 1.5, 'x', b'y', (1, 2), ...)", [()]),
    "locals_swap": ("""
        def f(a, b):
            a, b = b, a
            a, b, c = b, a, (a, b)
            return a, b, c
    """, [(1, 2), ("x", [])]),
    "unbound_local": ("""
        def f(flag):
            if flag:
                x = 1
            return x
    """, [(True,), (False,)]),
    "delete_local": ("""
        def f(flag):
            x = [1]
            y = x
            del x
            if flag:
                del y
            return y
    """, [(True,), (False,)]),
    "delete_twice": ("""
        def f(n):
            x = n
            del x
            del x
    """, [(1,)]),
    "if_chain": ("""
        def f(x):
            if x < 0: return 'neg'
            elif x == 0: return 'zero'
            elif x < 10 and x % 2: return 'small odd'
            elif x < 10 or x == 100: return 'some'
            return 'big' if x > 1000 else 'mid'
    """, [(x,) for x in (-1, 0, 1, 2, 9, 10, 100, 1001, 0.0, -0.5)]),
    "while_loop": ("""
        def f(n):
            total = 0
            i = 0
            while i < n:
                i += 1
                if i % 3 == 0: continue
                if i > 50: break
                total += i
            else:
                total = -total
            return total, i
    """, [(0,), (10,), (100,)]),
    "for_range": ("""
        def f(a, b, c):
            out = []
            for i in range(a, b, c):
                out.append(i)
            else:
                out.append('end')
            return out
    """, [(0, 5, 1), (5, 0, -2), (0, 0, 1), (1 << 62, (1 << 62) + 3, 1), (0, 10**20, 10**19)]),
    "for_other_iterables": ("""
        def f(x):
            out = []
            for i in x:
                out.append(i)
            return out
    """, [([1, 2],), ((),), ("abc",), ({1: 2},), (range(3),), (5,), (None,), (b"ab",), (iter([1]),)]),
    "list_grows_in_loop": ("""
        def f():
            x = [1, 2, 3]
            out = []
            for i in x:
                if len(x) < 6: x.append(i * 10)
                out.append(i)
            return out, x
    """, [()]),
    "nested_loops": ("""
        def f(n):
            total = 0
            for i in range(n):
                for j in range(i):
                    if (i + j) % 2: continue
                    for k in (1, 2, 3):
                        if k == j: break
                        total += i * j + k
            return total
    """, [(0,), (12,)]),
    "int_accumulator_overflow": ("""
        def f(n):
            x = 1
            for i in range(n):
                x = x * 3 + i
            return x
    """, [(5,), (45,), (200,)]),
    "float_loop": ("""
        def f(n):
            x = 0.0
            y = 1.0
            for i in range(n):
                x = x * 0.5 + y / (i + 1)
                y = -y
            return x, y
    """, [(0,), (30,)]),
    "division": ("""
        def f(a, b):
            return a / b, a // b, a % b, divmod(a, b)
    """, [(7, 2), (-7, 2), (7, -2), (1, 0), (1.5, 0.0), (7.5, -2), (10**30, 7), (0, 5)]),
    "shifts": ("""
        def f(a, b):
            return a << b, a >> b
    """, [(1, 3), (-5, 1), (1, 70), (1 << 40, 40), (1, -1), (-1, 200), (0, 100)]),
    "containers": ("""
        def f(a, b):
            return [a, b], (a, b), {a, b}, {a: b, 'k': a}, [*[a], b], {**{'x': a}, 'y': b}, (*[a], *[b])
    """, [(1, 2), ("p", "q"), (1, 1)]),
    "unhashable": ("def f(a): return {a}", [([],), (1,)]),
    "unpacking": ("""
        def f(x):
            a, b = x
            (c, d), *e = [x, 1, 2]
            *g, h = x
            return a, b, c, d, e, g, h
    """, [((1, 2),), ([3, 4],), ("ab",), ((1, 2, 3),), ((1,),), (5,), ({1: 2, 3: 4},), (iter((1, 2)),)]),
    "subscripts": ("""
        def f(c, k, v):
            first = c[k]
            c[k] = v
            second = c[k]
            del c[k]
            return first, second, c
    """, [([1, 2, 3], 0, 9), ([1, 2, 3], -1, 9), ([1], 5, 0), ({1: 2}, 1, 3), ({}, 1, 2),
          ((1, 2), 0, 1), ("abc", 1, "x"), (None, 0, 0), ([1, 2], True, 5), ([1, 2], 1 << 70, 0)]),
    "slices": ("""
        def f(c, a, b):
            x = c[a:b], c[a:], c[:b], c[::2], c[a:b:-1], c[:]
            c[a:b] = [7, 8, 9]
            return x, c
    """, [([1, 2, 3, 4], 1, 3), ([], 0, 0), ([1], None, None), ((1, 2), 0, 1), ("abc", 0, 2)]),
    "comprehensions": ("""
        def f(n):
            y = 10
            a = [x * y for x in range(n) if x % 2]
            b = {x: y for x in range(n)}
            c = {x % 3 for x in range(n)}
            d = [(i, j) for i in range(n) for j in range(i)]
            x = 'kept'
            e = [[x + k for k in 'ab'] for x in 'cd']
            g = [lambda: q for q in range(3)]
            return a, b, c, d, e, x, [h() for h in g], sum(z for z in range(n))
    """, [(0,), (6,)]),
    "comprehension_raises": ("""
        def f(items):
            x = 5
            return [10 // x for x in items], x
    """, [([1, 2],), ([1, 0],)]),
    "closures": ("""
        def f(n):
            count = 0
            def bump(by=1, *, extra=0):
                nonlocal count
                count += by + extra
                return count
            def reader():
                return count, n
            bump(); bump(2); bump(extra=5)
            n += 1
            return reader(), bump.__defaults__, bump.__kwdefaults__, bump.__qualname__
    """, [(1,), (10,)]),
    "cell_argument": ("""
        def f(a, b=2):
            def g(): return a + b
            a += 1
            return g()
    """, [(1,), (1, 5)]),
    "free_variable_unbound": ("""
        def f(flag):
            def g(): return late
            if flag: late = 1
            r = g()
            del late
            return g()
    """, [(True,), (False,)]),
    "recursion_inner": ("""
        def f(n):
            def fact(k): return 1 if k < 2 else k * fact(k - 1)
            return fact(n)
    """, [(5,), (30,)]),
    "calls": ("""
        def g(a, b=2, *args, c, d=4, **kw): return a, b, args, c, d, kw
        def f(x):
            return (g(1, c=x), g(1, 2, 3, 4, c=x, z=1), g(*[1, 2], **{'c': x}), g(*(1,), c=x, **{'q': 2}))
    """, [(3,), ("s",)]),
    "call_errors": ("""
        def g(a, b, /, c, *, d): return a
        def h(): return 0
        def f(n):
            if n == 0: return g()
            if n == 1: return g(1, 2)
            if n == 2: return g(1, 2, 3, 4, d=1)
            if n == 3: return g(1, b=2, c=3, d=4)
            if n == 4: return g(1, 2, 3, d=1, e=2)
            if n == 5: return h(1)
            if n == 6: return h(x=1)
            if n == 7: return g(*5)
            if n == 8: return g(**5)
            if n == 9: return g(1, 2, c=1, **{'c': 2})
            if n == 10: return g(1, 2, **{1: 2})
            if n == 11: return n()
            if n == 12: return n.missing()
            if n == 13: return len(1, 2)
            return len(5)
    """, [(n,) for n in range(15)]),
    "methods": ("""
        class A:
            kind = 'a'
            def __init__(self, v): self.v = v
            def get(self): return self.v
            @classmethod
            def make(cls, v): return cls(v)
            @staticmethod
            def twice(v): return v * 2
            @property
            def half(self): return self.v / 2
            def __call__(self, x): return self.v + x
            def __getitem__(self, k): return (self.v, k)
            def __len__(self): return self.v
            def __bool__(self): return self.v != 3
            def __contains__(self, x): return x == self.v
            def __iter__(self): return iter([self.v])
        class B(A):
            kind = 'b'
            def get(self): return super().get() * 10
        def f(x):
            out = []
            for o in (A(x), B(x), A.make(x), B.make(x)):
                out.append((o.get(), o.half, o.twice(x), o(1), o[2], o.kind, type(o).__name__,
                            len(o), bool(o), x in o, list(o), not o))
                o.v += 1
                o.new = o.v
                out.append((o.get(), o.__dict__))
            return out
    """, [(2,), (3,)]),
    "slots": ("""
        class S:
            __slots__ = ('a', 'b')
            def __init__(self, a): self.a = a
        def f(x):
            s = S(x)
            s.a += 1
            s.b = s.a
            del s.b
            return s.a, s.b
    """, [(1,)]),
    "attribute_errors": ("""
        class A: pass
        def f(n):
            a = A()
            if n == 0: return a.missing
            if n == 1: del a.missing
            if n == 2: (5).x = 1
            if n == 3: return None.foo
            if n == 4: return A.nothing
            if n == 5: return [].nope()
    """, [(n,) for n in range(7)]),
    "super_variants": ("""
        class A:
            x = 1
            def m(self): return 'A.m'
        class B(A):
            def m(self): return 'B' + super().m() + super(B, self).m()
            def n(self): return super().x, super().nothing
        def f(k):
            b = B()
            return b.m() if k else b.n()
    """, [(0,), (1,)]),
    "super_without_binding": ("""
        class A:
            def plain(*args): return len(args)
            @classmethod
            def of_class(*args): return len(args)
        class B(A):
            def __getattribute__(self, name): return object.__getattribute__(self, name)
        def call(cls): return super(B, cls).plain(1), super(B, cls).of_class(1)
        def unbound(x): return super(A, x).plain
        def of_object(x): return super(object, x).plain(1)
        def proxy(x): return super(B, x).__class__
        def f(k):
            if k == 0: return call(B), call(B())
            if k == 1: return call(A)
            if k == 2: return [unbound(B()) is not None, unbound(None)]
            if k == 3: return of_object(None)
            return proxy(B()).__name__, proxy(B).__name__
    """, [(k,) for k in range(5)] * 2),
    "globals": ("""
        counter = 0
        def bump():
            global counter
            counter += 1
            return counter
        def f(n):
            global fresh
            for _ in range(n): bump()
            fresh = n
            x = fresh
            del fresh
            try_len = len
            return counter, x, try_len([1])
    """, [(3,), (2,)]),
    "global_missing": ("""
        def f(n):
            if n: return undefined_name
            global gone
            del gone
    """, [(0,), (1,)]),
    "builtin_shadowed": ("""
        def f(n):
            global len
            a = len([1, 2])
            len = lambda x: 'mine'
            b = len([1])
            del len
            return a, b, len('abc')
    """, [(0,)]),
    "fstrings": ("""
        def f(x):
            return f'{x} {x!r:>8} {x!s} {x!a} {x:{10}} {{}} {x=}'
    """, [(1,), ("ä",), (1.5,), (None,)]),
    "string_building": ("""
        def f(n):
            s = ''
            for i in range(n):
                s += str(i)
                s = s + ','
            return s, s * 2, s % (), '%d-%s' % (n, n)
    """, [(0,), (20,)]),
    "boolean_values": ("""
        def f(a, b):
            return a and b, a or b, not a, a is b, a is not None, bool(a) == (not not a)
    """, [(a, b) for a in (0, 1, "", "x", [], [0], None, 1.5) for b in (True, None)]),
    "constant_bools": ("""
        def f(x):
            t = True
            n = False
            out = []
            if t: out.append(1)
            if not t: out.append(2)
            if n: out.append(3)
            else: out.append(4)
            while t:
                out.append(5)
                t = n
            return out, t == True, n == False, t + 1, x if t else n
    """, [(1,)]),
    "chained_comparison": ("def f(a, b, c): return a < b < c, a == b != c, a in [b] in [[c]]",
                           [(1, 2, 3), (3, 2, 1), (1, 1, 1), ("a", "b", "c")]),
    "walrus": ("""
        def f(n):
            out = []
            while (n := n - 1) > 0:
                out.append(n)
            return out, [y := 1, y + 1]
    """, [(5,)]),
    "assertions": ("""
        def f(x):
            assert x > 0
            assert x < 10, f'too big: {x}'
            return x
    """, [(0,), (5,), (50,)]),
    "raise_and_chain": ("""
        class E(Exception): pass
        def f(n):
            if n == 0: raise ValueError
            if n == 1: raise ValueError('x')
            if n == 2: raise E('y') from KeyError('z')
            if n == 3: raise 5
            if n == 4: raise E from 5
            if n == 5: raise
            if n == 6: raise E from None
    """, [(n,) for n in range(8)]),
    "try_except": ("""
        def g(n): return 10 // n
        def f(n):
            out = []
            for i in range(n, n + 3):
                try:
                    out.append(g(i))
                except ZeroDivisionError as e:
                    out.append(str(e))
                else:
                    out.append('else')
                finally:
                    out.append('finally')
            return out
    """, [(-1,), (1,)]),
    "try_nested": ("""
        def f(n):
            log = []
            try:
                try:
                    if n == 0: raise KeyError('k')
                    if n == 1: return 'early', log
                    if n == 2: [][1]
                    log.append('body')
                except KeyError:
                    log.append('key')
                    raise ValueError('from key')
                finally:
                    log.append('inner')
            except ValueError as e:
                log.append((repr(e), repr(e.__context__)))
            finally:
                log.append('outer')
            return log
    """, [(n,) for n in range(4)]),
    "finally_overrides": ("""
        def f(n):
            for i in range(3):
                try:
                    if n == 0: return 'try'
                    if n == 1: raise KeyError
                    if n == 2: continue
                finally:
                    if n == 1: return 'finally'
                    if n == 2 and i == 1: break
            return i
    """, [(n,) for n in range(4)]),
    "try_locals_after": ("""
        def f(items):
            a = b = 0
            for x in items:
                try:
                    a += 1
                    y = 5 / x
                    b += 1
                except ZeroDivisionError:
                    pass
            return a, b, y
    """, [([1, 0, 2],), ([1],), ([0],)]),
    "except_group": ("""
        def f(n):
            try:
                if n: raise ExceptionGroup('g', [ValueError(1), KeyError(2)])
            except* ValueError as e:
                a = e.exceptions
            except* KeyError as e:
                b = len(e.exceptions)
            return n and (repr(a), b)
    """, [(0,), (1,)]),
    "with_statement": ("""
        class M:
            def __init__(self, log, eat): self.log, self.eat = log, eat
            def __enter__(self): self.log.append('enter'); return self
            def __exit__(self, t, v, tb):
                self.log.append(('exit', t and t.__name__, str(v)))
                return self.eat
        def f(raise_it, eat):
            log = []
            with M(log, eat) as m, M(log, False):
                log.append('body')
                if raise_it: raise ValueError('boom')
                if eat: return log
            log.append('after')
            return log
    """, [(a, b) for a in (False, True) for b in (False, True)]),
    "with_not_a_manager": ("""
        def f(x):
            with x: pass
    """, [(5,), (None,), ([],)]),
    "match_statement": ("""
        class P:
            __match_args__ = ('x', 'y')
            def __init__(self, x, y): self.x, self.y = x, y
        def f(v):
            match v:
                case 0: return 'zero'
                case int(n) if n > 100: return 'big', n
                case 1 | 2 | 3: return 'small'
                case [a, b]: return 'pair', a, b
                case [a, *rest]: return 'seq', a, rest
                case {'k': k, **rest}: return 'map', k, rest
                case P(x=0, y=y): return 'P0', y
                case P(x, y): return 'P', x, y
                case str() as s: return 'str', s
                case None: return 'none'
                case _: return 'other'
    """, [(v,) for v in (0, 500, 2, 50, [1, 2], (1, 2, 3), [], {"k": 1, "z": 2}, {}, "s", None, 1.5)]),
    "match_class": ("""
        class P:
            __match_args__ = ('x', 'y')
            def __init__(self, x, y): self.x, self.y = x, y
        def f(a, b):
            match P(a, b):
                case P(0, y): return y
                case P(x=1, y=z): return 'one', z
                case P(x, y) if x == y: return 'eq'
            return 'none'
    """, [(0, 5), (1, 6), (4, 4), (4, 5)]),
    "imports": ("""
        def f(n):
            import math, os.path as p
            from collections import OrderedDict as O, deque
            if n == 1: import no_such_module_anywhere
            if n == 2: from math import nothing
            return math.floor(2.5), p.join('a', 'b'), O.__name__, deque([1])
    """, [(0,), (1,), (2,)]),
    "lambda_defaults": ("""
        def f(n):
            fs = [lambda x, i=i: x + i for i in range(n)]
            def g(a, b: int = 3, *, c: str = 'k') -> float: return a, b, c
            return [h(10) for h in fs], g(1), g.__annotations__ and sorted(g.__annotations__)
    """, [(3,)]),
    "made_and_called": ("""
        def f(n):
            total = 0
            for i in range(n):
                def g(x, y=10): return x * y + i
                h = lambda x: x - i
                total += g(i) + g(y=i, x=2) + h(g(n, 1.5))
            return total
    """, [(4,), (2.0,), (0,)]),
    "nested_class": ("""
        def f(n):
            class Local:
                attr = n
                def m(self): return self.attr + n
            return Local().m(), Local.__qualname__
    """, [(4,)]),
    "decorated": ("""
        import functools
        def deco(fn):
            @functools.wraps(fn)
            def wrapper(*args, **kwargs):
                return ('wrapped', fn(*args, **kwargs), args, kwargs)
            return wrapper
        @deco
        def g(a, b=1): return a + b
        def f(n): return g(n), g(n, b=n), g.__name__
    """, [(1,), (2.5,)]),
    "generator_consumers": ("""
        def gen(n):
            for i in range(n): yield i * 2
        def f(n):
            return list(gen(n)), sum(gen(n)), [x for x in gen(n)], dict(zip('ab', gen(n)))
    """, [(0,), (4,)]),
    "star_expressions": ("""
        def f(a, b):
            x = [*a, 1, *b]
            y = {*a, *b}
            z = {**dict.fromkeys(a), **dict.fromkeys(b, 1)}
            return x, y, z, print(*a, sep='-')
    """, [([1, 2], (3,)), ("ab", [])]),
    "big_function_many_locals": ("def f(n):\n" + "".join(
        f"    v{i} = n + {i}\n" for i in range(60)) + "    return " + " + ".join(
        f"v{i} * {i}" for i in range(60)), [(1,), (1.5,), (1 << 70,)]),
    "many_arguments": ("""
        def g(a, b, c, d, e, x, y, z, w=9): return (a, b, c, d, e, x, y, z, w)
        def f(n): return g(n, 2, 3, 4, 5, 6, 7, 8), g(1, 2, 3, 4, 5, 6, 7, 8, n), g(*range(9))
    """, [(1,), ("s",)]),
    "dict_methods": ("""
        def f(n):
            d = {}
            for i in range(n):
                d[i] = d.get(i - 1, 0) + i
                d.setdefault('k', []).append(i)
            for k, v in d.items():
                if k == 'k': continue
            return d, k, v, 3 in d, sorted(map(str, d))
    """, [(1,), (6,)]),
    "string_methods": ("""
        def f(s):
            return (s.upper(), s.split(','), ','.join(s), s.replace('a', 'b'), s[0:2], s.startswith('a'),
                    s == 'a,b', s + 'x', 'a' in s, len(s), s < 'b', [c for c in s])
    """, [("a,b",), ("",), ("ü",)]),
    "isinstance_calls": ("""
        def f(x):
            return isinstance(x, int), isinstance(x, (str, bytes)), issubclass(type(x), object), callable(x), type(x)
    """, [(1,), ("a",), (True,), (None,)]),
    "locals_builtin": ("""
        def f(a):
            b = a + 1
            c = locals()
            d = sorted(vars())
            return c['a'], c['b'], d, eval('a + b'), dir()
    """, [(1,)]),
    "exception_in_args": ("""
        def g(*a): return a
        def f(x): return g(1, [2], x.foo, 3)
    """, [(1,)]),
    "del_items": ("""
        def f(d):
            del d['a']
            del d['a']
    """, [({"a": 1},)]),
    "conditional_lambda": ("def f(x): return (lambda: x) if x else (lambda y: y + 1)(x)", [(0,), (5,)]),
    "ternary_mix": ("""
        def f(x):
            y = 1 if x else 1.5
            z = y + (2 if x > 1 else 'z' if x < 0 else 3.0)
            return z
    """, [(0,), (1,), (2,), (-1,)]),
    "augmented": ("""
        def f(a, n):
            x = [a]; x += [1]; x *= 2
            o = {'k': a}; o['k'] += n; o['k'] -= 1
            class C: pass
            c = C(); c.v = a; c.v += n; c.v **= 2
            return x, o, c.v
    """, [(1, 2), (1.5, 3)]),
}


@pytest.mark.parametrize("name", CASES)
def test_construct(name):
    source, calls = CASES[name]
    differential(source, calls)
