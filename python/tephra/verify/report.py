"""The text at the end, and what decides about the exit status."""

from __future__ import annotations

import collections
from dataclasses import dataclass, field

from tephra.verify.cost import Cost, costs
from tephra.verify.jobs import STOCK
from tephra.verify.records import Run
from tephra.verify.rerun import FAILING_IF_STRICT, Finding
from tephra.verify.state import State


@dataclass
class Summary:
    """Everything that the report shows.

    Attributes: title; configs (stock first); state; problems (lines that make the run fail); notes (lines that
        do not); stale and worse are among the problems.
    """

    title: str
    configs: list[str]
    state: State
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def runs(self, config: str) -> list[Run]:
        """The first runs of a configuration."""
        return [run for (_, each), run in self.state.runs.items() if each == config]

    def findings(self) -> list[Finding]:
        """All findings, the failing ones first."""
        found = [each for group in self.state.findings.values() for each in group]
        return sorted(found, key=lambda each: (not each.fails, bool(each.known), each.kind, each.target, each.test))

    @property
    def costs(self) -> list[Cost]:
        """CPU time and memory of each threshold against stock."""
        return costs(self.state, self.configs)

    def add_vacuity(self) -> None:
        """A configuration in which nothing at all was compiled, or no test passed, makes the run fail."""
        for config in self.configs:
            runs = self.runs(config)
            if config != STOCK and runs and not sum(run.functions for run in runs):
                what = f"{config}: nothing was compiled in {len(runs)} runs: nothing is proved"
                # In Tephra's own way functions are compiled when samples show that it pays: in short tests none may.
                (self.notes if config == "after=default" else self.problems).append(what)
            tests = sum(len(run.tests) for run in runs)
            if runs and not tests:
                self.problems.append(f"{config}: no test was run")
            elif runs and not sum(run.passed for run in runs):
                self.problems.append(f"{config}: no test passed: nothing is proved")

    @property
    def failed(self) -> bool:
        """Whether the exit status is 1."""
        return bool(self.problems) or any(each.fails for each in self.findings())

    def table(self) -> list[tuple[str, ...]]:
        """One row per configuration, headings first."""
        rows: list[tuple[str, ...]] = [("", "files", "passed", "failed", "skipped", "no memory", "xfailed", "died",
                                        "functions", "in tests", "in children", "bytes", "exits", "regressions",
                                        "known", "CPU s", "peak MiB")]
        findings = self.findings()
        for config in self.configs:
            runs = self.runs(config)
            ours = [each for each in findings if each.config == config]
            no_memory = sum(run.no_memory for run in runs)
            numbers = (len(runs), sum(run.passed for run in runs),
                       sum(run.count("failed", "xpassed") for run in runs),
                       sum(run.count("skipped") for run in runs) - no_memory, no_memory,
                       sum(run.count("xfailed") for run in runs), sum(run.died for run in runs),
                       sum(run.functions for run in runs), sum(run.in_tests for run in runs),
                       sum(run.child_functions for run in runs), sum(run.code_bytes for run in runs),
                       sum(run.exits for run in runs), sum(each.fails for each in ours),
                       sum(bool(each.known) for each in ours), f"{sum(run.cpu_seconds for run in runs):.2f}",
                       f"{max((run.peak_kib for run in runs), default=0) / 1024:.1f}")
            rows.append((config, *map(str, numbers)))
        return rows

    def text(self) -> str:
        """What is printed."""
        rows = self.table()
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [self.title]
        for row in rows:
            lines.append("  ".join(cell.rjust(width) if i else cell.ljust(width)
                                   for i, (cell, width) in enumerate(zip(row, widths, strict=True))))
        for cost in self.costs:
            lines += [line for line in (cost.line(), cost.warning()) if line]
        findings = self.findings()
        kinds = collections.Counter(each.kind + (" (known)" if each.known else "") for each in findings)
        if kinds:
            lines.append("differences: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
        for each in findings:
            lines.append(("FAILED " if each.fails else "       ") + each.line())
            if each.fails:
                lines += [f"           {line}" for line in each.detail.strip().splitlines()[-6:]]
                lines.append(f"           reproduce: {each.command}")
        lines += [f"FAILED {line}" for line in self.problems]
        lines += [f"       {line}" for line in self.notes[:50]]
        if len(self.notes) > 50:
            lines.append(f"       and {len(self.notes) - 50} more changes against the baseline")
        once = sum(each.kind in FAILING_IF_STRICT and not each.known and not each.strict for each in findings)
        hint = f" ({once} differences that did not show again or lacked memory: --strict fails for them)" if once else ""
        lines.append("verify: FAILED" if self.failed else "verify: no regressions" + hint)
        return "\n".join(lines)
