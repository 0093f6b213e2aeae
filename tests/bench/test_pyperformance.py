"""`bench --pyperformance` on a toy package of its layout, with a stand-in for pyperf."""

import re

import bench_support
from bench_support import bench

PYPERF = '''
class Runner:
    def __init__(self, **_):
        self.metadata = {}
'''

SCRIPT = '''
import subprocess
import sys
import time

import pyperf


def work(n):
    total = 0
    for i in range(n):
        total += i * i % 7 + (i + 1) * i % 5 + (i, i * i)[1] % 3  # the JIT gains 3, not 10: what it leaves can be timed
    return total


def timed(loops, n):
    begin = time.perf_counter()
    for _ in range(loops):
        work(n)
    return time.perf_counter() - begin


async def awaited():
    work(1000)


if __name__ == "__main__":
    runner = pyperf.Runner()
    kind = sys.argv[1] if len(sys.argv) > 1 else "func"
    if kind == "func":
        runner.bench_func("toy_first", work, 2000)
        runner.bench_func("toy_second", work, 3000, inner_loops=2)
    elif kind == "time":
        runner.bench_time_func("toy_time", timed, 2000)
    elif kind == "async":
        runner.bench_async_func("toy_async", awaited)
    elif kind == "broken":
        import no_such_module_1
    else:
        runner.bench_command("toy_command", [sys.executable, "-c", "sum(i * i for i in range(100000))"])
'''

MANIFEST = """[benchmarks]

name\tmetafile
toy\t<local>
toy_time\t<local:toy>
toy_async\t<local:toy>
toy_command\t<local:toy>
# a remark
#toy_off\t<local>

[group default]
"""


def package(folder, **kinds):
    """A folder with packages pyperf and pyperformance; returns what PYTHONPATH must name."""
    data = folder / "pyperformance/data-files/benchmarks"
    home = data / "bm_toy"
    home.mkdir(parents=True)
    (folder / "pyperf.py").write_text(PYPERF)
    (folder / "pyperformance/__init__.py").write_text("")
    (data / "MANIFEST").write_text(MANIFEST + "".join(f"toy_{kind}\t<local:toy>\n" for kind in kinds))
    (home / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.pyperformance]\nname = "toy"\n')
    for kind in ("time", "async", "command", *kinds):
        (home / f"bm_toy_{kind}.toml").write_text(f'[tool.pyperformance]\nname = "toy_{kind}"\nextra_opts = ["{kind}"]\n')
    (home / "run_benchmark.py").write_text(SCRIPT)
    return folder


def run(tmp_path, *args, **kinds):
    folder = package(tmp_path / "packages", **kinds)
    return bench("--pyperformance", "--quick", "--processes", "1", "--iterations", "2", "--out", tmp_path / "out", *args,
                 PYTHONPATH=str(folder))


def test_every_kind_of_benchmark(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    document = bench_support.results(tmp_path / "out")
    assert document["suite"] == "pyperformance"
    assert list(document["programs"]) == ["toy_first", "toy_second", "toy_time", "toy_async", "toy_command"]
    assert re.search(r"^\| \*\*geometric mean\*\* +\|", done.stdout, re.MULTILINE)
    for name, entry in document["programs"].items():
        assert entry["size"] >= 1
        for target in ("tephra", "cpython"):
            assert len(entry["processes"][target]) == 1
            used = [each[1] for row in entry["processes"][target] for each in row["iterations_ns"]]
            assert min(used) > (5_000_000 if name == "toy_command" else 200_000), name  # loops were scaled, children are counted
    assert document["programs"]["toy_first"]["processes"]["tephra"][0]["at_end"]["jit"]["functions"] >= 1
    assert document["summary"]["programs"]["toy_first"]["comparisons"]["tephra/cpython"]["speed"] > 1.1


def test_a_script_that_cannot_be_run_is_named_and_fails(tmp_path):
    done = run(tmp_path, "toy", "toy_broken", broken=True)
    assert done.returncode == 1
    assert re.search(r"toy_broken: cannot be run by CPython \S+: ModuleNotFoundError: No module named 'no_such_module_1'", done.stderr)
    assert set(bench_support.results(tmp_path / "out")["programs"]) == {"toy_first", "toy_second"}
    assert "toy_broken: cannot be run" in (tmp_path / "out/report.md").read_text()


def test_one_benchmark_of_a_script(tmp_path):
    done = run(tmp_path, "toy_second")
    assert done.returncode == 0, done.stderr
    assert list(bench_support.results(tmp_path / "out")["programs"]) == ["toy_second"]


def test_an_unknown_name(tmp_path):
    done = run(tmp_path, "nothing")
    assert done.returncode == 2 and "no benchmark of these names" in done.stderr


def test_the_package_is_not_installed():
    done = bench("--pyperformance")
    assert done.returncode == 2 and "./dev bench --pyperformance" in done.stderr


def test_options_that_do_not_go_with_it():
    done = bench("--pyperformance", "--size", "3")
    assert done.returncode == 2 and "--size does not go with --pyperformance" in done.stderr
