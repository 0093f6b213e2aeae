"""The list of known differences: a TOML file, one table per target, `"test" = "reason"`.

    [test_call]
    "test.test_call.TestRecursion.test_super_deep" = "reason"
    "(exit)" = { reason = "...", at = ["after=0"] }
    "test.test_x.T.test_y" = { reason = "...", sometimes = true }

`at` limits an entry to some thresholds; `sometimes` is for what does not show in each run. Any other entry
whose test was run and did not differ fails the verification: the list may only shrink.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from tephra.verify.records import MISSING, PSEUDO, Problem
from tephra.verify.compare import outcome
from tephra.verify.rerun import Finding
from tephra.verify.state import State


@dataclass
class Entry:
    """One known difference."""

    target: str
    test: str
    reason: str
    at: tuple[str, ...] = ()
    sometimes: bool = False

    def covers(self, target: str, config: str, test: str) -> bool:
        """Whether it is about this test under this configuration."""
        inside = target == "cpython" and test.startswith(f"test.{self.target}.")  # the whole suite in one process
        return ((inside or target.partition(":")[2] == self.target) and test.split("#")[0] == self.test
                and (not self.at or config in self.at))


def load(path: Path) -> list[Entry]:
    """The entries of a file. Raises: Problem."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Problem(f"--expected {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Problem(f"--expected {path}: no TOML: {error}") from None
    found = []
    for target, table in tables.items():
        for test, value in table.items() if isinstance(table, dict) else [("", None)]:
            row = {"reason": value} if isinstance(value, str) else value
            if not isinstance(row, dict) or not str(row.get("reason", "")).strip():
                raise Problem(f"--expected {path}: [{target}] {test!r}: expected \"test\" = \"reason\"")
            unknown = set(row) - {"reason", "at", "sometimes"}
            if unknown:
                raise Problem(f"--expected {path}: [{target}] {test!r}: unknown key {sorted(unknown)[0]!r}; "
                              "expected reason, at, sometimes")
            found.append(Entry(target, test, row["reason"], tuple(row.get("at", ())), bool(row.get("sometimes"))))
    return found


def mark(entries: list[Entry], findings: list[Finding]) -> set[int]:
    """Gives the findings that are known their reasons; the identities of the entries that failing ones have used."""
    used = set()
    for finding in findings:
        finding.known = ""
        for entry in entries:
            if entry.covers(finding.target, finding.config, finding.test):
                finding.known = entry.reason
                if finding.severe:
                    used.add(id(entry))
    return used


def apply(entries: list[Entry], state: State) -> list[str]:
    """Marks the findings that are known; one line for each entry that is to be removed."""
    used = {identity for findings in state.findings.values() for identity in mark(entries, findings)}
    stale = []
    for entry in entries:
        ran = [run for (target, config), run in state.runs.items()
               if config != "stock" and entry.covers(target, config, entry.test)
               and (entry.test in PSEUDO or outcome(run, entry.test) != MISSING)]
        if ran and id(entry) not in used and not entry.sometimes:
            stale.append(f"{entry.target}: {entry.test} no longer differs: remove it from the list")
    return stale
