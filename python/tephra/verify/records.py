"""What one process under test leaves behind, and how that becomes a Run."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
from dataclasses import dataclass, field
from pathlib import Path

MISSING = "missing"  # the outcome of a test that the other run had
NOT_RUN = "not run"  # the outcome of a test that a dead process did not get to
EXIT = "(exit)"  # the name under which the way in which the process ended is compared
OUTPUT = "(output)"  # ... and what a script printed
IMPORT = "(import)"  # the name under which a file that cannot be imported is reported, where it has no other
PASSED = "(passed)"  # ... and one in which no test passed
PSEUDO = (EXIT, OUTPUT, IMPORT, PASSED)  # no tests
GOOD = ("passed", "skipped", "xfailed")
NOT_IMPORTED_TEST = "unittest.loader._FailedTest."  # the test that unittest makes of a module that it cannot import
NOTHING_SELECTED = "exit status 5"  # pytest's, where no test is left after -k and the like
# What suites say when they skip a test that needs more memory than there is.
_LACKS_MEMORY = re.compile(r"(?:not enough|insufficient|too little|lack of|out of|low on) (?:\S+ ){0,2}(?:memory|RAM)\b"
                           r"|\d\s*[KMGT]i?B(?: of)?(?: \w+)? (?:memory|RAM)\b|MemoryError", re.IGNORECASE)


class Problem(Exception):
    """Why the command cannot go on; the text is one line."""


@dataclass
class Run:
    """One process: a target under one configuration.

    Attributes:
        target, config: names; config is "stock" or "after=N".
        ending: "exit status N", a signal's name, or "time-out".
        tests: outcome of each test, in the order in which they ended.
        details: traceback or reason, of those that neither passed nor were skipped.
        running: the test that was running when the process died, or "".
        unimported: files that could not be imported, with the traceback.
        uncaught: the exception that ended a script, in one line, or "".
        functions, in_tests, code_bytes, exits: of the process; in_tests counts only since the first test began.
        child_functions: compiled in processes that the tests started.
        bailouts: how often compilation was refused, by reason.
        enabled, reason: whether the JIT was on at the end, and why not; reason is also the last line printed where
            no test was run.
        last: the function that was being compiled, or compiled last, when the process died.
        frames: innermost Python frames that faulthandler printed.
        seconds: wall time.
        cpu_seconds: user and system time, with that of all processes that it waited for.
        peak_kib: resident memory at its highest, of the process or of the largest of those that it waited for.
        compile_seconds: of the CPU time, what compiling took in the process itself.
        command: what reproduces this run, for a shell.
        log: path of everything that it printed.
    """

    target: str
    config: str
    ending: str = ""
    tests: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    running: str = ""
    unimported: dict[str, str] = field(default_factory=dict)
    uncaught: str = ""
    functions: int = 0
    in_tests: int = 0
    code_bytes: int = 0
    exits: int = 0
    child_functions: int = 0
    bailouts: dict[str, int] = field(default_factory=dict)
    enabled: bool = False
    reason: str = ""
    last: str = ""
    frames: list[str] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_kib: int = 0
    compile_seconds: float = 0.0
    command: str = ""
    log: str = ""

    @property
    def died(self) -> bool:
        """Whether a signal or the clock ended it."""
        return not self.ending.startswith("exit status")

    def count(self, *outcomes: str) -> int:
        """How many tests had one of these outcomes."""
        return sum(outcome in outcomes for outcome in self.tests.values())

    @property
    def passed(self) -> int:
        """How many tests passed; a program that came to its end counts as one."""
        whole = OUTPUT in self.tests and not self.died and not self.uncaught
        return self.count("passed") + whole

    def lacks_memory(self, test: str) -> bool:
        """Whether a test was skipped because it needs more memory than there is."""
        return self.tests.get(test) == "skipped" and bool(_LACKS_MEMORY.search(self.details.get(test, "")))

    @property
    def no_memory(self) -> int:
        """How many tests were skipped for lack of memory."""
        return sum(self.lacks_memory(test) for test in self.tests)

    def to_json(self) -> dict[str, object]:
        """For the state file."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_json(data: dict[str, object]) -> Run:
        """The opposite of to_json(). Raises TypeError for fields that do not fit."""
        return Run(**data)  # type: ignore[arg-type]


def ending_of(returncode: int | None) -> str:
    """Popen's return code in words; None is a time-out."""
    if returncode is None:
        return "time-out"
    if returncode >= 0:
        return f"exit status {returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"


def read_events(run: Run, path: Path) -> None:
    """Takes the record file that the process wrote into `run`. A torn last line is left out."""
    running: list[str] = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        kind, name = event.get("e"), event.get("t", "")
        if kind == "start":
            running.append(name)
        elif kind == "again" and name in running:
            running.remove(name)
        elif kind == "end":
            if name in running:
                running.remove(name)
            run.tests[name] = event["o"]
            if event.get("d") and event["o"] not in ("passed",):
                run.details[name] = event["d"]
            if event.get("i") or event["o"] == "failed" and name.startswith(NOT_IMPORTED_TEST):
                run.unimported[name] = event.get("d", "")
        elif kind == "done":
            run.functions, run.code_bytes = event.get("functions", 0), event.get("code_bytes", 0)
            run.in_tests = run.functions - event.get("tests_at", 0)
            run.exits, run.enabled = event.get("exits", 0), bool(event.get("enabled"))
            run.reason, run.bailouts = event.get("reason", ""), event.get("bailouts", {})
            run.compile_seconds = round(event.get("compile_time", 0.0), 4)
            run.peak_kib, run.uncaught = event.get("peak_kib", 0), event.get("uncaught", "")
    run.running = running[-1] if running else ""


def read_trails(run: Run, folder: Path, pid: int) -> None:
    """The files of the option last-compiled: of the process itself, and of those that it started."""
    for path in folder.glob("*"):
        fields = dict(line.split("\t", 1) for line in path.read_text(errors="replace").split("\0")[0].splitlines()
                      if "\t" in line)
        functions = int(fields.get("functions", 0))
        if path.name != str(pid):
            run.child_functions += functions
            continue
        run.last = next((f"{what} {fields[what]}" for what in ("compiling", "compiled", "refused") if what in fields),
                        "")
        if not run.functions:  # it died before it could tell
            run.functions, run.code_bytes = functions, int(fields.get("bytes", 0))
            run.enabled = functions > 0


_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')


def read_frames(log: str) -> list[str]:
    """The innermost frames of the thread that faulthandler calls the current one."""
    at = log.rfind("Fatal Python error")
    if at < 0:
        return []
    part = log[at:]
    current = part.find("Current thread")
    found = []
    for line in part[max(current, 0):].splitlines()[1:]:
        match = _FRAME.match(line)
        if match:
            found.append(f"{match[3]} ({match[1]}:{match[2]})")
        elif found:
            break
    return found[:8]
