"""Results that were kept, and what has changed since."""

from __future__ import annotations

import json
from pathlib import Path

from tephra.verify.records import GOOD, Problem
from tephra.verify.state import State

_VERSION = 1
_FEWER = 0.8  # of the functions compiled before: less is worth a line


def save(path: Path, state: State, setup: dict[str, object]) -> None:
    """Writes all outcomes and counts. Raises: Problem."""
    runs = [{"target": run.target, "config": run.config, "ending": run.ending, "functions": run.functions,
             "code_bytes": run.code_bytes, "exits": run.exits, "tests": run.tests} for run in state.runs.values()]
    text = json.dumps({"version": _VERSION, "setup": setup, "runs": runs})
    beside = path.with_name(path.name + ".new")
    try:
        beside.write_text(text)
        beside.replace(path)
    except OSError as error:
        raise Problem(f"--save-baseline {path}: {error.strerror}") from None


def load(path: Path) -> dict[tuple[str, str], dict]:
    """{(target, config): row}. Raises: Problem."""
    try:
        data = json.loads(path.read_text())
        if data["version"] != _VERSION:
            raise Problem(f"--baseline {path}: version {data['version']!r}; expected {_VERSION}")
        return {(row["target"], row["config"]): {**row, "tests": dict(row["tests"])} for row in data["runs"]}
    except OSError as error:
        raise Problem(f"--baseline {path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise Problem(f"--baseline {path}: no baseline of `verify` (truncated?): {error}") from None


def compare(before: dict[tuple[str, str], dict], state: State) -> tuple[list[str], list[str]]:
    """(what is worse under the JIT than it was, what else changed), one line each."""
    worse: list[str] = []
    other: list[str] = []
    for key, run in state.runs.items():
        old = before.get(key)
        if not old:
            other.append(f"{run.target} {run.config}: not in the baseline")
            continue
        lines = worse if run.config != "stock" else other
        for test, was in old["tests"].items():
            now = run.tests.get(test, "missing")
            if was in GOOD and now not in GOOD:
                lines.append(f"{run.target} {run.config} {test}: {was} in the baseline, {now} now")
            elif now != was:
                other.append(f"{run.target} {run.config} {test}: {was} in the baseline, {now} now")
        other += [f"{run.target} {run.config} {test}: new, {now}" for test, now in run.tests.items()
                  if test not in old["tests"]]
        if old["ending"] != run.ending:
            lines.append(f"{run.target} {run.config}: ended with {old['ending']} in the baseline, {run.ending} now")
        if run.functions < _FEWER * old["functions"]:
            lines.append(f"{run.target} {run.config}: {run.functions} functions compiled, "
                         f"{old['functions']} in the baseline")
    return worse, other
