"""`bench --real`: checkpoints, bars and proof, on synthetic runs and on toy programs in real processes."""

import json
import re
import xml.etree.ElementTree as ElementTree

import bench_support
import pytest
from bench_support import bench
from tephra.bench import compare, programs, real, real_results, report_real, report_svg, results
from tephra.bench.errors import BenchError

SECOND = 10**9

TOY = '''"""Squares, step by step."""

DEFAULT_SIZE = 60
QUICK = True
PACKAGES = ()


def work(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def run(step, size):
    for i in range(size):
        step([i, work(3000)])
'''

# A step of some 3 ms takes two more with Tephra at work.
SLOW = TOY.replace("work(3000)", "work(100) + sum(range(150000))").replace("def run(", '''HANDICAP = 0.006 if "tephra._tephra" in sys.modules else 0.0


def run(''').replace("DEFAULT_SIZE", "import sys\nimport time\n\nDEFAULT_SIZE", 1).replace("        step(", '''        end = time.process_time() + HANDICAP
        while time.process_time() < end:
            pass
        step(''')


def record(target, steps, *, number=0, peak=1000, jit=None, problem=""):
    """A process that had used steps[i] seconds of CPU time when it had done step i."""
    return {"kind": "process", "program": "toy", "target": target, "round": number, "size": len(steps), "problem": problem,
            "problem_kind": "", "wall_seconds": 1.0, "digest": "", "warmup_ns": [], "iterations_ns": [], "at_steady": {},
            "at_end": {"peak_kib": peak, "jit": jit or {}}, "steps": [[int(each * SECOND), "d"] for each in steps], "marks": []}


def run_of(rows, until=0.0):
    """The document of a run with one program and these processes."""
    targets = [{"name": "tephra", "label": "Tephra", "kind": "tephra", "command": ["p"], "env": {"TEPHRA": "1"}, "python": "3.14.0"},
               {"name": "cpython", "label": "CPython 3.14.0", "kind": "plain", "command": ["p"], "env": {}, "python": "3.14.0"}]
    header = {"kind": "header", "created": "2026-01-02T03:04:05+00:00", "suite": "real", "measure": "real", "targets": targets,
              "machine": {"cpu": "Test CPU", "usable_cores": 2, "architecture": "x86_64", "kernel": "6"}, "commit": {},
              "packages": {"toypackage": "1.2"}, "setup": {"plan": {"until_seconds": until}, "problems": []},
              "programs": [{"name": "toy", "about": "a toy", "size": 10}]}
    return results.build([header, *rows], figures=real_results.summarise)


def pairs(factor, *, rounds=3, exits=0, spread=(1.0, 1.01, 0.99), count=100):
    """Processes of both sides in which Tephra takes `factor` times as long for each step; the interpreter's take 0.1 s."""
    rows = []
    for number in range(rounds):
        stock = [0.1 * (i + 1) for i in range(count)]
        used = stock[-1] * factor
        jit = {"functions": 7, "compile_ms": used * 100, "exits": exits * used, "code_bytes": 900, "enabled": True}
        rows += [record("cpython", stock, number=number),
                 record("tephra", [each * factor * spread[number] for each in stock], number=number, peak=1500, jit=jit)]
    return rows


def test_a_checkpoint_is_the_first_step_behind_it():
    assert real_results.step_at([int(t * SECOND) for t in (0.4, 0.9, 1.1, 1.2)], 1.0) == 2
    assert real_results.step_at([int(t * SECOND) for t in (1.0, 1.5)], 1.0) == 0
    assert real_results.step_at([int(0.4 * SECOND)], 1.0) is None


def test_both_sides_are_compared_at_the_same_step_not_at_the_same_time():
    # Slow until the interpreter's first second, then as fast again: 2 s at its 1 s, and 3 s at its 3 s.
    stock = [0.5, 1.0, 2.0, 3.0]
    ours = [1.5, 2.0, 2.5, 3.0]
    row = run_of([record("cpython", stock), record("tephra", ours)])["summary"]["programs"]["toy"]
    assert row["ratios"]["tephra"]["1 s"]["speed"] == pytest.approx(2.0)
    assert row["ratios"]["tephra"]["3 s"]["speed"] == pytest.approx(1.0)
    assert row["steps"] == {"all": 4, "seconds": 3.0, "1 s": 2, "3 s": 4}
    assert row["comparisons"]["tephra/cpython"]["speed"] == pytest.approx(1.0)


