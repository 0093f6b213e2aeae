"""`bench --count blocks`: exact counts for both architectures, behind the same gates."""

import bench_support
import pytest
from bench_support import FAST, bench

TINY = ("--quick", "--count", "blocks")


@pytest.fixture
def toys(tmp_path):
    return bench_support.suite(tmp_path / "suite", fast=FAST)


def test_both_architectures_are_counted(toys, tmp_path):
    done = bench("--suite", toys, "--out", tmp_path / "out", *TINY)
    assert done.returncode == 0, done.stderr
    document = bench_support.results(tmp_path / "out")
    record = document["blocks"]["fast"]
    for arch in ("x86_64", "aarch64"):
        counted = record["architectures"][arch]
        assert counted["instructions"] > 20000 * 5  # so many iterations, of more than five instructions each
        assert counted["hot_bytes"] > 100 and counted["cold_bytes"] > 100 and counted["estimated"] == 0
        assert {each["name"]: each[arch] for each in record["functions"]}["work"] > 20000 * 5
    assert document["programs"]["fast"]["gates"]["status"] == "passed"
    assert "| **geometric mean** |" in done.stdout
    assert "fast: work" in (tmp_path / "out/report.html").read_text()


def test_twice_as_much_work_executes_twice_as_much(tmp_path):
    counted = []
    for size in (20000, 40000):
        # A folder each: sources of one length, written within one second, share a .pyc.
        toys = bench_support.suite(tmp_path / f"suite-{size}",
                                   fast=FAST.replace("QUICK_SIZE = 20000", f"QUICK_SIZE = {size}"))
        done = bench("--suite", toys, "--out", tmp_path / str(size), *TINY)
        assert done.returncode == 0, done.stderr
        record = bench_support.results(tmp_path / str(size))["blocks"]["fast"]
        counted.append(record["architectures"]["aarch64"]["instructions"])
    assert 1.99 < counted[1] / counted[0] < 2.01


def test_a_failed_gate_is_not_counted(toys, tmp_path):
    done = bench("--suite", toys, "--out", tmp_path / "out", *TINY, TEPHRA="0")
    assert done.returncode == 1
    assert "fast: not compiled: the JIT is off" in done.stderr
    assert not bench_support.results(tmp_path / "out")["blocks"]


def test_a_program_that_cannot_be_counted_fails_the_run(tmp_path):
    # Only the counting process has the option in its environment.
    toys = bench_support.suite(tmp_path / "suite", fast=FAST + "\nimport os\n"
                               "if 'TEPHRA_COUNT_BLOCKS' in os.environ: raise SystemExit('no')\n")
    done = bench("--suite", toys, "--out", tmp_path / "out", *TINY)
    assert done.returncode == 1
    assert "fast: exit status 1:" in done.stderr and "SystemExit: no" in done.stderr


@pytest.mark.parametrize("args, text", [
    (("--micro",), "--count blocks: counts programs in files of their own"),
    (("--without", "direct-calls"), "--count blocks: counts Tephra's own code; without direct-calls cannot be counted"),
])
def test_what_cannot_be_counted(toys, tmp_path, args, text):
    suite = () if "--micro" in args else ("--suite", toys)
    done = bench(*suite, "--out", tmp_path / "out", *TINY, *args)
    assert done.returncode == 2
    assert text in done.stderr
