"""What a program drops dies: definitions, reloads, classes, closures, exec and forks, with flat memory.

Ten seconds; ten minutes with --full; ``TEPHRA_TEST_SOAK_MINUTES=60 ./dev test tests/soak --full`` for an hour.
The interpreter alone runs the same for a tenth of the time, so that its resident memory can be compared.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys

import pytest

FULL, EMULATED = "TEPHRA_TEST_FULL" in os.environ, "TEPHRA_TEST_EMULATED" in os.environ
MINUTES = float(os.environ.get("TEPHRA_TEST_SOAK_MINUTES", 1 / 6 if not FULL else 1 if EMULATED else 10))
SOAK = pathlib.Path(__file__).parent / "soak.py"


def soak(seconds, report, **environment):
    """Runs the soak; its progress is shown. Its exit status and figures."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TEPHRA")}
    command = [sys.executable, str(SOAK), "--seconds", str(seconds), "--json", str(report)]
    status = subprocess.run(command, env={**clean, **environment}, check=False).returncode
    assert report.exists(), f"the soak ended with status {status}"
    return status, json.loads(report.read_text())


@pytest.mark.timeout(MINUTES * 60 * 1.5 + 600)
def test_nothing_grows(tmp_path, capfd, compiled_by_children):
    with capfd.disabled() if MINUTES >= 1 else contextlib.nullcontext():
        _, stock = soak(max(5, MINUTES * 6), tmp_path / "stock.json", TEPHRA="0")
        status, found = soak(MINUTES * 60, tmp_path / "compiled.json", TEPHRA="1", TEPHRA_COMPILE_AFTER="400")
        print(f"resident, after the warm-up and in the end, KiB: interpreter {[round(n / 1024) for n in stock['resident']]}, "
              f"JIT {[round(n / 1024) for n in found['resident']]}")
    assert stock["complaints"] == [], "the interpreter itself grows"
    assert found["complaints"] == [] and status == 0
    compiled_by_children(found["totals"]["functions"], found["totals"]["code_bytes"])
    idle = [name for name, phase in found["phases"].items() if not phase["iterations"]]
    uncompiled = [name for name, phase in found["phases"].items() if not phase["compiled"]]
    assert idle == [] and uncompiled == [], "phases that did nothing, phases in which nothing was compiled"
