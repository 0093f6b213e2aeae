"""Every difference is run again, on stock and under the JIT, before it is called anything.

On stock: the whole file once more, in the order that the JIT's run had, and the test alone. Under the JIT: the
whole file in that order; where that does not show it again, once more, and the test alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from tephra.verify.compare import Difference, differences, outcome, same_order
from tephra.verify.jobs import STOCK
from tephra.verify.records import EXIT, GOOD, MISSING, OUTPUT, PSEUDO, Run

REGRESSION, CRASH, TIMEOUT = "regression", "crash", "time-out"
FLAKY, ORDER, ONCE, CHANGED, BETTER = "flaky", "order-dependent", "seen once", "changed", "passes"
STOCK_DIED, NOT_COMPILED, MEMORY = "not compared", "nothing compiled", "lack of memory"
NOT_IMPORTED, NOT_STARTED, NONE_PASSED = "not imported", "not started", "nothing passed"
FAILING = (REGRESSION, CRASH, TIMEOUT, CHANGED, STOCK_DIED, NOT_COMPILED, NOT_IMPORTED, NOT_STARTED, NONE_PASSED)
FAILING_IF_STRICT = (ONCE, MEMORY)
_MOST_ALONE = 12  # tests of one file that are run alone

Runner = Callable[..., Run]  # (config, label=, only=, order=) -> Run


@dataclass
class Finding:
    """A difference and what the further runs made of it.

    Attributes:
        kind: regression (passes on stock, not under the JIT), crash and time-out (the process), changed
            (another outcome that is the same each time), passes (under the JIT, where stock fails or skips), flaky (stock differs from itself), order-dependent
            (stock agrees with the JIT when its tests come in the other order, or alone), seen once, lack of memory
            (skipped for it on one side only), not compared (stock itself died), nothing compiled; and of both sides
            alike: not imported, not started, nothing passed.
        evidence: what each run said, in words.
        detail: the traceback or the last frames.
        command: a shell command that reproduces it.
        known: the reason in the list of expected differences, or "".
        strict: whether what was seen only once fails, too.
    """

    target: str
    config: str
    test: str
    kind: str
    stock: str
    jit: str
    evidence: str = ""
    detail: str = ""
    command: str = ""
    known: str = ""
    strict: bool = False

    @property
    def severe(self) -> bool:
        """Whether it is of a kind that makes the verification fail."""
        return self.kind in FAILING or self.strict and self.kind in FAILING_IF_STRICT

    @property
    def fails(self) -> bool:
        """Whether the verification fails because of this."""
        return self.severe and not self.known

    def to_json(self) -> dict[str, object]:
        """For the state file."""
        return dataclasses.asdict(self)

    def line(self) -> str:
        """One line for people."""
        known = f" [known: {self.known}]" if self.known else ""
        return (f"{self.kind}: {self.target} {self.config} {self.test}: stock {self.stock}, JIT {self.jit}"
                f" ({self.evidence}){known}")


def death(run: Run) -> str:
    """Where a process died: the running test, the last function compiled, the frames."""
    parts = [f"{run.ending} while running {run.running}" if run.running else run.ending]
    if run.last:
        parts.append(f"last: {run.last}")
    return "; ".join(parts) + "".join(f"\n  in {frame}" for frame in run.frames)


def _kind(difference: Difference, jit: Run) -> str:
    if difference.test == EXIT and jit.died:
        return TIMEOUT if jit.ending == "time-out" else CRASH
    if difference.test in (EXIT, OUTPUT):
        return REGRESSION
    if difference.jit == "passed" and difference.stock in ("failed", "skipped"):
        return BETTER
    return REGRESSION if difference.stock in GOOD else CHANGED


def _judge(difference: Difference, first: tuple[Run, Run], stocks: list[Run], jits: list[Run],
           alone: dict[str, tuple[Run, Run]], ordered: bool) -> Finding:
    """What the further runs say about one difference."""
    test, stock, jit = difference.test, *first
    on_stock = [outcome(run, test) for run in stocks]
    under_jit = [outcome(run, test) for run in jits]
    single = alone.get(test)
    words = [f"again on stock {', '.join(on_stock)}", f"under the JIT {', '.join(under_jit)}"]
    if single:
        words.append(f"alone {outcome(single[0], test)} and {outcome(single[1], test)}")
    kind = _kind(difference, jit)
    if any(each != difference.stock for each in on_stock):
        same_as_jit = difference.jit in on_stock
        kind = ORDER if same_as_jit and not ordered else FLAKY
    elif kind not in (CRASH, TIMEOUT) and difference.stock in under_jit:
        alone_too = single is not None and outcome(single[0], test) != outcome(single[1], test)
        again = sum(each != difference.stock for each in under_jit)
        if single and alone_too and (difference.jit, difference.stock) == tuple(outcome(run, test) for run in single):
            kind = FLAKY  # either side has had either outcome
        elif not alone_too and not again:
            kind = ORDER if single and outcome(single[0], test) == difference.jit else ONCE
    elif single and outcome(single[0], test) == difference.jit and difference.jit != MISSING:
        words.append("alone it differs on stock too")
    if {difference.stock, difference.jit} <= set(GOOD) and (stock.lacks_memory(test) or jit.lacks_memory(test)):
        kind = MEMORY  # how much there is depends on what else runs
    if kind == TIMEOUT and all(each == difference.stock for each in under_jit):
        kind = ONCE
    detail = death(jit) if test == EXIT and jit.died else jit.details.get(test, stock.details.get(test, ""))
    return Finding(jit.target, jit.config, test, kind, difference.stock, difference.jit, "; ".join(words), detail,
                   single[1].command if single else jit.command)


def examine(stock: Run, jit: Run, run: Runner) -> list[Finding]:
    """The findings of a pair of runs; `run` starts the further ones.

    Raises: whatever `run` raises.
    """
    found = differences(stock, jit)
    if stock.died and stock.ending == jit.ending:
        return [Finding(stock.target, jit.config, EXIT, STOCK_DIED, stock.ending, jit.ending,
                        f"both runs ended so: stock within {stock.running or 'no test'}, JIT within "
                        f"{jit.running or 'no test'}", death(stock), stock.command)]
    if not found:
        return []
    order = list(jit.tests)
    stocks = [run(STOCK, label=f"again-{jit.config}", order=order)]
    jits = [run(jit.config, label="again", order=order)]
    if any(outcome(jits[0], each.test) == each.stock for each in found):
        jits.append(run(jit.config, label="again-2", order=order))
    single = [each for each in found if each.test not in (*PSEUDO, *stock.unimported, *jit.unimported)]
    alone = {}
    for each in single[:_MOST_ALONE]:
        only = [each.test]
        alone[each.test] = (run(STOCK, label=f"alone-{jit.config}-{each.test}", only=only),
                            run(jit.config, label=f"alone-{each.test}", only=only))
    ordered = same_order(stock, jit)
    return [_judge(each, (stock, jit), stocks, jits, alone, ordered) for each in found]
