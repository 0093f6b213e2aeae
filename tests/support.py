"""Differential testing: the same program in the interpreter and compiled must do the same.

``differential(source, calls)`` runs function ``f`` of ``source`` for each argument tuple, first in the
interpreter, then compiled without type feedback, then compiled after warm-up; it compares results
(value and exact type), exceptions (type, message, line numbers of the traceback), output, and
proves that the function was compiled.
"""

import bisect
import contextlib
import copy
import dis
import io
import math
import os
import shutil
import subprocess
import textwrap
import types

import pytest

from tephra import _tephra, jit

# How much longer than natively things may take: limits of time are multiplied by it.
SLOWER = 4 if os.environ.get("TEPHRA_TEST_EMULATED") else 1

# The default of an option whose rule a test tries.
EXIT_RATE = next(default for name, _, default, *_ in _tephra.options() if name == "exit-rate")

# Failing assumptions must not drop the code under test; tests/deopt has tests of relearning.
_tephra.set_option("recompile-after", "1000000000")
_tephra.set_option("exit-rate", "0")


class Outcome:
    """What one call did: returned or raised, and what it printed."""

    def __init__(self, kind, value, lines=(), output=""):
        self.kind, self.value, self.lines, self.output = kind, value, lines, output

    def __eq__(self, other):
        return (self.kind == other.kind and same(self.value, other.value)
                and self.lines == other.lines and self.output == other.output)

    def __repr__(self):
        return f"{self.kind} {self.value!r} lines={self.lines} output={self.output!r}"


def same(a, b, depth=0, seen=None):
    """Equality with exact types, NaN equal to NaN, and structure for containers and instances."""
    if depth > 40:
        return True
    if type(a) is not type(b) and not type(a).__name__ == type(b).__name__:
        return False
    if isinstance(a, float):
        return a == b and math.copysign(1, a) == math.copysign(1, b) or (a != a and b != b)
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    # A pair that is being compared, or was: containers may hold themselves, or one thing many times.
    seen = {} if seen is None else seen
    if (id(a), id(b)) in seen:
        return True

    def inside(x, y):
        return same(x, y, depth + 1, seen)

    if isinstance(a, (list, tuple)):
        seen[id(a), id(b)] = a, b
        return len(a) == len(b) and all(map(inside, a, b))
    if isinstance(a, dict):
        seen[id(a), id(b)] = a, b
        return len(a) == len(b) and all(map(inside, a, b)) and all(inside(a[x], b[y]) for x, y in zip(a, b))
    if isinstance(a, (types.FunctionType, types.MethodType, types.GeneratorType, type)):
        return getattr(a, "__qualname__", None) == getattr(b, "__qualname__", None)
    if hasattr(a, "__dict__") and depth < 6:
        attributes = vars(a), vars(b)
        seen[id(a), id(b)] = a, b, attributes
        return inside(*attributes)
    try:
        return bool(a == b) or type(a).__eq__ is object.__eq__
    except Exception:
        return True


def instruction_at(code, offset):
    """Where the instruction begins: 3.12 leaves the position on the last cache of a call that it inlined."""
    starts = [instruction.offset for instruction in dis.get_instructions(code)]
    return starts[bisect.bisect_right(starts, offset) - 1]


def call(function, args):
    """Call ``function(*args)`` and describe what happened."""
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            value = function(*args)
        return Outcome("return", value, (), output.getvalue())
    except RecursionError as error:
        return Outcome("raise", (type(error).__name__, str(error)), (), output.getvalue())
    except BaseException as error:  # noqa: BLE001 - KeyboardInterrupt and SystemExit are outcomes too
        lines = []
        chain = error
        while chain is not None:
            tb = chain.__traceback__
            while tb is not None:
                code = tb.tb_frame.f_code
                if code.co_filename == "<case>":
                    lines.append((code.co_name, tb.tb_lineno, instruction_at(code, tb.tb_lasti)))
                tb = tb.tb_next
            chain = chain.__cause__ or chain.__context__
        return Outcome("raise", (type(error).__name__, str(error)), lines, output.getvalue())