def test_the_last_third():
    assert real_results.steady_share([10, 20, 30, 40, 50, 90]) == 50  # steps 5 and 6
    stock = [float(i + 1) for i in range(6)]
    ours = [2.0, 4.0, 6.0, 8.0, 8.5, 9.0]
    row = run_of([record("cpython", stock), record("tephra", ours)])["summary"]["programs"]["toy"]
    assert row["ratios"]["tephra"]["steady"]["speed"] == pytest.approx(0.5)
    row = run_of([record("cpython", stock), record("tephra", ours)], until=3.0)["summary"]["programs"]["toy"]
    assert "steady" not in row["ratios"]["tephra"]  # the work was not done to its end


def test_figures_of_the_jit_and_memory():
    row = run_of(pairs(1.2, exits=500))["summary"]["programs"]["toy"]
    jit = row["targets"]["tephra"]
    assert jit["functions"] == 7 and jit["compile_share"] == pytest.approx(0.1, rel=0.02)
    assert jit["exits_per_second"] == pytest.approx(500, rel=0.02)
    assert row["ratios"]["tephra"]["memory"]["speed"] == pytest.approx(1.5)


@pytest.mark.parametrize("factor, failing", [(0.8, []), (1.0, []), (1.04, []), (1.08, ["3 s"]), (1.3, ["1 s", "3 s"])])
def test_bars(factor, failing):
    failed = run_of(pairs(factor, spread=(1.0, 1.001, 0.999)))["summary"]["failed"]
    assert [re.search(r"at (\d s)", line).group(1) for line in failed] == failing


def test_an_interval_that_reaches_below_the_bar_does_not_fail():
    document = run_of(pairs(1.2, spread=(0.8, 1.0, 1.25)))
    cell = document["summary"]["programs"]["toy"]["ratios"]["tephra"]["3 s"]
    assert cell["speed"] > 1.05 and cell["low"] < 1.05 and document["summary"]["failed"] == []
    assert run_of(pairs(1.5, rounds=1))["summary"]["failed"] == []  # one pair has no interval


def test_too_many_exits_fail():
    assert run_of(pairs(0.9, exits=9_900))["summary"]["failed"] == []
    failed = run_of(pairs(0.9, exits=11_000))["summary"]["failed"]
    assert len(failed) == 1 and "11,000 exits per CPU second; at most 10,000 are allowed" in failed[0]


def test_a_failed_process_takes_no_part():
    rows = pairs(1.0)
    rows[3]["problem"] = "crashed"
    document = run_of(rows)
    assert document["summary"]["programs"] == {} and document["summary"]["ratio_means"] == {}


def test_the_report():
    document = run_of(pairs(1.3, exits=20_000))
    table = report_real.ratios(document)
    head, _, row, mean = table.splitlines()
    assert [cell.strip() for cell in head.strip("|").split("|")] == [
        "program", "CPU at 1 s", "CPU at 3 s", "steady", "memory", "functions", "compile share", "exits per CPU s"]
    assert row.count(" !") == 2 and "10.0%" in row and "20,000" in row
    assert re.search(r"geometric mean.*1\.30", mean)
    assert any("toypackage 1.2" in line for line in report_real.about(document))
    text = report_real.report(document)
    assert "## Above the bars" in text and "a toy" in text
    picture = ElementTree.fromstring(report_svg.draw(report_real.chart(document)))
    shown = [each.text for each in picture.iter() if each.tag.endswith("text")]
    assert "toy" in shown and "CPU at 3 s" in shown and "memory" in shown


def test_two_runs_are_compared_by_their_whole_work():
    old, new = run_of(pairs(1.5)), run_of(pairs(1.0))
    report = compare.compare(old, new)
    assert report.changes[0].change.speed == pytest.approx(1.5) and report.changes[0].verdict == "faster"


# ---- toy programs in processes ----------------------------------------------------------------------


