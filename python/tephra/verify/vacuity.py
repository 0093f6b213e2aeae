"""Runs that prove nothing: no file, no test that passed, no compiled function."""

from __future__ import annotations

from tephra.verify.records import EXIT, IMPORT, NOTHING_SELECTED, PASSED, Run
from tephra.verify.rerun import NONE_PASSED, NOT_COMPILED, NOT_IMPORTED, NOT_STARTED, Finding


def _about(stock: Run, jit: Run, test: str, kind: str, detail: str) -> Finding:
    return Finding(jit.target, jit.config, test, kind, stock.tests.get(test, stock.ending),
                   jit.tests.get(test, jit.ending), "both sides alike", detail, jit.command)


def _pytest(run: Run) -> bool:
    return run.target.partition(":")[0] == "pytest"


def selected_nothing(run: Run) -> bool:
    """Whether pytest left no test of the target, for -k, -m, --deselect or --ignore."""
    return _pytest(run) and run.ending == NOTHING_SELECTED and not run.count("passed", "failed")


def alike(stock: Run, jit: Run) -> list[Finding]:
    """What went wrong on both sides alike, so that comparing them shows nothing."""
    found = [_about(stock, jit, test, NOT_IMPORTED, detail) for test, detail in stock.unimported.items()
             if test in jit.unimported]
    if found or stock.died or jit.died or selected_nothing(stock) and selected_nothing(jit):
        return found
    if _pytest(stock) and not stock.tests and not jit.tests and stock.ending == jit.ending != "exit status 0":
        return [_about(stock, jit, IMPORT, NOT_STARTED, stock.details.get(IMPORT, stock.reason))]
    if stock.count("failed", "xpassed") and not stock.passed and not jit.passed:
        first = next(test for test in stock.tests if stock.tests[test] in ("failed", "xpassed"))
        return [_about(stock, jit, PASSED, NONE_PASSED, stock.details.get(first, ""))]
    return []


def nothing_compiled(jit: Run, require: int) -> list[Finding]:
    """A run that proves nothing about the JIT. `require`: functions that it must compile while its tests run."""
    why = ""
    if selected_nothing(jit):
        return []
    if not jit.functions and (not jit.enabled or jit.config == "after=0"):
        why = jit.reason or ("the JIT was never switched on" if not jit.enabled else "no function was compiled")
        why += "".join(f"; {count} times refused: {reason}" for reason, count in jit.bailouts.items())
    elif jit.tests and not jit.died and jit.in_tests < require:
        why = f"{jit.in_tests} functions compiled while the tests ran, {require} required"
    if not why:
        return []
    return [Finding(jit.target, jit.config, EXIT, NOT_COMPILED, "", f"{jit.functions} functions", why,
                    command=jit.command)]
