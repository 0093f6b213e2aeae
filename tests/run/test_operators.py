"""Every binary, in-place, unary and comparison operator on every pair of operand kinds."""

import itertools

import pytest
from support import differential

OPERANDS = {
    "int": "[0, 1, -1, 7, -13, 255, 1 << 29, (1 << 30) - 1, 1 << 30, -(1 << 31), 1 << 62, "
           "(1 << 63) - 1, -(1 << 63), 1 << 80]",
    "bool": "[True, False]",
    "float": "[0.0, -0.0, 1.5, -2.25, 1e300, float('inf'), float('nan')]",
    "str": "['', 'a', 'bc', 'ä']",
    "bytes": "[b'', b'xy']",
    "list": "[[], [1, 2], ['a']]",
    "tuple": "[(), (1,), (1, 2)]",
    "set": "[set(), {1, 2}]",
    "dict": "[{}, {1: 2}]",
    "none": "[None]",
    "complex": "[1j, 2+3j]",
    "intsub": "[IntSub(3), IntSub(-4)]",
    "user": "[User(1), User(2)]",
}
PRELUDE = """
class IntSub(int):
    pass
class User:
    def __init__(self, v): self.v = v
    def __add__(self, o): return ('add', self.v)
    def __radd__(self, o): return ('radd', self.v)
    def __iadd__(self, o): self.v += 1; return self
    def __eq__(self, o): return isinstance(o, User) and self.v == o.v
    def __lt__(self, o): return 'yes'
    def __neg__(self): return User(-self.v)
    def __mod__(self, o): raise ValueError('no mod')
    def __repr__(self): return f'User({self.v})'
"""
BINARY = ["+", "-", "*", "/", "//", "%", "&", "|", "^", "@"]
SHIFTS = ["<<", ">>"]
COMPARE = ["<", "<=", "==", "!=", ">", ">=", "is", "is not", "in", "not in"]
UNARY = ["-", "+", "~", "not "]


SEQUENCES = {"str", "bytes", "list", "tuple"}


def combined(left, right):
    # A sequence times a large int would fill the memory.
    values = OPERANDS if not SEQUENCES & {left, right} else OPERANDS | {"int": "[0, 1, -1, 3]"}
    body = f"""
def operands():
    for a in {values[left]}:
        for b in {values[right]}:
            yield a, b
def run(function):
    out = []
    for a, b in operands():
        try:
            out.append(function(a, b))
        except Exception as e:
            out.append((type(e).__name__, str(e)))
    return out
"""
    return PRELUDE + body


PAIRS = [(a, b) for a, b in itertools.product(OPERANDS, repeat=2)
         if a == b or {a, b} <= {"int", "bool", "float", "intsub", "complex"}
         or "int" in (a, b) or "user" in (a, b)]


def check(expression, left, right):
    source = combined(left, right) + f"""
def f(a, b):
    return {expression}
"""
    evaluate(source)


def evaluate(source):
    # Compile f alone and drive it from an interpreted loop, cold and warm.
    from support import load, same
    from tephra import jit
    namespace, _ = load(source)
    want = namespace["run"](namespace["f"])
    for warm in (False, True):
        namespace, function = load(source)
        if warm:
            for _ in range(4):
                namespace["run"](function)
        assert jit.force_compile(function)
        got = namespace["run"](function)
        assert jit.is_jit_compiled(function)
        assert same(got, want), f"warm={warm}\n want {want}\n got  {got}"


@pytest.mark.parametrize("left,right", PAIRS)
def test_binary(left, right):
    for operator in BINARY:
        check(f"a {operator} b", left, right)


@pytest.mark.parametrize("left,right", PAIRS)
def test_compare(left, right):
    for operator in COMPARE:
        check(f"a {operator} b", left, right)
        check(f"1 if a {operator} b else 2", left, right)


@pytest.mark.parametrize("left,right", [p for p in PAIRS if set(p) <= {"int", "bool", "intsub", "float"}])
def test_shift_and_power(left, right):
    for operator in SHIFTS:
        check(f"a {operator} (b & 63 if isinstance(b, int) else b)", left, right)
    check("(a if abs(a) < 100 else 3) ** (b if abs(b) < 20 else 2)", left, right)


@pytest.mark.parametrize("left,right", PAIRS)
def test_in_place(left, right):
    for operator in BINARY[:6]:
        source = combined(left, right) + f"""
def f(a, b):
    c = a
    c {operator}= b
    return c
"""
        evaluate(source)


@pytest.mark.parametrize("kind", OPERANDS)
def test_unary(kind):
    for operator in UNARY:
        check(f"{operator}a", kind, "none")
        check(f"1 if {operator}a else 2", kind, "none")
    check("1 if a else 2", kind, "none")
    check("a and 5 or 6", kind, "none")


def test_type_changes_at_one_site():
    differential("""
        def f(values):
            total = []
            for v in values:
                total.append(v + v)
                total.append(v == 3)
                total.append(-v if not isinstance(v, str) else v)
            return total
    """, [([1, 2, 3],), ([1.5, 2, 'x', 1 << 70, True],), (['a', 'b'],)], warm=[([1, 2, 3] * 10,)])


@pytest.mark.parametrize("expression", [
    "a + b", "a - b", "a * b", "a // b", "a % b", "a & b", "a | b", "a ^ b", "a < b", "a == b"])
def test_int_boundaries(expression):
    edges = [0, 1, -1, 2, (1 << 30) - 1, 1 << 30, -(1 << 30), (1 << 31), (1 << 60) - 1, 1 << 60,
             (1 << 62), (1 << 63) - 1, 1 << 63, -(1 << 63), -(1 << 63) - 1, 10 ** 30]
    differential(f"""
        def f(a, b):
            return {expression}
    """, [(a, b) for a in edges for b in edges], warm=[(3, 4), (-5, 7)] * 10)
