"""A third of CPython's own tests, everything compiled at first call, against stock, test by test, through `verify`.

Differences that are known are listed in ``expected_<version>.toml`` with a reason each; the list may only shrink.
All of the suite: ``./dev test --full --cpython``.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import modules
import pytest

BATCH = 16  # modules that one `verify` runs
LIMIT = 280  # seconds for one process
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
EXPECTED = pathlib.Path(__file__).with_name(f"expected_{VERSION}.toml")
MODULES = modules.ALL


def present(module):
    """The module's name in this version, or None."""
    names = (module, modules.RENAMED.get(module))
    return next((name for name in names if name and importlib.util.find_spec(f"test.{name}")), None)


@pytest.mark.skipif(bool(os.environ.get("TEPHRA_TEST_EMULATED")), reason="slow there: test_cpython_emulated.py")
@pytest.mark.parametrize("first", range(0, len(MODULES), BATCH), ids=lambda first: MODULES[first])
def test_batch(first, tmp_path, compiled_by_children):
    names = [name for module in MODULES[first:first + BATCH] if (name := present(module))]
    if not names:
        pytest.skip("this interpreter has none of these modules")
    env = {key: text for key, text in os.environ.items() if not key.startswith(("TEPHRA", "PYTEST"))}
    done = subprocess.run([sys.executable, "-m", "tephra", "verify", "--after", "0", "--jobs", "1", "--timeout", str(LIMIT),
                           "--require-compiled", "1", "--expected", str(EXPECTED), "--output", str(tmp_path / "out"),
                           *(f"cpython:{name}" for name in names)], env=env, capture_output=True, text=True)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-3000:]
    assert done.stdout.count("\nafter=0 ") == 1 and f": {len(names)} files" in done.stdout
    lines = (tmp_path / "out/state.jsonl").read_text().splitlines()
    runs = [record["run"] for line in lines if "run" in (record := json.loads(line))]
    for run in runs:
        compiled_by_children(run["functions"], run["code_bytes"])
