"""Objects die in the interpreter's order: what one instruction takes from the stack, with and without an exception, what a
return, a loop's end and a handler let go. The interpreter that has specialised the code is the judge."""

import ast
import os
import subprocess
import sys
import textwrap

import pytest
from support import load

from tephra import jit

CLASSES = """
    log = []

    class Failure(Exception):
        pass

    class D:
        def __init__(self, name, fails=False):
            self.name, self.fails = name, fails

        def __del__(self):
            log.append(self.name)

        def act(self, *arguments):
            if self.fails:
                raise Failure
            return 1

        __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = act
        __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = __matmul__ = act
        __and__ = __or__ = __xor__ = __lshift__ = __rshift__ = __iadd__ = __ior__ = act
        __getitem__ = __setitem__ = __delitem__ = __contains__ = __neg__ = __pos__ = __invert__ = act
        __bool__ = act

        def __hash__(self):
            return self.act()

        def __format__(self, spec):
            self.act()
            return "text"

        def __index__(self):
            self.act()
            return 0

        def __iter__(self):
            self.act()
            return iter((1, 2))

        def __len__(self):
            return self.act() + 1

        def __enter__(self):
            return D(self.name + ".entered")

        def __exit__(self, *what):
            self.act()

    class Plain:
        pass

    class N:  # no operator works: what raises is C code, and no traceback holds an operand
        def __init__(self, name):
            self.name = name

        def __del__(self):
            log.append(self.name)

    class Box(D):
        pass

    class Slots:
        __slots__ = "value", "name"

        def __init__(self, name, value=None):
            self.name, self.value = name, value

        def __del__(self):
            log.append(self.name)

    class Own(D):
        def __setattr__(self, name, value):
            object.__setattr__(self, name, value)

        def __getattr__(self, name):
            if self.fails:
                raise Failure
            return 1

    class Iterator(D):
        def __init__(self, name, fails=False, left=2):
            D.__init__(self, name, fails)
            self.left = left

        def __iter__(self):
            return self

        def __next__(self):
            if self.fails:
                raise Failure
            self.left -= 1
            if self.left < 0:
                raise StopIteration
            return D("item")

    class Sequence(D):
        def __getitem__(self, key):  # plain: the interpreter enters it
            if self.fails:
                raise Failure
            return 1

    class TupleOf(tuple):
        def __del__(self):
            log.append("tuple")

    class ListOf(list):
        def __del__(self):
            log.append("list")

    def boxed(name, old):
        box = Box(name)
        box.value = D(old)
        return box

    def nothing():
        return None

    kept = Plain()
    kept.value = None
    kept_list = [None]
    kept_dict = {}
    kept_slots = Slots("kept slots")
"""

