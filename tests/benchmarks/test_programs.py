"""Every benchmark computes the same in the interpreter and compiled, and what should be compiled is."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BENCHMARKS = HERE.parents[1] / "benchmarks"
PROGRAMS = sorted(path.stem for path in BENCHMARKS.glob("*.py") if path.stem not in ("harness", "__init__"))
REQUIRED = ["chaos_game", "context_manager", "coroutine_chain", "decorator_chain", "deep_class", "deltablue", "dict_ops",
            "exception_handling", "fannkuch", "fibonacci", "float_arith", "generators", "kwargs_dispatch", "list_ops",
            "method_calls", "nbody", "nested_calls", "nn_module_forward", "nqueens", "richards", "spectral_norm",
            "string_ops"]


def run_worker(kind, names):
    """Name -> the worker's report; a worker that dies is started again behind the benchmark that killed it."""
    reports, left = {}, list(names)
    env = {key: value for key, value in os.environ.items() if key != "TEPHRA"}
    while left:
        process = subprocess.run([sys.executable, str(HERE / "worker.py"), kind, *left], capture_output=True, text=True,
                                 timeout=600, env=env)
        lines = [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]
        for line in lines:
            reports[line["name"]] = line
        if not lines:
            raise AssertionError(f"the worker printed nothing: {process.stderr[-2000:]}")
        last = lines[-1]["name"]
        if "begun" in reports[last]:
            reports[last] = {"name": last, "error": f"the process ended with {process.returncode}: "
                                                    f"{process.stderr[-2000:]}"}
        left = left[left.index(last) + 1:]
    return reports


@pytest.fixture(scope="module")
def programs():
    return run_worker("programs", PROGRAMS)


def check(report):
    """What every benchmark, large or small, must fulfil."""
    assert report["error"] == ""
    attributes = report["attributes"]
    first = report["doc"].splitlines()[0]
    assert ": stands for " in first and first.endswith(".")
    assert 0 < attributes["QUICK_SIZE"] < attributes["DEFAULT_SIZE"]
    assert attributes["HOT"] and set(attributes["HOT"]) <= set(report["known"])
    assert report["wrong"] and report["wrong"] != "no message"
    assert report["jit"] == report["stock"]
    missing = sorted(set(attributes["HOT"]) - set(report["compiled"]))
    if attributes["KNOWN_GAP"]:
        assert missing, "everything is compiled: KNOWN_GAP is out of date"
        assert set(missing) <= set(report["generators"])
    else:
        assert missing == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(programs, name):
    report = programs[name]
    check(report)
    assert {report["attributes"]["QUICK_SIZE"], report["attributes"]["DEFAULT_SIZE"]} <= set(report["pinned"])


def test_the_suite_is_complete():
    assert set(REQUIRED) <= set(PROGRAMS)


def test_as_a_script():
    process = subprocess.run([sys.executable, str(BENCHMARKS / "nqueens.py"), "6", "--repeat", "2"],
                             capture_output=True, text=True, timeout=60, check=True)
    lines = [line.split() for line in process.stdout.splitlines()]
    assert [line[:2] for line in lines] == [["iteration", "0"], ["iteration", "1"]]
    assert all(float(line[2]) > 0 for line in lines)


# ---- micro-benchmarks -----------------------------------------------------------------------------

sys.path.insert(0, str(BENCHMARKS))
import micro  # noqa: E402

MICRO = micro.names()


@pytest.fixture(scope="module")
def micro_reports():
    return run_worker("micro", MICRO)


@pytest.mark.parametrize("name", MICRO)
def test_micro(micro_reports, name):
    check(micro_reports[name])


def test_micro_covers_the_language():
    assert len(MICRO) >= 80 and len(set(MICRO)) == len(MICRO)


def test_unknown_micro_benchmark():
    with pytest.raises(KeyError, match="no micro-benchmark 'int_ad': did you mean int_add"):
        micro.load("int_ad")


@pytest.mark.parametrize("arguments, status, expected", [
    (["--list"], 0, "int_add "), (["--source", "int_add"], 0, "def work():"), ([], 2, "usage:"),
    (["--help"], 0, "usage:"), (["int_add", "2", "--repeat", "1"], 0, "iteration 0"),
    (["int_ad"], 1, "did you mean int_add")])
def test_micro_as_a_script(arguments, status, expected):
    process = subprocess.run([sys.executable, str(BENCHMARKS / "micro"), *arguments], capture_output=True, text=True,
                             timeout=60)
    assert process.returncode == status
    assert expected in process.stdout + process.stderr
    assert "Traceback" not in process.stderr
