"""Sampled heat: what is worth compiling is found by looking at what runs; until then nothing differs from the interpreter.

Mode: automatic (TEPHRA=1), by samples, in processes of their own. What is waited for has a deadline in CPU time.
"""

import os
import subprocess
import sys
import textwrap

import pytest

from support import SLOWER

HEAD = """
import os, sys, time
from tephra import _tephra, jit
def until(done, work, seconds=20):
    end = time.process_time() + seconds
    while not done():
        assert time.process_time() < end, (jit.status(), _tephra.totals())
        work()
def samples():
    return _tephra.totals()["samples"]
def loop(n):
    t = 0
    for i in range(n):
        t += i * i % 7
    return t
def leaf(x):
    return x + 1
def branch(x):
    return leaf(x) + leaf(x + 1)
"""


def run(code, *options, **environment):
    """Output of a program that ends well and says nothing on stderr."""
    done = subprocess.run([sys.executable, *options, "-c", HEAD + textwrap.dedent(code)], text=True, capture_output=True,
                          env={**os.environ, "TEPHRA": "1", **environment}, timeout=120 * SLOWER, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def test_hot_functions_are_compiled():
    run("""
        def work():
            loop(500)
            for i in range(300): branch(i)
        until(lambda: all(map(jit.is_jit_compiled, (loop, leaf, branch))), work)
        assert loop(10) == sum(i * i % 7 for i in range(10)) and branch(1) == 5
        status = jit.status()
        assert status.sampled and status.samples > 0 and status.compiler_time > 0, status
        until(lambda: jit.status().compiled_time > 0, work)
    """)


def test_one_long_call_makes_the_next_one_compiled():
    """A loop that is never left: compiling helps its next call only, which is awaited."""
    run("""
        def long(seconds):
            end, n = time.process_time() + seconds, 0
            while time.process_time() < end:
                n += 1
            return n
        long(3)
        assert not jit.is_jit_compiled(long)
        long(0)
        assert jit.is_jit_compiled(long), jit.status()
    """)


def test_budget_zero_compiles_nothing_and_changes_nothing():
    """The interpreter's own call caches stay: a call of a Python function is entered without C."""
    run("""
        import dis
        before = jit.status().over_budget  # importing has its own
        until(lambda: jit.status().over_budget >= before + 2, lambda: [branch(i) for i in range(1000)] + [loop(1000)])
        status = jit.status()
        assert status.functions == 0 and status.compiler_time == 0 and status.samples > 0, status
        names = {each.opname for each in dis.get_instructions(branch, adaptive=True)}
        assert "CALL_PY_EXACT_ARGS" in names, names
    """, TEPHRA_BUDGET="0")


def test_call_caches_come_back_when_a_function_is_given_back():
    run("""
        import dis
        def calls():
            return {each.opname for each in dis.get_instructions(branch, adaptive=True) if each.opname.startswith("CALL")}
        jit.compile_after_n_calls(None)
        for i in range(200): branch(i)
        assert calls() == {"CALL_PY_EXACT_ARGS"}, calls()
        assert jit.force_compile(leaf)
        for i in range(2000): branch(i)
        assert "CALL_PY_EXACT_ARGS" not in calls(), calls()
        jit.jit_suppress(leaf)
        for i in range(20000): branch(i)
        assert calls() == {"CALL_PY_EXACT_ARGS"}, calls()
    """)


@pytest.mark.parametrize("change, expected", [
    ("f.__defaults__ = (10, 20)", 31), ("f.__defaults__ = (5,)", 9), ("f.__code__ = (lambda a, b=0, c=0, *, d=0: -a).__code__", -1),
    ("f.__kwdefaults__ = {'d': 100}", 104),
])
def test_no_version_comes_back_from_before_a_change(change, expected):
    """Specialised callers know defaults and code by the function's version."""
    run(f"""
        def f(a, b=1, c=2, *, d=0): return a + b + c + d
        def g(a, b): return f(a, b) if b != 3 else f(a)
        def all_forms(): return f(1), f(1, 3), f(1, 3, 2)
        jit.compile_after_n_calls(None)
        for i in range(200): all_forms()
        assert jit.force_compile(f)
        for i in range(200): all_forms()
        {change}
        jit.jit_suppress(f)
        for i in range(200):
            try: first = all_forms()[0]
            except TypeError: first = f(1, 3)  # a parameter without default
        def fresh(): return f(1) if {expected} != 9 else f(1, 3)
        assert first == fresh() == {expected}, (first, fresh())
    """)


def test_closures_of_one_code_are_found():
    run("""
        def make(k):
            def closure(x): return x * k + 1
            return closure
        before = [make(k) for k in range(20)]
        def work():
            for each in before:
                for i in range(200): each(i)
        until(lambda: all(map(jit.is_jit_compiled, before)), work)
        later = make(99)
        assert jit.is_jit_compiled(later) and later(2) == 199 and before[3](2) == 7
    """)


def test_forks_do_not_warn_and_both_sides_go_on():
    run("""
        import threading
        until(lambda: samples() > 0, lambda: loop(1000))
        child = os.fork()
        def other(n):
            t = 0
            for i in range(n): t += leaf(i)
            return t
        before = samples()
        until(lambda: samples() > before and jit.is_jit_compiled(other), lambda: other(300))
        if child == 0:
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert threading.active_count() == 1
        for _ in range(20):  # a child that does nothing ends at once
            child = os.fork()
            if child == 0: os._exit(0)
            os.waitpid(child, 0)
    """, "-W", "error")


def test_subprocesses_and_exits():
    run("""
        import subprocess
        until(lambda: samples() > 0, lambda: loop(1000))
        code = "import atexit, threading, time; atexit.register(print, 'end'); [time.process_time() for _ in range(10**5)]"
        for extra in ("", "; import os; os._exit(3)", "; raise SystemExit(3)",
                      "; threading.Thread(target=time.sleep, args=(.1,)).start()"):
            done = subprocess.run([sys.executable, "-c", code + extra], capture_output=True, text=True)
            assert done.stderr == "" and done.returncode == (3 if "3" in extra else 0), done
            assert done.stdout == ("" if "_exit" in extra else "end\\n"), done
        os.execv(sys.executable, [sys.executable, "-c", "pass"])
    """)


@pytest.mark.skipif(SLOWER != 1, reason="the emulator has threads of its own")
def test_the_thread_takes_no_signals_and_rests_with_the_process():
    run("""
        def others():
            mine = os.getpid()
            found = [int(each) for each in os.listdir("/proc/self/task") if int(each) != mine]
            return [dict(line.split(":\\t", 1) for line in open(f"/proc/self/task/{each}/status")) for each in found]
        until(lambda: samples() > 20, lambda: loop(1000))
        (thread,) = others()
        assert int(thread["SigBlk"], 16) & 0x7ffffffe == 0x7ffffffe & ~(1 << 8 | 1 << 18), thread["SigBlk"]
        time.sleep(1.5)  # it notices
        before = int(others()[0]["voluntary_ctxt_switches"])
        taken = samples()
        time.sleep(2)
        woken = int(others()[0]["voluntary_ctxt_switches"]) - before
        assert woken <= 20 and samples() - taken <= 2, (woken, samples() - taken)
        # Clocks of the process are as fine as ever.
        ticks = sorted({time.process_time_ns() for _ in range(5000)})
        assert min(b - a for a, b in zip(ticks, ticks[1:])) < 1_000_000 and len(ticks) > 500
    """)


def test_waiting_is_no_heat():
    run("""
        import threading
        lock = threading.Lock()
        lock.acquire()
        def wait(seconds):
            lock.acquire(timeout=seconds)
        threads = [threading.Thread(target=wait, args=(1,)) for _ in range(4)]
        for each in threads: each.start()
        for each in range(10): time.sleep(.1)
        for each in threads: each.join()
        assert not jit.is_jit_compiled(wait) and jit.status().samples < 100, jit.status()
    """)


def test_other_threads_are_looked_at():
    run("""
        import threading
        stop = []
        def busy(n):
            t = 0
            for i in range(n): t += leaf(i)
            return t
        def thread():
            while not stop: busy(200)
        one = threading.Thread(target=thread)
        one.start()
        end = time.time() + 60
        while not (jit.is_jit_compiled(busy) and jit.is_jit_compiled(leaf)) and time.time() < end: time.sleep(.01)
        stop.append(1)
        one.join()
        assert jit.is_jit_compiled(busy) and jit.is_jit_compiled(leaf), jit.status()
    """)


def test_nothing_is_charged_under_a_tool():
    run("""
        seen = []
        def tracer(frame, event, arg):
            seen.append(event)
        sys.settrace(tracer)
        end = time.process_time() + 1.0
        while time.process_time() < end: branch(1)
        sys.settrace(None)
        status = jit.status()
        assert status.samples > 0 and not jit.is_jit_compiled(branch) and len(seen) > 1000, status
        until(lambda: jit.is_jit_compiled(branch), lambda: [branch(i) for i in range(1000)])
    """)


def test_switching_between_the_modes():
    run("""
        jit.compile_after_n_calls(50)
        assert not jit.status().sampled
        for i in range(60): leaf(i)
        assert jit.is_jit_compiled(leaf)
        jit.auto()
        assert jit.status().sampled and jit.is_jit_compiled(leaf)
        until(lambda: jit.is_jit_compiled(branch), lambda: [branch(i) for i in range(1000)])
        with jit.pause():
            taken = samples()
            end = time.process_time() + .2
            while time.process_time() < end: loop(100)
            assert samples() - taken <= 1
        until(lambda: jit.is_jit_compiled(loop), lambda: loop(1000))
        jit.compile_after_n_calls(None)
        taken = samples()
        end = time.process_time() + .2
        while time.process_time() < end: branch(1)
        assert samples() - taken <= 1
    """)