def load(source, name="f"):
    """Execute ``source`` in a fresh module namespace; give the namespace and its function ``name``."""
    namespace = {"__name__": "case", "__builtins__": __builtins__}
    exec(compile(textwrap.dedent(source), "<case>", "exec"), namespace)
    return namespace, namespace[name]


def functions_of(namespace):
    """All plain functions of a namespace, methods of its classes included."""
    found = []
    for value in list(namespace.values()):
        if isinstance(value, types.FunctionType) and value.__code__.co_filename == "<case>":
            found.append(value)
        elif isinstance(value, type) and value.__module__ == "case":
            for member in vars(value).values():
                member = getattr(member, "__func__", member)
                member = getattr(member, "fget", member)
                if isinstance(member, types.FunctionType):
                    found.append(member)
    return found


COMPILABLE = 0x3  # CO_OPTIMIZED | CO_NEWLOCALS
GENERATOR_LIKE = 0x20 | 0x80 | 0x200


def compile_all(namespace, required):
    """Force-compile every plain function; each of ``required`` must be compiled."""
    for function in functions_of(namespace):
        if not function.__code__.co_flags & GENERATOR_LIKE:
            jit.force_compile(function)
    for function in required:
        assert jit.is_jit_compiled(function), f"{function.__qualname__} was not compiled"


def differential(source, calls, *, warm=None, name="f", warm_rounds=20, modes=("cold", "warm")):
    """Compare interpreter and compiled code on ``calls`` (argument tuples, deep-copied for each run).

    Arguments: warm (argument tuples for the warm-up; default: calls), modes (subset of cold, warm).
    Errors: AssertionError with both outcomes when they differ or nothing was compiled.
    """
    __, plain = load(source, name)
    expected = [call(plain, copy.deepcopy(args)) for args in calls]
    for mode in modes:
        namespace, function = load(source, name)
        if mode == "warm":
            for _ in range(warm_rounds):
                for args in warm if warm is not None else calls:
                    call(function, copy.deepcopy(args))
        compile_all(namespace, [function])
        assert not jit.is_jit_compiled(plain)
        reference_namespace, reference = load(source, name)
        if mode == "warm":  # the same history of calls, so that state in globals agrees
            for _ in range(warm_rounds):
                for args in warm if warm is not None else calls:
                    call(reference, copy.deepcopy(args))
            wanted = [call(reference, copy.deepcopy(args)) for args in calls]
        else:
            wanted = expected
        for args, want in zip(calls, wanted):
            got = call(function, copy.deepcopy(args))
            assert got == want, (f"mode {mode}, {name}{args!r}:\n  interpreter: {want!r}\n"
                                 f"  compiled:    {got!r}")
    return expected


def frame_evaluator(folder):
    """The path of a shared library, built in ``folder``: install(1) sets a frame evaluator (PEP 523) that counts, install(0)
    CPython's own; count() is how many frames came. Skips the test where there is no C compiler."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler for the tool's frame evaluator")
    (folder / "tool.c").write_text("""
        typedef void* P;
        extern P _PyEval_EvalFrameDefault(P, P, int);
        extern void _PyInterpreterState_SetEvalFrameFunc(P, P (*)(P, P, int));
        extern P PyInterpreterState_Get(void);
        static int seen;
        static P hook(P ts, P frame, int throwing) { seen++; return _PyEval_EvalFrameDefault(ts, frame, throwing); }
        void install(int on) {
            _PyInterpreterState_SetEvalFrameFunc(PyInterpreterState_Get(), on ? hook : _PyEval_EvalFrameDefault);
        }
        int count(void) { return seen; }
    """)
    library = str(folder / "tool.so")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, str(folder / "tool.c")], check=True,
                   timeout=60 * SLOWER)
    return library
