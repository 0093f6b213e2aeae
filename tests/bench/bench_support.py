"""Toy programs, and ways to run `python -m tephra bench` on them."""

import json
import os
import subprocess
import sys

FAST = '''"""Sums squares: stands for a hot loop."""

DEFAULT_SIZE = 20000
QUICK_SIZE = 20000
HOT = ("work",)


def work(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def run(n):
    return work(n)
'''

# With Tephra in the process it takes ten milliseconds longer.
SLOW = '''"""Sorts: all of it in C."""

import sys
import time

DEFAULT_SIZE = 40000
QUICK_SIZE = 40000
HOT = ("work",)
HANDICAP = 0.01 if "tephra._tephra" in sys.modules else 0.0


def work(n):
    end = time.process_time() + HANDICAP
    while time.process_time() < end:
        pass
    first = 0
    for value in sorted(range(n, 0, -1))[:3]:
        first += value
    return first


def run(n):
    return work(n)
'''


def suite(folder, **programs):
    """A folder with the named programs (source texts)."""
    folder.mkdir(exist_ok=True)
    for name, text in programs.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def bench(*args, cwd=None, preexec_fn=None, **env):
    """Runs `python -m tephra bench ARGS` quickly."""
    clean = {key: text for key, text in os.environ.items() if not key.startswith("TEPHRA")}
    return subprocess.run([sys.executable, "-m", "tephra", "bench", *map(str, args)], env={**clean, **env}, cwd=cwd,
                          text=True, capture_output=True, timeout=300, check=False, preexec_fn=preexec_fn)


def results(folder):
    """results.json of a run."""
    return json.loads((folder / "results.json").read_text())
