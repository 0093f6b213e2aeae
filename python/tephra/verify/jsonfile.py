"""The results as JSON, for programs: verdict, costs, a row per configuration, file and finding."""

from __future__ import annotations

import json
from pathlib import Path

from tephra.verify.records import Problem, Run
from tephra.verify.report import Summary


def _counts(runs: list[Run]) -> dict[str, object]:
    return {"passed": sum(run.passed for run in runs), "failed": sum(run.count("failed", "xpassed") for run in runs),
            "skipped": sum(run.count("skipped") - run.no_memory for run in runs), "no_memory": sum(run.no_memory for run in runs),
            "xfailed": sum(run.count("xfailed") for run in runs), "functions": sum(run.functions for run in runs),
            "functions_in_tests": sum(run.in_tests for run in runs),
            "functions_in_children": sum(run.child_functions for run in runs),
            "code_bytes": sum(run.code_bytes for run in runs), "exits": sum(run.exits for run in runs),
            "cpu_seconds": round(sum(run.cpu_seconds for run in runs), 3),
            "compile_seconds": round(sum(run.compile_seconds for run in runs), 3),
            "peak_kib": max((run.peak_kib for run in runs), default=0)}


def document(summary: Summary) -> dict[str, object]:
    """What is written. `peak_kib` of a configuration is that of its largest process."""
    return {
        "title": summary.title,
        "failed": summary.failed,
        "problems": summary.problems,
        "notes": summary.notes,
        "costs": [each.to_json() for each in summary.costs],
        "configs": [{"config": config, "files": len(summary.runs(config)), **_counts(summary.runs(config))}
                    for config in summary.configs],
        "findings": [{**each.to_json(), "fails": each.fails} for each in summary.findings()],
        "files": [{"target": run.target, "config": run.config, "ending": run.ending, "seconds": run.seconds,
                   **_counts([run])} for run in summary.state.runs.values()],
    }


def write(path: Path, summary: Summary) -> None:
    """Writes the file. Raises: Problem."""
    try:
        path.write_text(json.dumps(document(summary), indent=1) + "\n")
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}") from None
