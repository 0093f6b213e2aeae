"""CPython's own tests, everything compiled at first call, against a stock run: test by test.

Every test that passes stock must pass compiled. Differences that are known are listed in
``expected_<version>.toml`` with a reason each; the list may only shrink.
"""

import os
import pathlib
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree

import pytest

MODULES = """test_grammar test_builtin test_dict test_list test_tuple test_set test_int test_float test_str
test_bytes test_exceptions test_scope test_functools test_descr test_call test_extcall
test_keywordonlyarg test_positional_only_arg test_unpack test_with test_patma test_listcomps
test_sys_settrace test_frame test_traceback test_weakref test_gc""".split()

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
EXPECTED = pathlib.Path(__file__).with_name(f"expected_{VERSION}.toml")


def outcomes(module, folder, jit):
    """Run one test module; give {test: outcome} and the text of the run."""
    report = folder / f"{'jit' if jit else 'stock'}.xml"
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TEPHRA", "PYTEST"))}
    if jit:
        env |= {"TEPHRA": "1", "TEPHRA_COMPILE_AFTER": "0", "TEPHRA_SUMMARY": "1"}
    command = [sys.executable, "-m", "test", "--junit-xml", str(report), "--timeout", "240", module]
    result = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True,
                            errors="replace", timeout=280)
    found = {}
    if report.exists():
        for case in ElementTree.parse(report).iter("testcase"):
            name = case.get("name")
            kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
            found[name] = kinds[0] if kinds else case.get("result", "passed")
    return found, result


def known(module):
    if not EXPECTED.exists():
        return {}
    return tomllib.loads(EXPECTED.read_text()).get(module, {})


@pytest.mark.parametrize("module", MODULES)
def test_module(module, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    stock, __ = outcomes(module, tmp_path / "a", jit=False)
    compiled, run = outcomes(module, tmp_path / "b", jit=True)
    if not stock:
        pytest.skip(f"this interpreter has no {module}")
    assert run.returncode >= 0, f"{module} died of signal {-run.returncode}:\n{run.stderr[-3000:]}"
    count = re.search(r"(\d+) functions compiled", run.stderr + run.stdout)
    assert count and int(count[1]) > 0, f"nothing was compiled:\n{run.stderr[-2000:]}"
    allowed = known(module)
    good = {"passed", "completed", "run"}
    worse = {name: compiled.get(name, "missing") for name, outcome in stock.items()
             if outcome in good and compiled.get(name, "missing") not in good and name not in allowed}
    assert not worse, f"{worse}\n{run.stdout[-6000:]}\n{run.stderr[-3000:]}"
    assert set(compiled) == set(stock), sorted(set(compiled) ^ set(stock))[:20]
