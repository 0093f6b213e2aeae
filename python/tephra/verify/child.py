"""Runs inside the process under test: child.py RECORD-FILE KIND ARGUMENT...

KIND is `regrtest` (arguments of CPython's test runner) or `script` (a program and its arguments). It is started
by its path, on the stock interpreter and under the JIT alike, and writes one JSON object per line:

    {"e": "start", "t": TEST}
    {"e": "end", "t": TEST, "o": OUTCOME, "s": SECONDS, "d": DETAIL}   ("i": true: a file that cannot be imported)
    {"e": "again", "t": TEST}   instead of an end: a plugin runs it once more
    {"e": "done", "tests_at": FUNCTIONS, "peak_kib": MEMORY, "uncaught": EXCEPTION, ...totals of the JIT}

Each line is written at once, so that a crash costs nothing but the test that crashed.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import resource
import sys
import time

_DETAIL = 6000  # characters kept of a traceback
_AGAIN = "rerun"  # of a plugin that runs failed tests again: this attempt does not count
_BADNESS = ("passed", "skipped", "xfailed", "xpassed", "failed", _AGAIN)  # a later one wins
_LOWEST_FD = 400  # out of the way of tests that close descriptors by number


def jit_totals() -> dict[str, object]:
    """The totals of the JIT in this process; `enabled` False and the reason where it is off."""
    module = sys.modules.get("tephra._tephra")
    if module is None:
        given = os.environ.get("TEPHRA")
        return {"enabled": False, "functions": 0,
                "reason": "tephra's extension is not loaded" + (f" (TEPHRA={given})" if given else "")}
    totals = dict(module.totals())
    totals["enabled"] = bool(module.is_enabled())
    totals["reason"] = module.off_reason()
    return totals


def peak_memory() -> int:
    """KiB that this process, or the largest of those that it waited for, had resident at its highest.

    Not ru_maxrss for the process itself: that starts at what the process was that made it.
    """
    own = 0
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            own = next((int(line.split()[1]) for line in file if line.startswith("VmHWM:")), 0)
    except OSError:
        pass
    own = own or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


class Recorder:
    """Writes what happens to a file, line by line; at exit the totals.

    Arguments: path (of the record file; appended to).
    """

    def __init__(self, path: str) -> None:
        plain = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        self._fd = fcntl.fcntl(plain, fcntl.F_DUPFD_CLOEXEC, _LOWEST_FD)
        os.close(plain)
        self._pid = os.getpid()
        self._running: dict[str, tuple[float, str, str]] = {}  # test: began, outcome, detail
        self._seen: dict[str, int] = {}
        self._tests_at: object = None
        self.uncaught = ""  # the exception that ends the program, in one line
        atexit.register(self.done)

    def _write(self, event: dict[str, object]) -> None:
        if os.getpid() == self._pid:  # not in forked children
            os.write(self._fd, (json.dumps(event) + "\n").encode("ascii", "replace"))

    def start(self, name: str) -> None:
        """A test begins."""
        if self._tests_at is None:
            self._tests_at = jit_totals()["functions"]
        self._running[name] = (time.perf_counter(), "", "")
        self._write({"e": "start", "t": self._name(name)})

    def _name(self, name: str) -> str:
        """Tests of the same name are told apart by number."""
        number = self._seen.get(name, 0)
        return f"{name}#{number + 1}" if number else name

    def note(self, name: str, outcome: str, detail: str = "") -> None:
        """Something happened to a test: the worst outcome noted before stop() is the test's."""
        if outcome not in _BADNESS:  # some other plugin's own
            return
        if name not in self._running:
            self._end(name, time.perf_counter(), outcome, detail)
            return
        began, before, text = self._running[name]
        if not before or _BADNESS.index(outcome) > _BADNESS.index(before):
            before = outcome
        self._running[name] = (began, before, (text + detail)[:_DETAIL])

    def stop(self, name: str) -> None:
        """A test ends."""
        if name in self._running:
            began, outcome, detail = self._running.pop(name)
            if outcome == _AGAIN:
                self._write({"e": "again", "t": self._name(name)})
                return
            self._end(name, began, outcome or "passed", detail)

    def unimported(self, name: str, detail: str) -> None:
        """A file cannot be imported."""
        self._end(name, time.perf_counter(), "failed", detail, {"i": True})

    def _end(self, name: str, began: float, outcome: str, detail: str, more: dict[str, object] | None = None) -> None:
        self._write({"e": "end", "t": self._name(name), "o": outcome, "d": detail[:_DETAIL],
                     "s": round(time.perf_counter() - began, 4), **(more or {})})
        self._seen[name] = self._seen.get(name, 0) + 1

    def done(self) -> None:
        """The process ends in good order."""
        totals = jit_totals()
        before = totals["functions"] if self._tests_at is None else self._tests_at
        self._write({"e": "done", "tests_at": before, "peak_kib": peak_memory(), "uncaught": self.uncaught, **totals})