def run(tmp_path, *args, toys=None, **env):
    """Mode: calls are counted, unless the arguments say otherwise."""
    if not any(str(word).startswith(("budget", "compile-after")) for word in args):
        args = (*args, "--option", "compile-after=3")
    folder = bench_support.suite(tmp_path / "suite", **(toys or {"toy": TOY}))
    return bench("--real", "--suite", folder, "--out", tmp_path / "out", "--processes", "2", *args, **env)


def test_a_run(tmp_path):
    done = run(tmp_path, toys={"toy": TOY, "helper": "X = 1\n"})
    assert done.returncode == 0, done.stderr
    assert re.search(r"^\| toy +\|", done.stdout, re.MULTILINE)
    document = bench_support.results(tmp_path / "out")
    assert document["measure"] == "real" and document["clock"] == "cpu" and list(document["programs"]) == ["toy"]
    processes = document["programs"]["toy"]["processes"]
    for number in range(2):
        ours, theirs = (processes[name][number] for name in ("tephra", "cpython"))
        assert len(ours["steps"]) == len(theirs["steps"]) == 60
        assert [step[1] for step in ours["steps"]] == [step[1] for step in theirs["steps"]]
        used = [step[0] for step in ours["steps"]]
        assert used == sorted(used) and 0 < used[0] < SECOND
        assert ours["at_end"]["jit"]["functions"] >= 1 and not theirs["at_end"]["jit"]
        assert ours["marks"][-1][0] == 60 and ours["marks"][-1][2] >= 1
    row = document["summary"]["programs"]["toy"]
    assert set(row["ratios"]["tephra"]) == {"steady", "memory"}  # it takes no second
    assert row["targets"]["tephra"]["functions"] >= 1
    for name in ("report.md", "report.html", "report.svg"):
        assert (tmp_path / "out" / name).stat().st_size > 500
    order = [(r["round"], r["target"]) for line in (tmp_path / "out/raw.jsonl").read_text().splitlines()
             if (r := json.loads(line))["kind"] == "process"]
    assert order == [(0, "tephra"), (0, "cpython"), (1, "cpython"), (1, "tephra")]


def test_turns_are_the_same_steps_on_both_sides_up_to_the_limit(tmp_path):
    done = run(tmp_path, "--until", "0.3", "--size", "100000", toys={"toy": TOY})
    assert done.returncode == 0, done.stderr
    processes = bench_support.results(tmp_path / "out")["programs"]["toy"]["processes"]
    for ours, theirs in zip(processes["tephra"], processes["cpython"]):
        assert len(ours["steps"]) == len(theirs["steps"]) < 100000
        assert len(ours["steps"]) % 500 == 0  # a turn is 1/200 of the steps
        assert min(each["steps"][-1][0] for each in (ours, theirs)) >= 0.3 * SECOND


def test_a_planted_slow_program_fails(tmp_path):
    done = run(tmp_path, "--until", "1.05", "--size", "1000", "--processes", "3", toys={"slow": SLOW})
    assert done.returncode == 1
    assert re.search(r"slow: too slow at 1 s: \d\.\d\d \(.*\) times the interpreter's CPU time; at most 1\.10 is allowed", done.stderr)


def test_a_result_that_differs_from_the_interpreters(tmp_path):
    wrong = TOY.replace("step([i, work(3000)])", "import sys\n        step([i, 'tephra._tephra' in sys.modules and i == 41])")
    done = run(tmp_path, toys={"wrong": wrong})
    assert done.returncode == 1
    assert re.search(r"wrong, Tephra: wrong result: step 42 gave \w+ under Tephra, \w+ under CPython", done.stderr)


def test_the_jit_is_off(tmp_path):
    done = run(tmp_path, TEPHRA="0")
    assert done.returncode == 1
    assert "toy: not compiled: the JIT is off" in done.stderr


def test_nothing_was_compiled(tmp_path):
    done = run(tmp_path, "--option", "compile-after=100000000", "--option", "compile-after-ms=0", toys={"toy": TOY.replace("work(3000)", "sum(range(3000))")})
    assert done.returncode == 1
    assert "toy: not compiled: no function at all was compiled" in done.stderr


