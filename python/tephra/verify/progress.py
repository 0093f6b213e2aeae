"""One line that says how far it is."""

from __future__ import annotations

import sys
import threading
import time

_QUIET = 30.0  # seconds between lines where stderr is no terminal


def minutes(seconds: float) -> str:
    """`75` -> `1:15`"""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}" if whole >= 3600 else \
        f"{whole // 60}:{whole % 60:02}"


class Progress:
    """Arguments: total (steps); quiet (no line at all)."""

    def __init__(self, total: int, quiet: bool) -> None:
        self._total, self._quiet = total, quiet
        self._done = self._failing = self._functions = 0
        self._fresh = 0  # steps that were not taken from the state file
        self._began = time.monotonic()
        self._shown = 0.0
        self._lock = threading.Lock()
        self._terminal = sys.stderr.isatty()

    def step(self, what: str, functions: int, failing: int, fresh: bool = True) -> None:
        """One process is over: `functions` compiled in it, `failing` findings so far."""
        with self._lock:
            self._done += 1
            self._fresh += fresh
            self._functions += functions
            self._failing = failing
            now = time.monotonic()
            if self._quiet or not self._terminal and now - self._shown < _QUIET and self._done < self._total:
                return
            self._shown = now
            left = self._total - self._done
            each = (now - self._began) / max(self._fresh, 1)
            line = (f"[{self._done}/{self._total}] {minutes(now - self._began)} elapsed, about {minutes(left * each)} "
                    f"left; {self._functions} functions compiled; {self._failing} failing; {what}")
            self._show(line)

    def say(self, line: str) -> None:
        """A line that stays."""
        with self._lock:
            if self._terminal and not self._quiet:
                sys.stderr.write("\r\x1b[K")
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    def _show(self, line: str) -> None:
        sys.stderr.write(f"\r\x1b[K{line[:150]}" if self._terminal else line + "\n")
        sys.stderr.flush()

    def end(self) -> None:
        """The line makes room for what comes."""
        if self._terminal and not self._quiet:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
