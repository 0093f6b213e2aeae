"""`verify` and what proves nothing, was seen once, lacks memory, or costs more than it gains."""

import re

import cases
import pytest
from running import findings, outcomes, put, report, rows, verify


@pytest.mark.parametrize("name, text, kind, said", [
    ("test_broken", cases.BROKEN, "not imported", "No module named 'no_such_module'"),
    ("broken", cases.BROKEN, "not imported", "No module named 'no_such_module'"),
    ("test_syntax", "def f(:\n", "not imported", "SyntaxError"),
    ("syntax", "def f(:\n", "not imported", "SyntaxError"),
    ("test_fails", cases.FAILS, "nothing passed", "assert 1 == 0"),
])
def test_alike_on_both_sides_is_no_proof(tmp_path, name, text, kind, said):
    """Beside a file that passes: each file has to prove something."""
    put(tmp_path, **{name: text}, test_good=cases.GOOD)
    done = verify(tmp_path, f"{name}.py", "test_good.py", "--after", "default")
    found = list(findings(tmp_path).values())
    assert done.returncode == 1 and [each["kind"] for each in found] == [kind], done.stdout + done.stderr
    assert said in found[0]["detail"] and f"FAILED {kind}: " in done.stdout, done.stdout
    assert found[0]["command"] in done.stdout


def test_unittest_module_that_cannot_be_imported(tmp_path):
    put(tmp_path, broken=cases.BROKEN,
        unit="import unittest\nif __name__ == '__main__':\n    unittest.main(module=None, argv=['unit', 'broken'])\n")
    done = verify(tmp_path, "unit.py")
    found = findings(tmp_path)["unit.py", "unittest.loader._FailedTest.broken"]
    assert done.returncode == 1 and found["kind"] == "not imported", done.stdout


