"""`python -m tephra verify` finds what was planted, says why, and is not fooled."""

import json
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import cases
import pytest
from running import ENV, findings, put, verify

@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """One run over everything that is planted."""
    folder = tmp_path_factory.mktemp("planted")
    put(folder, test_good=cases.GOOD, test_planted=cases.PLANTED, test_flaky=cases.FLAKY, test_order=cases.ORDER,
        conftest=cases.ORDER_CONFTEST, test_crash=cases.CRASH, test_different=cases.DIFFERENT,
        unit=cases.UNITTEST_SCRIPT, prints=cases.PRINTS)
    done = verify(folder, ".", "unit.py", "prints.py")
    return folder, done, findings(folder)


def test_fails_and_sums_up(planted):
    folder, done, found = planted
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("verify: FAILED")
    assert "elapsed" in done.stderr
    assert not any(name == "test_good.py" for name, _ in found)


def test_planted_regression(planted):
    found = planted[2]["test_planted.py", "test_planted"]
    assert found["kind"] == "regression", found
    assert "again on stock passed; under the JIT failed; alone passed and failed" in found["evidence"]
    assert "assert not True" in found["detail"]
    assert ("test_planted.py", "test_fine") not in planted[2]


def test_reproduction_command(planted):
    found = planted[2]["test_planted.py", "test_planted"]
    done = subprocess.run(found["command"], shell=True, cwd=planted[0], env=ENV, capture_output=True, text=True)
    assert done.returncode == 1 and "1 failed" in done.stdout, done.stdout + done.stderr


def test_flaky_is_no_regression(planted):
    assert planted[2]["test_flaky.py", "test_flaky"]["kind"] == "flaky"


def test_order_dependent_is_no_regression(planted):
    assert planted[2]["test_order.py", "test_second"]["kind"] == "order-dependent"


def test_crash(planted):
    found = planted[2]["test_crash.py", "(exit)"]
    assert found["kind"] == "crash" and found["jit"] == "SIGSEGV", found
    assert "SIGSEGV while running" in found["detail"] and "test_crash.py::test_crash" in found["detail"]
    assert "last: compiled test_crash:compiled" in found["detail"]
    assert "in test_crash (" in found["detail"]
    assert "--tephra-after=0" in found["command"]


def test_different_tests(planted):
    found = planted[2]["test_different.py", "test_n[2]"]
    assert found["kind"] == "regression" and found["jit"] == "missing"
    assert planted[2]["test_different.py", "test_passes"]["kind"] == "passes"


def test_unittest_script(planted):
    found = planted[2]["unit.py", "__main__.T.test_planted"]
    assert found["kind"] == "regression" and "inner" in found["detail"]
    assert ("unit.py", "__main__.T.test_good") not in planted[2]


def test_script_output(planted):
    assert planted[2]["prints.py", "(output)"]["kind"] == "regression"


def test_reports(planted):
    folder, done, found = planted
    root = ElementTree.parse(folder / "tephra-verify/junit.xml").getroot()
    failing = {case.get("name").rpartition("::")[2] for case in root.iter("testcase")
               if case.find("failure") is not None}
    assert failing == {"test_planted", "test_n[2]", "(exit)", "__main__.T.test_planted", "(output)"}
    page = (folder / "tephra-verify/report.html").read_text()
    assert "test_planted" in page and "FAILED" in page and "functions" in page


def test_known_differences(tmp_path):
    put(tmp_path, unit=cases.UNITTEST_SCRIPT)
    known = tmp_path / "known.toml"
    known.write_text('["unit.py"]\n"__main__.T.test_planted" = "planted"\n')
    done = verify(tmp_path, "unit.py", "--expected", "known.toml", "--save-baseline", "base.json")
    assert done.returncode == 0 and "[known: planted]" in done.stdout, done.stdout + done.stderr
    assert "[known: planted]" in done.stderr and " 0 failing" in done.stderr, done.stderr
    put(tmp_path, unit=cases.UNITTEST_SCRIPT.replace("compiled(work))", "0)"))
    done = verify(tmp_path, "unit.py", "--expected", "known.toml")
    assert done.returncode == 1 and "no longer differs: remove it from the list" in done.stdout, done.stdout
    put(tmp_path, unit=cases.UNITTEST_SCRIPT.replace("45", "44"))
    done = verify(tmp_path, "unit.py", "--baseline", "base.json", "--expected", "known.toml")
    assert done.returncode == 1, done.stdout
    assert "FAILED script:unit.py after=0 __main__.T.test_good: passed in the baseline, failed now" in done.stdout


