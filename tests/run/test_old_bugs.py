"""What went wrong in JITs before this one, each as a test of its own: A1 of a port to ARM (its other bugs are tested
with code generation), and the six misbehaviours met while inlining (B1-B6)."""

import os
import subprocess
import sys

from support import SLOWER, differential


def test_a1_the_back_end_is_on_and_its_code_runs():
    script = """
import os
from tephra import _tephra, jit
def f(a, b): return a * b + 1
for i in range(50): assert f(i, 2) == 2 * i + 1
assert _tephra.off_reason() == "", _tephra.off_reason()
status = jit.status()
assert status.functions >= 1 and not status.bailouts, status
assert jit.is_jit_compiled(f)
assert jit.get_compiled_size(f) > 100, jit.get_compiled_size(f)
text = _tephra.dump(f, "asm")
assert ("rbp" if os.uname().machine == "x86_64" else "x29") in text, text
calls = jit.count_interpreted_calls(f)
_tephra.clear_runtime_stats()
assert f(3, 2) == 7
assert jit.count_interpreted_calls(f) == calls
try:
    f("ab", 2)
except TypeError:
    pass
rows = [row for row in _tephra.runtime_stats() if row["function"] == "f"]
assert sum(row["count"] for row in rows) >= 1, rows  # only compiled code takes exits
print("ok")
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120 * SLOWER,
                            env={**os.environ, "TEPHRA": "1", "TEPHRA_COMPILE_AFTER": "10"})
    assert result.stdout == "ok\n", result


def test_b1_closures_forwarding_args_and_kwargs_call_and_do_not_return_the_function():
    differential("""
        import contextlib, functools
        def logged(function):
            calls = []
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                calls.append((args, sorted(kwargs)))
                return function(*args, **kwargs)
            wrapper.calls = calls
            return wrapper
        @logged
        @logged
        def add(a, b=2, *, c=3): return a + b + c
        @contextlib.contextmanager
        def managed(log, tag):
            log.append(('in', tag))
            try:
                yield tag
            finally:
                log.append(('out', tag))
        def f(n):
            log = []
            total = 0
            for i in range(n):
                total += add(i) + add(i, b=1) + add(i, 1, c=0)
                with managed(log, tag=i) as t:
                    total += t
            return total, log[-2:], len(add.calls)
    """, [(3,), (200,)])


def test_b2_guards_in_loops_keep_their_frame_state():
    differential("""
        def f(rows):
            out = []
            for row in rows:
                total = 0
                for value in row:
                    total = total + value
                out.append(total)
            return out
    """, [([[1, 2], [3]],), ([[1, 2], ['x']],), ([[1.5, 2], [1 << 70, 1]],), ([[], [None]],)],
        warm=[([[1, 2], [3, 4, 5]] * 5,)])


def test_b3_type_changes_in_a_tight_loop_never_return_function_objects():
    differential("""
        class A:
            def m(self): return 'A'
        class B:
            def m(self): return 'B'
        class C(A):
            m = lambda self: 'C'
        def f(n):
            out = ''
            objects = [A(), B(), C(), A()]
            for i in range(n):
                o = objects[i % 4] if i > n // 2 else objects[0]
                out += o.m()
                if i == n - 3:
                    A.m = lambda self: 'a'
                if i == n - 2:
                    objects[3].m = lambda: 'instance'
                    out += objects[3].m()
            A.m = A.__dict__['m']
            return out
    """, [(4,), (300,)], warm=[(2,)])


def test_b4_super_init_in_deep_hierarchies_across_the_threshold():
    script = """
import sys
class A0:
    def __init__(self, n): self.v0 = n
""" + "".join(f"""
class A{i}(A{i - 1}):
    def __init__(self, n):
        super().__init__(n + 1)
        self.v{i} = n * {i}
""" for i in range(1, 8)) + """
for k in range(100):
    o = A7(k)
    want = {'v0': k + 7, **{f'v{i}': (k + 7 - i) * i for i in range(1, 8)}}
    assert vars(o) == want, (k, vars(o), want)
from tephra import jit
assert jit.is_jit_compiled(A0.__init__)
print('ok')
"""
    for threshold in ("0", "1", "7", "13", "50"):
        result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                                env={**os.environ, "TEPHRA": "1",
                                     "TEPHRA_COMPILE_AFTER": threshold}, timeout=120 * SLOWER)
        assert result.stdout == "ok\n", (threshold, result)


def test_b5_callees_with_try_except():
    differential("""
        def risky(x):
            try:
                return 10 // x
            except ZeroDivisionError:
                return -1
            finally:
                pass
        def outer(x):
            try:
                return risky(x) + int('1' if x else 'bad')
            except ValueError as e:
                return str(e)
        def f(values): return [outer(v) for v in values]
    """, [([1, 2, 5],), ([0, 1, 0],)])


def test_b6_many_functions_and_threads():
    script = """
import threading
namespace = {}
source = ''.join(f'def g{i}(a, b=2):\\n    x = a + {i}\\n    return [x * b, len(str(x)), a is b]\\n' for i in range(600))
exec(source, namespace)
errors = []
def work():
    for round in range(3):
        for i in range(600):
            got = namespace[f'g{i}'](round, 3)
            if got != [(round + i) * 3, len(str(round + i)), False]:
                errors.append((i, got))
threads = [threading.Thread(target=work) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
assert not errors, errors[:3]
from tephra import jit
assert len([1 for i in range(600) if jit.is_jit_compiled(namespace[f'g{i}'])]) == 600
print('ok')
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300 * SLOWER,
                            env={**os.environ, "TEPHRA": "1", "TEPHRA_COMPILE_AFTER": "1"})
    assert result.stdout == "ok\n", result