def test_module_of_cpython_that_cannot_be_imported(tmp_path):
    put(tmp_path, colorsys="raise ImportError('planted')\n")
    done = verify(tmp_path, "cpython:test_colorsys", "cpython:test_keyword", PYTHONPATH=str(tmp_path))
    found = findings(tmp_path)
    assert done.returncode == 1 and list(found) == [("test_colorsys", "(import)")], done.stdout
    assert found["test_colorsys", "(import)"]["kind"] == "not imported"
    assert "ImportError: planted" in found["test_colorsys", "(import)"]["detail"]
    (tmp_path / "known.toml").write_text('[test_colorsys]\n"(import)" = "planted"\n')
    words = ["cpython:test_colorsys", "cpython:test_keyword", "--expected", "known.toml"]
    done = verify(tmp_path, *words, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0 and "[known: planted]" in done.stdout, done.stdout
    done = verify(tmp_path, *words)
    assert done.returncode == 1 and "(import) no longer differs: remove it" in done.stdout, done.stdout


def test_options_that_pytest_refuses(tmp_path):
    put(tmp_path, test_good=cases.GOOD)
    done = verify(tmp_path, "test_good.py", "-k", "not (")
    assert done.returncode == 1 and "FAILED not started: " in done.stdout, done.stdout
    assert "Wrong expression passed to '-k'" in done.stdout, done.stdout


@pytest.mark.parametrize("text, words", [
    ("import pytest\n@pytest.mark.skip\ndef test_skipped(): pass\n", []),
    ("import pytest\npytest.skip('not here', allow_module_level=True)\n", []),
    (cases.GOOD, ["-k", "no_such_test"]),
    (cases.GOOD, ["--deselect", "test_it.py"]),
])
def test_no_test_passed(tmp_path, text, words):
    put(tmp_path, test_it=text)
    done = verify(tmp_path, "test_it.py", "--after", "default", *words)
    assert done.returncode == 1 and not findings(tmp_path), done.stdout
    assert "FAILED stock: no test" in done.stdout and "FAILED after=default: no test" in done.stdout, done.stdout


def test_a_program_with_an_exit_status_of_its_own_proves_something(tmp_path):
    put(tmp_path, exits=cases.COMPILED + "print(work(10))\nraise SystemExit(3)\n")
    done = verify(tmp_path, "exits.py")
    assert done.returncode == 0 and "verify: no regressions" in done.stdout, done.stdout


def test_seen_once(tmp_path):
    put(tmp_path, test_once=cases.ONCE)
    done = verify(tmp_path, "test_once.py")
    assert done.returncode == 0 and findings(tmp_path)["test_once.py", "test_once"]["kind"] == "seen once", done.stdout
    assert "       seen once: pytest:test_once.py after=0 test_once.py::test_once" in done.stdout
    assert done.stdout.rstrip().endswith("(1 differences that did not show again or lacked memory: --strict fails for them)")
    done = verify(tmp_path, "test_once.py", "--strict", "--resume")  # the same results, judged anew
    assert done.returncode == 1 and "FAILED seen once: " in done.stdout, done.stdout
    (tmp_path / "once.count").unlink()
    done = verify(tmp_path, "test_once.py", "--strict")
    assert done.returncode == 1 and "FAILED seen once: " in done.stdout, done.stdout
    assert 'failures="1"' in (tmp_path / "tephra-verify/junit.xml").read_text()


def test_either_outcome_on_either_side(tmp_path):
    put(tmp_path, test_both=cases.BOTH_OUTCOMES)
    done = verify(tmp_path, "test_both.py")
    assert done.returncode == 0 and findings(tmp_path)["test_both.py", "test_both"]["kind"] == "flaky", done.stdout


def test_skips_for_lack_of_memory(tmp_path):
    put(tmp_path, unit=cases.MEMORY)
    done = verify(tmp_path, "unit.py")
    found = findings(tmp_path)
    assert done.returncode == 0 and list(found) == [("unit.py", "__main__.T.test_big")], done.stdout
    assert found["unit.py", "__main__.T.test_big"]["kind"] == "lack of memory"
    stock, jit = report(tmp_path)["configs"]
    assert (stock["skipped"], stock["no_memory"]) == (1, 1) and (jit["skipped"], jit["no_memory"]) == (1, 2)
    assert verify(tmp_path, "unit.py", "--strict", "--resume").returncode == 1
    put(tmp_path, unit=cases.MEMORY.replace("if compiled(work):", "if not compiled(work):").replace(
        "        if not", "        assert not compiled(work)\n        if not"))
    done = verify(tmp_path, "unit.py")  # enough memory under the JIT, and it fails there: that is no lack of it
    assert done.returncode == 1 and findings(tmp_path)["unit.py", "__main__.T.test_big"]["kind"] == "regression"


def test_cost_of_compiling(tmp_path):
    put(tmp_path, costly=cases.COSTLY)
    done = verify(tmp_path, "costly.py")
    assert done.returncode == 0, done.stdout
    cost = report(tmp_path)["costs"][0]
    assert cost["cpu_ratio"] > 1.2 and 0 < cost["compile_seconds"] < cost["cpu_seconds"], cost
    assert cost["gained_seconds"] < cost["compile_seconds"]
    slower = re.search(r"after=0: the JIT made this suite ([\d.]+)x slower, ", done.stdout)
    took = re.search(r"warning: after=0: compiling cost more than it gained: it took ([\d.]+) s", done.stdout)
    assert slower and took, done.stdout  # the report has more digits, so either rounds in its own way
    assert float(slower[1]) == pytest.approx(cost["cpu_ratio"], abs=0.0051)
    assert float(took[1]) == pytest.approx(cost["compile_seconds"], abs=0.0051)
    assert cost["warning"] in (tmp_path / "tephra-verify/report.html").read_text()


def test_what_compiling_gains(tmp_path):
    put(tmp_path, worthwhile=cases.WORTHWHILE)
    done = verify(tmp_path, "worthwhile.py")
    cost = report(tmp_path)["costs"][0]
    assert done.returncode == 0 and cost["cpu_ratio"] < 1 and cost["gained_seconds"] > 0, cost
    assert "x faster, " in done.stdout and "warning" not in done.stdout and cost["warning"] == ""


def test_memory_and_children(tmp_path):
    put(tmp_path, large=cases.LARGE, with_child=cases.WITH_CHILD)
    done = verify(tmp_path, "large.py", "with_child.py", "--json", "it.json")
    assert done.returncode == 0 and " % more memory (" in done.stdout, done.stdout
    assert (tmp_path / "it.json").exists()
    runs = {(row["run"]["target"], row["run"]["config"]): row["run"] for row in rows(tmp_path) if "run" in row}
    stock, jit = runs["script:large.py", "stock"], runs["script:large.py", "after=0"]
    assert stock["peak_kib"] < 100_000 < 190_000 < jit["peak_kib"]
    assert runs["script:with_child.py", "stock"]["cpu_seconds"] > 1  # its own would be a few hundredths
    assert outcomes(tmp_path) and done.stdout.splitlines()[1].endswith("CPU s  peak MiB")


def test_a_process_that_dies_is_measured_but_not_compared(tmp_path):
    put(tmp_path, test_crash=cases.CRASH)
    done = verify(tmp_path, "test_crash.py")
    assert done.returncode == 1 and "the JIT made this suite" not in done.stdout, done.stdout
    runs = [row["run"] for row in rows(tmp_path) if "run" in row]
    assert all(run["cpu_seconds"] > 0 and run["peak_kib"] > 0 for run in runs)
