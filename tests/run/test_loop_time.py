"""Functions that are called rarely but loop long are compiled for the time that they take."""

import os
import subprocess
import sys
import textwrap

import pytest
from support import SLOWER

SCRIPT = textwrap.dedent("""
    from tephra import jit

    def f(n):
        total = 0
        for i in range(n):
            total += i & 3
        return total

    def straight(a):
        return a + 1

    class Stop(Exception):
        pass

    def raising(n):
        for i in range(n):
            pass
        raise Stop(n)

    for n in (400_000, 10, 11):
        assert f(n) == sum(i & 3 for i in range(n))
        straight(n)
        try:
            raising(n)
        except Stop as error:
            assert error.args == (n,)
        else:
            raise AssertionError("no exception")
    print(jit.is_jit_compiled(f), jit.is_jit_compiled(raising), jit.is_jit_compiled(straight))
""")


@pytest.mark.parametrize("milliseconds", [0, 1])
def test_time_counts(milliseconds):
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True,
                            timeout=300 * SLOWER,
                            env={**os.environ, "TEPHRA": "1", "TEPHRA_COMPILE_AFTER": "400",
                                 "TEPHRA_COMPILE_AFTER_MS": str(milliseconds)})
    assert result.returncode == 0, result
    assert result.stdout.split() == [str(bool(milliseconds))] * 2 + ["False"]
