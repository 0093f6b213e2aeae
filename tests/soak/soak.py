"""A program that makes and drops things for a given time, and looks for what grows.

    python tests/soak/soak.py --seconds 600        (TEPHRA=0, or TEPHRA=1 TEPHRA_COMPILE_AFTER=400)

It goes round phases: definitions, redefinitions, reloads, classes, closures, globals, namespaces that are executed
and thrown away, forks. After a slice of each it collects garbage and reads the resident memory, the code memory, the number
of compilations, and how many of the things that the phase dropped are alive. The first third of the time is warm-up.
Exit status 1, with the phases to blame, if something grows.
"""

import argparse
import gc
import json
import os
import resource
import statistics
import sys
import time
import weakref

from tephra import _status, jit

CALLS = 450  # more than the threshold
SLICE = 0.15  # seconds of a phase at a time
# What may be left over in the end. Dropped things: those of the last iterations, which a cache may still name.
ALIVE, CODE_BYTES, COMMITTED, MEMORY, COMPILATIONS = 8, 256 << 10, 2 << 20, 3 << 20, 100


class Payload:
    """Something that a dropped thing owns; its death is watched."""

    n = 1


class Phase:
    """A kind of work. Subclasses: ``once(i)`` does one iteration and gives weak references to what it dropped."""

    compilations = 1  # at most so many in each iteration, besides COMPILATIONS in all

    def __init__(self):
        self.iterations = self.compiled = self.growth = self.code_growth = 0
        self.watched = []

    def run(self, seconds):
        end = time.monotonic() + seconds
        while True:
            self.watched += self.once(self.iterations)
            self.iterations += 1
            if time.monotonic() >= end:
                break
        gc.collect()
        self.watched = [reference for reference in self.watched if reference() is not None]


def execute(source, **names):
    """A new namespace in which ``source`` was executed."""
    names["__name__"] = "soak"
    exec(compile(source, "<soak>", "exec"), names)
    return names


class Definitions(Phase):
    """New functions, hot, dropped."""

    def once(self, i):
        payload = Payload()
        function = execute(f"def f(x, p=None):\n    y = x + {i % 1000}\n    return y if p is None else p.n", p=payload)["f"]
        for k in range(CALLS):
            function(k)
        return [weakref.ref(thing) for thing in (function, function.__code__, payload)]


class Redefinitions(Phase):
    """A global function that is redefined; a hot loop that is kept calls it."""

    def __init__(self):
        super().__init__()
        self.names = execute("def work(n):\n    t = 0\n    for i in range(n): t += callee(i)\n    return t\ndef relay(x): return callee(x)")

    def once(self, i):
        exec(f"def callee(x): return x + {i % 1000}", self.names)
        for k in range(10):
            self.names["work"](100)
            self.names["relay"](k)
        callee = self.names.pop("callee")
        return [weakref.ref(callee), weakref.ref(callee.__code__)]


class Reloads(Phase):
    """Functions that get a new code object, as hot reloaders do it; one with a caller that is compiled."""

    def __init__(self):
        super().__init__()
        self.names = execute("def f(x): return x\ndef caller(n):\n    t = 0\n    for i in range(n): t += f(i)\n    return t")

    def once(self, i):
        function = self.names["f"]
        old = weakref.ref(function.__code__)
        function.__code__ = execute(f"def g(x): return x + {i % 1000}")["g"].__code__
        for k in range(CALLS):
            function(k)
        self.names["caller"](20)
        return [old]


