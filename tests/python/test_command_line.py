"""`python -m tephra`: programs run as under plain python; commands; one line per error."""

import re
import sys
import zipfile

import package
import pytest

PROGRAM = """\
import sys, __main__
shown = {k: type(v).__name__ if k in ("__loader__", "__builtins__") else v for k, v in vars(__main__).items()}
print(list(shown.items())[:9], sys.argv, sys.path, sys.modules["__main__"].__dict__ is globals())
def f(): raise ValueError("x")
try:
    f()
except ValueError:
    raise KeyError(3)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return package.make(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    path = tmp_path_factory.mktemp("work")
    files = {
        "a.py": PROGRAM, "app/__main__.py": PROGRAM, "pkg/__init__.py": "", "pkg/__main__.py": PROGRAM, "pkg/m.py": PROGRAM,
        "syntax.py": "x = = 1\n", "text.py": "import sys; sys.exit('bye')\n", "status.py": "raise SystemExit(77)\n",
        "interrupt.py": "raise KeyboardInterrupt\n", "none.py": "import sys; sys.exit()\n",
        "hook.py": "import sys\nsys.excepthook = lambda k, e, t: print('hook', k, t.tb_frame.f_code.co_name,"
                   " e.__traceback__ is t, t.tb_next, sys.last_traceback is t)\n1/0\n",
        "atexit_.py": "import atexit, sys, threading\nx = 5\n"
                      "atexit.register(lambda: print('end', x, sys.modules['__main__'].x))\n"
                      "threading.Thread(target=lambda: print('thread', x)).start()\n",
        "pickle_.py": "import pickle\nclass A: pass\nprint(pickle.dumps(A()), type(pickle.loads(pickle.dumps(A()))) is A)\n",
        "spawn.py": "import multiprocessing\ndef w(q): q.put(__name__)\nif __name__ == '__main__':\n"
                    " c = multiprocessing.get_context('spawn'); q = c.SimpleQueue()\n"
                    " p = c.Process(target=w, args=(q,)); p.start(); p.join(); print(q.get())\n",
    }
    for name, text in files.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(text)
    with zipfile.ZipFile(path / "app.zip", "w") as archive:
        archive.writestr("__main__.py", PROGRAM)
    (path / "link.py").symlink_to("pkg/m.py")
    import py_compile

    py_compile.compile(str(path / "a.py"), cfile=str(path / "b.pyc"))
    return path


def same(folder, work, args, options=(), input=""):
    runs = []
    for prefix in ([], ["-m", "tephra"]):
        done = package.python(folder, *prefix, *args, cwd=work, options=options, input=input)
        text = [re.sub(r"0x[0-9a-f]+|Thread-\d+", "@", each) for each in (done.stdout, done.stderr)]
        runs.append((done.returncode, *text))
    assert runs[1] == runs[0]
    return runs[0]


@pytest.mark.parametrize("args", [
    ["a.py", "1", "--x"], ["./a.py"], ["pkg/../a.py"], ["link.py"], ["app", "-q"], ["./app"], ["app.zip", "y"], ["b.pyc"],
    ["syntax.py"], ["text.py"], ["status.py"], ["none.py"], ["interrupt.py"], ["hook.py"], ["atexit_.py"],
    ["pickle_.py"], ["spawn.py"], ["-m", "pkg", "--summary"], ["-m", "pkg.m", "y"], ["-mpkg"], ["-m", "nope"],
    ["-m", "pkg.nope"], ["-", "a", "b"], ["-c", "import sys; print(sys.argv, sys.path[0])", "a", "-b"],
    ["-cprint(3)"], ["-c", "def f(): 1/0\nf()"], ["-c", "x = = 1"], ["-c", "  print(1)"],
], ids=" ".join)
def test_as_under_python(folder, work, args):
    same(folder, work, args, input="def f():\n  1/0\nf()\n")


@pytest.mark.parametrize("args", [["a.py"], ["app"], ["-c", "import sys; print(sys.path)"], ["-m", "this"]])
def test_as_under_python_with_safe_path(folder, work, args):
    same(folder, work, args, options=["-P"])


def test_jit_is_on_in_the_program(folder, work):
    show = "from tephra import jit; s = jit.status(); print(s.enabled, s.sampled, s.compile_after, s.reason)"
    for args, env, wanted in [([], {}, "True True None "), (["--compile-after", "9"], {}, "True False 9 "),
                              (["--compile-after=9"], {"TEPHRA_COMPILE_AFTER": "3"}, "True False 9 "),
                              ([], {"TEPHRA_COMPILE_AFTER": "3"}, "True False 3 "),
                              (["--enable=0"], {}, "False False None not switched on; set TEPHRA=1 or call tephra.jit.auto()"),
                              ([], {"TEPHRA": "0"}, "False False None switched off by TEPHRA=0")]:
        done = package.tephra(folder, *args, "-c", show, cwd=work, **env)
        assert (done.stdout, done.stderr) == (wanted + "\n", ""), args


def test_summary(folder, work):
    for args in (["--summary"], ["--summary", "--no-feedback", "--verify=0"]):
        done = package.tephra(folder, *args, "status.py", cwd=work)
        assert done.returncode == 77
        assert re.search(r"^tephra: \d+ functions compiled, .* code bytes, \d+ exits taken$", done.stderr.splitlines()[-1])


@pytest.mark.parametrize("args, status, says", [
    (["nope.py"], 2, r"can't open file '.*/nope.py': \[Errno 2\] No such file or directory"),
    ([], 2, "no program given; see python -m tephra --help"),
    (["-m"], 2, "-m needs a module name after it"), (["-c"], 2, "-c needs code after it"),
    (["-z", "a.py"], 2, "unknown option -z; the short ones are"),
    (["--compile-after"], 2, "--compile-after needs a value"),
    (["dump", "hir"], 2, "dump needs two arguments"),
    (["dump", "hri", "a.py:f"], 2, r"dump: unknown form 'hri' \(did you mean hir\?\); the forms are bytecode"),
    (["dump", "hir", "absent.py:f"], 2, "dump: no such file: absent.py"),
    (["dump", "hir", "spawn.py:B"], 2, r"dump: spawn.py has no 'B'"),
    (["dump", "hir", "json:nope"], 2, r"dump: json has no 'nope'"),
    (["dump", "hir", "syntax.py:f"], 2, "dump: syntax.py does not load: SyntaxError"),
    (["dump", "hir", "what"], 2, "dump: bad place 'what'; expected FILE.py:NAME or MODULE:NAME"),
    (["doctor", "x"], 2, "doctor takes no arguments"), (["options", "x"], 2, "options takes no arguments"),
])
def test_errors_are_one_line(folder, work, args, status, says):
    done = package.tephra(folder, *args, cwd=work)
    assert done.returncode == status and done.stdout == ""
    lines = done.stderr.splitlines()
    assert re.search("^tephra: " + says, lines[-1]), done.stderr
    assert len(lines) == 1 or lines[0].startswith("usage:")


def test_bad_options_do_not_stop_the_program(folder, work):
    done = package.tephra(folder, "--fedback=0", "--compile-after=x", "-c", "print(1)", cwd=work)
    assert done.stdout == "1\n" and done.returncode == 0
    assert [line[:60] for line in done.stderr.splitlines()] == [
        "tephra: --fedback=0: unknown option (did you mean --feedback", "tephra: --compile-after=x: bad value 'x'; expected a whole n"]


def test_help_and_options_list_the_table(folder):
    text = package.tephra(folder, "--help").stdout
    table = package.tephra(folder, "options", TEPHRA_COMPILE_AFTER="12").stdout
    for args in ({"TEPHRA": "0"}, {"options": ["-X", "tephra=0"]}):  # the values are known although nothing will be compiled
        off = package.tephra(folder, "options", TEPHRA_COMPILE_AFTER="12", **args)
        assert off.stderr == "" and re.search(r"^compile-after +12 +-1 ", off.stdout, re.M), off
    for name in ("enable", "compile-after", "list", "dump", "summary", "verify", "feedback"):
        assert f"--{name}" in text and re.search(f"^{name} ", table, re.M)
    for word in ("doctor", "options", "dump FORM", "-m MODULE", "-c CODE", "TEPHRA_COMPILE_AFTER", "-1..1000000000"):
        assert word in text
    assert re.search(r"^compile-after +12 +-1 +-1..1000000000 ", table, re.M)
    assert package.tephra(folder, "--version").stdout.startswith("Tephra ")


def test_dump(folder, work):
    for place, name in (("pickle_.py:A.__init__", None), ("json.decoder:JSONDecoder.decode", "JSONDecoder.decode"),
                        ("spawn.py:w", "w"), ("functools:wraps", "wraps"),
                        ("functools:singledispatch.<locals>.wrapper", "wrapper")):
        done = package.tephra(folder, "dump", "lir", place, cwd=work)
        if name:
            assert done.returncode == 0 and done.stdout.startswith("lir of ") and name in done.stdout
        else:
            assert done.stderr == f"tephra: dump: {place} is no Python function\n"


def test_doctor(folder):
    done = package.tephra(folder, "doctor")
    assert done.returncode == 0, done.stdout
    for what in ("CPython", "machine", "extension", "self-test", "entry hooks", "compilation", "result", "speed"):
        assert re.search(rf"^(ok|note) +{what} ", done.stdout, re.M), what
    assert "Tephra works here." in done.stdout


def test_doctor_when_off(folder, tmp_path):
    done = package.tephra(folder, "doctor", TEPHRA_TEST_OFF="offset of f_code is 8, not 16")
    assert done.returncode == 1 and "BAD   self-test" in done.stdout and "does not work here" in done.stdout
    done = package.tephra(package.make(tmp_path, fake=False), "doctor")
    assert done.returncode == 1 and "not installed" in done.stdout and sys.executable in done.stdout
    assert package.tephra(folder, "doctor", TEPHRA="0").returncode == 1


def test_without_the_extension_programs_run(tmp_path, work):
    folder = package.make(tmp_path, fake=False)
    done = package.tephra(folder, "--summary", "--compile-after", "3", "--verify", "status.py", cwd=work)
    assert done.returncode == 77 and "the JIT is off: the extension module" in done.stderr
    assert "tephra: 0 functions compiled" in done.stderr
    assert package.tephra(folder, "--help").returncode == 0
