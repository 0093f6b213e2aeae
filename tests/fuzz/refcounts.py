"""Programs that read reference counts, as a callee and C functions see them: small cases and random ones.

An object's count must be the same at every call, compiled or not yet; where the interpreter's own first calls differ
from its later ones (3.12 and 3.14 make an instance in another way once they have specialised that call), one of both. ``python tests/fuzz/refcounts.py FIRST:COUNT``
prints the programs that differ.
"""

import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import deaths  # noqa: E402

PRELUDE = """
import sys
rc = sys.getrefcount
class O:
    def own(self): return rc(self)
    def both(self, x): return rc(self), rc(x)
    @staticmethod
    def stat(x): return rc(x)
    @classmethod
    def cls(cls, x): return rc(x)
    def __getitem__(self, key): log.append((rc(self), rc(key))); return key
    def __setitem__(self, key, value): log.append((rc(self), rc(key), rc(value)))
    def __add__(self, other): log.append((rc(self), rc(other))); return self
    def __eq__(self, other): log.append((rc(self), rc(other))); return True
    def __call__(self, x): return rc(self), rc(x)
    def __contains__(self, x): log.append((rc(self), rc(x))); return True
    def __enter__(self): log.append(rc(self)); return self
    def __exit__(self, *rest): log.append(rc(self))
    @property
    def prop(self): return rc(self)
class Get:
    def __init__(self): self.own = 1
    def __getattr__(self, name): return rc(self)
class Many:
    def __call__(self, *rest, k=None, **words): return rc(self), tuple(map(rc, rest)), rc(k), tuple(map(rc, words.values()))
    def method(self, *rest, k=None, **words): return rc(self), tuple(map(rc, rest)), rc(k), tuple(map(rc, words.values()))
def forward(callable, *rest, **words): return callable(*rest, **words)
class Init:
    def __init__(self, x): log.append(rc(x)); self.x = x
class Caller:
    def __init__(self, x): log.append((rc(self), rc(x)))
def r(x): return rc(x)
def rr(x): return r(x), rc(x)
def r2(x, y): return rc(x), rc(y)
def rkw(x, *, k): return rc(x), rc(k)
def rd(x, y=O()): return rc(x), rc(y)
def rstar(*rest): return tuple(map(rc, rest)), rc(rest)
def rwords(**words): return rc(words), rc(words['k'])
def rmap(x): return list(map(rc, [x])), list(map(r, (x,)))
def rebound(x): y = x; n = rc(x); del y; return n, rc(x)
def dropped(x): y = x; del x; return rc(y), r(y)
def stored(x): l = [x]; n = r(x); l.clear(); return n, r(x)
def cell(x):
    def inner(): return rc(x)
    return inner(), rc(x)
def gives(x): return x
def looped(x):
    for i in (1, 2): log.append((rc(x), r(x)))
def caught(x):
    try: raise ValueError(x)
    except ValueError as e: return rc(x), rc(e)
def six(a, b, c, d, e, g): return rc(a), rc(g), r(a), r(g)
"""

EXPRESSIONS = ("O()", "a", "b", "[a]", "(a, b)", "gives(O())", "gives(a)", "O() + a", "l[0]", "a[O()]", "m['k']", "h.x", "Init(O()).x")
READERS = ("rc(@)", "r(@)", "rr(@)", "r2(@, @)", "rkw(@, k=@)", "rkw(k=@, x=@)", "rd(@)", "rd(@, @)", "rstar(@, @)", "rstar(*[@, @])", "r(*(@,))",
           "r(**{'x': @})", "rwords(k=@)", "rmap(@)", "rebound(@)", "dropped(@)", "stored(@)", "cell(@)", "looped(@)", "caught(@)", "r(x=@)",
           "O().both(@)", "a.both(@)", "a.own()", "O().own()", "O.stat(@)", "O.cls(@)", "a(@)", "O()(@)", "O().prop", "a.prop", "six(@, @, @, @, @, @)",
           "(lambda x: rc(x))(@)", "[rc(q) for q in (@, @)]", "[r(q) for q in [@]]", "(lambda: rc(a))()", "list(map(rc, [@, @]))", "max([@], key=rc) and 0",
           "'{}'.format(rc(@))", "(@ == @)", "(@ in O())", "(Init(@) and 0)", "(Caller(@) and 0)", "(O()[@] and 0)", "str(r(@))",
           "Many()(@)", "Many()(@, k=@)", "Many()(@, k=@, z=@)", "forward(Many().method, @)", "forward(Many().method, @, k=@, z=@)",
           "forward(O(), @)", "Get().missing", "Get().missing + 0 * r(@)")