class Classes(Phase):
    """Classes that are made, used by functions that are kept, and dropped."""

    compilations = 3

    def __init__(self):
        super().__init__()
        self.names = execute("""
def make(value):
    class C:
        kept = value
        def __init__(self): self.x = 1
        def method(self): return self.x
        @property
        def size(self): return 2
        @staticmethod
        def plain(x): return x
    return C
def receives(o): return o.method() + o.size + o.x + o.plain(1) + o.kept.n
def makes(): return K().method()
""")

    def once(self, _):
        payload = Payload()
        made = self.names["K"] = self.names["make"](payload)
        receives, makes = self.names["receives"], self.names["makes"]
        for _ in range(CALLS // 3):
            receives(made())
            makes()
        del self.names["K"]
        return [weakref.ref(made), weakref.ref(payload)]


class Closures(Phase):
    """Functions made again and again from one code object, with cells, defaults and decorators."""

    compilations = 0

    def __init__(self):
        super().__init__()
        self.names = execute("""
def outer(a, b):
    def inner(x, y=b): return x + a.n + y.n
    def again(x): return inner(x) + 1
    return again, (lambda z: again(z))
def counter():
    n = 0
    def step():
        nonlocal n
        n += 1
        return n
    return step
def use(f, n):
    for i in range(n): f(i)
""")

    def once(self, _):
        a, b = Payload(), Payload()
        again, last = self.names["outer"](a, b)
        step = self.names["counter"]()
        self.names["use"](last, 30)
        self.names["use"](lambda _: step(), 30)
        return [weakref.ref(thing) for thing in (a, b, again, last, step)]


class Globals(Phase):
    """Values, functions and modules in globals that compiled code names, replaced and deleted."""

    compilations = 0.2

    def __init__(self):
        super().__init__()
        self.names = execute("def reads(): return V.n\ndef calls(x): return V.__class__.n + len(L)\nL = []")

    def once(self, _):
        value, items = Payload(), type("L", (list,), {})()
        self.names["V"], self.names["L"] = value, items
        for k in range(CALLS // 5):
            self.names["reads"]()
            self.names["calls"](k)
        return [weakref.ref(value), weakref.ref(items), weakref.ref(type(items))]


class Namespaces(Phase):
    """Namespaces with classes and functions that name each other, executed and thrown away whole."""

    compilations = 4

    def once(self, _):
        payload = Payload()
        names = execute("""
class Z:
    def __init__(self, v): self.v = v
    def go(self, x): return self.v + x
def helper(k): return k
def run(k): return Z(helper(k)).go(2) + payload.n
""", payload=payload)
        for k in range(CALLS):
            names["run"](k)
        return [weakref.ref(thing) for thing in (payload, names["Z"], names["run"], names["run"].__code__)]


class Forks(Phase):
    """Children that compile something; the parent compiles something after each."""

    def once(self, i):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                hot(i + 1)
                status = 0
            except RuntimeError as error:
                print(f"a forked child: {error}: {line(figures())}", file=sys.stderr, flush=True)
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        if status:
            raise RuntimeError(f"forked child {i} ended with status {status}")
        return [weakref.ref(hot(i))]


def hot(i):
    function = execute(f"def f(x): return x * {i % 1000}")["f"]
    for k in range(CALLS):
        function(k)
    if jit.is_enabled() and not jit.is_jit_compiled(function):
        raise RuntimeError("a hot function was not compiled")  # no code memory is left
    return function


def figures():
    """Resident bytes, bytes of code memory in use and reserved, and functions compiled so far."""
    with open("/proc/self/statm", encoding="ascii") as file:
        resident = int(file.read().split()[1]) * resource.getpagesize()
    code = jit.get_allocator_stats()
    return resident, code.get("used_bytes", 0), code.get("committed_bytes", 0), _status.totals()["functions"]


class Soak:
    """Goes round the phases and keeps the figures of each round."""

    def __init__(self, phases, seconds):
        self.phases, self.seconds, self.rounds, self.marks = phases, seconds, [], None

    def run(self):
        start = time.monotonic()
        said = 0.0
        while (passed := time.monotonic() - start) < self.seconds or len(self.rounds) < 9:
            if self.marks is None and passed > self.seconds / 3 and len(self.rounds) >= 3:
                self.mark()
            for phase in self.phases:
                before = figures()
                phase.run(min(SLICE, self.seconds / 30))
                after = figures()
                phase.compiled += after[3] - before[3]
                if self.marks:
                    phase.growth += after[0] - before[0]
                    phase.code_growth += after[1] - before[1]
            self.rounds.append(figures())
            if passed - said > max(2, self.seconds / 20):
                said = passed
                print(f"{passed:6.0f} s: {line(self.rounds[-1])}", flush=True)

    def mark(self):
        """The end of the warm-up."""
        self.marks = {"rounds": len(self.rounds), "alive": sum(len(phase.watched) for phase in self.phases)}

    def level(self, column, rounds):
        return statistics.median(each[column] for each in rounds)

    def verdict(self):
        """What grew since the warm-up, in words; and the figures."""
        after = self.rounds[self.marks["rounds"]:]
        part = max(1, len(after) // 4)
        change = [self.level(column, after[-part:]) - self.level(column, after[:part]) for column in range(3)]
        first, last = [[self.level(column, rounds) for column in range(3)] for rounds in (after[:part], after[-part:])]
        complaints = []
        by_growth = ", ".join(f"{name} {grown / 1024:+.0f} KiB" for grown, name in sorted(
            ((phase.growth, type(phase).__name__.lower()) for phase in self.phases), reverse=True)[:3])
        if change[0] > MEMORY:
            complaints.append(f"resident memory grew by {change[0] / 1024:.0f} KiB since the warm-up (most in: {by_growth})")
        if change[1] > CODE_BYTES or change[2] > COMMITTED:
            blame = ", ".join(f"{type(phase).__name__.lower()} {phase.code_growth / 1024:+.0f} KiB" for phase in self.phases if phase.code_growth > 8192)
            complaints.append(f"code memory grew by {change[1] / 1024:.0f} KiB in use, {change[2] / 1024:.0f} KiB committed ({blame})")
        for phase in self.phases:
            name, allowed = type(phase).__name__.lower(), phase.compilations * phase.iterations + COMPILATIONS
            if len(phase.watched) > ALIVE:
                complaints.append(f"{name}: {len(phase.watched)} of the things dropped in {phase.iterations} iterations are alive")
            if phase.compiled > allowed:
                complaints.append(f"{name}: {phase.compiled} compilations in {phase.iterations} iterations (at most {allowed:.0f})")
        return complaints, {"resident": [first[0], last[0]], "code": [first[1], last[1]], "rounds": len(self.rounds),
                            "phases": {type(phase).__name__.lower(): {"iterations": phase.iterations, "compiled": phase.compiled,
                                                                      "alive": len(phase.watched), "resident": phase.growth,
                                                                      "code": phase.code_growth} for phase in self.phases}}


def line(now):
    return (f"resident {now[0] / 1024:.0f} KiB, code {now[1] / 1024:.0f} KiB in use, {now[2] / 1024:.0f} KiB committed, "
            f"{now[3]} functions compiled")


PHASES = (Definitions, Redefinitions, Reloads, Classes, Closures, Globals, Namespaces, Forks)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    parser.add_argument("--phases", metavar="NAMES", help="only these, with commas: " + ",".join(p.__name__.lower() for p in PHASES))
    args = parser.parse_args()
    chosen = [phase for phase in PHASES if not args.phases or phase.__name__.lower() in args.phases.split(",")]
    soak = Soak([phase() for phase in chosen], args.seconds)
    soak.run()
    complaints, found = soak.verdict()
    print(f"{'phase':14} iterations compilations alive   resident KiB   code KiB (since the warm-up)")
    for name, each in found["phases"].items():
        print(f"{name:14} {each['iterations']:10} {each['compiled']:12} {each['alive']:5} {each['resident'] / 1024:+14.0f} {each['code'] / 1024:+10.0f}")
    print(f"resident {found['resident'][0] / 1024:.0f} KiB after the warm-up, {found['resident'][1] / 1024:.0f} KiB in the end; "
          f"code {found['code'][0] / 1024:.0f} and {found['code'][1] / 1024:.0f} KiB; {soak.rounds[-1][3]} functions compiled")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({**found, "complaints": complaints, "totals": _status.totals()}, file)
    print("\n".join(f"GROWS: {complaint}" for complaint in complaints) or "nothing grows")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
