"""`bench` must fail, and say why, where its figures would mean nothing."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time

import bench_support
import pytest
from bench_support import FAST, SLOW, bench

TINY = ("--quick", "--processes", "2", "--iterations", "2")


@pytest.fixture
def toys(tmp_path):
    return bench_support.suite(tmp_path / "suite", fast=FAST)


def run(toys, tmp_path, *args, **kwargs):
    return bench("--suite", toys, "--out", tmp_path / "out", *TINY, *args, **kwargs)


def test_a_good_run(toys, tmp_path):
    done = run(toys, tmp_path)
    assert done.returncode == 0, done.stderr
    document = bench_support.results(tmp_path / "out")
    row = document["summary"]["programs"]["fast"]
    assert row["comparisons"]["tephra/cpython"]["speed"] > 1.2
    assert document["programs"]["fast"]["gates"]["functions"]["work"]["bytes"] > 0
    assert document["programs"]["fast"]["gates"]["functions"]["work"]["hir"]["IntMul"] > 0
    assert {row["round"] for row in document["programs"]["fast"]["processes"]["tephra"]} == {0, 1}
    assert row["targets"]["tephra"]["jit"]["functions"] >= 1
    assert "jit" not in row["targets"]["cpython"]
    assert re.search(r"^\| fast +\| +\d+\.\d\d \(", done.stdout, re.MULTILINE)
    probes = document["code_size"]
    assert probes["call of a Python function"]["200"] > probes["call of a Python function"]["2"] > 100
    order = [(r["round"], r["target"]) for line in (tmp_path / "out/raw.jsonl").read_text().splitlines()
             if (r := json.loads(line))["kind"] == "process"]
    assert order == [(0, "tephra"), (0, "cpython"), (1, "cpython"), (1, "tephra")]


def test_with_no_budget_nothing_is_compiled_and_nothing_need_be_faster(toys, tmp_path):
    done = run(toys, tmp_path, "--option", "budget=0", "--size", "60000", "--iterations", "3")
    assert done.returncode == 0, done.stderr
    for process in bench_support.results(tmp_path / "out")["programs"]["fast"]["processes"]["tephra"]:
        jit = process["at_end"]["jit"]
        assert jit["functions"] == 0 and jit["samples"] > 0


def test_processes_take_turns(tmp_path):
    log = tmp_path / "log"
    toys = bench_support.suite(tmp_path / "suite", fast=FAST.replace("    return work(n)", f"""    import os, sys, time
    begin = time.perf_counter_ns()
    assert sys.stdin.read() == ""  # what orders come by is not the program's
    result = work(n)
    with open({str(log)!r}, "a") as file:
        print(os.getpid(), begin, time.perf_counter_ns(), file=file)
    return result"""))
    done = run(toys, tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [tuple(map(int, line.split())) for line in log.read_text().splitlines()]
    assert all(one[2] <= other[1] for one, other in zip(rows, rows[1:]))  # never two at a time
    processes = bench_support.results(tmp_path / "out")["programs"]["fast"]["processes"]
    for ours, theirs in zip(processes["tephra"], processes["cpython"]):
        assert {each[2] for each in ours["iterations_ns"]} == {each[2] for each in theirs["iterations_ns"]}
    changes = sum(one[0] != other[0] for one, other in zip(rows, rows[1:]))
    assert changes >= 15  # gates and two rounds: each at least two turns of warm-up and two measured ones a side


def test_the_jit_is_off(toys, tmp_path):
    done = run(toys, tmp_path, TEPHRA="0")
    assert done.returncode == 1
    assert "fast: not compiled: the JIT is off: switched off by TEPHRA=0" in done.stderr
    assert not any("process" in line[:20] for line in (tmp_path / "out/raw.jsonl").read_text().splitlines())


def test_a_hot_function_is_not_on_the_list(toys, tmp_path):
    (tmp_path / "list").write_text("fast:run\n")
    done = run(toys, tmp_path, TEPHRA_LIST=str(tmp_path / "list"))
    assert done.returncode == 1
    assert "fast: not compiled: work: it is not on the JIT list" in done.stderr


def test_a_hot_function_is_refused(tmp_path):
    toys = bench_support.suite(tmp_path / "suite", fast=FAST + "\nfrom sys import modules\n"
                               "if 'tephra' in modules:\n    from tephra import jit\n    jit.jit_suppress(work)\n")
    done = run(toys, tmp_path)
    assert done.returncode == 1
    assert "fast: not compiled: work: excluded by jit_suppress" in done.stderr


def test_a_hot_function_that_always_raises_needs_no_machine_code(tmp_path):
    raising = FAST.replace('("work",)', '("work", "fail")').replace("    return work(n)", """    for i in range(100):
        try:
            fail(i)
        except ValueError:
            pass
    return work(n)""") + "\n\ndef fail(i):\n    raise ValueError(i)\n"
    done = run(bench_support.suite(tmp_path / "suite", fast=raising), tmp_path, "--option", "compile-after=5",
               "--option", "give-up-raising=10")
    assert done.returncode == 0, done.stderr


def test_too_large_for_the_compiler(toys, tmp_path):
    done = run(toys, tmp_path, "--option", "max-function-size=5")
    assert done.returncode == 1
    assert "fast: not compiled:" in done.stderr


def test_slower_than_the_interpreter(tmp_path):
    toys = bench_support.suite(tmp_path / "suite", slow=SLOW)
    done = run(toys, tmp_path)
    assert done.returncode == 1
    assert re.search(r"slow: not faster: the probe gives 0\.\d\dx the speed of CPython", done.stderr)


def version():
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_known_slow_is_tolerated_and_only_while_it_is_slow(tmp_path):
    toys = bench_support.suite(tmp_path / "suite", slow=SLOW)
    (toys / "known_slow.toml").write_text(f'["{version()}".slow]\nreason = "all in C"\nspeed = 0.04\n')
    done = run(toys, tmp_path, "--gates-only")
    assert done.returncode == 0, done.stderr
    assert "known slow: all in C (listed with 0.04x)" in done.stderr
    bench_support.suite(toys, slow=FAST)
    done = bench("--suite", toys, "--out", tmp_path / "two", *TINY, "--gates-only")
    assert done.returncode == 1
    assert "known_slow.toml lists slow with 0.04x" in done.stderr and "remove the entry" in done.stderr


def test_functions_that_the_jit_gives_up_are_listed_or_an_error(tmp_path):
    gives_up = FAST + "\ndef extra(): yield\n"
    toys = bench_support.suite(tmp_path / "suite", fast=gives_up.replace('("work",)', '("work", "extra")'))
    (toys / "known_slow.toml").write_text(f'["{version()}".fast]\nreason = "r"\nspeed = 0.9\nuncompiled = ["extra"]\n')
    done = run(toys, tmp_path, "--gates-only")
    assert done.returncode == 0, done.stderr
    assert "known slow: r" in done.stderr
    bench_support.suite(toys, fast=FAST)
    done = bench("--suite", toys, "--out", tmp_path / "two", *TINY, "--gates-only")
    assert done.returncode == 1
    assert "known_slow.toml says that extra is not compiled, but it is" in done.stderr


def test_a_malformed_known_slow_is_an_error(toys, tmp_path):
    (toys / "known_slow.toml").write_text(f'["{version()}".fast]\nspeed = 0.1\n')
    done = run(toys, tmp_path)
    assert done.returncode == 2
    assert 'fast] needs reason = "..." and speed' in done.stderr


def test_a_known_gap_is_measured_and_must_be_removed_when_it_is_mended(tmp_path):
    gap = SLOW.replace("QUICK_SIZE", 'KNOWN_GAP = "sorting is C"\nQUICK_SIZE', 1)
    toys = bench_support.suite(tmp_path / "suite", gap=gap)
    done = run(toys, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "gap: known gap: sorting is C" in done.stderr
    assert "gap (known gap)" in done.stdout
    bench_support.suite(toys, gap=FAST.replace("QUICK_SIZE", 'KNOWN_GAP = "x"\nQUICK_SIZE', 1))
    done = bench("--suite", toys, "--out", tmp_path / "two", *TINY)
    assert done.returncode == 1
    assert "all gates pass now: remove it" in done.stderr


def test_a_wrong_result(tmp_path):
    toys = bench_support.suite(tmp_path / "suite", fast=FAST,
                               wrong=FAST.replace("return work(n)", "result = work(n)\n    assert result == 1, result\n"
                                                                    "    return result"))
    done = run(toys, tmp_path)
    assert done.returncode == 1
    assert re.search(r"wrong: under Tephra: wrong result: \d+", done.stderr)
    assert "fast" in bench_support.results(tmp_path / "out")["summary"]["programs"]  # the others are measured


def test_results_that_differ_between_interpreters(tmp_path):
    toys = bench_support.suite(tmp_path / "suite", fast=FAST.replace(
        "    return work(n)", "    import sys\n    return work(n) + ('tephra' in sys.modules)"))
    done = run(toys, tmp_path)
    assert done.returncode == 1
    assert re.search(r"fast: wrong result: 0x\w+ under Tephra, 0x\w+ under CPython", done.stderr)


def test_a_program_that_dies(tmp_path):
    toys = bench_support.suite(tmp_path / "suite", fast=FAST.replace(
        "    return work(n)", "    import os\n    os.kill(os.getpid(), 11)"))
    done = run(toys, tmp_path)
    assert done.returncode == 1
    assert "crashed with SIGSEGV" in done.stderr


def test_an_option_that_changes_nothing_here(toys, tmp_path):
    done = run(toys, tmp_path, "--gates-only", "--without", "attributes", "fast")
    assert done.returncode == 1
    assert "IR: attributes changes nothing in the hot functions' HIR" in done.stderr
    done = bench("--suite", toys, "--out", tmp_path / "two", *TINY, "--gates-only", "--without", "arithmetic")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("args, text", [
    (("fats",), "unknown program 'fats': did you mean fast?"),
    (("zzz*",), "unknown program 'zzz*': --list shows what there is"),
    (("nothing.py",), "nothing.py: no such file"),
    (("--against", "no-such-python"), "there is no interpreter 'no-such-python'"),
    (("--against", "/bin/true"), "/bin/true is no Python interpreter"),
    (("--against", "package:no_such_jit"), "cannot be switched on"),
    (("--without", "arithmetics"), "no option 'arithmetics': did you mean arithmetic"),
    (("--without", "compile-after"), "it is no bool but int"),
    (("--sweep", "compile-after"), "expected OPTION=A,B,..."),
    (("--suite", "/nowhere"), "/nowhere: no such folder"),
])
def test_wrong_input(toys, tmp_path, args, text):
    done = bench("--suite", toys, "--out", tmp_path / "out", *args)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def full_disk():
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))


def test_a_full_disk_keeps_what_is_there(toys, tmp_path):
    done = run(toys, tmp_path, preexec_fn=full_disk)
    assert done.returncode == 3, done.stderr
    assert "cannot write" in done.stderr and "--resume" in done.stderr and "Traceback" not in done.stderr
    lines = (tmp_path / "out/raw.jsonl").read_text().splitlines()
    kept = [json.loads(line) for line in lines]
    assert kept[0]["kind"] == "header"
    done = bench("--resume", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    rows = bench_support.results(tmp_path / "out")["programs"]["fast"]["processes"]
    assert len(rows["tephra"]) == len(rows["cpython"]) == 2


def test_interrupted_and_resumed(toys, tmp_path):
    out = tmp_path / "out"
    env = {key: text for key, text in os.environ.items() if not key.startswith("TEPHRA")}
    process = subprocess.Popen([sys.executable, "-m", "tephra", "bench", "--suite", str(toys), "--out", str(out), "--quick",
                                "--processes", "30"], env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # background jobs ignore it
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (out / "raw.jsonl").exists():
        time.sleep(0.05)
    while time.monotonic() < deadline and (out / "raw.jsonl").read_text().count('"kind":"process"') < 3:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.search(r"interrupted; \d+ processes are kept in .*--resume", said) and "Traceback" not in said
    kept = bench_support.results(out)["programs"]["fast"]["processes"]["tephra"]
    assert kept
    lines = (out / "raw.jsonl").read_text().splitlines()
    header = json.loads(lines[0])
    rounds = header["setup"]["rounds"] = 2 + max(row["round"] for row in kept)  # not all thirty
    (out / "raw.jsonl").write_text("\n".join([json.dumps(header), *lines[1:-1], lines[-1][:20]]))
    done = bench("--resume", out)
    assert done.returncode == 0, done.stderr
    rows = bench_support.results(out)["programs"]["fast"]["processes"]
    assert [row["round"] for row in rows["tephra"]] == list(range(rounds))
    assert rows["tephra"][0] == kept[0]


def test_a_run_of_another_format_is_not_resumed(toys, tmp_path):
    assert run(toys, tmp_path, "--gates-only").returncode == 0
    raw = tmp_path / "out/raw.jsonl"
    raw.write_text(raw.read_text().replace('"schema":"tephra-bench/', '"schema":"tephra-bench/0.'))
    done = bench("--resume", tmp_path / "out")
    assert done.returncode == 2 and "made by another version of Tephra" in done.stderr


def test_the_output_folder_of_another_run(toys, tmp_path):
    assert run(toys, tmp_path, "--gates-only").returncode == 0
    done = run(toys, tmp_path)
    assert done.returncode == 2 and "--resume" in done.stderr


def test_help_names_every_exit_status():
    done = bench("--help")
    assert done.returncode == 0
    for status in ("0 ", "1 ", "2 ", "3 ", "130 "):
        assert re.search(rf"^  {status}", done.stdout, re.MULTILINE)
