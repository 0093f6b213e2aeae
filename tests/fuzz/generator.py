"""Random programs for differential testing: deterministic from a seed, always terminating, of bounded size.

A program has a class, two helper functions and ``f(a, b, c)``, built from the statements and
expressions of ordinary functions. Types of variables change at random, so that guards fail.
What a variable holds may double with each statement, so a loop ends once something is large, and
nothing is multiplied by a random number. A MemoryError is never caught by a program: whoever runs it
sees that it says nothing.
"""

import random

PRELUDE = """
class Point:
    scale = 3
    def __init__(self, x, y=0.5):
        self.x = x
        self.y = y
    def moved(self, d):
        return Point(self.x + d, self.y)
    def total(self):
        return self.x + self.y
    def __repr__(self):
        return f'P({self.x!r},{self.y!r})'
class Pair(Point):
    __slots__ = ('z',)
    def total(self):
        return super().total() * 2
G = 7
def helper(x, y=2, *rest, k=1):
    return (x, y, rest, k)
def plain(x, y=2, z=0.25):
    return x, y, z
def picky(x):
    if x == 3:
        raise ValueError('three')
    return x
def too_big(*things):
    size, waiting = 0, list(things)
    while waiting and size < 5000:
        thing = waiting.pop()
        if isinstance(thing, (list, tuple)):
            size += len(thing) + 1
            waiting += thing[:5000]
        elif isinstance(thing, str):
            size += len(thing)
        elif isinstance(thing, int):
            size += thing.bit_length() // 8
    return size >= 5000
"""


