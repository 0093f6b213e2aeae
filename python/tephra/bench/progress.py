"""What the user sees while a run goes on: rich's bars on a terminal where it is installed, plain lines elsewhere."""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_EVERY = 20.0  # seconds between plain lines


class Progress:
    """Counts gates and processes and estimates the time left. Use as a context manager.

    Args:
        quiet: say nothing but problems.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self._total = self._count = 0
        self._gates_left = 0
        self._spent = 0.0
        self._timed = 0
        self._last = 0.0
        self._doing = ""

    def __enter__(self) -> Progress:
        if not self.quiet and sys.stderr is not None and sys.stderr.isatty():
            try:
                from rich import progress
                from rich.console import Console
            except ImportError:
                return self
            self._bar = progress.Progress(
                progress.TextColumn("{task.description}"), progress.BarColumn(), progress.TaskProgressColumn(),
                progress.TextColumn("{task.fields[left]}"), console=Console(stderr=True))
            self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def start(self, gates: int, processes: int) -> None:
        """How much there is to do."""
        self._gates_left, self._total, self._count = gates, processes + gates, 0
        self._began = time.monotonic()
        if self._bar is not None:
            self._task = self._bar.add_task("gates", total=self._total, left="")

    def say_doing(self, what: str) -> None:
        """What is being done now."""
        self._doing = what
        if self._bar is not None:
            self._bar.update(self._task, description=what)
        elif not self.quiet and time.monotonic() - self._last > _EVERY:
            self._last = time.monotonic()
            self._line(f"{self._count} of {self._total}: {what}{self._left(', ')}")

    def gate_done(self) -> None:
        self._gates_left -= 1
        self._advance()

    def process_done(self, seconds: float) -> None:
        """`seconds`: how long it took; 0 where it was skipped."""
        if seconds:
            self._spent += seconds
            self._timed += 1
        self._advance()

    def _advance(self) -> None:
        self._count += 1
        if self._bar is not None:
            self._bar.update(self._task, advance=1, left=self._left(""))

    def _left(self, before: str) -> str:
        rest = self._total - self._count
        if not self._timed or rest <= 0:
            return ""
        seconds = rest * self._spent / self._timed
        return f"{before}about {seconds / 60:.0f} min left" if seconds > 90 else f"{before}about {seconds:.0f} s left"

    def gates(self, program: str, status: str, speed: float | None, reasons: list[str]) -> None:
        """The verdict of one program's gates."""
        shown = "" if speed is None else f" (probe {speed:.2f}x)"
        if status == "passed":
            if not self.quiet:
                self._line(f"gates: {program}: passed{shown}")
            return
        if status == "failed" or not self.quiet:
            more = f" (and {len(reasons) - 2} more)" if len(reasons) > 2 else ""
            self._line(f"gates: {program}: {status}: {'; '.join(reasons[:2])}{more}{shown}")

    def problem(self, text: str) -> None:
        """Something that will make the command fail."""
        self._line(text)

    def _line(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(f"tephra: bench: {text}", markup=False, highlight=False, soft_wrap=True)
        elif sys.stderr is not None:
            print(f"tephra: bench: {text}", file=sys.stderr, flush=True)
