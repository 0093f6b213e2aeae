"""Calls that a function repeats share their code (option shared-calls): the same behaviour as without, fewer bytes.

Each test compiles with and without sharing and compares both with the interpreter.
"""

import sys
import textwrap

import pytest
from support import call, load
from tephra import _tephra, jit

SITES = 40
DEFAULT = "64"


@pytest.fixture(params=["0", "1", "16"])
def sharing(request):
    _tephra.set_option("shared-calls", request.param)
    yield int(request.param)
    _tephra.set_option("shared-calls", DEFAULT)


def program(site, sites=SITES, before="", after=""):
    body = "\n".join([site] * sites)
    return (textwrap.dedent(before) + "\ndef f(x, y, log):\n" + textwrap.indent(body, "    ")
            + f"\n    return x, y, log{after}\n")


THING = """
class Thing:
    def __init__(self):
        self.calls = 0
    def __matmul__(self, other):
        self.calls += 1
        return other(self.calls)
    def __eq__(self, other):
        return type(other) is Thing and other.calls == self.calls
"""


def both(source, make):
    """The outcome in the interpreter and compiled, for arguments from make()."""
    _, plain = load(source)
    namespace, function = load(source)
    for _ in range(20):
        call(function, make(namespace, quiet=True))
    _, reference = load(source)
    for _ in range(20):
        call(reference, make(namespace, quiet=True))
    expected = call(reference, make(namespace))
    assert jit.force_compile(function)
    found = call(function, make(namespace))
    assert jit.is_jit_compiled(function)
    assert found == expected, (found, expected)
    return expected, function



@pytest.mark.parametrize("result", ["None", "n", "'new' * n", "[n]", "n + 10 ** 30"])
def test_results_are_released(sharing, result):
    """Immortal ones, shared ones, and those whose last reference it is."""
    def make(namespace, quiet=False):
        return namespace["Thing"](), eval(f"lambda n: {result}"), []

    outcome, _ = both(program("x @ y", before=THING), make)
    assert outcome.kind == "return" and outcome.value[0].calls == SITES


def test_finalisers_run_at_once(sharing):
    source = program("x @ y; log.append('next')", before=THING + """
class Dying:
    def __init__(self, log, n): self.log, self.n = log, n
    def __del__(self): self.log.append(self.n)
""")

    def make(namespace, quiet=False):
        log = []
        return namespace["Thing"](), (lambda n: namespace["Dying"](log, n)), log

    outcome, _ = both(source, make)
    assert outcome.value[2] == [each for n in range(1, SITES + 1) for each in (n, "next")]


@pytest.mark.parametrize("at", [1, 2, 17, SITES])
def test_exceptions_leave_at_their_site(sharing, at):
    """Line, position and traceback are the site's own; the calls before it were made, none behind it."""
    def make(namespace, quiet=False):
        return namespace["Thing"](), (lambda n: 1 / (at - n + 100 * quiet)), []

    source = program("x @ y", before=THING)
    outcome, _ = both(source, make)
    assert outcome.kind == "raise" and outcome.value[0] == "ZeroDivisionError"
    assert outcome.lines[0][:2] == ("f", source.splitlines().index("def f(x, y, log):") + 1 + at)


@pytest.mark.parametrize("at", [1, 17, SITES])
def test_a_frame_that_is_observed_leaves_compiled_code(sharing, at):
    """The callee writes a local of its caller (3.13 and later) and keeps the frame."""
    kept = []

    def make(namespace, quiet=False):
        def other(n):
            if n == at and not quiet:
                frame = sys._getframe(2)
                kept.append((frame.f_code.co_name, frame.f_lineno))
                if sys.version_info >= (3, 13):
                    frame.f_locals["log"] = "written"
            return None
        return namespace["Thing"](), other, []

    outcome, function = both(program("x @ y", before=THING), make)
    assert outcome.value[2] == ("written" if sys.version_info >= (3, 13) else [])
    assert len(kept) == 2 and kept[0] == kept[1] and kept[0][0] == "f"