@pytest.mark.parametrize("how, why", [
    (["--option", "enable=0"], "nothing compiled"),
    (["--option", "max-function-size=1"], "times refused"),
    (["--require-compiled", "100000"], "100000 required"),
])
def test_vacuous_runs_fail(tmp_path, how, why):
    put(tmp_path, unit=cases.COMPILED + "print(work(10))\n", test_good=cases.GOOD)
    done = verify(tmp_path, "test_good.py" if "--require-compiled" in how else "unit.py", *how)
    assert done.returncode == 1 and why in done.stdout, done.stdout + done.stderr
    if "--require-compiled" not in how:
        assert "nothing was compiled in 1 runs: nothing is proved" in done.stdout


def test_pytest_with_the_jit_off_fails(tmp_path):
    put(tmp_path, test_good=cases.GOOD)
    done = verify(tmp_path, "test_good.py", "--option", "enable=0")
    assert done.returncode == 1 and "the JIT is off: switched off by TEPHRA=0" in done.stdout, done.stdout


def test_time_out(tmp_path):
    put(tmp_path, hangs=cases.HANGS)
    done = verify(tmp_path, "hangs.py", "--timeout", "5")
    found = findings(tmp_path)["hangs.py", "(exit)"]
    assert done.returncode == 1 and found["kind"] == "time-out", done.stdout
    assert "in <module> (" in found["detail"]