SUCCESS = {
    # --- operators: two operands of one instruction
    "equal": 'D("l") == D("r")', "not_equal": 'D("l") != D("r")', "less": 'D("l") < D("r")', "identical": 'D("l") is D("r")',
    "not_identical": 'D("l") is not D("r")', "contains": 'D("k") in D("o")', "not_contains": 'D("k") not in D("o")',
    "add": 'D("l") + D("r")', "subtract": 'D("l") - D("r")', "power": 'D("l") ** D("r")', "matrix": 'D("l") @ D("r")',
    "shift": 'D("l") << D("r")', "add_number": 'D("l") + 1', "number_first": '[1] == D("r")',
    "add_in_place": 'x = D("l"); x += D("r")', "or_in_place": 'x = D("l"); x |= D("r"); y = D("y")',
    "nested": '(D("a") + D("b")) == (D("c") + D("d"))', "chain": 'D("a") < D("b") < D("c")', "and": 'D("a") and D("b")',
    "or": 'D("a") or D("b")', "negative": '-D("a")', "not": 'not D("a")', "invert": '~D("a")',
    "condition": 'D("a") if D("b") else D("c")', "is_none": '0 if D("a") is None else 1',
    # --- items
    "subscript": 'D("o")[D("k")]', "list_item": '[D("a"), D("b")][0]', "tuple_item": '(D("a"), D("b"))[1]',
    "dict_item": '{1: D("a"), 2: D("b")}[1]', "dict_key": '{D("k"): D("v")}', "dict_item_by_own": '{D("k"): D("v")}[D("q")]',
    "list_by_own": '[D("a"), D("b")][D("k")]', "tuple_by_own": '(D("a"), D("b"))[D("k")]', "str_by_own": '"text"[D("k")]', "slice": '[D("a"), D("b"), D("c")][D("x"):D("y")]',
    "slice_of_own": 'D("o")[D("x"):D("y")]', "slice_of_three": 'D("o")[D("x"):D("y"):D("z")]',
    "store_subscript": 'D("o")[D("k")] = D("v")', "store_list_item": 'x = [D("old")]; x[0] = D("new"); D("after")',
    "store_temporary_list": '[D("old")][0] = D("new")', "store_kept_list": 'kept_list[0] = D("new"); kept_list[0] = None; D("after")',
    "store_dict_item": 'x = {1: D("old")}; x[1] = D("new"); D("after")', "store_temporary_dict": '{1: D("old")}[1] = D("new")',
    "store_dict_key": 'kept_dict[D("k")] = D("v"); kept_dict.clear(); D("after")', "store_slice": 'D("o")[D("x"):D("y")] = D("v")',
    "store_list_slice": 'x = [D("a"), D("b")]; x[0:1] = [D("c")]; D("after")', "delete_subscript": 'del D("o")[D("k")]',
    "delete_list_item": 'x = [D("a"), D("b")]; del x[0]; D("after")', "delete_dict_item": 'x = {1: D("a")}; del x[1]; D("after")',
    # --- attributes
    "attribute": 'D("o").name', "attribute_of_box": 'boxed("o", "v").value', "attribute_method": 'D("o").act',
    "attribute_by_hand": 'Own("o").other', "store_attribute": 'D("o").other = D("v")',
    "replace_attribute": 'boxed("o", "old").value = D("new")', "replace_kept_attribute":
    'kept.value = D("new"); kept.value = None; D("after")', "replace_attribute_by_number": 'boxed("o", "old").value = 1.5',
    "replace_attribute_by_product": 'boxed("o", "old").value = len(str(1)) * 1.5', "replace_attribute_by_sum":
    'boxed("o", "old").value = len(str(1)) + 1', "store_slot": 'Slots("o", D("old")).value = D("new")',
    "store_kept_slot": 'kept_slots.value = D("new"); kept_slots.value = None; D("after")',
    "store_own_attribute": 'Own("o").other = D("v")', "delete_attribute": 'x = boxed("o", "v"); del x.value; D("after")',
    # --- locals and cells
    "rebind": 'x = D("old"); x = D("new"); D("after")', "delete": 'x = D("old"); del x; D("after")',
    "swap": 'x, y = D("a"), D("b"); x, y = y, x', "swap_dead": 'x, y = D("a"), D("b"); x, y = 1, 2; D("after")',
    "three_locals": 'a, b, c = D("a"), D("b"), D("c")', "cell":
    'x = D("old")\n    def inner():\n        return x\n    x = D("new"); D("after")', "delete_cell":
    'x = D("old")\n    def inner():\n        return x\n    del x; D("after")', "global": 'global g; g = D("old"); g = D("new"); g = None; D("after")',
    "delete_global": 'global g; g = D("old"); del g; D("after")',
    # --- displays, unpacking, strings
    "list": '[D("a"), D("b"), D("c")]', "tuple": 'D("a"), D("b")', "set": '{D("a"), D("b")}', "set_of_three": '{D("a"), D("b"), D("c")}', "dict": '{D("a"): D("b"), D("c"): D("d")}',
    "keys": '{"a": D("a"), "b": D("b")}', "merge": '{**{1: D("a")}, **{2: D("b")}}', "starred": '[*[D("a"), D("b")], D("c")]',
    "starred_set": '{*[D("a"), D("b")], D("c")}', "fstring": 'f"{D(\'a\')}{D(\'b\'):{D(\'c\')}}"', "unpack": 'a, b = D("o")',
    "unpack_tuple": 'a, b = TupleOf((D("a"), D("b"))); D("after")', "unpack_list": 'a, b = ListOf([D("a"), D("b")]); D("after")',
    "unpack_temporary": '[a, b] = [D("a"), D("b")]; D("after")', "unpack_rest": 'a, *b = [D("a"), D("b"), D("c")]; D("after")',
    "unpack_call": 'a, b = tuple([D("a"), D("b")]); a = b = None; D("after")', "overwrite_by_unpacking":
    'a, b = D("a"), D("b"); (a, b) = D("o"); D("after")',
    # --- calls of C functions and of what is kept
    "expression": 'D("a"); D("b")', "pop": 'x = [D("a"), D("b")]; x.pop(); D("after")', "clear": 'x = [D("a"), D("b")]; x.clear(); D("after")',
    "append": 'x = []; x.append(D("a")); x.pop(); D("after")', "pop_from_dict": 'x = {1: D("a")}; x.pop(1); D("after")',
    # --- loops and with
    "loop": 'for x in [D("a"), D("b")]:\n        D("in")\n    D("after")', "loop_tuple": 'for x in (D("a"), D("b")): D("in")',
    "loop_own": 'for x in Iterator("i"): D("in")\n    D("after")', "loop_over_own": 'for x in D("o"): D("in")',
    "loop_range": 'x = 0\n    for i in range(3):\n        x = D(str(i))', "loop_else":
    'for x in [D("a")]: pass\n    else: D("else")', "break": 'for x in [D("a"), D("b")]:\n        break\n    D("after")', "return_in_loop":
    'for x in [D("a"), D("b")]:\n        for y in Iterator("i"):\n            return D("result")', "while":
    'x = D("a"); n = 2\n    while n:\n        x = D(str(n)); n -= 1', "comprehension": '[x for x in Iterator("i")]',
    "comprehension_of_own": 'x = [D(str(x)) for x in (1, 2)]; D("after")', "set_comprehension": 'x = {1: x for x in Iterator("i")}; D("after")',
    "dict_comprehension": 'x = {D("k"): D("v") for y in (1, 2)}; D("after")', "with": 'with D("m"): D("in")', "with_as":
    'with D("m") as x: D("in")\n    D("after")', "with_two": 'with D("m") as x, D("n") as y: D("in")\n    D("after")',
    # --- returns
    "return_temporary": 'x = D("x"); return D("result")', "return_local": 'x, y, z = D("x"), D("y"), D("z"); return y',
    "return_item": 'x = [D("a"), D("b")]; return x[0]', "return_attribute": 'x = boxed("o", "v"); return x.value',
    "return_constant": 'x, y = D("x"), D("y"); return 1', "return_operand": 'x = D("x"); return x + D("y")',
    # --- values below on the stack
    "below": '[D("a"), D("b") + D("c"), D("d")]', "below_subscript": 'D("a") == D("o")[D("k")]', "match":
    'match D("a"):\n        case Plain(): D("plain")\n        case D(name="b"): D("b")\n        case _: D("other")',
}

