"""Each exit that deoptimises is taken in turn (option force-exit); the interpreter must go on right.

For each case: warm up, compile all its functions with exit number N always taken, call, compare with
the interpreter. N goes over all exits of the function with the most. Beyond the budget, a seeded
sample is taken; how many were run is printed (pytest -s) and checked.
"""

import copy
import os
import random
import sys
import time

import pytest
from support import call, compile_all, functions_of, load

from tephra import _tephra, jit

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "run"))
from test_language import CASES as LANGUAGE  # noqa: E402

LOOPS = {
    "float_loop": ("""
        def f(n, x, y):
            total = 0.0
            for i in range(n):
                total = total + x * i - y / (i + 1.0)
                if total > 100.0: total = -total
            return total
    """, [(10, 1.5, 2.5), (3, 1, 2.0), (2, 2.0, "x")]),
    "int_loop": ("""
        def f(n, k):
            a, b = 0, 1
            while a < n:
                a = a + k
                b = (b * 3 + a) % 1000 - (a // 2 & 7) ^ 5
                b = b << 1 >> 1 | 1
            return a, b
    """, [(30, 1), (10, 3), (1 << 66, 1 << 64)]),
    "nested_boxed_values": ("""
        def f(n):
            out = []
            for i in range(n):
                for j in range(i):
                    out.append((i * j, i + 0.5, [i, (j, i - j)]))
            return out
    """, [(4,)]),
    "attributes": ("""
        class P:
            count = 0
            def __init__(self, x, y): self.x, self.y = x, y
            def move(self, dx):
                self.x = self.x + dx
                self.y += dx * 2
                return self
            def norm(self): return self.x * self.x + self.y * self.y
        def f(n, v):
            p = P(v, 1)
            for i in range(n):
                p.move(i).move(1)
                P.count += 1
                if i == 3: p.z = p.norm()
            return p.norm(), vars(p), p.count
    """, [(6, 1), (6, 1.5), (2, "s")]),
    "globals": ("""
        SCALE = 3
        table = [1, 2, 3]
        def g(x): return x * SCALE + len(table)
        def f(n):
            global SCALE
            total = 0
            for i in range(n):
                total += g(i) + abs(-i) + max(i, 2)
                SCALE = SCALE + 1 if i % 2 else SCALE
            return total, SCALE
    """, [(5,), (2,)]),
    "subscripts": ("""
        def f(x, d, t):
            total = 0
            for i in range(len(x)):
                x[i] = x[i] + t[0]
                total += x[-1] * d['k']
                d[i] = x[i], t[-1]
                x[i], x[0] = x[0], x[i]
            a, b = t
            (c, d2), e = d[0], a
            return x, d, a, b, c, d2, e, total
    """, [([1, 2, 3], {"k": 2}, (4, 5)), ([1.5], {"k": 1}, (0, "z")), ([1], {}, (1, 2)), ([1], {"k": 1}, (1,))]),
    "strings": ("""
        def f(words, sep):
            out = ''
            for w in words:
                out = out + w + sep
                if w == 'stop': break
                out += w[0] if w else '-'
            return out, out.upper(), f'{sep}{len(out)}'
    """, [(["a", "bc", "stop", "x"], ","), (["", "q"], ""), (["a", 5], ",")]),
    "polymorphic": ("""
        class A:
            def m(self): return 1
        class B(A):
            def m(self): return super().m() + 1.5
        class C:
            def m(self): return 'c'
        def f(objects):
            return [o.m() for o in objects for _ in (0, 1)]
        def make(n): return f([A(), A(), B(), C()] * n)
    """, [([],)]),
    "loop_with_handler": ("""
        def f(items):
            log = []
            for x in items:
                try:
                    y = 10 // x
                    log.append(y + x)
                except ZeroDivisionError as e:
                    log.append(str(e))
                except TypeError:
                    log.append('type')
                    break
                finally:
                    log.append('f')
            return log
    """, [([1, 2, 5],), ([1, 0, 2],), ([1, "x", 3],)]),
    "temporaries_die_in_order": ("""
        class D:
            def __init__(self, tag): self.tag = tag
            def __del__(self): print('del', self.tag)
            def __add__(self, other): return D(self.tag + other.tag)
        def f(n):
            x = D('x')
            for i in range(n):
                x = x + D(str(i))
                y = (D('a'), [D('b'), x])
                del y
            print('end')
            return x.tag
    """, [(3,)]),
}
CORPUS = {**LANGUAGE, **{f"loops.{name}": case for name, case in LOOPS.items()}}
BUDGET = float(os.environ.get("TEPHRA_FORCE_SECONDS", "3"))  # of processor time, per case
SEED = int(os.environ.get("TEPHRA_TEST_SEED", "1"))
WARM_ROUNDS = 6
TOTALS = {"looks": 0, "looks_taken": 0, "others": 0, "others_taken": 0, "exits": 0, "forced": 0, "taken": 0, "reasons": {}}
LOOKS = ("FrameObserved",)  # or InstrumentationChanged: what a look finds


