"""One process under test: its command line, its environment, its time limit, its record."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tephra.verify import records
from tephra.verify.records import IMPORT, OUTPUT, Run
from tephra.verify.targets import Target, plain_environment

STOCK = "stock"
_CHILD = Path(__file__).with_name("child.py")
_GRACE = 5.0  # seconds between SIGABRT, which makes faulthandler print, and SIGKILL
_DETAIL = 6000  # characters kept of what regrtest printed
_UNLOADED = re.compile(r"^test (\S+) crashed -- Traceback", re.MULTILINE)
_LOG_TAIL = 200_000  # characters of a log that are searched for frames
_SEED = "20260101"  # regrtest seeds the module `random` with it, in all runs alike


def threshold_of(config: str) -> str:
    """`after=0` -> `0`"""
    return config.removeprefix("after=")


@dataclass(frozen=True)
class Settings:
    """What holds for all processes.

    Attributes: python (the interpreter), timeout (seconds per process), logs (folder of the logs), options
        (TEPHRA_* variables that runs under the JIT get), ignored (patterns of CPython's tests that are not run),
        pytest (options and arguments for pytest).
    """

    python: str
    timeout: float
    logs: Path
    options: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    pytest: tuple[str, ...] = ()


class Stopped(Exception):
    """Somebody asked all runs to stop."""


class Processes:
    """The processes that are running, so that all can be stopped at once from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self.stopping = False

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Now running. Raises Stopped, with the process gone, when it is too late."""
        with self._lock:
            self._running.add(process)
        if self.stopping:
            kill(process)
            raise Stopped

    def remove(self, process: subprocess.Popen[bytes]) -> None:
        """No longer running."""
        with self._lock:
            self._running.discard(process)

    def stop(self) -> None:
        """Kills all of them, with all that they started; nothing new begins."""
        self.stopping = True
        with self._lock:
            for process in self._running:
                kill(process)


def kill(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
    """A signal to a process and to all that it started in its session."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def environment(kind: str, config: str, settings: Settings, trails: Path | None) -> dict[str, str]:
    """The variables that a configuration adds to ours, in which no TEPHRA_* is left."""
    if config == STOCK:
        return {"TEPHRA": "0"}
    added = {}
    if kind != "pytest":  # there the plugin switches on, after collection
        added["TEPHRA"] = "1"
        if threshold_of(config) != "default":
            added["TEPHRA_COMPILE_AFTER"] = threshold_of(config)
    added |= dict(settings.options)
    if trails:
        added["TEPHRA_LAST_COMPILED"] = str(trails / "%p")
    return added


def plain_name(test: str) -> str:
    """A test's name without the number that tells tests of the same name apart."""
    return re.sub(r"#\d+$", "", test)


def _regrtest(target: Target, settings: Settings, only: list[str] | None) -> list[str]:
    """regrtest's arguments for these tests, or for all but those that are left out."""
    modules = [each for each in target.without if "." not in each]  # regrtest's -x knows no part of a package
    if only:
        chosen = [word for test in only for word in ("-m", plain_name(test))]
    else:
        parts = [f"test.{each}.*" for each in target.without if "." in each]
        chosen = [word for test in (*settings.ignored, *parts) for word in ("-i", test)]
    if target.what:
        return [*chosen, target.what]
    return [*chosen, *(["-x", *modules] if modules else [])]


def _pytest(target: Target, config: str, settings: Settings, only: list[str] | None) -> list[str]:
    """pytest's arguments. A test is chosen by its node id, not by a path with a name behind: the id is relative to
    the root directory, and other paths than those of the first run might have another one."""
    after = [] if config == STOCK else [f"--tephra-after={threshold_of(config)}"]
    return [*after, *(f"--tephra-only={plain_name(test)}" for test in only or ()), *settings.pytest,
            *([target.what] if target.what else [])]


def arguments(target: Target, config: str, settings: Settings, record: str, scratch: str, *,
              only: list[str] | None = None, order: str = "") -> list[str]:
    """The command line. `only`: these tests; `order`: file with the order of the tests (pytest)."""
    start = [settings.python, "-X", "faulthandler"]
    if target.kind == "cpython":
        return [*start, str(_CHILD), record, "regrtest", "--randseed", _SEED, "--tempdir", scratch,
                *_regrtest(target, settings, only)]
    if target.kind == "script":
        return [*start, str(_CHILD), record, "script", target.what, *target.args]
    ordered = [f"--tephra-order={order}"] if order else []
    # A cache of its own: the project's is not touched, and --lf, --ff or --sw of its configuration choose nothing.
    return [*start, "-m", "pytest", "-q", "-o", f"cache_dir={scratch}/cache", "-p", "tephra.pytest_plugin",
            f"--tephra-record={record}", *ordered, *_pytest(target, config, settings, only)]


def _reap(process: subprocess.Popen[bytes], timeout: float) -> resource.struct_rusage | None:
    """Waits, and says what the process used, with all that it waited for; None when the time was up."""
    until, pause = time.monotonic() + timeout, 0.0005
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return used
        left = until - time.monotonic()
        if left <= 0:
            return None
        pause = min(2 * pause, left, 0.05)
        time.sleep(pause)


def _wait(process: subprocess.Popen[bytes], timeout: float) -> tuple[int | None, resource.struct_rusage | None]:
    """The return code, None when the time was up; and what the process used."""
    used = None
    try:
        used = _reap(process, timeout)
        if used:
            return process.returncode, used
        kill(process, signal.SIGABRT)
        used = _reap(process, _GRACE)
        return None, used
    finally:
        kill(process)
        if not used:
            process.wait()


def _note_unloaded(run: Run, log: str) -> None:
    """What regrtest says about modules that raise when they are loaded."""
    found = list(_UNLOADED.finditer(log))
    for each in found:
        name = IMPORT if len(found) == 1 and not run.tests else f"test.{each[1]}.{IMPORT}"
        run.tests[name] = "failed"
        run.unimported[name] = run.details[name] = log[each.start():each.start() + _DETAIL]


def run(target: Target, config: str, settings: Settings, processes: Processes, *, label: str = "first",
        only: list[str] | None = None, order: list[str] | None = None, timeout: float = 0) -> Run:
    """Runs a target in a process and gives its record.

    Args:
        label: names the log file, beside target and configuration.
        only: run these tests and no others.
        order: run the tests in this order (pytest; elsewhere the order is fixed).
        timeout: seconds instead of the settings'.

    Raises: Stopped; OSError when the results cannot be written.
    """
    name = "".join(c if c.isalnum() or c in "._-=" else "_" for c in f"{target.name}.{config}.{label}")[-180:]
    log_path = settings.logs / f"{name}.log"
    # Short: sockets that tests make in their working folder have a limit of 108 characters.
    scratch = Path(tempfile.mkdtemp(prefix="tv-"))
    try:
        trails = scratch / "trails"
        trails.mkdir()
        (scratch / "w").mkdir()
        order_file = ""
        if order and target.kind == "pytest":
            order_file = str(scratch / "order")
            Path(order_file).write_text("\n".join(order))
        args = arguments(target, config, settings, str(scratch / "record"), str(scratch / "w"), only=only,
                         order=order_file)
        added = environment(target.kind, config, settings, trails)
        env = plain_environment() | added
        result = Run(target.name, config, log=str(log_path),
                     command=reproduction(target, config, settings, only))
        began = time.monotonic()
        with log_path.open("wb") as log, (scratch / "stdout").open("wb") as out:
            script = target.kind == "script"
            process = subprocess.Popen(args, env=env, stdin=subprocess.DEVNULL, stdout=out if script else log,
                                       stderr=log, start_new_session=True,
                                       cwd=scratch / "w" if target.kind == "cpython" else None)
            processes.add(process)
            try:
                code, used = _wait(process, timeout or settings.timeout)
            finally:
                processes.remove(process)
            if processes.stopping:
                raise Stopped
            result.seconds = round(time.monotonic() - began, 2)
            result.ending = records.ending_of(code)
            records.read_events(result, scratch / "record")
            records.read_trails(result, trails, process.pid)
            if used:
                result.cpu_seconds = round(used.ru_utime + used.ru_stime, 3)
                result.peak_kib = result.peak_kib or used.ru_maxrss  # it died before it could tell
            if script:
                data = (scratch / "stdout").read_bytes()
                log.write(data)
                if not result.tests:
                    result.tests[OUTPUT] = "sha256 " + hashlib.sha256(data).hexdigest()[:16]
        text = log_path.read_text(errors="replace")[-(_LOG_TAIL if target.what else 1 << 30):]
        if result.died:
            result.frames = records.read_frames(text)
        if target.kind == "cpython" and result.ending == "exit status 2" and not (result.tests and target.what):
            _note_unloaded(result, text)
        if not result.tests and target.kind == "pytest":
            result.details[IMPORT] = text[max(text.find("ERROR"), 0):][:_DETAIL]  # its words for what it refuses
        if not result.tests and not result.reason:
            result.reason = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
        return result
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def reproduction(target: Target, config: str, settings: Settings, only: list[str] | None = None) -> str:
    """A shell command that does the same without `verify`."""
    words = [f"{key}={shlex.quote(text)}" for key, text in environment(target.kind, config, settings, None).items()]
    python = [settings.python, "-X", "faulthandler"]
    if target.kind == "cpython":
        command = [*python, "-m", "test", "-v", *_regrtest(target, settings, only)]
    elif target.kind == "script":
        command = [*python, target.what, *target.args]
    else:
        command = [*python, "-m", "pytest", "-p", "tephra.pytest_plugin", *_pytest(target, config, settings, only)]
    return " ".join([*words, shlex.join(command)])
