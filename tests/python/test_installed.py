"""The package as it is installed, with the real extension: what its Python part asks for happens.

Thresholds are exact counts of calls: TEPHRA_COMPILE_AFTER_MS=0.
"""

import os
import subprocess
import sys

import package
import pytest

HEAD = """
from tephra import _tephra, jit
def f(x):
    return x + 1
def call(n):
    for i in range(n):
        f(i)
"""


def run(*args, options=(), **env):
    """(stdout, stderr) of a program that ends well; the installed package, in its own venv."""
    code, *rest = args
    done = subprocess.run([sys.executable, *options, "-c", HEAD + code, *rest], text=True, capture_output=True,
                          env=package.environment(**{"TEPHRA_COMPILE_AFTER_MS": "0", **env}), timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_summary_missing_after_auto():
    out, err = run("jit.auto(); call(1000); print(jit.is_jit_compiled(f))", TEPHRA_SUMMARY="1", TEPHRA_COMPILE_AFTER="400")
    assert out == "True\n" and err.startswith("tephra: 1 functions compiled, "), err


def test_options_from_the_environment_are_ignored():
    code = """
call(6)
print(jit.is_enabled(), jit.is_jit_compiled(f))
jit.auto()
call(6)
print(jit.is_jit_compiled(f))
jit.compile_after_n_calls(400)
call(400)
print(jit.is_jit_compiled(f))
"""
    variables = {"TEPHRA": "1", "TEPHRA_COMPILE_AFTER": "5", "TEPHRA_SUMMARY": "1", "TEPHRA_DUMP": "hir"}
    for flag in ("-E", "-I"):
        assert run(code, options=[flag], **variables) == ("False False\nFalse\nTrue\n", "")
    out, err = run(code, **variables)
    assert out == "True True\nTrue\nTrue\n" and "--- tephra hir of f" in err and "functions compiled" in err
    code = "call(6); print(jit.is_enabled(), jit.is_jit_compiled(f))"
    assert run(code, options=["-I", "-X", "tephra", "-X", "tephra-compile-after=5"], TEPHRA="0") == ("True True\n", "")


def test_no_threshold_compiles_what_is_forced_only():
    code = """
jit.compile_after_n_calls(5)
call(3)
jit.compile_after_n_calls(None)
call(1000)
print(jit.is_jit_compiled(f), jit.get_compile_after_n_calls(), jit.is_enabled())
def g(): return 7
jit.lazy_compile(g)
print(g(), jit.is_jit_compiled(g))
print(jit.force_compile(f), jit.is_jit_compiled(f))
jit.compile_after_n_calls(5)
jit.compile_after_n_calls(None)
print(jit.is_jit_compiled(f), f(1))
"""
    assert run(code) == ("False None True\n7 True\nTrue True\nTrue 2\n", "")


def test_enabling_after_disabling_starts_nothing_new():
    code = "jit.disable(); jit.enable(); call(1000); print(jit.is_jit_compiled(f), jit.force_compile(f))"
    assert run(code) == ("False True\n", "")


@pytest.mark.parametrize("way", [{"env": {"TEPHRA_MAX_CODE_SIZE": "1"}}, {"options": ["-X", "tephra-max-code-size=1"]}])
def test_limit_of_code_memory_from_the_environment_counts(way):
    code = """
print(jit.get_allocator_stats()["limit_bytes"])
try:
    jit.force_compile(f)
except RuntimeError:
    print("refused")
jit.set_max_code_size(0)
print(jit.get_allocator_stats()["limit_bytes"] > 1)
"""
    assert run(code, options=way.get("options", ()), **way.get("env", {})) == ("1\nrefused\nTrue\n", "")


@pytest.mark.parametrize("printer, first", [("print_hir", "fun f {"), ("disassemble", ".section .text {#0}")])
def test_printing_what_is_not_compiled(printer, first):
    code = f"""
import io
texts = []
for compiled in (False, True):
    call(100)
    if compiled: jit.force_compile(f)
    out = io.StringIO()
    jit.{printer}(f, file=out)
    assert jit.is_jit_compiled(f) is compiled
    texts.append(out.getvalue().splitlines())
assert texts[0][0] == "// f is not compiled: this is what it would be now", texts[0][0]
assert texts[0][1] == texts[1][0], (texts[0][1], texts[1][0])
print(texts[1][0])
def generator(): yield 1
try:
    jit.{printer}(generator)
except ValueError as error:
    print(error)
print(jit.status().functions, jit.status().bailouts)
"""
    out, err = run(code)
    assert err == "" and out.splitlines()[0] == first
    assert out.splitlines()[1].startswith(f"{printer}(): generator: ") and out.splitlines()[2] == "1 {}"


def test_printing_and_dumping_are_alike(tmp_path):
    (tmp_path / "program.py").write_text("def f(x):\n    return x + 1\n")
    for form, printer in (("hir", "print_hir"), ("asm", "disassemble")):
        done = subprocess.run([sys.executable, "-m", "tephra", "dump", form, "program.py:f"], text=True, cwd=tmp_path,
                              env=package.environment(), capture_output=True, timeout=120, check=True)
        out = subprocess.run([sys.executable, "-c", f"import program; from tephra import jit; jit.{printer}(program.f)"],
                             text=True, cwd=tmp_path, env=package.environment(), capture_output=True, timeout=120, check=True)
        comment, *lines = out.stdout.splitlines()
        assert comment.startswith("// f is not compiled") and len(lines) == len(done.stdout.splitlines()) > 5
        assert lines[0] == done.stdout.splitlines()[0]


def test_the_extension_alone_names_near_options():
    out, err = run("print(_tephra.set_option('compile-aftr', '1')); print(_tephra.set_option('frobnicate', '1'))")
    assert out.splitlines()[0].startswith("tephra: unknown option 'compile-aftr'; near it are: compile-after, ")
    assert out.splitlines()[1] == "tephra: unknown option 'frobnicate'" and err == ""


@pytest.mark.parametrize("variable, near", [
    ("TEPHRA_PERF", "TEPHRA_PERF_MAP"), ("TEPHRA_COMPILE_AFTER_N", "TEPHRA_COMPILE_AFTER, TEPHRA_COMPILE_AFTER_MS or TEPHRA_RECOMPILE_AFTER"),
    ("TEPHRA_ENABLE", "TEPHRA"), ("TEPHRA_UNWIND", "TEPHRA_UNWIND_TABLES"),
])
def test_unknown_variables_get_a_short_answer(variable, near):
    line = f"tephra: {variable}: unknown option (did you mean {near}?); ignored\n"
    assert run("pass", TEPHRA="1", **{variable: "1"}) == ("", line)


def test_options_with_values_are_known_without_the_extension():
    """_cli has a list of its own for that case."""
    out, _ = run("from tephra import _cli\n"
                 "print(sorted(_cli._VALUED) == sorted(row[0] for row in _tephra.options() if row[1] != 'bool'))")
    assert out == "True\n"


def test_values_that_are_not_utf_8(tmp_path):
    file = os.fsencode(tmp_path) + b"/list\xff"
    with open(file, "w") as out:
        out.write("__main__:f\n")
    call = "jit.auto(); call(1000); print(jit.get_jit_list(), jit.is_jit_compiled(f), jit.is_jit_compiled(call))"
    assert run(call, TEPHRA_LIST=os.fsdecode(file), TEPHRA_COMPILE_AFTER="400") == ("({'__main__': {'f'}}, {}) True False\n", "")
    trail = os.fsencode(tmp_path) + b"/trail\xff"
    run("jit.force_compile(f)", TEPHRA_LAST_COMPILED=os.fsdecode(trail))
    assert os.path.exists(trail)
    for command in ("options", "doctor"):
        done = subprocess.run([sys.executable, "-m", "tephra", command], env=package.environment(TEPHRA_LIST=os.fsdecode(file)),
                              text=True, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0 and "list\\udcff" in done.stdout, done.stdout + done.stderr


def test_doctor_names_options_that_exist():
    done = subprocess.run([sys.executable, "-m", "tephra", "--no-feedback", "doctor"], text=True, capture_output=True,
                          env=package.environment(TEPHRA="1", TEPHRA_COMPILE_AFTER="3"), timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    line = next(line for line in done.stdout.splitlines() if line.startswith("note  options"))
    assert line.split(": ")[1] == "TEPHRA=1, TEPHRA_COMPILE_AFTER=3, TEPHRA_FEEDBACK=0"
    assert "TEPHRA=1 is honoured at start-up" in done.stdout and os.path.dirname(sys.executable) in done.stdout
