"""On an emulated machine: the core of CPython's own tests, everything compiled at first call, against stock.

Like test_cpython_suite.py, but the stock run, which is slow there, is made only when it is needed, and several modules
share a process: most of what a small module takes is compiling the test runner. A module is run alone, and stock, when its
share of that process leaves a question. Every test that passes stock must pass compiled. Differences that are known are
listed in ``expected_<version>.toml`` with a reason each; the list may only shrink.
"""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree

import modules
import pytest

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
RUNNER = pathlib.Path(__file__).with_name("run_module.py")
EMULATED = bool(os.environ.get("TEPHRA_TEST_EMULATED"))
SLOWER = 4 if EMULATED else 1
# Emulation is slow: the stock run, under the same emulator, is made when the compiled one leaves a question.
STOCK_ALWAYS = SLOWER == 1 or "TEPHRA_TEST_FULL" in os.environ
BATCH = 7  # modules of one process
GOOD = {"passed", "completed", "run"}
EXPECTED = pathlib.Path(__file__).with_name(f"expected_{VERSION}.toml")


class Run:
    """A run of test modules in a process of their own, begun at once; finish() waits for it.

    Attributes: found ({test: outcome}), compiled (number of functions), returncode, text (of the run).
    `add`: is told once what was compiled.
    """

    def __init__(self, modules, folder, jit, add):
        self.modules, self.add, self.returncode = modules, add, None
        folder.mkdir()
        self.report, self.count, self.log = (folder / name for name in ("report.xml", "count", "log"))
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TEPHRA", "PYTEST"))}
        env |= {"TEPHRA": "1", "TEPHRA_COMPILE_AFTER": "0"} if jit else {"TEPHRA": "0"}
        command = [sys.executable, "-X", "faulthandler", str(RUNNER), str(self.count), "--junit-xml",
                   str(self.report), "--timeout", str(240 * SLOWER), *modules]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=env, cwd=folder, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT)

    def finish(self):
        if self.returncode is not None:
            return self
        try:
            self.returncode = self.process.wait(timeout=280 * SLOWER * len(self.modules))
        finally:
            self.process.kill()
        self.text = self.log.read_text(errors="replace")
        self.compiled, size = map(int, self.count.read_text().split()) if self.count.exists() else (0, 0)
        self.add(self.compiled, size)
        self.found = {}
        for case in ElementTree.parse(self.report).iter("testcase") if self.report.exists() else ():
            kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
            self.found[case.get("name")] = kinds[0] if kinds else case.get("result", "passed")
        return self

    def flawless(self, module):
        """This module passed, nothing of it failed, something was compiled: no stock run could do better."""
        own = {outcome for test, outcome in self.found.items() if test.startswith(f"test.{module}.")}
        passed = re.search(rf"^.*\[ *\d+/\d+(?:/\d+)?\] {re.escape(module)} passed\b", self.text, re.M)
        return bool(passed and self.compiled > 0 and own and own <= GOOD | {"skipped"})


def known(module):
    if not EXPECTED.exists():
        return {}
    return tomllib.loads(EXPECTED.read_text()).get(module, {})


def present(module):
    """The module's name in this version, or None."""
    names = (module, modules.RENAMED.get(module))
    return next((name for name in names if name and importlib.util.find_spec(f"test.{name}")), None)


@pytest.fixture(scope="module")
def batches(tmp_path_factory, compiled_by_children):
    """A function: the finished compiled run of all modules that share a process with this one."""
    made = {}

    def of(module):
        first = modules.CORE.index(module) // BATCH * BATCH
        if first not in made:
            names = [name for each in modules.CORE[first:first + BATCH] if (name := present(each))]
            try:
                folder = tmp_path_factory.mktemp("batch") / "compiled"
                made[first] = Run(names, folder, jit=True, add=compiled_by_children).finish()
            except subprocess.TimeoutExpired:
                made[first] = None
        return made[first]

    return of


@pytest.mark.skipif(not EMULATED, reason="test_cpython_suite.py has these modules and more")
@pytest.mark.parametrize("module", modules.CORE)
def test_module(module, tmp_path, batches, compiled_by_children):
    name = present(module)
    if name is None:
        pytest.skip(f"this interpreter has no {module}")
    if not STOCK_ALWAYS and (shared := batches(module)) and shared.flawless(name):
        return
    compiled = Run([name], tmp_path / "compiled", jit=True, add=compiled_by_children)
    if not STOCK_ALWAYS and compiled.finish().flawless(name):
        return
    stock = Run([name], tmp_path / "stock", jit=False, add=compiled_by_children).finish()
    run = compiled.finish()
    assert stock.found, f"the stock run tells nothing:\n{stock.text[-3000:]}"
    assert stock.compiled == 0
    assert run.returncode >= 0, f"{name} died of signal {-run.returncode}:\n{run.text[-6000:]}"
    assert run.compiled > 0, f"nothing was compiled:\n{run.text[-3000:]}"
    allowed = known(module)
    worse = {test: run.found.get(test, "missing") for test, outcome in stock.found.items()
             if outcome in GOOD and run.found.get(test, "missing") not in GOOD and test not in allowed}
    assert not worse, f"{worse}\n{run.text[-9000:]}"
    assert set(run.found) == set(stock.found), sorted(set(run.found) ^ set(stock.found))[:20]
    # What the report does not show (sub-tests, set-up of classes) still decides about the exit status.
    assert allowed or run.returncode == stock.returncode, run.text[-9000:]