class Generator:
    """Builds the text of one program. ``Generator(seed).program()``."""

    def __init__(self, seed, size=14):
        self.random = random.Random(seed)
        self.size = size
        self.names = ["a", "b", "c", "u", "v", "w"]
        self.loops = 0
        self.counter = 0

    def pick(self, *choices):
        return self.random.choice(choices)

    def name(self):
        return self.random.choice(self.names)

    def fresh(self):
        name = self.random.choice(["u", "v", "w", "x", "y"])
        if name not in self.names:
            self.names.append(name)
        return name

    def literal(self):
        return self.pick("0", "1", "-1", "2", "3", "5", "100", "1 << 40", "(1 << 62) + 1", "0.5", "-2.0",
                         "1e10", "'s'", "'tu'", "''", "True", "False", "None", "(1, 2)", "[]", "[3, 1]")

    def expression(self, depth=0):
        if depth > 2 or self.random.random() < 0.3:
            return self.pick(self.name, self.name, self.literal)()
        e = lambda: self.expression(depth + 1)  # noqa: E731
        kind = self.random.randrange(17)
        if kind < 5:
            if self.random.random() < 0.2:
                return f"({e()} * {self.pick('2', '3', '-1', '0.5')})"
            return f"({e()} {self.pick('+', '-', '+', '-', '//', '%', '&', '|', '^', '/')} {e()})"
        if kind < 7:
            return f"({e()} {self.pick('<', '<=', '==', '!=', '>', '>=', 'is', 'is not', 'in', 'not in')} {e()})"
        if kind == 7:
            return f"({e()} {self.pick('and', 'or')} {e()})"
        if kind == 8:
            return f"({self.pick('-', 'not ', '~', '+')}{e()})"
        if kind == 9:
            return f"({e()} if {e()} else {e()})"
        if kind == 10:
            return f"{self.pick('helper', 'picky', 'str', 'len', 'repr', 'isinstance_int', 'type_name', 'abs')}({e()})"
        if kind == 11:
            return self.pick(f"helper({e()}, {self.pick('y', 'k')}={e()})", f"plain({e()}, {self.pick('y', 'z')}={e()})",
                             f"plain({e()})", f"Point({self.pick('', 'y=')}{e()}, x={e()})", f"Point({e()}).y")
        if kind == 12:
            return f"[{e()}, {e()}, 4][{self.pick('0', '1', '2', '-1', '5', self.name())}]"
        if kind == 13:
            return f"p.{self.pick('x', 'y', 'total()', 'scale', 'moved(1).x', 'missing', 'z')}"
        if kind == 14:
            return f"{{1: {e()}, 's': {e()}}}[{self.pick('1', repr('s'), self.name())}]"
        if kind == 15:
            return f"[q for q in ({e()}, {e()}) if q]"
        return f"f'{{{self.name()}!r}}|{{{self.name()}}}'"

    def condition(self):
        return self.pick(f"{self.name()}", f"{self.name()} is None", f"not {self.name()}", f"{self.name()} == 1",
                         f"isinstance_int({self.name()})", f"len(log) % 3 == {self.pick(0, 1, 2)}",
                         f"type({self.name()}) is {self.pick('int', 'float', 'str')}")

    def block(self, indent, budget):
        lines = []
        for _ in range(self.random.randint(1, max(1, budget))):
            statement = self.statement(indent, budget - 1)
            if len(statement) == 1 and self.random.random() < 0.75:  # most errors are caught at once
                pad = "    " * indent
                statement = [f"{pad}try:", "    " + statement[0], f"{pad}except MemoryError:", f"{pad}    raise",
                             f"{pad}except Exception as err:", f"{pad}    log.append(type(err).__name__)"]
            lines += statement
        return lines

    def statement(self, indent, budget):
        pad = "    " * indent
        kind = self.random.randrange(22 if budget > 0 else 10)
        if kind < 4:
            value = self.expression()
            return [f"{pad}{self.fresh()} = {value}"]
        if kind == 4:
            return [f"{pad}{self.name()} {self.pick('+', '-', '+', '|')}= {self.expression(1)}"]
        if kind == 5:
            return [f"{pad}log.append({self.expression()})"]
        if kind == 6:
            value, operator = self.expression(1), self.pick("", "", "+", "-", "*")
            if operator == "*":
                value = self.pick("2", "3", "-1", "0.5")
            return [f"{pad}p.{self.pick('x', 'y', 'new')} {operator}= {value}"]
        if kind == 7:
            a, b = self.name(), self.name()
            return [f"{pad}{a}, {b} = {b}, {self.expression(1)}"]
        if kind == 8:
            return [f"{pad}items[{self.pick('0', '1', '-1', '9')}] {self.pick('', '', '+', '-')}= {self.expression(1)}"]
        if kind == 9:
            return [f"{pad}{self.pick('pass', 'log.append(G)', 'items.append(len(log))', 'p = p.moved(2)', 'log.append(p.x)', 'items.append(p.y)')}"]
        if kind < 13:
            lines = [f"{pad}if {self.condition()}:"] + self.block(indent + 1, budget - 1)
            if self.random.random() < 0.5:
                lines += [f"{pad}else:"] + self.block(indent + 1, budget - 1)
            return lines
        if kind < 17 and self.loops < 2:
            return self.loop(indent, budget, pad)
        if kind < 19:
            return self.attempt(indent, budget, pad)
        if kind == 19:
            return [f"{pad}{self.name()} = (lambda s, t={self.name()}: (s, t, {self.name()}))({self.expression(2)})"]
        if kind == 20:
            return [f"{pad}if {self.condition()}:", f"{pad}    return {self.expression(1)}, log"]
        name = self.fresh()
        return [f"{pad}del {name}", f"{pad}{name} = {self.literal()}"]

    def loop(self, indent, budget, pad):
        self.loops += 1
        self.counter += 1
        i = f"i{self.counter}"
        self.names.append(i)
        if self.random.random() < 0.3:
            lines = [f"{pad}{i} = 0", f"{pad}while {i} < {self.random.randint(2, 12)}:", f"{pad}    {i} += 1"]
            self.names.remove(i)
        else:
            source = self.pick("range(8)", "range(3, 30, 4)", "[1, 2.5, 's']", "(1, 2, 3)", "items[:6]",
                               "{'k': 1, 'l': 2}", "'abc'", "range(len(log) % 7)")
            lines = [f"{pad}for {i} in {source}:"]
        lines += self.block(indent + 1, budget - 1)
        if self.random.random() < 0.3:
            lines += [f"{pad}    if {self.condition()}: {self.pick('break', 'continue')}"]
        lines.insert(1 if lines[0].lstrip().startswith("for") else 3, f"{pad}    if too_big(a, b, c, u, v, w, items, log, p.x, p.y): break")
        self.loops -= 1
        return lines

    def attempt(self, indent, budget, pad):
        lines = [f"{pad}try:"] + self.block(indent + 1, budget - 1) + [f"{pad}except MemoryError:", f"{pad}    raise"]
        error = self.pick("TypeError", "ValueError", "ZeroDivisionError", "(KeyError, IndexError)", "Exception")
        lines += [f"{pad}except {error} as err:", f"{pad}    log.append(str(err))"]
        if self.random.random() < 0.5:
            lines += self.block(indent + 1, budget - 1)
        if self.random.random() < 0.3:
            lines += [f"{pad}finally:", f"{pad}    log.append('finally')"]
        return lines

    def program(self):
        body = ["    log = []", "    u = v = w = 1", "    items = [a, b, c]", "    p = Point(a, b) if a != 3 else Pair(b, c)"]
        body += self.block(1, 5)
        while len(body) < self.size:
            body += self.block(1, 4)
        extra = ("def isinstance_int(x): return isinstance(x, int)\n"
                 "def type_name(x): return type(x).__name__\n")
        names = ", ".join(sorted({n for n in self.names if not n.startswith("i")})[:3])
        return (PRELUDE + extra + "def f(a, b, c):\n" + "\n".join(body)
                + f"\n    return log[-20:], items[-5:], repr(p), a, b, c, ({names},)\n")


ARGUMENTS = [(1, 2, 3), (1, 2.5, "s"), (3, 0, -1), ("a", "b", "c"), (1 << 62, 1 << 62, 5), (None, [1], (2,)),
             (True, False, 1.0), (0, 0, 0)]


def program(seed):
    """Source text of program number ``seed``."""
    return Generator(seed).program()