def test_interrupt_and_resume(tmp_path):
    put(tmp_path, first=cases.COMPILED + "nth('first'); print(work(9))\n", slow=cases.SLOW)
    command = [sys.executable, "-m", "tephra", "verify", "--after", "0", "--jobs", "1", "first.py", "slow.py"]
    process = subprocess.Popen(command, cwd=tmp_path, env=ENV, stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # background jobs ignore it
    state = tmp_path / "tephra-verify/state.jsonl"
    until = time.monotonic() + 60
    while time.monotonic() < until and not (state.exists() and '"findings"' in state.read_text()):
        time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted; 2 runs are kept" in errors, errors
    (tmp_path / "slow.py.go").touch()
    with state.open("a") as file:
        file.write('{"run": {"target"')
    done = verify(tmp_path, "first.py", "slow.py", "--resume")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the last line is incomplete" in done.stderr
    assert (tmp_path / "first.count").stat().st_size == 2  # once stock, once under the JIT, never again
    done = verify(tmp_path, "first.py", "--resume")
    assert done.returncode == 2 and "is of another run: its targets was" in done.stderr
    lines = state.read_text().splitlines()
    state.write_text("\n".join([lines[0], lines[1][:50], *lines[2:]]) + "\n")
    done = verify(tmp_path, "first.py", "slow.py", "--resume")
    assert done.returncode == 2 and "state.jsonl:2: no result of `verify`" in done.stderr


def test_as_a_background_job(tmp_path):
    """Where SIGINT is ignored the tests still find it as usual, and SIGTERM is an interruption."""
    put(tmp_path, sigint=cases.COMPILED + "import signal\nwork(3)\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n", slow=cases.SLOW)
    command = [sys.executable, "-m", "tephra", "verify", "--after", "0", "--jobs", "1"]
    quiet = {"cwd": tmp_path, "env": ENV, "stderr": subprocess.PIPE, "text": True,
             "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    done = subprocess.run([*command, "sigint.py"], **quiet, stdout=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert '"(output)"' in (tmp_path / "tephra-verify/state.jsonl").read_text()
    assert "AssertionError" not in (tmp_path / "tephra-verify/logs/script_sigint.py.stock.first.log").read_text()
    process = subprocess.Popen([*command, "slow.py"], **quiet)
    time.sleep(3)
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted; 0 runs are kept" in errors, errors


def test_one_of_cpythons_modules(tmp_path):
    done = verify(tmp_path, "cpython:test_bool", "--require-compiled", "5", "--ignore", "*.BoolTest.test_r*")
    assert done.returncode == 0 and "verify: no regressions" in done.stdout, done.stdout + done.stderr
    heading, stock, jit = (line.split() for line in done.stdout.splitlines()[1:4])
    at = heading.index("passed") + 1
    assert stock[0] == "stock" and jit[0] == "after=0"
    assert stock[at] == jit[at] and int(stock[at]) > 20
    runs = [json.loads(line).get("run") for line in (tmp_path / "tephra-verify" / "state.jsonl").read_text().splitlines()]
    tests = {test.rpartition(".")[2] for run in runs if run for test in run["tests"]}
    assert "test_str" in tests and not {"test_repr", "test_real_and_imag"} & tests


@pytest.mark.parametrize("words, why", [
    (["cpython:test_dcit"], "cpython:test_dcit: this interpreter's suite has no such module (did you mean "),
    (["nowhere.py"], "unknown target 'nowhere.py'"),
    (["pytest:nowhere.py"], "no such file or folder"),
    (["."], ".: pytest finds no file with tests in that folder"),
    ([], "no target given"),
    (["x.py", "--python", "/nowhere/python"], "--python /nowhere/python: no such interpreter"),
    (["x.py", "--after", "soon"], "'soon' is no number of calls"),
    (["x.py", "--jobs", "-1"], "--jobs -1: must be at least 0"),
    (["x.py", "--option", "nonsense"], "expected NAME=VALUE"),
    (["x.py", "--expected", "x.py"], "--expected x.py: no TOML"),
    (["x.py", "--baseline", "x.py"], "--baseline x.py: no baseline of `verify`"),
    (["x.py", "--resume"], "--resume: there is no tephra-verify/state.jsonl"),
    (["x.py", "--output", "/dev/null"], "--output /dev/null:"),
    (["x.py", "-k", "word"], "-k: only for pytest, and no target goes to pytest"),
    (["x.py", "--ignore", "nowhere"], "--ignore nowhere: no such file or folder"),
    (["x.py", "--exclude", "x.py"], "no target is left after --exclude and --ignore"),
    (["pytest:.", "--", "--nonsense"], "error: unrecognized arguments: --nonsense"),
])
def test_wrong_input(tmp_path, words, why):
    (tmp_path / "x.py").write_text("print(1)\n")
    done = verify(tmp_path, *words)
    assert done.returncode == 2 and why in done.stderr, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_full_disk(tmp_path):
    (tmp_path / "x.py").write_text("def f(): pass\nf()\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/state.jsonl").symlink_to("/dev/full")
    done = verify(tmp_path, "x.py", "--output", "out")
    assert done.returncode == 2 and "the results cannot be written: No space left" in done.stderr, done.stderr
    done = verify(tmp_path, "x.py", "--junit", "/dev/full", "--quiet")
    assert done.returncode == 3 and done.stderr == "tephra verify: /dev/full: No space left on device\n", done.stderr
    assert (tmp_path / "tephra-verify/state.jsonl").read_text().count('"run"') == 2


def test_help():
    """Every option is listed, and what it takes."""
    done = subprocess.run([sys.executable, "-m", "tephra", "verify", "--help"], env=ENV, capture_output=True, text=True)
    assert done.returncode == 0 and "exit status:" in done.stdout
    for word in ("--after --process-per --jobs --timeout --python --exclude --ignore -k -m --deselect --strict --output "
                 "--resume --junit --json --html --expected --baseline --save-baseline --require-compiled --option --list "
                 "--quiet").split():
        assert f"\n  {word} " in done.stdout or f"\n  {word}\n" in done.stdout, word
    text = " ".join(done.stdout.split())
    assert "as its own --ignore; for CPython's suite, a test that is not run" in text and "PYTEST_ADDOPTS" in text
