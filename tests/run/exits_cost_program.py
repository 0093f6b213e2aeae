"""What raising and catching cost under Tephra, as a part of what they cost the interpreter: one line of JSON for each case.

    TEPHRA=1 TEPHRA_COMPILE_AFTER=400 python exits_cost_program.py [case ...]

Each case is there twice in this process: once for Tephra, once with all its functions suppressed. Both are warmed up and
then timed in turns; the ratio is that of the best rounds. `exits_per_second` is of the timed rounds.
"""

import json
import sys
import textwrap
import time
import types

from tephra import _tephra, jit

ROUNDS, WARM_UP = 15, 8
CPU_SECONDS = 0.015  # of one round

CASES = {}


def case(name, source):
    CASES[name] = textwrap.dedent(source)


case("hasattr", """
class C:
    def __getattr__(self, name): raise AttributeError(name)
o = C()
def f():
    n = 0
    for i in range(20):
        if hasattr(o, 'x'): n += 1
    return n
""")

case("hasattr_once", """
class C:
    def __getattr__(self, name): raise AttributeError(name)
o = C()
def g(i):
    if hasattr(o, 'x'): return i + 1
    return i
def f():
    for i in range(20): g(i)
""")

case("getattr_default", """
class C:
    def __getattr__(self, name):
        if name in ('y', 'z'): return name
        raise AttributeError(name)
o = C()
def f():
    n = 0
    for i in range(20):
        if getattr(o, 'x', None) is not None: n += 1
    return n
""")

case("next_default", """
class It:
    def __init__(self): self.n = 0
    def __iter__(self): return self
    def __next__(self):
        self.n += 1
        if self.n & 1: raise StopIteration
        return self.n
it = It()
def f():
    n = 0
    for i in range(20):
        if next(it, None) is not None: n += 1
    return n
""")

case("keyerror_loop", """
d = {'a': 1}
def f():
    n = 0
    for i in range(20):
        try: n += d[i]
        except KeyError: n += 1
    return n
""")

case("keyerror_half", """
d = {i: i for i in range(0, 20, 2)}
def f():
    n = 0
    for i in range(20):
        try: n += d[i]
        except KeyError: n += 1
    return n
""")

case("keyerror_call", """
d = {i: i for i in range(0, 20, 2)}
def g(i):
    try: return d[i]
    except KeyError: return 1
def f():
    n = 0
    for i in range(20): n += g(i)
    return n
""")

case("keyerror_rare", """
d = {i: i for i in range(1, 20)}
def g(i):
    try: return d[i]
    except KeyError: return 1
def f():
    n = 0
    for i in range(20): n += g(i)
    return n
""")

case("callee_loop4", """
def inner(k):
    if k & 1: raise ValueError(k)
    return k
def f():
    t = 0
    for k in range(4):
        try: t += inner(k)
        except ValueError: t += 1
    return t
""")

case("callee_loop100_one", """
def inner(k):
    if k == 5: raise ValueError(k)
    return k
def f():
    t = 0
    for k in range(100):
        try: t += inner(k)
        except ValueError: t += 1
    return t
""")

case("stopiteration", """
def f():
    it = iter((1, 2, 3))
    n = 0
    while True:
        try: n += next(it)
        except StopIteration: break
    return n
""")

case("own_iterator", """
class It:
    def __init__(self, n): self.n = n
    def __iter__(self): return self
    def __next__(self):
        if self.n == 0: raise StopIteration
        self.n -= 1
        return self.n
def f():
    s = 0
    for x in It(5): s += x
    return s
""")

case("getitem_iterator", """
class Seq:
    def __getitem__(self, i):
        if i > 5: raise IndexError(i)
        return i
q = Seq()
def f():
    s = 0
    for x in q: s += x
    return s
""")

case("through_frames", """
def d(x):
    if x & 1: raise ValueError(x)
    return x
def c(x): return d(x) + 1
def b(x): return c(x) + 1
def a(x): return b(x) + 1
def f():
    n = 0
    for i in range(8):
        try: n += a(i)
        except ValueError: n += 1
    return n
""")

