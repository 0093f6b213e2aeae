"""TEPHRA=1 costs a process next to nothing until it has used some CPU time; then the JIT comes, and the program does not notice.

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
from tephra import _boot
began = set(sys.modules)
def library():
    with open("/proc/self/maps") as maps:
        return "/_tephra." in maps.read()
def until(done, work=lambda: loop(500), seconds=20):
    end = time.process_time() + seconds
    while not done():
        assert time.process_time() < end
        work()
def came():
    return not _boot.is_waiting()
def loop(n):
    t = 0
    for i in range(n):
        t += i * i % 7
    return t
"""
COMPILED = """
from tephra import jit
until(lambda: jit.is_jit_compiled(loop))
assert loop(10) == sum(i * i % 7 for i in range(10))
"""


# Tests that see the JIT wait.
waits = pytest.mark.skipif(SLOWER != 1, reason="emulated, a process has used its 50 ms before the program begins")


def python(*args, cwd=None, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TEPHRA")}
    return subprocess.run([sys.executable, *args], text=True, capture_output=True, cwd=cwd,
                          env={**clean, "TEPHRA": "1", **environment}, timeout=120 * SLOWER, check=False)


def start(code, *options, then="", **environment):
    return python(*options, "-c", HEAD + textwrap.dedent(code) + then, **environment)


def run(code, *options, **environment):
    """Output of a program that ends well and says nothing on stderr."""
    done = start(code, *options, **environment)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


# Module level, without functions: `threads` is the number of the process's, with the waiting one.
PROBE = """
import os
threads = len(os.listdir("/proc/self/task"))
print(threads)
"""


@waits
@pytest.mark.parametrize("program, threads", [
    ("import probe", "1\n"),
    ("import probe, dataless", "1\n1\n"),
    ("import probe, functions", "1\n2\n"),
    ("import argparse, probe", "2\n"),
    ("import posixpath, probe; [posixpath.join('a', 'b') for _ in '']", "2\n"),
])
def test_the_thread_begins_when_there_is_code_for_it(program, threads, tmp_path):
    """Not for what the interpreter itself imports, nor for a program of a few instructions."""
    (tmp_path / "probe.py").write_text(PROBE)
    (tmp_path / "dataless.py").write_text(PROBE + "AGAIN = [name for name in ('x', 'y')]\n")
    (tmp_path / "functions.py").write_text("def f(): pass\n" + PROBE)
    done = python("-c", program, cwd=tmp_path)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", threads)


@waits
def test_a_fork_before_the_thread_began(tmp_path):
    (tmp_path / "probe.py").write_text("""
import os, sys
_boot = sys.modules["tephra._boot"]
child = os.fork()
if child == 0:
    alone = len(os.listdir("/proc/self/task")) == 1
    exec("def f(): pass")
    os._exit(not (alone and _boot.is_waiting() and len(os.listdir("/proc/self/task")) == 2))
assert os.waitpid(child, 0)[1] == 0 and len(os.listdir("/proc/self/task")) == 1
exec("def f(): pass")
assert len(os.listdir("/proc/self/task")) == 2
end = os.times().user + 20
while _boot.is_waiting():
    assert os.times().user < end
""")
    done = python("-W", "error", "-c", "import probe", cwd=tmp_path)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


@waits
def test_it_is_loaded_when_time_has_passed_and_compiles():
    run("""
        assert _boot.is_waiting() and not library()
        assert sorted(name for name in sys.modules if "tephra" in name) == ["tephra", "tephra._boot"]
        until(came)
        assert library() and set(sys.modules) == began and time.process_time() > .05
    """, then=COMPILED)


@waits
def test_waiting_is_no_time():
    run("""
        before = time.process_time()
        time.sleep(.3)
        if time.process_time() - before < .03:  # else the machine was busy with us
            assert _boot.is_waiting() and not library()
    """)


@pytest.mark.parametrize("options, environment", [
    ([], {"TEPHRA_COMPILE_AFTER": "10"}), ([], {"TEPHRA_SUMMARY": "0"}), (["-X", "tephra-budget=3"], {}), (["-X", "tephra=on"], {"TEPHRA": "no"}),
])
def test_other_options_are_read_at_once(options, environment):
    run("""
        assert not _boot.is_waiting() and "tephra._startup" in sys.modules
        assert library() == (os.environ["TEPHRA"] == "1")
    """, *options, **environment)


@pytest.mark.parametrize("environment, line", [
    ({"TEPHRA_BUDGET": "10001"}, "tephra: TEPHRA_BUDGET: bad value '10001'; expected a whole number in 0..10000; ignored\n"),
    ({"TEPHRA_BUDGET": "-1"}, "tephra: TEPHRA_BUDGET: bad value '-1'; expected a whole number in 0..10000; ignored\n"),
    ({"TEPHRA": "yess"}, "tephra: TEPHRA: bad value 'yess'; expected 0 or 1; ignored\n"),
])
def test_what_is_wrong_is_said_at_once(environment, line):
    done = start("os._exit(3)", **environment)
    assert (done.returncode, done.stderr) == (3, line)


@waits
@pytest.mark.parametrize("options, environment", [(["-X", "tephra"], {"TEPHRA": ""}), (["-X", "tephra=1"], {}), (["-E", "-X", "tephra"], {"TEPHRA_DUMP": "hir"}),
                                                  ([], {"TEPHRA": "on"})])
def test_all_ways_to_say_no_more_than_yes(options, environment):
    run("assert _boot.is_waiting(); until(came); assert library()", *options, then=COMPILED, **environment)


def test_the_budget_is_kept():
    run("""
        until(came)
        for _ in range(3000): loop(500)
        from tephra import _tephra, jit
        totals = _tephra.totals()
        assert totals["functions"] == 0 and totals["samples"] > 0 and totals["over_budget"] > 0, totals
    """, TEPHRA_BUDGET="0")


@waits
def test_who_asks_for_the_jit_sees_it_switched_on():
    run("""
        assert _boot.is_waiting()
        from tephra import jit
        status = jit.status()
        assert not _boot.is_waiting() and status.enabled and status.sampled, status
    """, then=COMPILED)


@waits
def test_forks_do_not_warn_and_both_sides_go_on():
    run("""
        for _ in range(3):
            child = os.fork()
            if child == 0:
                grandchild = os.fork()
                if grandchild == 0:
                    os._exit(_boot.is_waiting() != True)
                assert os.waitpid(grandchild, 0)[1] == 0
                assert _boot.is_waiting()
                until(came)
                os._exit(not library())
            assert os.waitpid(child, 0)[1] == 0
        assert not library()
        until(came)
        assert library() and os.fork() == 0 or os.wait()[1] == 0
    """, "-W", "error", then=COMPILED)


def test_a_parent_that_forks_all_the_time_comes_to_its_own():
    run("""
        def work():
            loop(500)
            child = os.fork()
            if child == 0: os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        until(came, work)
    """, "-W", "error")


def test_nothing_of_it_is_traced_or_imported():
    run("""
        seen = []
        watched = "exec", "import", "marshal.loads", "open"
        sys.addaudithook(lambda event, args: event in watched and seen.append(event))
        def trace(frame, event, arg):
            if frame.f_code.co_filename != "<string>": seen.append((frame.f_code, event))
        sys.settrace(trace)
        sys.setprofile(trace)
        for name in sys.modules:  # RuntimeError where it grows
            until(came)
        sys.setprofile(None)
        sys.settrace(None)
        assert seen == []
        assert library()
        assert set(sys.modules) == began
    """, then=COMPILED)


def test_a_signal_that_comes_meanwhile_is_not_lost():
    run("""
        import signal
        got = []
        signal.signal(signal.SIGUSR1, lambda *_: got.append(1))
        sent = 0
        def work():
            global sent
            sent += 1
            os.kill(os.getpid(), signal.SIGUSR1)
        until(came, work)
        assert len(got) == sent
    """)


@waits
def test_a_tool_of_sys_monitoring_is_waited_for():
    """It may have set events for code that the JIT would not know of."""
    run("""
        mon = sys.monitoring
        mon.use_tool_id(3, "mine")
        mon.set_local_events(3, loop.__code__, mon.events.CALL)
        end = time.process_time() + .3
        until(lambda: time.process_time() > end)
        assert _boot.is_waiting() and not library()
        mon.free_tool_id(3)
        until(came)
        assert library()
    """)


def test_the_main_thread_may_be_asleep():
    run("""
        import threading
        worker = threading.Thread(target=until, args=(came,))
        worker.start()
        worker.join()
        assert library()
    """, then=COMPILED)


@waits
def test_a_thread_with_a_small_stack_does_not_load_it():
    run("""
        import threading
        end = time.process_time() + .3
        threading.stack_size(128 << 10)
        waited = []
        def work():
            until(lambda: time.process_time() > end)
            waited.append(_boot.is_waiting() and not library())  # here: behind join the main thread may be asked
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
        assert waited == [True]
        until(came)
        assert library()
    """)


@pytest.mark.parametrize("end", ["", "os._exit(0)", "raise SystemExit", "import threading; threading.Thread(target=time.sleep, args=(.05,)).start()",
                                 "import atexit; atexit.register(until, came)", "until(lambda: time.process_time() > .06)"])
def test_processes_end_as_ever(end):
    for _ in range(5):
        run(end)


@pytest.mark.skipif(SLOWER != 1, reason="the emulator has threads of its own")
def test_the_thread_is_gone_when_the_jit_has_come():
    run("""
        assert len(os.listdir("/proc/self/task")) == 2
        until(came)
        assert len(os.listdir("/proc/self/task")) == 2  # the sampler's now
        from tephra import jit
        jit.disable()
        assert len(os.listdir("/proc/self/task")) == 1
    """)