def test_with_no_budget_the_process_is_sampled(tmp_path):
    done = run(tmp_path, "--option", "budget=0", toys={"toy": TOY.replace("work(3000)", "work(100000)")})
    assert done.returncode == 0, done.stderr
    done = run(tmp_path, "--option", "budget=0", "--option", "sample-us=1000000", "--out", tmp_path / "other")
    assert done.returncode == 1
    assert "toy: budget=0: the process was not sampled" in done.stderr


@pytest.mark.parametrize("text, problem", [
    (TOY.replace("range(size)", "range(size - 1)"), "wrong result: only 59 of 60 steps"),
    (TOY.replace("step([", "assert i < 30, 'thirty'\n        step(["), "wrong result: thirty"),
    (TOY.replace("step([", "1 // (30 - i)\n        step(["), "exit status 1: ZeroDivisionError"),
    (TOY.replace("step([", "import os\n        os.kill(os.getpid(), 11)\n        step(["), "crashed with SIGSEGV"),
])
def test_programs_that_fail(tmp_path, text, problem):
    done = run(tmp_path, toys={"toy": text})
    assert done.returncode == 1 and problem in done.stderr, done.stderr


def test_a_program_that_is_stopped_early_is_unwound(tmp_path):
    text = TOY.replace("    for i in range(size):", f"""    try:
        forever(step)
    finally:
        open({str(tmp_path / 'unwound')!r}, "a").close()


def forever(step):
    import itertools
    for i in itertools.count():""")
    done = run(tmp_path, toys={"toy": text})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "unwound").exists()


def test_missing_packages_are_named(tmp_path):
    done = run(tmp_path, toys={"toy": TOY.replace("PACKAGES = ()", 'PACKAGES = ("no-such-package-1",)')})
    assert done.returncode == 2
    assert "not installed in this interpreter: no-such-package-1" in done.stderr and "./dev bench --real" in done.stderr


@pytest.mark.parametrize("option", [("--micro",), ("--count", "blocks"), ("--against", "pypy3"), ("--gates-only",)])
def test_options_that_do_not_go_with_it(tmp_path, option):
    done = run(tmp_path, *option)
    assert done.returncode == 2 and f"{option[0]} does not go with --real" in done.stderr


def test_stopped_and_resumed(tmp_path):
    assert run(tmp_path).returncode == 0
    raw = tmp_path / "out/raw.jsonl"
    lines = raw.read_text().splitlines()
    raw.write_text("\n".join(lines[:-1]) + "\n" + lines[-1][:50])
    done = bench("--resume", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    rows = bench_support.results(tmp_path / "out")["programs"]["toy"]["processes"]
    assert len(rows["tephra"]) == len(rows["cpython"]) == 2


# ---- the suite itself -------------------------------------------------------------------------------


def test_the_suite():
    found = programs.programs_of(programs.suite_folder() / "real", real=True)
    assert len(found) >= 24 and sum(each.quick for each in found) == 6
    assert all(each.about and each.default_size >= 50 for each in found)
    pinned = {line.partition("==")[0].lower() for line in
              (programs.suite_folder() / "real/requirements.txt").read_text().splitlines() if "==" in line}
    for program in found:
        assert {name.lower() for name in program.packages} <= pinned, program.name


def test_a_program_of_the_suite_that_needs_no_package(tmp_path):
    """Mode: the default one, for some two seconds."""
    done = bench("--real", "asyncio_echo", "--size", "400", "--processes", "1", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    row = bench_support.results(tmp_path / "out")["programs"]["asyncio_echo"]["processes"]["tephra"][0]
    assert len(row["steps"]) == 400 and row["at_end"]["jit"]["functions"] > 0


def test_a_malformed_program(tmp_path):
    (tmp_path / "bad.py").write_text("DEFAULT_SIZE = 3\n")
    with pytest.raises(BenchError, match="a real program has run"):
        programs.from_file(tmp_path / "bad.py", real=True)


def test_versions_of_absent_packages_are_empty():
    program = programs.Program("x", "", 1, 1, (), "", None, None, ("pytest", "no-such-package-1"))
    found = real.versions([program])
    assert found["no-such-package-1"] == "" and found["pytest"]
