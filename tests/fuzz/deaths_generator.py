"""Random programs about lifetimes: which object dies when, among the events of the program.

A program has functions of random signatures, a class with methods, and ``f()``. Objects have finalisers
(class ``D``, subclasses of builtin types) and weak references with callbacks; these and the functions
called write to ``log``. A program is deterministic, and each call of ``f`` does the same.
"""

import random
import sys

# Left out, being known to differ (docs/status.md lists them with the reasons): on 3.14 the operands of a subscript where the
# interpreter cannot specialise, as __getitem__ has a vectorcall of ours, and the old value of a slot of an instance that dies in
# the same instruction; values of *[...] and **{...} in calls that an interpreted function makes (death_cases.py has those that
# compiled ones make).
BEFORE_3_14 = sys.version_info < (3, 14)
SUBSCRIPT = ("@[~]",) if BEFORE_3_14 else ()
SLOT_STORE = ("Slots(~).a = ~",) if BEFORE_3_14 else ()

PRELUDE = '''
from weakref import ref
log, refs, G = [], [], None
class D:
    name, child = "?", None
    def __init__(self, name, child=None):
        self.name = name
        self.child = child
    def __del__(self): log.append(self.name)
    def __hash__(self): return len(self.name)
    def __eq__(self, other): log.append("eq"); return self is other
    def __lt__(self, other): log.append("lt"); return True
    def __add__(self, other): log.append("add"); return D(f"+{len(log)}")
    def __radd__(self, other): log.append("radd"); return D(f"r{len(log)}")
    def __iadd__(self, other): log.append("iadd"); return self
    def __mul__(self, other): log.append("mul"); return NotImplemented
    def __rmul__(self, other): log.append("rmul"); return D(f"m{len(log)}")
    def __neg__(self): log.append("neg"); return D(f"-{len(log)}")
    def __getitem__(self, key): log.append("get"); return D(f"g{len(log)}")
    def __setitem__(self, key, value): log.append("set")
    def __delitem__(self, key): log.append("delitem")
    def __contains__(self, item): log.append("in"); return True
    def __len__(self): log.append("len"); return 1
    def __bool__(self): log.append("bool"); return True
    def __call__(self, *args, **kw): log.append("call"); return self
    def __iter__(self): log.append("iter"); return iter([D("i1"), D("i2")])
    def __enter__(self): log.append("enter"); return D(f"e{len(log)}")
    def __exit__(self, kind, error, traceback): log.append("exit"); return kind is ValueError
    def __repr__(self): log.append("repr"); return "text"
    def __str__(self): log.append("str"); return "text"
    def __format__(self, spec): log.append("format"); return "text"
    def method(self, x=None): log.append("method"); return x
    def stay(self): return self
    @property
    def prop(self): log.append("prop"); return D(f"p{len(log)}")
    @prop.setter
    def prop(self, value): log.append("setprop")
    @classmethod
    def made(cls, name, child=None): return cls(name, child)
    @staticmethod
    def static(x, y=None): log.append("static"); return x
class Sub(D):
    def __init__(self, name, child=None, *more, key=None):
        log.append("init")
        super().__init__(name, child)
        self.more = more
class Slots:
    __slots__ = ("a", "b", "__weakref__")
    def __init__(self, a, b=None): self.a, self.b = a, b
    def __del__(self): log.append("Slots")
    def __repr__(self): return "Slots"
class L(list):
    def __del__(self): log.append("L")
class T(tuple):
    def __del__(self): log.append("T")
class N(int):
    def __del__(self): log.append("N")
class S(str):
    def __del__(self): log.append("S")
class M(dict):
    def __del__(self): log.append("M")
def W(name):
    d = D(name)
    refs.append(ref(d, lambda r: log.append("w" + name)))
    return d
def boom(x=None, *more, **kw):
    log.append("boom")
    raise ValueError(x)
class Sink:
    def write(self, text): pass
sink = Sink()
K = D("K")
def event(x=None): log.append("event")
'''


class Signature:
    """How a generated function may be called. ``lead``: what stands before the parameters (self, cls)."""

    def __init__(self, text, names, defaults, star, keyword_only, double_star, lead=""):
        self.text, self.names, self.defaults, self.star = text, names, defaults, star
        self.keyword_only, self.double_star, self.lead = keyword_only, double_star, lead


