"""pytest under the JIT: `pytest -p tephra.pytest_plugin --tephra-after=0 --tephra-require-compiled=1`.

The JIT is switched on after collection, so that what runs at import is not compiled by accident. The last lines
of the report say what was compiled; a session that compiled less than it should fails.

Options:
    --tephra-after=N              compile a function at N interpreted calls (0: the first one; default: TEPHRA's)
    --tephra-require-compiled=N   fail unless at least N functions were compiled while the tests ran
    --tephra-record=FILE          append each outcome to FILE as it comes, one JSON object per line
    --tephra-order=FILE           run the tests in the order of FILE, one node id per line; others come last
    --tephra-only=ID              run this test and no other (repeatable): its node id, as pytest prints it, whatever
                                  folder it is relative to
    --tephra-files=FILE           run nothing, import no test: write the paths of the files that pytest would collect

With any of them the tests run in this process: `-n` of pytest-xdist is overridden.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tephra import _native, jit
from tephra.verify.child import Recorder, jit_totals

_OPTIONS = ("tephra_after", "tephra_require_compiled", "tephra_record", "tephra_order", "tephra_only", "tephra_files")


def _threshold(text: str) -> int | str:
    if text == "default":
        return text
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 1_000_000_000:
        raise pytest.UsageError(f"--tephra-after={text}: expected a number of calls in 0..1000000000, or default")
    return number


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of this plugin."""
    group = parser.getgroup("tephra", "the Tephra JIT")
    group.addoption("--tephra-after", metavar="N", default=None,
                    help="switch the JIT on after collection; compile a function at N interpreted calls "
                         "(0: the first one; default: Tephra's own threshold)")
    group.addoption("--tephra-require-compiled", metavar="N", type=int, default=0,
                    help="fail unless at least N functions were compiled while the tests ran")
    group.addoption("--tephra-record", metavar="FILE", help="append each outcome to FILE, one JSON object per line")
    group.addoption("--tephra-order", metavar="FILE", help="run the tests in the order of FILE (node ids)")
    group.addoption("--tephra-only", metavar="ID", action="append", default=[],
                    help="run the test with this node id and no other (repeatable)")
    group.addoption("--tephra-files", metavar="FILE",
                    help="run and import nothing: write the paths of the files with tests to FILE")


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Iterator[None]:
    """Before pytest-xdist looks: its workers would each have a JIT of their own, which nobody counts."""
    if any(config.getoption(name) for name in _OPTIONS) or config.getoption("tephra_after") is not None:
        if hasattr(config.option, "numprocesses"):
            config.option.numprocesses, config.option.tx, config.option.dist = 0, [], "no"
    yield


def pytest_configure(config: pytest.Config) -> None:
    """Refuses what cannot work before anything is collected."""
    after = config.getoption("tephra_after")
    required = config.getoption("tephra_require_compiled")
    if required < 0:
        raise pytest.UsageError(f"--tephra-require-compiled={required}: expected a number of functions, 0 or more")
    if config.getoption("tephra_files"):
        config.pluginmanager.register(Files(config.getoption("tephra_files")), "tephra-files")
        return
    if after is None and not any(config.getoption(name) for name in _OPTIONS):
        return
    if after is not None:
        after = _threshold(after)
        if _native.reason:
            raise pytest.UsageError(f"--tephra-after: the JIT is off: {_native.reason}")
    config.pluginmanager.register(Session(config, after), "tephra-session")


class Files:
    """Finds the files that pytest would collect, as its options, configuration and plugins have it.

    Arguments: path (of the list, one file per line, written at the end).
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._found: dict[str, None] = {}

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collect_file(self, file_path: Path) -> Iterator[None]:
        """Notes a file with tests, and keeps pytest from importing it."""
        outcome = yield
        if outcome.get_result():  # type: ignore[attr-defined]
            self._found[str(file_path)] = None
        outcome.force_result([])  # type: ignore[attr-defined]

    def pytest_sessionfinish(self) -> None:
        """All folders were looked into."""
        Path(self._path).write_text("\n".join(self._found))


class Session:
    """What the plugin does in one pytest session.

    Arguments: config; after (threshold, `default`, or None: the JIT is left as it is).
    """

    def __init__(self, config: pytest.Config, after: int | str | None) -> None:
        self._after = after
        self._required = config.getoption("tephra_require_compiled")
        self._order = config.getoption("tephra_order")
        self._only = config.getoption("tephra_only")
        record = config.getoption("tephra_record")
        self._recorder = Recorder(record) if record else None
        self._before = 0
        self._failed = False

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leaves the tests that were asked for, in the order that was asked for."""
        if self._only:
            self._choose(config, items)
        if self._order:
            try:
                lines = Path(self._order).read_text().splitlines()
            except OSError as error:
                raise pytest.UsageError(f"--tephra-order={self._order}: {error.strerror}") from None
            place = {line: number for number, line in enumerate(lines)}
            items.sort(key=lambda item: place.get(item.nodeid, len(place)))

    def _choose(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if item.nodeid in self._only]
        missing = set(self._only) - {item.nodeid for item in chosen}
        if missing:
            raise pytest.UsageError(f"--tephra-only={min(missing)}: no such test was collected")
        kept = {id(item) for item in chosen}
        config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
        items[:] = chosen

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """Everything is imported: the JIT may begin."""
        self._before = int(str(jit_totals()["functions"]))
        if self._after == "default":
            jit.auto()
        elif self._after is not None:
            jit.compile_after_n_calls(int(self._after))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        if self._recorder:
            self._recorder.start(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of a test is over."""
        if not self._recorder:
            return
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if report.skipped else "xpassed" if report.passed else "failed"
        else:
            outcome = report.outcome
        if outcome != "passed" or report.when == "call":
            self._recorder.note(report.nodeid, outcome, "" if report.passed else report.longreprtext)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A test is over."""
        if self._recorder:
            self._recorder.stop(nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be imported is an outcome too."""
        if self._recorder and report.failed:
            self._recorder.unimported(report.nodeid, report.longreprtext)
        elif self._recorder and not report.passed:
            self._recorder.note(report.nodeid, report.outcome, report.longreprtext)

    @property
    def compiled(self) -> int:
        """Functions compiled since collection ended."""
        return int(str(jit_totals()["functions"])) - self._before

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A session that proved nothing fails."""
        if self.compiled < self._required:
            self._failed = True
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """What was compiled, and whether that is enough."""
        totals = jit_totals()
        if self._after is not None or self._required:
            terminalreporter.write_line(f"tephra: {self.compiled} functions compiled while the tests ran, "
                                        f"{totals.get('code_bytes', 0)} bytes, {totals.get('exits', 0)} exits")
        if self._failed:
            why = jit.status().reason
            terminalreporter.write_line(f"tephra: FAILED: {self._required} compiled functions were required"
                                        + (f"; {why}" if why else ""), red=True)
