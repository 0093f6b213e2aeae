"""What a signal handler raises comes at the end of the C call during which the signal came, as in the interpreter."""

import signal
import threading

import pytest
import support

SOURCE = """
import _thread, os, signal
def f(how):
    try:
        if how == "raise_signal":
            signal.raise_signal(signal.SIGUSR1)
        elif how == "kill":
            os.kill(os.getpid(), signal.SIGUSR1)
        elif how == "unpacked":
            os.kill(*(os.getpid(), signal.SIGUSR1))
        elif how == "last":
            return os.kill(os.getpid(), signal.SIGUSR1)
        else:
            _thread.interrupt_main(signal.SIGUSR1)
    except ZeroDivisionError as error:
        return "caught", str(error)
    return "too late"
"""


def test_handlers_raise_within_the_try():
    def handler(number, frame):
        raise ZeroDivisionError(f"in {frame.f_code.co_name}")

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        calls = [(how,) for how in ("raise_signal", "kill", "unpacked", "last", "interrupt_main")]
        found = support.differential(SOURCE, calls)
        assert all(each.value == ("caught", "in f") for each in found), found
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_other_threads_run_between_c_calls():
    """A loop that only calls C functions gives the GIL to others."""
    namespace, f = support.load("def f(box):\n    while not box:\n        len(box)\n    return True\n")
    support.compile_all(namespace, [f])
    box = []
    timer = threading.Timer(0.2, lambda: box.append(1))
    timer.start()
    assert f(box)
    timer.join()


@pytest.mark.parametrize("raises", [False, True])
def test_pending_calls_run_in_any_thread(raises):
    """A pending call of the interpreter is served by whatever thread runs, in compiled loops too."""
    submit = pytest.importorskip("_testinternalcapi").pending_threadfunc
    namespace, work = support.load("""
        import time
        def work(box):
            while not box:
                try:
                    time.sleep(0.001)
                except ZeroDivisionError:
                    return "caught"
            return "done"
    """, name="work")
    support.compile_all(namespace, [work])
    box, results, ran = [], [], []
    thread = threading.Thread(target=lambda: results.append(work(box)))

    def once():
        if threading.get_ident() != thread.ident:
            submit(once)
            return
        ran.append(support.jit.is_jit_compiled(work))
        if raises:
            1 / 0
        if len(ran) < 40:
            submit(once)  # more than the queue holds
        else:
            box.append(1)

    thread.start()
    submit(once)
    thread.join(30)  # waits in C and serves nothing
    box.append(1)
    assert results == ["caught" if raises else "done"]
    assert ran == [True] * (1 if raises else 40)