def warm_up(function, calls):
    for _ in range(WARM_ROUNDS):
        for args in calls:
            call(function, copy.deepcopy(args))


def expected_of(source, calls, mode="warm"):
    namespace, function = load(source)
    if mode == "warm":
        warm_up(function, calls)
    return [call(function, copy.deepcopy(args)) for args in calls]


def compiled_with(source, calls, forced, mode="warm"):
    """A fresh copy, warmed up (or cold) and compiled with exit ``forced`` always taken."""
    namespace, function = load(source)
    if mode == "warm":
        warm_up(function, calls)
    assert _tephra.set_option("force-exit", str(forced)) is None
    _tephra.set_option("watch-entries", "0")  # the guards of globals are to be forced, too
    try:
        compile_all(namespace, [function])
    finally:
        _tephra.set_option("force-exit", "-1")
        _tephra.set_option("watch-entries", "1")
    return namespace, function


def infos(namespace):
    """function_info of each compiled function."""
    found = {f.__qualname__: _tephra.function_info(f) for f in functions_of(namespace) if jit.is_jit_compiled(f)}
    return {name: info for name, info in found.items() if info}


@pytest.mark.parametrize("mode", ["warm", "cold"])
@pytest.mark.parametrize("name", CORPUS)
def test_every_exit_of(name, mode):
    source, calls = CORPUS[name]
    expected = expected_of(source, calls, mode)
    namespace, __ = compiled_with(source, calls, -1, mode)
    count = max(info["deopt_exits"] for info in infos(namespace).values())
    numbers = list(range(count))
    random.Random(f"{SEED} {name} {mode}").shuffle(numbers)  # what the budget leaves out is a fair sample
    start = time.process_time()  # so that a busy machine does not change the sample
    run = taken = 0
    for number in numbers:
        if time.process_time() - start > BUDGET and run >= 5:
            break
        run += 1
        namespace, function = compiled_with(source, calls, number, mode)
        for args, want in zip(calls, expected):
            got = call(function, copy.deepcopy(args))
            assert got == want, (f"exit {number} of {count} forced, f{args!r}:\n  interpreter: {want!r}\n"
                                 f"  compiled:    {got!r}\n  {infos(namespace)}")
        for info in infos(namespace).values():
            if info["forced_exit"] is not None:
                kind = "looks" if info["forced_exit"] in LOOKS else "others"
                TOTALS[kind] += 1
                TOTALS[f"{kind}_taken"] += bool(info["forced_exits_taken"])
            if info["forced_exits_taken"]:
                taken += 1
                reasons = TOTALS["reasons"]
                reasons[info["forced_exit"]] = reasons.get(info["forced_exit"], 0) + 1
    TOTALS["exits"] += count
    TOTALS["forced"] += run
    TOTALS["taken"] += taken
    print(f"{name} {mode}: {run} of {count} exits forced, {taken} taken")


def test_zz_summary():
    print(TOTALS)
    if TOTALS["forced"] < 500:
        pytest.skip("only a part of the corpus was run")
    # A look behind a release stands in its cold way: it is reached only where that was of the last reference.
    assert TOTALS["others_taken"] > TOTALS["others"] * 0.7
    assert TOTALS["looks_taken"] > TOTALS["looks"] * 0.7
    for reason in ("TypeChanged", "TypeVersionChanged", "KeysVersionChanged", "FrameObserved", "IntOverflow",
                   "IntTooLarge", "IndexOutOfRange", "UnboundLocal"):
        assert TOTALS["reasons"].get(reason), f"no exit with reason {reason} was ever forced and taken"


def test_the_exit_that_was_forced_is_the_one_that_is_counted():
    source = "def f(a, b): return a + b"
    namespace, function = compiled_with(source, [(1, 2)], -1)
    count = _tephra.function_info(function)["deopt_exits"]
    assert count >= 2
    assert _tephra.function_info(function)["forced_exit"] is None
    reached = set()
    for number in range(count):
        namespace, function = compiled_with(source, [(1, 2)], number)
        _tephra.clear_runtime_stats()
        assert function(3, 4) == 7 and function(5, 6) == 11
        info = _tephra.function_info(function)
        assert info["deopt_exits"] == count
        assert info["forced_exits_taken"] in (0, 2)
        rows = [row for row in _tephra.runtime_stats() if row["function"] == "f"]
        if info["forced_exits_taken"]:
            assert [(row["reason"], row["kind"], row["count"]) for row in rows] == [(info["forced_exit"], "deopt", 2)]
            reached.add(info["forced_exit"])
        else:
            assert not rows
    assert "TypeChanged" in reached
