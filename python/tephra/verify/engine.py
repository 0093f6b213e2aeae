"""Runs all targets, a few at a time, and judges each."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from tephra.verify import expected, jobs, rerun, vacuity
from tephra.verify.expected import Entry
from tephra.verify.jobs import STOCK, Processes, Settings
from tephra.verify.progress import Progress
from tephra.verify.records import Run
from tephra.verify.state import State
from tephra.verify.targets import Target


class Engine:
    """Arguments: settings; configs (under the JIT, `after=N`); state; jobs (processes at a time); require
    (functions that each run under the JIT must compile while its tests run); progress; known (the list of expected
    differences); strict (what was seen only once fails)."""

    def __init__(self, settings: Settings, configs: list[str], state: State, count: int, require: int,
                 progress: Progress, known: list[Entry], strict: bool) -> None:
        self._settings, self._configs, self._state = settings, configs, state
        self._count, self._require, self._progress, self._known = count, require, progress, known
        self._strict = strict
        self._processes = Processes()

    def run(self, targets: list[Target]) -> None:
        """All targets, one threshold after the other, so that a run that is stopped has the first ones complete.

        Raises: KeyboardInterrupt, OSError; what is finished is in the state by then.
        """
        # Packages that regrtest takes apart start processes by the hundred: they come last, whoever stops early has most.
        ordered = sorted(targets, key=lambda each: each.kind == "cpython" and "." in each.what)
        for config in self._configs:
            self._round(ordered, config)

    def _round(self, targets: list[Target], config: str) -> None:
        with ThreadPoolExecutor(self._count) as pool:
            waiting = {pool.submit(self._target, target, config) for target in targets}
            try:
                while waiting:
                    done, waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
            except BaseException:
                for future in waiting:
                    future.cancel()
                self._processes.stop()
                raise

    def _target(self, target: Target, config: str) -> None:
        def start(config: str, **how) -> Run:
            return jobs.run(target, config, self._settings, self._processes, **how)

        if self._processes.stopping:
            return
        first = config == self._configs[0]
        stock = self._first(target, STOCK) if first else self._state.runs[target.name, STOCK]
        jit = self._first(target, config)
        if (target.name, config) in self._state.findings:
            return
        findings = vacuity.alike(stock, jit) or vacuity.nothing_compiled(jit, self._require)
        if jit.tests or not findings:  # where no test was run there is nothing to compare
            findings += rerun.examine(stock, jit, start)
        for finding in findings:
            finding.strict = self._strict
        expected.mark(self._known, findings)
        self._state.add_findings(target.name, config, findings)
        for finding in findings:
            self._progress.say(finding.line())

    def _first(self, target: Target, config: str) -> Run:
        run = self._state.runs.get((target.name, config))
        fresh = run is None
        if run is None:
            run = jobs.run(target, config, self._settings, self._processes)
            self._state.add_run(run)
        failing = sum(each.fails for found in list(self._state.findings.values()) for each in found)
        self._progress.step(f"{target.name} {config}: {run.count('passed')} passed, "
                            f"{run.count('failed', 'xpassed')} failed", run.functions, failing, fresh)
        return run
