"""Samples in pyperf's JSON format, one file per target: `python -m pyperf compare_to a.json b.json` reads them."""

from __future__ import annotations

from pathlib import Path

from tephra.bench import results
from tephra.bench.errors import CANNOT_WRITE, BenchError
from tephra.bench.targets import SUBJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def write(file: Path, document: dict[str, Any]) -> list[Path]:
    """Writes Tephra's samples to `file`, those of each other target to a file beside it with the target's name.

    Raises: BenchError where pyperf is not installed or a file cannot be written.
    """
    try:
        import pyperf
    except ImportError:
        raise BenchError("--pyperf: pyperf is not installed (pip install 'tephra[bench]')") from None
    clock = 1 if document["clock"] == "cpu" else 0
    written = []
    for target in document["targets"]:
        benchmarks = []
        for name in results.measured(document):
            runs = []
            for row in document["programs"][name]["processes"].get(target["name"], ()):
                metadata = {"name": name, "unit": "second", "loops": 1, "inner_loops": 1, "date": document["created"],
                            "python_version": target.get("python", ""), "cpu_model_name": document["machine"]["cpu"],
                            "python_implementation": target.get("implementation", "").lower(),
                            "mem_max_rss": row["at_end"]["peak_kib"] * 1024, "tephra_target": target["label"],
                            "timer": "process_time" if clock else "perf_counter"}
                runs.append(pyperf.Run([each[clock] / 1e9 for each in row["iterations_ns"]],
                                       warmups=[(1, each[clock] / 1e9) for each in row["warmup_ns"]],
                                       metadata={k: v for k, v in metadata.items() if v != ""}, collect_metadata=False))
            if runs:
                benchmarks.append(pyperf.Benchmark(runs))
        if not benchmarks:
            continue
        path = file if target["name"] == SUBJECT else file.with_name(f"{file.stem}-{target['name']}{file.suffix}")
        try:
            pyperf.BenchmarkSuite(benchmarks).dump(str(path), replace=True)
        except OSError as error:
            raise BenchError(f"--pyperf: cannot write {path}: {error.strerror}", CANNOT_WRITE) from None
        written.append(path)
    return written