STATEMENTS = ("a = @", "b = @", "b = a", "l.append(@)", "l[0] = @", "O()[@] = @", "m['k'] = @", "h.x = @", "a, b = @, @", "a, b = b, a", "a += @",
              "del b; b = @", "with @ as c: log.append(rc(c))", "for c in (@, @): log.append((rc(c), r(c)))", "for c in [@]: log.append(r(c))")

# Known to differ, and listed in docs/status.md with the reasons: what an interpreted caller passes by * and **; operands that
# compiled code lends to the method of an operator, where the interpreter's stack has references of its own or specialises the call;
# on 3.12 also arguments of classes, the receiver of a property, and what is called as f(*args); on 3.14 a parameter that the callee stores to.
LISTED = {"rstar(*[@, @])", "r(*(@,))", "r(**{'x': @})", "(O()[@] and 0)", "O()[@] = @", "a[O()]", "O() + a", "a += @", "O().prop", "a.prop",
          "with @ as c: log.append(rc(c))", "for c in (@, @): log.append((rc(c), r(c)))"}
if sys.version_info < (3, 14):
    LISTED |= {"(@ == @)", "(@ in O())", "(Init(@) and 0)", "(Caller(@) and 0)", "Init(O()).x", "forward(O(), @)"}
else:
    LISTED |= {"rebound(@)", "dropped(@)", "a.both(@)", "O().both(@)", "a.own()"}
EXPRESSIONS, READERS, STATEMENTS = ([text for text in texts if text not in LISTED] for texts in (EXPRESSIONS, READERS, STATEMENTS))


def fill(chooser, text):
    return "".join(chooser.choice(EXPRESSIONS) if c == "@" else c for c in text)


def around(lines):
    body = "".join(f"    {line}\n" for line in lines)
    return f"{PRELUDE}def f():\n    a, b, h = O(), O(), O()\n    h.x = O()\n    l, m = [O(), O()], {{'k': O()}}\n{body}"


def cases():
    """One reading, of a temporary and of a local: names and sources."""
    lines = [f"log.append({reader.replace('@', expression)})" for reader in READERS for expression in ("O()", "a", "gives(O())")]
    lines += [fill(random.Random(0), line) for line in STATEMENTS if "rc(" in line]
    return {line: around([line]) for line in dict.fromkeys(lines)}


def program(seed):
    """A random program."""
    chooser = random.Random(seed)
    lines = [fill(chooser, chooser.choice(STATEMENTS) if chooser.random() < 0.4 else f"log.append({chooser.choice(READERS)})")
             for _ in range(chooser.randint(3, 9))]
    return around(lines)


def compare(sources, mode):
    """"" or what differs for each source: every round against those of the interpreter; and the compiled side's reports and totals."""
    stock, _ = deaths.reports(sources, *deaths.STOCK)
    compiled, totals = deaths.reports(sources, *deaths.MODES[mode])
    found = []
    for one, other in zip(stock, compiled):
        if "logs" not in one or "logs" not in other:
            found.append(f"{one.get('died', '')} {other.get('died', '')}")
        else:
            equal = all(log in one["logs"] for log in other["logs"])
            found.append("" if equal else f"  interpreter: {one['logs']}\n  compiled:    {other['logs']}")
    return found, compiled, totals


def main():
    first, count = map(int, sys.argv[1].split(":"))
    for mode in deaths.MODES:
        sources = {**cases(), **{seed: program(seed) for seed in range(first, first + count)}}
        found, _, _ = compare(list(sources.values()), mode)
        print(f"mode {mode}: {sum(what != '' for what in found)} of {len(found)} differ")
        for name, what in zip(sources, found):
            if what:
                print(f"{name if isinstance(name, str) else sources[name].split('def f():')[1]}\n{what}")


if __name__ == "__main__":
    main()
