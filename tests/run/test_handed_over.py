"""What a callee drops dies: the caller of a compiled function hands its references over, by every kind of call.

Each case is a caller f() with a temporary; the log tells when it dies among the statements of the callee. The oracle is the same
program with TEPHRA=0 in a process of its own; the JIT runs it in exact mode, compiled at the first call and at the twentieth, and
every function of the program must have been compiled.
"""

import functools
import json
import os
import subprocess
import sys

import pytest
from support import SLOWER

PROGRAM = """
log = []

class D:
    def __init__(self, name): self.name = name
    def __del__(self): log.append(self.name)

def drop(x):
    x = None
    log.append("body")

def delete(x, y=1):
    del x
    log.append("body")

def keep(x):
    log.append("body")

def two(a, b):
    a = None
    log.append("body")

def many(a, b, c, d, e, f, g):
    c = None
    log.append("body")

def variadic(*args):
    args = None
    log.append("body")

def keyword_only(*, k, j=1):
    k = None
    log.append("body")

def keywords(**words):
    words.clear()
    log.append("body")

def everything(a, *args, k, **words):
    a = k = None
    args = ()
    log.append("body")
    words.clear()

def cell(x):
    def inner():
        return x
    x = None
    log.append("body")

def passes_on(x):
    drop(x)
    log.append("passed on")

def raising(x):
    x = None
    log.append("body")
    raise ValueError

def default_argument(x, y=2):
    x = None
    log.append("body")

class C:
    def method(self, x):
        x = None
        log.append("body")

    def self_dropped(self):
        del self
        log.append("body")

    @staticmethod
    def static(x):
        x = None
        log.append("body")

    @classmethod
    def of_class(cls, x):
        x = None
        log.append("body")

    @property
    def prop(self):
        log.append("body")

    def __call__(self, x):
        x = None
        log.append("body")

class Init:
    def __init__(self, x, y=1):
        x = None
        log.append("body")

class Child(Init):
    def __init__(self, x):
        super().__init__(x)
        log.append("child")

c = C()
wrapped = lambda *args, **words: drop(*args, **words)

def caught(function, x):
    try:
        function(x)
    except ValueError:
        log.append("caught")

def f():
    CALL
    log.append("end")

for i in range(60):
    log.clear()
    f()
"""

CHILD = """
import json, sys
program, calls = json.load(sys.stdin)
results, keep = {}, []
for call in calls:
    names = {"__name__": "case"}
    exec(program.replace("CALL", call), names)
    results[call] = [list(names["log"]), None]
    if sys.argv[1] == "jit":
        from tephra import jit
        results[call][1] = [k for k, v in names.items() if type(v) is type(names["f"]) and jit.is_jit_compiled(v)]
    keep.append(names)
print(json.dumps(results))
"""

CALLS = [
    "drop(D('a'))", "delete(D('a'))", "keep(D('a'))", "two(D('a'), D('b'))", "drop(x=D('a'))", "delete(y=D('b'), x=D('a'))",
    "many(D('a'), D('b'), D('c'), D('d'), D('e'), D('f'), D('g'))", "variadic(D('a'), D('b'))", "variadic(*[D('a'), D('b')])",
    "keyword_only(k=D('a'))", "keyword_only(j=D('b'), k=D('a'))", "keywords(k=D('a'))", "everything(D('a'), D('b'), k=D('c'), w=D('d'))",
    "drop(*(D('a'),))", "drop(**{'x': D('a')})", "cell(D('a'))", "passes_on(D('a'))", "caught(raising, D('a'))",
    "default_argument(D('a'))", "c.method(D('a'))", "C().method(D('a'))", "C.method(c, D('a'))", "C.static(D('a'))", "c.static(D('a'))",
    "C.of_class(D('a'))", "c.of_class(D('a'))", "m = c.method; m(D('a'))", "c(D('a'))", "C().self_dropped()", "wrapped(D('a'))", "wrapped(x=D('a'))",
    "Init(D('a'))", "Init(x=D('a'))", "Child(D('a'))", "(lambda x: drop(x))(D('a'))", "[drop(D('a')) for _ in range(2)]",
    "a = D('a'); drop(a); del a", "drop(D('a') if log is not None else None)", "drop((D('a'), D('b')))", "drop([D('a')])",
]


def run(program, kind, *, given="", **settings):
    env = {k: v for k, v in os.environ.items() if not k.startswith("TEPHRA")} | settings
    done = subprocess.run([sys.executable, "-c", program, kind], env=env, input=given, capture_output=True, text=True, timeout=120 * SLOWER)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@functools.cache
def logged(mode):
    """For each call the log of its last round, and which functions were compiled."""
    given = json.dumps([PROGRAM, CALLS])
    if mode is None:
        return run(CHILD, "stock", given=given, TEPHRA="0")
    return run(CHILD, "jit", given=given, TEPHRA="1", TEPHRA_COMPILE_AFTER=str(mode))


@pytest.mark.parametrize("mode", [1, 20])
@pytest.mark.parametrize("call", CALLS)
def test_a_temporary_dies_where_the_callee_drops_it(call, mode, compiled_by_children):
    expected, _ = logged(None)[call]
    log, compiled = logged(mode)[call]
    assert "f" in compiled, "the caller was not compiled"
    compiled_by_children(len(compiled), 0)
    assert log == expected


COUNTS = """
import json, marshal, sys

def reading(x): return sys.getrefcount(x)
def local(x):
    y = x
    return sys.getrefcount(y), sys.getrefcount(x)
def passed_on(x): return reading(x), reading(x)
def keyword(*, k): return sys.getrefcount(k)
def variadic(*args): return sys.getrefcount(args[0])
class C:
    def method(self, x): return sys.getrefcount(x), sys.getrefcount(self)
c = C()
def of_method(x): return c.method(x)
def of_temporary(): return reading(object()), C().method(object())
def of_keyword(x): return keyword(k=x)
def of_variadic(x): return variadic(x)

# Where the compiler has not proved that the local outlives the call, the interpreter's stack has a reference of its own.
def behind_a_handler(x):
    try:
        y = x
    except ValueError:
        raise
    return reading(y), keyword(k=y), c.method(y), sys.getrefcount(y)
def across_blocks(x): return pair(x, 1 if c else 2), sys.getrefcount(x)
def pair(x, y): return sys.getrefcount(x)
def walrus(x): return reading(y := x), reading(y)
def marshalled(x):
    try: code = compile("x = 1", "f", "exec")
    except ValueError: pass
    return dumps(code)
def dumps(code): return marshal.dumps(code)[0]  # with a flag if there is more than one reference

functions = [reading, local, passed_on, of_method, of_keyword, of_variadic, behind_a_handler, across_blocks, walrus, marshalled]
seen = []
for i in range(60):
    row = [function(object()) for function in functions] + [of_temporary()]
    if row not in seen: seen.append(row)
compiled = 0
if sys.argv[1] == "jit":
    from tephra import jit
    compiled = sum(jit.is_jit_compiled(function) for function in functions)
print(json.dumps([seen, compiled, len(functions)]))
"""


def test_a_callee_sees_the_same_count_at_every_call(compiled_by_children):
    stock, _, _ = run(COUNTS, "stock", TEPHRA="0")
    for mode in ("1", "2", "30"):
        seen, compiled, functions = run(COUNTS, "jit", TEPHRA="1", TEPHRA_COMPILE_AFTER=mode)
        assert compiled == functions
        compiled_by_children(compiled, 0)
        assert seen == stock, f"compile-after {mode}"
