"""Landing pads where the processor stops at indirect branches to anything else (AArch64's branch target identification).

Code memory is mapped with that protection then, so each way into compiled code must begin with a landing pad.
"""

import ctypes
import os
import subprocess
import sys
import textwrap

import pytest
from support import SLOWER
from tephra import jit

EMULATED = "TEPHRA_TEST_EMULATED" in os.environ
BTI_C = 0xD503245F
PROGRAM = """
import ctypes, sys
from tephra import _tephra, jit

def leaf(a, b):
    return a + b

def six(a, b, c, d, e, f):
    return [a, b, c, d, e, f]

def caller(n, f):
    total = 0
    for i in range(n):
        total = leaf(total, i)          # through the entry cell: the stub at first
    return total, f(1, 2, 3, 4, 5, 6), six(6, 5, 4, 3, 2, 1), max([3, 1, 2], key=lambda x: -x), leaf("a", "b")

def words(function, count=1):
    address = _tephra.function_info(function)["code_address"]
    return (ctypes.c_uint32 * count).from_address(address)

def out(total):
    try:
        return leaf(total, None)
    except TypeError as error:
        return str(error)

for i in range(60):
    caller(5, six), out(1)
"""
BODY = """
expected = caller(100, six), out(1)
for function in (caller, out, leaf, six):   # callers first: their callees are stubs then
    assert jit.force_compile(function)
    assert (caller(100, six), out(1)) == expected
print("compiled", sum(map(jit.is_jit_compiled, (caller, out, leaf, six))))
print("enforced", jit.get_allocator_stats()["branch_targets"])
print("pad", hex(words(leaf)[0]))
"""


def run(body, *, count_blocks=False):
    """The program on a processor that has the check, where this one is emulated."""
    env = {**os.environ, "TEPHRA_COMPILE_AFTER": "1000000000", **({"TEPHRA_COUNT_BLOCKS": "1"} if count_blocks else {})}
    if EMULATED:
        env["TEPHRA_EMULATED_CPU"] = "max,pauth=off"
    return subprocess.run([sys.executable, "-c", PROGRAM + textwrap.dedent(body)], env=env, text=True,
                          capture_output=True, timeout=120 * SLOWER)


@pytest.mark.parametrize("count_blocks", [False, True])
def test_every_way_into_compiled_code_has_a_landing_pad(count_blocks):
    done = run(BODY, count_blocks=count_blocks)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "compiled 4" in done.stdout
    if EMULATED:
        assert "enforced 1" in done.stdout
    if "enforced 1" in done.stdout:
        assert f"pad {BTI_C:#x}" in done.stdout
    else:
        assert f"pad {BTI_C:#x}" not in done.stdout


def test_the_processor_does_stop_elsewhere():
    """The test above can fail: behind the landing pad lies no other one, and entering there is an error."""
    done = run("""
    assert jit.force_compile(leaf)
    if not jit.get_allocator_stats()["branch_targets"]:
        print("not enforced")
        sys.exit()
    address = _tephra.function_info(leaf)["code_address"]
    ctypes.CFUNCTYPE(ctypes.c_void_p)(address + 4)()
    """)
    if not EMULATED and "not enforced" in done.stdout:
        pytest.skip("this processor or kernel does not check branch targets")
    # SIGILL; the emulator passes it on as its own death, a shell as 128 + 4.
    assert done.returncode in (-4, 132), (done.returncode, done.stdout, done.stderr)


def test_without_the_check_there_are_no_landing_pads():
    """A processor that does not check (the emulated one that tests run on, and x86-64) gets no superfluous code."""
    if jit.get_allocator_stats()["branch_targets"]:
        pytest.skip("this processor checks branch targets")

    def function(x):
        return x

    assert jit.force_compile(function)
    from tephra import _tephra

    assert ctypes.c_uint32.from_address(_tephra.function_info(function)["code_address"]).value != BTI_C