def text_of(error: BaseException) -> str:
    """Its traceback."""
    import traceback

    try:
        return "".join(traceback.format_exception(error))
    except Exception:
        return f"{type(error)!r}: the traceback cannot be printed"


def recording(result_class: type, recorder: Recorder) -> type:
    """A subclass of a unittest result class that tells `recorder` everything."""
    def name_of(test: object) -> str:
        try:
            return str(test.id())  # type: ignore[attr-defined, method-assign]
        except Exception:
            return str(test)

    class Recording(result_class):  # type: ignore[misc, valid-type]
        def startTest(self, test):
            recorder.start(name_of(test))
            super().startTest(test)

        def stopTest(self, test):
            super().stopTest(test)
            recorder.stop(name_of(test))

        def addSuccess(self, test):
            recorder.note(name_of(test), "passed")
            super().addSuccess(test)

        def addFailure(self, test, error):
            recorder.note(name_of(test), "failed", text_of(error[1]))
            super().addFailure(test, error)

        def addError(self, test, error):
            recorder.note(name_of(test), "failed", text_of(error[1]))
            super().addError(test, error)

        def addSubTest(self, test, subtest, error):
            if error is not None:
                recorder.note(name_of(test), "failed", f"{subtest}: {text_of(error[1])}")
            super().addSubTest(test, subtest, error)

        def addSkip(self, test, reason):
            recorder.note(name_of(test), "skipped", str(reason))
            super().addSkip(test, reason)

        def addExpectedFailure(self, test, error):
            recorder.note(name_of(test), "xfailed")
            super().addExpectedFailure(test, error)

        def addUnexpectedSuccess(self, test):
            recorder.note(name_of(test), "xpassed")
            super().addUnexpectedSuccess(test)

    Recording.__name__ = Recording.__qualname__ = result_class.__name__
    return Recording


def run_regrtest(args: list[str], recorder: Recorder) -> None:
    """CPython's test runner with these arguments, one module, in this process."""
    from test.libregrtest import testresult
    from test.libregrtest.main import main

    testresult.RegressionTestResult = recording(testresult.RegressionTestResult, recorder)
    sys.argv[:] = ["regrtest", *args]
    main()


def run_script(args: list[str], recorder: Recorder) -> None:
    """A program; where it calls unittest.main(), its tests are recorded one by one."""
    import unittest

    from tephra import _runner

    plain = unittest.TextTestRunner._makeResult  # type: ignore[attr-defined, method-assign]
    recorded = False

    def make_result(runner):
        nonlocal recorded
        if not recorded:  # the program's own runner, not those that its tests make
            recorded = True
            runner.resultclass = recording(runner.resultclass, recorder)
        return plain(runner)

    unittest.TextTestRunner._makeResult = make_result  # type: ignore[attr-defined, method-assign]
    try:
        _runner.run_script(args[0], args[1:])
    except SystemExit:
        raise
    except BaseException as error:
        text = text_of(error)
        recorder.uncaught = text.strip().rpartition("\n")[2][:_DETAIL]
        if isinstance(error, (ImportError, SyntaxError)):
            recorder.unimported("(import)", text)
        raise


def main(argv: list[str]) -> None:
    """The process under test."""
    path, kind, *args = argv
    if sys.path and os.path.realpath(sys.path[0] or ".") == os.path.dirname(os.path.realpath(__file__)):
        del sys.path[0]  # our own folder, which stock would not have there
    recorder = Recorder(path)
    (run_regrtest if kind == "regrtest" else run_script)(args, recorder)


if __name__ == "__main__":
    main(sys.argv[1:])