case("through_always", """
def d(x): raise ValueError(x)
def c(x): return d(x) + 1
def b(x): return c(x) + 1
def a(x): return b(x) + 1
def g(i):
    try: return a(i)
    except ValueError: return 1
def f():
    n = 0
    for i in range(8): n += g(i)
    return n
""")

case("through_rare", """
def d(x):
    if x == 3: raise ValueError(x)
    return x
def c(x): return d(x) + 1
def b(x): return c(x) + 1
def a(x): return b(x) + 1
def g(i):
    try: return a(i)
    except ValueError: return 1
def f():
    n = 0
    for i in range(8): n += g(i)
    return n
""")

case("deep10", """
def d(n, x):
    if n == 0:
        if x & 1: raise ValueError(x)
        return x
    return d(n - 1, x) + 1
def g(i):
    try: return d(10, i)
    except ValueError: return 1
def f():
    n = 0
    for i in range(4): n += g(i)
    return n
""")

case("suppress", """
class suppress:
    def __enter__(self): return self
    def __exit__(self, kind, exc, tb): return kind is ValueError
def inner(k):
    if k & 1: raise ValueError(k)
    return k
def g(i):
    n = 0
    with suppress(): n = inner(i)
    return n
def f():
    n = 0
    for i in range(8): n += g(i)
    return n
""")

case("finally_", """
def inner(k):
    if k & 1: raise ValueError(k)
    return k
def h(i):
    n = 0
    try: n = inner(i)
    finally: n += 1
    return n
def g(i):
    try: return h(i)
    except ValueError: return 0
def f():
    n = 0
    for i in range(8): n += g(i)
    return n
""")

case("reraise_wrap", """
class Mine(Exception): pass
def inner(k):
    if k & 1: raise ValueError(k)
    return k
def h(i):
    try: return inner(i)
    except ValueError as e: raise Mine(i) from e
def f():
    n = 0
    for i in range(8):
        try: n += h(i)
        except Mine: pass
    return n
""")

case("int_parse", """
def number(s):
    try: return int(s)
    except ValueError: return None
words = ['1', 'x', '22', 'abc', '7', '9', '1e5', '']
def f():
    n = 0
    for w in words:
        v = number(w)
        if v is not None: n += v
    return n
""")

case("attr_fallback", """
class A:
    pass
class B:
    def __init__(self): self.v = 1
objs = [A(), B(), B(), B()]
def g(o):
    try: return o.v
    except AttributeError: return 0
def f():
    n = 0
    for o in objs: n += g(o)
    return n
""")


def functions(namespace):
    found = []
    for value in list(namespace.values()):
        if isinstance(value, types.FunctionType):
            found.append(value)
        elif isinstance(value, type):
            found += [each for each in vars(value).values() if isinstance(each, types.FunctionType)]
    return found


def make(name, suppressed):
    namespace = {"__name__": "case_" + name}
    exec(compile(CASES[name], name, "exec"), namespace)
    if suppressed:
        for each in functions(namespace):
            jit.jit_suppress(each)
    return namespace["f"]


def timed(function, calls):
    start = time.process_time()
    for _ in range(calls):
        function()
    return time.process_time() - start


def measure(name):
    stock, ours = make(name, True), make(name, False)
    calls = max(1, int(CPU_SECONDS / (timed(stock, 50) / 50)))
    before = _tephra.totals()
    for _ in range(WARM_UP):
        for function in (stock, ours):
            timed(function, max(calls, 700))
    assert stock() == ours()
    middle = _tephra.totals()
    pairs = [(timed(stock, calls), timed(ours, calls)) for _ in range(ROUNDS)]
    taken = _tephra.totals()["exits"] - middle["exits"]
    best = [min(column) for column in zip(*pairs)]
    return {"name": name, "ratio": best[1] / best[0], "compiled": middle["functions"] - before["functions"],
            "exits_per_second": taken / sum(ours for __, ours in pairs)}


if __name__ == "__main__":
    jit.jit_suppress(timed)
    for case_name in sys.argv[1:] or CASES:
        print(json.dumps(measure(case_name)), flush=True)
