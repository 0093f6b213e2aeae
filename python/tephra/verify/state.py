"""The state file: one JSON object per line, appended as results come, so that a stopped run can go on."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from tephra.verify.records import Problem, Run
from tephra.verify.rerun import Finding

_VERSION = 1


class State:
    """Results on disk.

    Arguments: path; setup (what must be the same for results to belong together); resume (go on with the file
        that is there; otherwise it is begun anew).

    Attributes: runs ({(target, config): Run}), findings ({(target, config): list}), note ("" or what was
        repaired).
    Raises: Problem where the file cannot be used.
    """

    def __init__(self, path: Path, setup: dict[str, object], resume: bool) -> None:
        self.path = path
        self.runs: dict[tuple[str, str], Run] = {}
        self.findings: dict[tuple[str, str], list[Finding]] = {}
        self.note = ""
        self._lock = threading.Lock()
        if resume:
            self._load(setup)
        try:
            self._file = path.open("a" if resume else "w", encoding="utf-8")
            if not resume:
                self._append({"version": _VERSION, "setup": setup})
        except OSError as error:
            raise Problem(f"{path}: the results cannot be written: {error.strerror}") from None

    def _load(self, setup: dict[str, object]) -> None:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            raise Problem(f"--resume: there is no {self.path}; run without --resume first") from None
        except OSError as error:
            raise Problem(f"--resume: {self.path}: {error.strerror}") from None
        *lines, rest = data.split(b"\n")
        if rest:
            self.note = f"{self.path}: the last line is incomplete; that result is computed again"
            os.truncate(self.path, len(data) - len(rest))
        for number, line in enumerate(lines, 1):
            try:
                self._take(json.loads(line), setup, number)
            except (ValueError, TypeError, KeyError, AttributeError):
                raise Problem(f"--resume: {self.path}:{number}: no result of `verify` (damaged file?); remove it "
                              "and run without --resume") from None
        if not lines:
            raise Problem(f"--resume: {self.path} is empty; run without --resume")

    def _take(self, row: dict, setup: dict[str, object], number: int) -> None:
        if number == 1:
            if row["version"] != _VERSION:
                raise ValueError
            for key in {**row["setup"], **setup}:
                before, now = row["setup"].get(key), setup.get(key)
                if before != now:
                    raise Problem(f"--resume: {self.path} is of another run: its {key} was {before}, not {now}")
        elif "run" in row:
            run = Run.from_json(row["run"])
            self.runs[run.target, run.config] = run
        else:
            self.findings[row["target"], row["config"]] = [Finding(**each) for each in row["findings"]]

    def _append(self, row: dict[str, object]) -> None:
        with self._lock:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()

    def add_run(self, run: Run) -> None:
        """A first run is over. Raises OSError when it cannot be written."""
        self.runs[run.target, run.config] = run
        self._append({"run": run.to_json()})

    def add_findings(self, target: str, config: str, findings: list[Finding]) -> None:
        """A configuration of a target is judged. Raises OSError when that cannot be written."""
        self.findings[target, config] = findings
        self._append({"target": target, "config": config, "findings": [each.to_json() for each in findings]})

    def close(self) -> None:
        """No more results."""
        self._file.close()
