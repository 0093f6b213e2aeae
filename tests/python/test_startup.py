"""tephra.pth, TEPHRA_* variables and -X options, in fresh processes with the stand-in extension."""

import os
import subprocess
import sys

import package
import pytest

SHOW = "from tephra import jit; s = jit.status(); print(s.enabled, s.sampled, s.compile_after, s.jit_list)"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A user site folder with the package in it: site reads its .pth file, for an interpreter outside any venv."""
    home = tmp_path_factory.mktemp("home")
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    package.make(home / "lib" / version / "site-packages")
    return home


def run(base, *args, **env):
    done = subprocess.run([sys._base_executable, *args], env=package.environment(PYTHONUSERBASE=str(base), **env),
                          text=True, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def test_nothing_is_imported_when_unset(base):
    code = "import sys; print([m for m in sys.modules if m.startswith('tephra')])"
    for env in ({}, {"TEPHRA": "0"}, {"TEPHRA": ""}, {"TEPHRA_COMPILE_AFTER": "3"}):
        assert run(base, "-c", code, **env) == (0, "[]", "")


@pytest.mark.parametrize("args, env, wanted", [
    ([], {"TEPHRA": "1"}, "True True None None"),
    ([], {"TEPHRA": "on", "TEPHRA_COMPILE_AFTER": "5"}, "True False 5 None"),
    (["-X", "tephra"], {}, "True True None None"),
    (["-X", "tephra=1", "-X", "tephra-compile-after=6"], {"TEPHRA_COMPILE_AFTER": "5"}, "True False 6 None"),
    (["-X", "tephra"], {"TEPHRA": "0"}, "False False None None"),
    (["-X", "tephra=0"], {"TEPHRA": "1"}, "False False None None"),
    ([], {}, "False False None None"),
    ([], {"TEPHRA": "1", "TEPHRA_JOBS": "2", "TEPHRA_CACHE": "/x", "TEPHRA_TEST_FULL": "1"}, "True True None None"),
])
def test_switches(base, args, env, wanted):
    assert run(base, *args, "-c", SHOW, **env) == (0, wanted, "")


@pytest.mark.parametrize("args, env, line", [
    ([], {"TEPHRA": "banana"}, "tephra: TEPHRA: bad value 'banana'; expected 0 or 1; ignored"),
    ([], {"TEPHRA_COMPILE_AFTER": "x"},
     "tephra: TEPHRA_COMPILE_AFTER: bad value 'x'; expected a whole number in "
     "-1..1000000000; ignored"),
    ([], {"TEPHRA_DUMP": "hir,foo"}, "tephra: TEPHRA_DUMP: bad value 'foo'; expected a "
     "comma-separated list of hir,hir-passes,lir,lir-phases,asm,bytecode; ignored"),
    ([], {"TEPHRA_COMPIL_AFTER": "1"}, "tephra: TEPHRA_COMPIL_AFTER: unknown option (did you mean "
     "TEPHRA_COMPILE_AFTER?); ignored"),
    ([], {"TEPHRA_FEED": "1"}, "tephra: TEPHRA_FEED: unknown option (did you mean TEPHRA_FEEDBACK?); ignored"),
    ([], {"TEPHRA_ENABLE": "0"}, "tephra: TEPHRA_ENABLE: unknown option (did you mean TEPHRA?); ignored"),
    (["-X", "tephra-enable=0"], {}, "tephra: -X tephra-enable: unknown option (did you mean -X tephra?); ignored"),
    ([], {"TEPHRA_FROBNICATE": "1"}, "tephra: TEPHRA_FROBNICATE: unknown option: `python -m tephra options` lists "
     "them; ignored"),
    (["-X", "tephra-sumary=1"], {}, "tephra: -X tephra-sumary: unknown option (did you mean -X tephra-summary?); "
     "ignored"),
    ([], {"TEPHRA_LIST": "/no/such"}, "tephra: list file '/no/such': No such file or directory; expected a file "
     "with one module:qualified.name per line; no function will be compiled automatically"),
])
def test_one_line_per_mistake(base, args, env, line):
    assert run(base, *args, "-c", "print('ran')", **{"TEPHRA": "1", **env}) == (0, "ran", line)


def test_list_file(base, tmp_path):
    file = tmp_path / "list"
    file.write_text("# comment\nm:f\n\nbad line\nm:C.g # why\n")
    code, out, err = run(base, "-c", SHOW, TEPHRA="1", TEPHRA_LIST=str(file))
    assert (code, out) == (0, "True True None 2")
    assert err == (f"tephra: {file}:4: bad entry 'bad line'; expected module:qualified.name, for example "
                   "json.decoder:JSONDecoder.decode; skipped")


def test_summary(base):
    code, out, err = run(base, "-c", "from tephra import jit; jit.force_compile(lambda: 1); 1/0", TEPHRA="1",
                         TEPHRA_SUMMARY="1")
    assert code == 1 and "ZeroDivisionError" in err
    assert err.splitlines()[-1] == "tephra: 1 functions compiled, compile time 1.5 ms, 100 code bytes, 3 exits taken"


@pytest.mark.parametrize("way", ["jit.auto()", "jit.compile_after_n_calls(3)", "jit.compile_after_n_calls(None)",
                                 "jit.enable()", "jit.force_compile(lambda: 1)", "jit.lazy_compile(lambda: 1)"])
@pytest.mark.parametrize("asked", [{"env": {"TEPHRA_SUMMARY": "1"}}, {"args": ["-X", "tephra-summary"]}])
def test_summary_however_the_jit_is_switched_on(base, way, asked):
    code, _, err = run(base, *asked.get("args", []), "-c", f"from tephra import jit; {way}; jit.auto()",
                       **asked.get("env", {}))
    assert code == 0 and len(err.splitlines()) == 1 and "functions compiled, compile time" in err, err


def test_no_summary_where_nothing_is_switched_on(base):
    assert run(base, "-c", "from tephra import jit; jit.status(); jit.disable()", TEPHRA_SUMMARY="1") == (0, "", "")
    assert run(base, "-c", "from tephra import jit; jit.auto()", TEPHRA_SUMMARY="0") == (0, "", "")


def test_summary_says_why_the_jit_is_off(base):
    for env, why in (({"TEPHRA": "1", "TEPHRA_TEST_OFF": "no luck"}, "no luck"), ({"TEPHRA": "0"}, "switched off by TEPHRA=0")):
        code, _, err = run(base, "-c", "from tephra import jit; jit.auto()", TEPHRA_SUMMARY="1", **env)
        assert code == 0
        assert err.splitlines()[0] == f"tephra: the JIT is off: {why}" and "tephra: 0 functions" in err.splitlines()[-1]


def test_off_reason_is_silent_at_start(base):
    assert run(base, "-c", SHOW, TEPHRA="1", TEPHRA_TEST_OFF="no luck") == (0, "False False None None", "")


def test_pth_is_one_line():
    lines = (package.ROOT / "python/tephra.pth").read_text().splitlines()
    assert len(lines) == 1 and lines[0].startswith("import os, sys;")


def test_closed_stderr(base):
    done = subprocess.run(f"'{sys._base_executable}' -c 'print(1)' 2>&-", shell=True, text=True, capture_output=True,
                          env=package.environment(PYTHONUSERBASE=str(base), TEPHRA="x", TEPHRA_SUMMARY="1"),
                          timeout=60, check=False)
    assert done.stdout == "1\n" and done.returncode == 0
    assert os.path.exists(base)