class Generator:
    """Builds the text of one program. ``Generator(seed).program()``."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.serial = 0
        self.bound, self.mixed = [], []  # local names that hold a D, that hold anything
        self.lists, self.tuples, self.dicts = [], [], []
        self.callables = []    # (expression, Signature)
        self.loops = 0
        self.in_loop = False
        self.no_walrus = False  # inside comprehensions

    # ---- small things

    def pick(self, *choices):
        return self.random.choice(choices)

    def chance(self, p):
        return self.random.random() < p

    def number(self):
        self.serial += 1
        return self.serial

    def fill(self, depth, *templates):
        """One of the templates. In it @ becomes an expression for a D, ~ for anything, $ a local, # a number."""
        text = self.random.choice(templates)
        makers = {"@": lambda: self.thing(depth + 1), "~": lambda: self.value(depth + 1), "$": self.name, "#": lambda: str(self.number())}
        return "".join(makers[c]() if c in makers else c for c in text)

    def scope(self):
        return [list(names) for names in (self.bound, self.mixed, self.lists, self.tuples, self.dicts)]

    def restore(self, saved):
        """Names bound before a block are bound after it, if the block has not unbound them."""
        for mine, old in zip((self.bound, self.mixed, self.lists, self.tuples, self.dicts), saved):
            mine[:] = [name for name in old if name in mine]

    # ---- expressions

    def temporary(self, depth):
        if depth > 2 or self.chance(0.5):
            return f"D('d{self.number()}')"
        return self.fill(depth, "D('d#', ~)", "W('d#')", "W('d#')", "Sub('s#')", "Sub('s#', ~)", "Sub('s#', key=~)", "D.made('m#')",
                         "Sub.made('m#', ~)", "D('d#').stay()", "D(name='d#')", "D('d#', child=~)", "Sub('s#', ~, ~)")

    def name(self):
        return self.random.choice(self.bound) if self.bound else f"D('d{self.number()}')"

    def thing(self, depth=0):
        """An expression for a D (nearly always), as often as not a temporary."""
        if depth > 3:
            return self.name() if self.chance(0.5) else f"D('d{self.number()}')"
        kind = self.random.randrange(24)
        if kind < 8:
            return self.temporary(depth)
        if kind < 12:
            return self.name()
        if kind < 16 and self.callables:
            return self.call(depth)
        if kind < 19:
            return self.fill(depth, "(@ + ~)", "(-@)", "(1 + @)", "(@ + 1)", *SUBSCRIPT, "@(~)", "@.prop", "@.stay()", "@.method(@)",
                             "@.method(x=@)", "D.static(@, ~)")
        if kind == 19:
            return self.fill(depth, f"(@ if {self.condition(depth)} else @)", "(@ and @)", "(@ or @)")
        if kind == 20:
            return self.fill(depth, "[@, ~][0]", "(~, @)[1]", "{'k': @}['k']", "[~, @].pop()", "{'k': @}.get('k', ~)", "next(iter([@, ~]))",
                             "getattr(~, 'missing', @)", "max(@, @)", *(f"{name}[0]" for name in self.lists + self.tuples),
                             *(f"{name}['k']" for name in self.dicts))
        if kind == 21:
            return self.fill(depth, "(lambda p, q=~: p)(@)", "(lambda p, q=@: q)(~)", "(lambda: @)()", "(lambda *p: p[0])(@, ~)")
        if kind == 22 and not self.no_walrus:
            name = self.pick("a", "b", "c")
            text = f"({name} := {self.thing(depth + 1)})"
            return text
        return f"D('d{self.number()}')"

    def value(self, depth=0):
        """An expression for any object that dies visibly, or holds such ones."""
        if depth > 3 or self.chance(0.6):
            return self.thing(depth)
        kind = self.random.randrange(12)
        if kind < 2:
            return self.fill(depth, "(2 * @)", "(@ == ~)", "(@ < @)", "(~ is ~)", "(~ in @)", "(@ != ~)", "(not ~)", "(@ < @ < @)",
                             "(~ is None)", "(~ not in @)", "(@ == 1)", "(1 == @)", "(~ is not ~)")
        if kind < 5:
            return self.display(depth)
        if kind == 5:
            return self.fill(depth, "@.child", "@.name", "[~, ~, ~][1:]", "(~, ~)[:1]", "[@, ~][-1]", "G", "f'{($)}|{(@)}'",
                             "'%s' % @", "[~, ~] + [~]", "(~,) + (~,)", "(~, ~) * 2", "(~,) == (~,)", "[~] == [~]",
                             *(f"{name}[-1:]" for name in self.lists), *self.mixed)
        if kind == 6:
            return self.fill(depth, "len(@)", "str(@)", "isinstance(~, D)", "type(~)", "tuple([~, ~])", "list((~, ~))", "dict(k=~)", "hash(@)",
                             "[].append(~)", "'{}'.format(@)", "bool(~)", "list(map(event, [~]))", "callable(~)", "event(~)", "id(~) and 1",
                             "isinstance(@, (D, Sub))", "print(~, file=sink)", "repr(@) and 1", "sorted([@, @])", "list(zip([~], [~]))")
        if kind == 7:
            return self.comprehension(depth)
        if kind < 10:
            return self.fill(depth, "Slots(~)", "Slots(~, b=~)", "N(7)", "S('x')", "L([~])", "T((~,))", "M()", "M(k=~)", "(N(7) + 1)",
                             "(S('x') + 'y')", "(N(7) < N(8))", "L([~])[0]", "T((~, ~))[0]", "Slots(@).a", "(S('x') == S('y'))", "len(L([~]))",
                             "(1.5 * N(2))", "M(k=~)['k']", "[1, 2][N(0)]", "{S('x'): 1}[S('x')]", "S('ab')[0]", "[~, ~][N(0)]")
        return self.thing(depth)

    def display(self, depth):
        return self.fill(depth, "[~, ~]", "(~, ~)", "{'k': ~, 'j': ~}", "{@, @}", "[~]", "(~, ~, ~)", "{@: ~}",
                         f"[*{self.sequence(depth)}, ~]", f"(~, *{self.sequence(depth)})", f"{{**{self.mapping(depth)}, 'k': ~}}")

    def sequence(self, depth):
        return self.fill(depth, "[@, ~]", "(~, @)", "[@, @]", *(self.lists * 2), *(self.tuples * 2))

    def mapping(self, depth):
        return self.fill(depth, "{'k': ~}", "{'j': ~, 'i': @}", *self.dicts)

    def comprehension(self, depth):
        outer, self.no_walrus = self.no_walrus, True
        saved = self.scope()
        source = self.sequence(depth)
        self.bound.append("q")
        text = self.fill(depth, f"[~ for q in {source}]", f"{{str(len(log)): ~ for q in {source}}}", f"[q for q in {source} if {self.condition(depth)}]",
                         f"tuple(~ for q in {source})", f"{{@ for q in {source}}}", f"[(q, r) for q in {source} for r in [~]]")
        self.restore(saved)
        self.no_walrus = outer
        return text

    def condition(self, depth=0):
        return self.fill(depth + 1, "$", "$ is None", "not $", f"len(log) % 3 == {self.pick(0, 1, 2)}", "len(log) % 2", "~ is ~", "@", "$ == @",
                         "event(~)", "isinstance(@, D)", "@ in @", "@ < @", "not @")

    def call(self, depth):
        expression, signature = self.random.choice(self.callables)
        if callable(expression):
            expression = expression(depth)
        positional, keywords = [], []
        required = len(signature.names) - signature.defaults

        def argument():
            return self.thing(depth + 1) if self.chance(0.85) else self.value(depth + 1)

        for index, name in enumerate(signature.names):
            if index >= required and self.chance(0.4):
                break
            if keywords or self.chance(0.2):
                keywords.append(f"{name}={argument()}")
            else:
                positional.append(argument())
        if signature.star and len(positional) == len(signature.names):
            positional += [argument() for _ in range(self.random.randrange(3))]
        for name, has_default in signature.keyword_only:
            if not has_default or self.chance(0.5):
                keywords.append(f"{name}={argument()}")
        if signature.double_star:
            keywords += [f"w{i}={argument()}" for i in range(self.random.randrange(3))]
        self.random.shuffle(keywords)
        if self.chance(0.02):
            keywords.append(f"wrong={argument()}")
        return f"{expression}({', '.join(positional + keywords)})"

    # ---- statements

    def local(self):
        """A name for a D."""
        return self.pick("a", "b", "c", "d")

    def bind(self, *names):
        for name in names:
            if name not in self.bound:
                self.bound.append(name)

    def block(self, indent, budget, most=4):
        lines = []
        for _ in range(self.random.randint(1, most)):
            statement = self.statement(indent, budget)
            if len(statement) == 1 and self.chance(0.15):
                pad = "    " * indent
                statement = [f"{pad}try:", "    " + statement[0], f"{pad}except Exception: event()"]
            lines += statement
        return lines

    def statement(self, indent, budget):
        pad = "    " * indent
        kind = self.random.randrange(60 if budget > 0 else 40)
        if kind < 10:
            return [pad + self.assignment()]
        if kind < 15:
            return [f"{pad}{self.value()}"]
        if kind < 18 and self.bound:
            name = self.random.choice(self.bound)
            self.bound.remove(name)
            return [f"{pad}del {name}"]
        if kind < 24:
            return [pad + self.store()]
        if kind < 27:
            return [pad + self.unpack()]
        if kind < 33:
            return [pad + self.container()]
        if kind < 36 and self.callables:
            return [pad + self.call(0)]
        if kind < 39:
            return [pad + self.fill(0, "event()", "event(~)")]
        if kind < 44:
            return [f"{pad}G = {self.value()}"] if kind < 41 else self.conditional(indent, budget, pad)
        if kind < 48 and self.loops < 2:
            return self.loop(indent, budget, pad)
        if kind < 53:
            return self.attempt(indent, budget, pad)
        if kind < 55:
            return self.context(indent, budget, pad)
        if kind < 57 and self.loops == 0:
            return self.closure(indent, pad)
        if kind == 57:
            return [f"{pad}if {self.condition()}:", f"{pad}    return {self.value()}"]
        if kind == 58 and self.in_loop:
            return [f"{pad}if {self.condition()}: {self.pick('break', 'continue')}"]
        if kind == 59:
            return [f"{pad}if {self.condition()}:", pad + self.fill(0, "    raise ValueError(~)", "    raise KeyError(~)")]
        return [pad + self.assignment()]

    def assignment(self):
        if self.chance(0.15) and self.bound:
            return f"{self.random.choice(self.bound)} += {self.value()}"
        if self.chance(0.2):
            text = f"e = {self.value()}"
            if "e" not in self.mixed:
                self.mixed.append("e")
            return text
        value = self.thing()
        name, other = self.local(), self.local()
        self.bind(name)
        if self.chance(0.1):
            self.bind(other)
            return f"{name} = {other} = {value}"
        return f"{name} = {value}"

    def store(self):
        return self.fill(0, "$.child = ~", "$.other = ~", "$.prop = ~", "@.child = ~", "@.other = ~", "@.prop = ~", "$[~] = ~", "@[~] = ~",
                         "del @[~]", "$.child = None", "$.child += ~", "$[~] += ~", "@.child = @", "del $.child", "[~, ~][0] = ~",
                         "{'k': ~}['k'] = ~", *SLOT_STORE, "$.child = $.other = ~", "L([~])[0] = ~", "{@: ~}[@] = ~")

    def unpack(self):
        a, b = self.local(), self.local()
        old_a, old_b = (name if name in self.bound else "D('d#')" for name in (a, b))
        text = self.fill(0, f"{a}, {b} = @, @", f"{a}, {b} = [@, @]", f"{a}, {b} = @", f"{a}, *e = @, ~, ~", f"({a}, {b}), G = (@, @), ~",
                         f"{a}, {b} = {old_b}, {old_a}", f"{a}, {b}, G = @, @, ~", f"{a}.child, {b} = ~, @" if a in self.bound else f"{a}, {b} = @, @")
        self.bind(a, b)
        return text

    def container(self):
        choices = [("l", "[@, ~]"), ("t", "(@, ~)"), ("m", "{'k': @}"), ("l", "[@, ~, @]")]
        if (self.lists or self.dicts) and self.chance(0.7):
            choices = []
        if not choices and self.lists and (not self.dicts or self.chance(0.6)):
            n = self.random.choice(self.lists)
            return self.fill(0, f"{n}.append(~)", f"{n}[0] = @", f"{n}[-1] = ~", f"{n}.pop()", f"del {n}[0]", f"{n}[:1] = [@]", f"{n}.clear()",
                             f"{n}.insert(0, @)", f"{n} += [~]", f"{n} = {n} + [~]", f"{n}[0], {n}[-1] = @, ~", f"{n}.extend((~, ~))",
                             f"{n}[:] = []", f"{n}[0] += ~", f"del {n}[:1]", f"{n} *= 2")
        if not choices:
            n = self.random.choice(self.dicts)
            return self.fill(0, f"{n}['k'] = @", f"{n}['j'] = ~", f"del {n}['k']", f"{n}.pop('k', None)", f"{n}.clear()", f"{n}.update(k=@)",
                             f"{n}.setdefault('k', @)", f"{n}[@] = ~", f"{n}['k'] += ~", f"{n} = {{**{n}, 'j': ~}}", f"{n} |= {{'k': @}}")
        kind, template = self.random.choice(choices)
        return self.make(kind, self.fill(0, template))

    def make(self, kind, text):
        names = {"l": self.lists, "t": self.tuples, "m": self.dicts}[kind]
        name = kind + self.pick("1", "2")
        if name not in names:
            names.append(name)
        return f"{name} = {text}"

    def nested(self, indent, budget, most=3):
        saved = self.scope()
        lines = self.block(indent, budget - 1, most)
        self.restore(saved)
        return lines

    def conditional(self, indent, budget, pad):
        lines = [f"{pad}if {self.condition()}:", *self.nested(indent + 1, budget)]
        if self.chance(0.5):
            lines += [f"{pad}else:", *self.nested(indent + 1, budget)]
        return lines

    def loop(self, indent, budget, pad):
        self.loops += 1
        outer, self.in_loop = self.in_loop, True
        saved = self.scope()
        lines = self.head(pad)
        lines += self.block(indent + 1, budget - 1, 3)
        self.restore(saved)
        self.in_loop = outer
        if self.chance(0.2):
            lines += [f"{pad}else:", *self.nested(indent + 1, budget)]
        self.loops -= 1
        return lines

    def head(self, pad):
        if self.chance(0.3):
            i = f"i{self.number()}"
            return [f"{pad}{i} = 0", f"{pad}while {i} < {self.random.randint(1, 3)}:", f"{pad}    {i} += 1"]
        if self.dicts and self.chance(0.3):
            lines = [f"{pad}for k, c in list({self.random.choice(self.dicts)}.items()):"]
            self.bind("c")
        elif self.chance(0.2):
            lines = [pad + self.fill(0, "for b, c in [(@, @), (@, @)]:", "for b, c in ((@, @),):", "for i, (b, c) in enumerate([(@, @), (@, @)]):",
                                     "for b, c in zip([@, @], (@, @)):")]
            self.bind("b", "c")
        else:
            name = self.local()
            source = self.fill(0, self.sequence(0), self.sequence(0), "$", "@", "(@ for _ in range(2))", "{@: ~}", "{'k': @}.values()")
            lines = [f"{pad}for {name} in {source}:"]
            self.bind(name)
        return lines

    def attempt(self, indent, budget, pad):
        lines = [f"{pad}try:", *self.nested(indent + 1, budget)]
        if self.chance(0.5):
            lines.append(f"{pad}    " + self.fill(0, "boom()", "boom(~)", "boom(~, ~)", "boom(k=~)", "boom(~)", "[@, boom(~)]", "@ + boom()",
                                                  "event([boom(), @])", "@.method(boom())", "{'k': @, 'j': boom(~)}", "@[boom()] = ~"))
        caught = self.chance(0.8)
        if caught:
            lines += [f"{pad}except {self.pick('ValueError', 'Exception', 'Exception as error', '(ValueError, TypeError)')}:",
                      f"{pad}    event()", *self.nested(indent + 1, budget)]
            if self.chance(0.2):
                lines += [f"{pad}else:", *self.nested(indent + 1, budget)]
        if not caught or self.chance(0.2):
            outer, self.in_loop = self.in_loop, False  # 3.14 warns of break in finally
            lines += [f"{pad}finally:", *self.nested(indent + 1, budget)]
            self.in_loop = outer
        return lines

    def context(self, indent, budget, pad):
        name = self.local()
        named = self.chance(0.6)
        lines = [pad + self.fill(0, f"with @ as {name}:", f"with D('w#') as {name}, @:") if named else pad + self.fill(0, "with @:", "with D('w#', ~):")]
        saved = self.scope()
        if named:
            self.bind(name)
        lines += self.block(indent + 1, budget - 1, 3)
        self.restore(saved)
        return lines

    def closure(self, indent, pad):
        """A function of this one that reads (and writes) variables of this one, and calls of it."""
        name = f"inner{self.number()}"
        captured = self.name() if self.bound else "G"
        lines = [f"{pad}def {name}(arg=None):"]
        if captured in self.bound and self.chance(0.4):
            lines += [f"{pad}    nonlocal {captured}", f"{pad}    {captured} = " + self.pick("arg", "None", "D('n')")]
        lines += [f"{pad}    event()", f"{pad}    return " + self.pick("arg", captured, f"(arg, {captured})")]
        for _ in range(self.random.randint(1, 2)):
            lines.append(pad + self.fill(0, f"{name}()", f"{name}(@)", f"e = {name}(@)", f"{name}(arg=@)"))
        return lines

    # ---- functions

    def signature(self, first=""):
        names = ["x", "y", "z"][:self.random.randrange(4)]
        defaults = self.random.randint(0, len(names)) if self.chance(0.5) else 0
        star = self.chance(0.2)
        keyword_only = [(name, self.chance(0.5)) for name in ("k", "j") if self.chance(0.15)]
        double_star = self.chance(0.15)
        parts = ([first] if first else []) + [name + ("=K" if index >= len(names) - defaults else "") for index, name in enumerate(names)]
        parts += ["*rest"] if star else ["*"] if keyword_only else []
        parts += [name + ("=K" if has_default else "") for name, has_default in keyword_only]
        parts += ["**words"] if double_star else []
        return Signature(", ".join(parts), names, defaults, star, keyword_only, double_star)

    def function(self, name, signature, indent=0, first="", statements=3):
        """Text of a function. Its parameters are its first variables."""
        self.bound = list(signature.names) + [name for name, _ in signature.keyword_only] + ([first] if first == "self" else [])
        self.lists, self.dicts, self.mixed = [], [], []
        self.tuples = ["rest"] if signature.star and self.chance(0.8) else []
        if signature.double_star and self.chance(0.5):
            self.dicts.append("words")
        pad = "    " * indent
        lines = [f"{pad}def {name}({', '.join(p for p in [signature.text] if p)}):", f"{pad}    global G"]
        lines += self.block(indent + 1, 1, statements) if self.chance(0.85) else [f"{pad}    event()"]
        if self.chance(0.7) and name != "__init__":
            lines.append(f"{pad}    return {self.thing() if self.chance(0.8) else self.value()}")
        return lines

    def recursive(self):
        """A function that calls itself a few levels deep with a new object in each."""
        self.bound, self.mixed, self.lists, self.tuples, self.dicts = ["x"], [], [], [], []
        lines = ["def deep(n, x):", "    global G", *self.block(1, 0, 2), "    if n:",
                 "        " + self.fill(1, "return deep(n - 1, @)", "e = deep(n - 1, @)", "deep(n - 1, @)")]
        return [*lines, *self.block(1, 0, 2), f"    return {self.thing(1)}"]

    def classes(self):
        """A class whose methods have random signatures and bodies, and the ways to call them."""
        lines = ["class C(D):", "    name = 'C'"]
        found = []
        for name, decorator, first in (("__init__", "", "self"), ("act", "", "self"), ("free", "@staticmethod", ""),
                                       ("make", "@classmethod", "cls"), ("other", "", "self")):
            if name == "other" and self.chance(0.5):
                continue
            signature = self.signature(first)
            if decorator:
                lines.append("    " + decorator)
            lines += self.function(name, signature, 1, first, 2)
            if name == "__init__":
                lines.append(f"        self.kept = {self.value(1)}")
                found.append(("C", signature))
            elif first == "self":
                maker = next(signature for expression, signature in found if expression == "C")
                found.append((lambda depth, name=name, maker=maker: f"{self.arguments_of('C', maker, depth)}.{name}", signature))
            else:
                found.append((f"C.{name}", signature))
        self.callables += found
        if self.chance(0.4):
            lines.append("    def __del__(self): log.append('other C')")
        return lines

    def arguments_of(self, expression, signature, depth):
        """A call of ``expression``, for a receiver."""
        saved, self.callables = self.callables, [(expression, signature)]
        try:
            return self.call(depth + 1)
        finally:
            self.callables = saved

    def program(self):
        lines = []
        for index in range(self.random.randint(1, 3)):
            signature = self.signature()
            lines += self.function(f"h{index}", signature)
            self.callables.append((f"h{index}", signature))
        if self.chance(0.5):
            lines += self.classes()
        if self.chance(0.3):
            lines += self.recursive()
            self.callables.append(("deep_2", Signature("x", ["x"], 0, False, [], False)))
            lines += ["def deep_2(x): return deep(2, x)"]
        signature = Signature("", [], 0, False, [], False)
        lines += self.function("f", signature, 0, "", 7)
        return "\n".join(lines) + "\n"


def program(seed):
    """Source text of program number ``seed``, without the prelude."""
    return Generator(seed).program()
