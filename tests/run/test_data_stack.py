"""Calls at the end of a data stack chunk cost what they cost elsewhere: an emptied chunk is kept for the next call.

Mode: force_compile.
"""

import os
import subprocess
import sys

from support import SLOWER

PROGRAM = """
import resource
from tephra import jit
def c(x): return x
def b(x): return c(x)
def call(x): return b(x)
def at(depth, n):
    if depth: return at(depth - 1, n)
    for _ in range(n): call(1)
at(1, 1)
for function in (c, b, call, at):
    assert jit.force_compile(function) and jit.is_jit_compiled(function), function
def faults(n):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for depth in range(400): at(depth, n)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults(1)
print(faults(50) - faults(1))
"""


def test_slow_call_at_data_stack_chunk_end_314():
    # Some of 400 depths lie right below a chunk's end, where each of 50 calls goes into the next chunk; a chunk that is
    # mapped anew each time costs a page fault each time. (What the way down to each depth maps is subtracted.)
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120 * SLOWER,
                          env={**os.environ, "TEPHRA": "1", "TEPHRA_COMPILE_AFTER": "1000000"})
    assert done.returncode == 0, done
    assert int(done.stdout) < 100, done.stdout