FAILURE = {
    "less_of_none": 'N("l") < N("r")', "contains_none": 'N("k") in N("o")', "add_none": 'N("l") + N("r")', "below_none":
    '[N("a"), N("b"), N("l") @ N("r")]', "subscript_of_none": 'N("o")[N("k")]', "store_to_none": 'N("o")[N("k")] = N("v")',
    "delete_of_none": 'del N("o")[N("k")]', "slice_of_none": 'N("o")[N("x"):N("y")]', "store_slice_to_none":
    'N("o")[N("x"):N("y")] = N("v")', "power_in_place": 'x = N("x"); x **= N("y")', "caught_none":
    'for x in [N("1"), N("2")]:\n        try:\n            [N("a"), N("o")[N("k")]]\n        except TypeError:\n            N("handler")',
    "list_by_none": '[N("a"), N("b")][N("k")]', "dict_by_none": '{1: N("a")}[N("k")]', "unpack_none": 'a, b = N("o")', "tuple_of_none":
    'x = N("a"), N("b"), -N("c")', "super_none": 'x = N("a"), super(N, N("b")).missing', "format_none": 'f"{N(\'a\'):{len(str(1))}}"',
    "store_slot_to_none": 'x = N("x"), N("y"); int.missing = N("v")', "store_missing": 'Slots("o").missing = N("v")',
    "equal": 'D("l", True) == D("r")', "less": 'D("l", True) < D("r")', "contains": 'D("k") in D("o", True)', "add": 'D("l", True) + D("r")',
    "add_in_place": 'x = D("l", True); x += D("r")', "negative": '-D("a", True)', "not": 'not D("a", True)', "type_error": 'Plain() + D("r")',
    "below": '[D("a"), D("b"), D("l", True) + D("r")]', "below_tuple": 'x = D("x"), (D("a"), D("l", True) == D("r"))',
    "subscript": 'D("o", True)[D("k")]', "list_item": '[D("a")][D("i", True)]', "index_error": '[D("a")][3]',
    "tuple_index_error": '(D("a"), D("b"))[3]', "key_error": '{1: D("a")}[2]', "own_key_error": '{1: D("a")}[D("k")]',
    "store_subscript": 'D("o", True)[D("k")] = D("v")', "store_list_item": '[D("a")][3] = D("v")', "store_dict_item":
    '{1: D("a")}[D("k", True)] = D("v")', "delete_subscript": 'del D("o", True)[D("k")]', "slice": 'D("o", True)[D("x"):D("y")]',
    "store_slice": 'D("o", True)[D("x"):D("y")] = D("v")', "attribute": 'D("o").missing', "attribute_by_hand": 'Own("o", True).missing',
    "store_attribute": 'Slots("o").missing = D("v")', "delete_attribute": 'del D("o").missing', "unpack": 'a, b, c = [D("a"), D("b")]',
    "unpack_own": 'a, b = D("o", True)', "unpack_number": 'D("x") + D("y") == [*D("o", True)]', "key": '{D("a", True): D("b")}', "set":
    '{D("a"), D("b", True)}', "fstring": 'f"{D(\'a\')}{D(\'b\', True)}"', "loop": 'for x in D("o", True): pass', "loop_own":
    'for x in Iterator("i", True): pass', "in_loop": 'for x in [D("a"), D("b")]:\n        D("l") + D("r", True) + Plain()',
    "caught": 'x = D("x")\n    try:\n        [D("a"), D("l", True) == D("r")]\n    except Failure:\n        D("handler")\n    D("after")',
    "caught_in_loop": 'for x in [D("a"), D("b")]:\n        try:\n            [x, D("l", True) + D("r")]\n        except Failure:\n            D("handler")',
    "finally": 'x = D("x")\n    try:\n        D("l", True) - D("r")\n    finally:\n        D("finally")', "with":
    'with D("m") as x:\n        D("l", True) + D("r")', "raise": 'x = D("x")\n    raise Failure(D("argument"))', "assert":
    'x = D("x")\n    assert not D("a"), D("message")', "unbound": 'x = [D("a"), y]\n    y = 1',
}

