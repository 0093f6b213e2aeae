"""Test files with known faults, for `verify` to find. Each is written into a folder of its own."""

COMPILED = """
import os, sys
def compiled(function):
    extension = sys.modules.get("tephra._tephra")
    return bool(extension and extension.is_compiled(function))
def nth(name):  # 0 in the first process that asks, 1 in the next
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".count")
    with open(path, "a") as file:
        file.write("x")
    return os.path.getsize(path) - 1
def work(n):
    total = 0
    for i in range(n):
        total += i
    return total
"""

GOOD = COMPILED + """
import pytest
def test_sum():
    assert work(10) == 45
def test_skipped():
    pytest.skip("not here")
@pytest.mark.xfail
def test_expected_failure():
    assert work(3) == 4
"""

PLANTED = COMPILED + """
def test_fine():
    assert work(10) == 45
def test_planted():
    work(3)
    assert not compiled(work)
"""

FLAKY = COMPILED + """
def test_flaky():
    work(3)
    assert nth("flaky") == 0
"""

ORDER = COMPILED + """
state = []
def test_first():
    state.append(work(3))
def test_second():
    assert state
"""
# A tool that shuffles: the first process has the one order, the next has the other.
ORDER_CONFTEST = """
import os, pytest
def pytest_collection_modifyitems(items):
    if items and items[0].fspath.basename == "test_order.py":
        path = os.path.join(os.path.dirname(__file__), "order.count")
        with open(path, "a") as file:
            file.write("x")
        if os.path.getsize(path) % 2 == 0:
            items.reverse()
"""

CRASH = COMPILED + """
import signal
def test_before():
    assert work(2) == 1
def test_crash():
    work(3)
    if compiled(work):
        os.kill(os.getpid(), signal.SIGSEGV)
def test_after():
    pass
"""

DIFFERENT = COMPILED + """
import pytest
def test_passes():
    if not compiled(work) and os.environ.get("TEPHRA") == "0":
        pytest.skip("only under the JIT")
@pytest.mark.parametrize("n", range(3 if os.environ.get("TEPHRA") == "0" else 2))
def test_n(n):
    work(n)
"""

UNITTEST_SCRIPT = COMPILED + """
import unittest
class T(unittest.TestCase):
    def test_good(self):
        self.assertEqual(work(10), 45)
    def test_planted(self):
        work(3)
        with self.subTest("inner"):
            self.assertFalse(compiled(work))
if __name__ == "__main__":
    unittest.main()
"""

PRINTS = COMPILED + """
print(work(10), "compiled" if compiled(work) else "interpreted")
"""

HANGS = COMPILED + """
import time
work(3)
while compiled(work):
    time.sleep(0.1)
"""

SLOW = COMPILED + """
import time
print(work(10))
time.sleep(120 if not os.path.exists(__file__ + ".go") else 0)
"""

ONCE = COMPILED + """
def test_once():
    work(3)
    assert not compiled(work) or nth("once")
def test_always():
    assert work(10) == 45
"""

BOTH_OUTCOMES = COMPILED + """
def test_both():  # stock, JIT, stock again, JIT again, JIT once more, stock alone, JIT alone
    work(3)
    assert nth("both") in (0, 2, 3, 6)
def test_always():
    assert work(10) == 45
"""

BROKEN = """
import no_such_module
def test_nothing():
    pass
"""

FAILS = COMPILED + """
def test_fails_always():
    assert work(2) == 0
"""

MEMORY = COMPILED + """
import unittest
class T(unittest.TestCase):
    def test_big(self):
        work(3)
        if compiled(work):
            self.skipTest("not enough memory: 4.0G minimum needed")
    @unittest.skip("8 GB of RAM needed")
    def test_bigger(self):
        pass
    @unittest.skip("shared memory is not available")
    def test_other(self):
        pass
    def test_good(self):
        self.assertEqual(work(10), 45)
if __name__ == "__main__":
    unittest.main()
"""

COSTLY = """
import sys
for n in range(150):
    exec(f"def f{n}(a, b):\\n    for i in range(3): a = [a, b, i][i] + {n}\\n    return {{a: b}}.get(a)\\nf{n}(1, 2)")
"""

WORTHWHILE = """
def work(n):
    total = 0
    for i in range(n):
        total += i & 7
    return total
print(work(120_000_000))
"""

LARGE = COMPILED + """
work(3)
big = b"x" * (200_000_000 if compiled(work) else 1)
"""

WITH_CHILD = """
import subprocess, sys
def child():
    subprocess.run([sys.executable, "-c", "import time\\nwhile time.process_time() < 1: pass"], check=True)
child()
"""
