"""One process under test: its command line, its environment, its time limit, its record."""

from __future__ import annotations

import hashlib
import os
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
from tephra.verify.records import OUTPUT, Run
from tephra.verify.targets import Target

STOCK = "stock"
_CHILD = Path(__file__).with_name("child.py")
_GRACE = 5.0  # seconds between SIGABRT, which makes faulthandler print, and SIGKILL
_LOG_TAIL = 200_000  # characters of a log that are searched for frames
_SEED = "20260101"  # regrtest seeds the module `random` with it, in all runs alike


def threshold_of(config: str) -> str:
    """`after=0` -> `0`"""
    return config.removeprefix("after=")


@dataclass(frozen=True)
class Settings:
    """What holds for all processes.

    Attributes: python (the interpreter), timeout (seconds per process), logs (folder of the logs), options
        (TEPHRA_* variables that runs under the JIT get), ignored (patterns of CPython's tests that are not run).
    """

    python: str
    timeout: float
    logs: Path
    options: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()


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


def _choice(only: list[str] | None, settings: Settings) -> list[str]:
    """regrtest's options for these tests, or for all but the ignored ones."""
    if only:
        return [word for test in only for word in ("-m", test.split("#")[0])]
    return [word for test in settings.ignored for word in ("-i", test)]


def arguments(target: Target, config: str, settings: Settings, record: str, scratch: str, *,
              only: list[str] | None = None, order: str = "") -> list[str]:
    """The command line. `only`: these tests; `order`: file with the order of the tests (pytest)."""
    start = [settings.python, "-X", "faulthandler"]
    if target.kind == "cpython":
        return [*start, str(_CHILD), record, "regrtest", "--randseed", _SEED, "--tempdir", scratch,
                *_choice(only, settings), target.what]
    if target.kind == "script":
        return [*start, str(_CHILD), record, "script", target.what, *target.args]
    after = [] if config == STOCK else [f"--tephra-after={threshold_of(config)}"]
    ordered = [f"--tephra-order={order}"] if order else []
    return [*start, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tephra.pytest_plugin",
            f"--tephra-record={record}", *after, *ordered, *(only or [target.what])]


def _wait(process: subprocess.Popen[bytes], timeout: float) -> int | None:
    """The return code; None when the time was up."""
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        kill(process, signal.SIGABRT)
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            pass
        return None
    finally:
        kill(process)
        process.wait()


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
        env = {key: text for key, text in os.environ.items()
               if not key.startswith(("TEPHRA", "PYTEST_", "PYTHON_JIT"))} | added
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
                code = _wait(process, timeout or settings.timeout)
            finally:
                processes.remove(process)
            if processes.stopping:
                raise Stopped
            result.seconds = round(time.monotonic() - began, 2)
            result.ending = records.ending_of(code)
            records.read_events(result, scratch / "record")
            records.read_trails(result, trails, process.pid)
            if script:
                data = (scratch / "stdout").read_bytes()
                log.write(data)
                if not result.tests:
                    result.tests[OUTPUT] = "sha256 " + hashlib.sha256(data).hexdigest()[:16]
        text = log_path.read_text(errors="replace")[-_LOG_TAIL:]
        if result.died:
            result.frames = records.read_frames(text)
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
        command = [*python, "-m", "test", "-v", *_choice(only, settings), target.what]
    elif target.kind == "script":
        command = [*python, target.what, *target.args]
    else:
        after = [] if config == STOCK else [f"--tephra-after={threshold_of(config)}"]
        command = [*python, "-m", "pytest", "-p", "tephra.pytest_plugin", *after, *(only or [target.what])]
    return " ".join([*words, shlex.join(command)])