CASES = [(name, body) for name, body in SUCCESS.items()] + [(f"failing_{name}", body) for name, body in FAILURE.items()]


def deaths(namespace, function):
    """What dies, in order, in a call and until its result is gone."""
    log = namespace["log"]
    del log[:]
    try:
        result = function()
    except Exception as error:
        log.append(type(error).__name__)
        error.__traceback__ = error.__context__ = None
        result = None
    log.append("returned")
    del result
    return log[:]


def compared(body):
    source = f"{CLASSES}\n    def f():\n        {body.replace(chr(10), chr(10) + '    ')}\n"
    namespace, function = load(source)
    jit.jit_suppress(function)
    runs = [deaths(namespace, function) for _ in range(80)]
    for warm in (80, 0):
        namespace, function = load(source)
        for _ in range(warm):
            deaths(namespace, function)
        jit.force_compile(function)
        assert jit.is_jit_compiled(function)
        # Code that has seen nothing may do as the interpreter's first run, which is not specialised.
        yield ("warm", runs[-1:], deaths(namespace, function)) if warm else ("cold", [runs[0], runs[-1]], deaths(namespace, function))


@pytest.mark.parametrize("name, body", CASES, ids=[name for name, _ in CASES])
def test_order(name, body):
    for kind, expected, seen in compared(body):
        assert seen in expected, kind


@pytest.mark.parametrize("body", ['Sequence("o")[D("k")]', '[D("a"), Sequence("o")[D("k")]]', 'D("o")[D("k")]',
                                  'x = Sequence("o"); x[D("k")]', 'Sequence("o", True)[D("k")]'])
def test_a_subscript_that_enters_getitem(body):
    """An interpreter without the JIT is the judge: functions that Tephra counts calls of have no version to specialise by."""
    source = f"{CLASSES}\n    def f():\n        {body}\n"
    runs = ("\nfor i in range(200):\n    del log[:]\n    try:\n        f()\n    except Failure as error:\n"
            "        log.append('Failure')\n        error.__traceback__ = None\nprint(log)\n")
    stock = subprocess.run([sys.executable, "-c", textwrap.dedent(source) + runs], capture_output=True, text=True, check=True,
                           env={**os.environ, "TEPHRA": "0"})
    namespace, function = load(source)
    jit.force_compile(function)
    assert jit.is_jit_compiled(function)
    seen = deaths(namespace, function)
    seen.remove("returned")
    assert seen == ast.literal_eval(stock.stdout)