@pytest.mark.parametrize("at", [1, 17, SITES])
def test_tracing_that_is_switched_on_within_a_call(sharing, at):
    seen = []

    def make(namespace, quiet=False):
        def other(n):
            if n == at and not quiet:
                def trace(frame, event, arg):
                    if frame.f_code.co_name == "f":
                        seen.append((event, frame.f_lineno))
                    return trace
                sys._getframe(2).f_trace = trace
                sys.settrace(trace)
            return None
        return namespace["Thing"](), other, []

    source = program("x @ y", before=THING)
    _, plain = load(source)
    namespace, function = load(source)
    for _ in range(20):
        function(*make(namespace, quiet=True))
    try:
        plain(*make(namespace))
    finally:
        sys.settrace(None)
    expected = list(seen)
    seen.clear()
    assert jit.force_compile(function)
    try:
        function(*make(namespace))
    finally:
        sys.settrace(None)
    assert seen == expected and len(expected) >= SITES - at


def test_results_that_are_kept(sharing):
    source = program("log.append(x @ y)", before=THING)

    def make(namespace, quiet=False):
        return namespace["Thing"](), (lambda n: [n]), []

    outcome, _ = both(source, make)
    assert outcome.value[2] == [[n] for n in range(1, SITES + 1)]


@pytest.mark.parametrize("statement", ["x[y] = log", "x.attribute = y", "del x[y]", "x.method(y)", "print(x, y, log)",
                                       "x[y]", "x += y", "not x", "x < y", "y in x", "{**x}", "f'{x!r}{y:>3}'",
                                       "import sys as s", "x.missing", "missing"])
def test_statements(sharing, statement):
    """Every kind of helper: their arguments, their ways to report an error."""
    before = """
class Thing:
    def __init__(self): self.seen = []
    def __setitem__(self, key, value): self.seen.append((key, value))
    def __delitem__(self, key):
        self.seen.append(key)
        if len(self.seen) == 31: raise KeyError(key)
    def __getitem__(self, key): return [key]
    def method(self, y): self.seen.append(y); return self.seen[-1:]
    def __bool__(self): self.seen.append(1); return len(self.seen) < 35
    def __lt__(self, other): return [other]
    def __contains__(self, other): self.seen.append(other); return len(self.seen) % 3
    def __iadd__(self, other): self.seen.append(other); return self
    def __repr__(self): return 'Thing'
    def keys(self): return ['a']
    def __getattr__(self, name):
        if len(self.__dict__.setdefault('got', [])) > 25: raise AttributeError(name)
        self.got.append(name)
        return [name]
"""

    def make(namespace, quiet=False):
        return namespace["Thing"](), 5, []

    both(program(statement, before=before), make)


def _function(calls):
    names = {}
    exec(program("x @ y", sites=calls, before=THING), names)
    for _ in range(60):
        names["f"](names["Thing"](), lambda n: None, [])
    return names["f"]


@pytest.mark.parametrize("arch", ["aarch64", "x86_64"])
def test_bytes_of_a_further_call(arch):
    """The bar of docs/aarch64.md: at most 24 bytes; x86-64 has no fixed size of instructions."""
    small, large = (_tephra.measure(_function(calls), arch)["hot_bytes"] for calls in (100, 200))
    assert (large - small) / 100 <= (24 if arch == "aarch64" else 32)
    _tephra.set_option("shared-calls", "0")
    try:
        assert _tephra.measure(_function(200), arch)["hot_bytes"] > 2 * large
    finally:
        _tephra.set_option("shared-calls", DEFAULT)


def test_loops_and_small_functions_are_left_alone():
    """Where the six instructions more per call could be felt."""
    looping = {}
    body = "\n".join(["        x @ y"] * 40)
    exec(THING + f"def f(x, y, log):\n    for i in range(3):\n{body}\n", looping)
    for function in (looping["f"], _function(15)):
        sizes = []
        for value in ("16", "0"):
            _tephra.set_option("shared-calls", value)
            sizes.append(_tephra.measure(function, "aarch64"))
        _tephra.set_option("shared-calls", DEFAULT)
        assert sizes[0]["hot_bytes"] == sizes[1]["hot_bytes"] and sizes[0]["cold_bytes"] == sizes[1]["cold_bytes"]
