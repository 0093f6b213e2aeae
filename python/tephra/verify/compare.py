"""Two runs of the same target, test by test."""

from __future__ import annotations

from dataclasses import dataclass

from tephra.verify.records import EXIT, MISSING, NOT_RUN, Run


@dataclass
class Difference:
    """A test whose outcomes differ. `test` is (exit) for the way in which the process ended."""

    test: str
    stock: str
    jit: str


def outcome(run: Run, test: str) -> str:
    """A test's outcome in a run; `missing` or `not run` where it has none."""
    if test == EXIT:
        return run.ending
    if test in run.tests:
        return run.tests[test]
    return NOT_RUN if run.died else MISSING


def differences(stock: Run, jit: Run) -> list[Difference]:
    """All tests whose outcomes differ, in the stock run's order.

    Tests that a dead process did not get to are not listed: its end is. An exit status that differs is listed
    only where no test explains it.
    """
    found = []
    for test in [*stock.tests, *(test for test in jit.tests if test not in stock.tests)]:
        a, b = outcome(stock, test), outcome(jit, test)
        if a != b and NOT_RUN not in (a, b):
            found.append(Difference(test, a, b))
    if stock.ending != jit.ending and (not found or stock.died or jit.died):
        found.append(Difference(EXIT, stock.ending, jit.ending))
    return found


def same_order(a: Run, b: Run) -> bool:
    """Whether the tests that both runs have came in the same order."""
    return [test for test in a.tests if test in b.tests] == [test for test in b.tests if test in a.tests]
