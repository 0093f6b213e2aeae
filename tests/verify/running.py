"""Runs `verify` in a folder and reads what it left."""

import json
import os
import pathlib
import subprocess
import sys

SECONDS = 540  # of one command: much for a machine that does other things, too
ENV = {key: text for key, text in os.environ.items() if not key.startswith(("TEPHRA", "PYTEST"))}


def verify(folder, *words, **more):
    """Runs the command in a folder: the finished process."""
    return subprocess.run([sys.executable, "-m", "tephra", "verify", "--after", "0", "--jobs", "2", *map(str, words)],
                          cwd=folder, env=ENV | more, capture_output=True, text=True, timeout=SECONDS)


def put(folder, **files):
    """Writes test files; a name becomes NAME.py."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def rows(folder):
    """The lines of the state file, without the first."""
    lines = (folder / "tephra-verify/state.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[1:]]


def findings(folder):
    """{(target's file name, test's last part): finding} of the state file."""
    found = {}
    for row in rows(folder):
        for each in row.get("findings", ()):
            target = pathlib.Path(each["target"].partition(":")[2]).name
            found[target, each["test"].rpartition("::")[2]] = each
    return found


def outcomes(folder, config="stock"):
    """{test's last part: outcome} of all first runs of a configuration."""
    return {test.rpartition("::")[2]: outcome for row in rows(folder) if row.get("run", {}).get("config") == config
            for test, outcome in row["run"]["tests"].items()}


def report(folder):
    """The JSON report."""
    return json.loads((folder / "tephra-verify/report.json").read_text())
