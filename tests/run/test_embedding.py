"""A program that embeds CPython may finalise it and initialise it again: each time the JIT starts clean and compiles.

The programs below are run by a small C program that is linked with the tested interpreter's own library.
"""

import os
import shutil
import struct
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest
from support import SLOWER

CSOURCE = r"""
#include <Python.h>
#include <string.h>
#include <wchar.h>
/* All places are said, as CPython 3.14 does not find those of a virtual environment the second time. */
static void initialise(char **argv) {
  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  wchar_t **fields[] = {&config.executable, &config.program_name, &config.prefix, &config.exec_prefix,
                        &config.base_prefix, &config.base_exec_prefix};
  for (int i = 0; i < 6; ++i) PyConfig_SetBytesString(&config, fields[i], argv[1 + i / 2]);
  wchar_t *path = Py_DecodeLocale(argv[4], NULL), *rest = NULL;
  for (wchar_t *at = wcstok(path, L":", &rest); at != NULL; at = wcstok(NULL, L":", &rest))
    PyWideStringList_Append(&config.module_search_paths, at);
  config.module_search_paths_set = 1;
  PyMem_RawFree(path);
  PyStatus status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (PyStatus_Exception(status)) Py_ExitStatusException(status);
}
static void run(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL || PyRun_SimpleFileEx(file, path, 1) != 0) exit(3);
}
/* Words: init, end, run FILE, sub FILE (in a new interpreter), own FILE (the same with a GIL of its own). */
int main(int argc, char **argv) {
  for (int i = 5; i < argc; ++i) {
    if (!strcmp(argv[i], "init")) {
      initialise(argv);
    } else if (!strcmp(argv[i], "end")) {
      if (Py_FinalizeEx() != 0) return 2;
    } else if (!strcmp(argv[i], "run")) {
      run(argv[++i]);
    } else {
      PyInterpreterConfig config = {
          .use_main_obmalloc = 0, .allow_threads = 1, .check_multi_interp_extensions = 1,
          .gil = PyInterpreterConfig_OWN_GIL};
      PyThreadState *before = PyThreadState_Get(), *sub = NULL;
      if (!strcmp(argv[i], "own")) {
        if (PyStatus_Exception(Py_NewInterpreterFromConfig(&sub, &config))) return 4;
      } else {
        sub = Py_NewInterpreter();
      }
      run(argv[++i]);
      Py_EndInterpreter(sub);
      PyThreadState_Swap(before);
    }
  }
  return 0;
}
"""

# Every round: compiled code in functions, closures, __del__ at the very end, attribute tables, classes.
ROUND = """
import json, sys
from tephra import _tephra, jit
class C:
    def __init__(self, n): self.n = n
    def value(self): return self.n
    def __del__(self): [json.dumps([1, self.value()]) for _ in range(500)]
class D(C):
    def value(self): return super().value() + 1
keep = C(1), D(2)
sys.keep = D(3)
def make(k):
    def inner(n): return n + k
    return inner
def f(n):
    t = 0
    for i in range(n): t += i
    return t
def either(x): return x.value()
closures = [make(k) for k in range(30)]
for k in range(1000): f(k % 20), either(keep[k % 2]), closures[k % 30](k)
assert jit.is_enabled() and _tephra.off_reason() == ""
for function in (f, either, closures[0], closures[29], D.value): assert jit.is_jit_compiled(function), function
total = sum(each(1) for each in closures)
with open("/proc/self/maps") as maps: mappings = sum("tephra-code" in line for line in maps)
print(f(1000), either(keep[0]), either(keep[1]), total, mappings, _tephra.totals()["functions"] > 0)
"""

SUB = """
import sys
def f(n): return n + 1
print("sub", sum(f(i) for i in range(1000)))
"""


def loader_of(program):
    """The dynamic loader that an ELF program names."""
    data = Path(program).read_bytes()
    start, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    for i in range(count):
        kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", data, start + i * size)
        if kind == 3:  # PT_INTERP
            return data[offset:offset + length].rstrip(b"\0").decode()
    return None


@pytest.fixture(scope="module")
def embed(tmp_path_factory):
    """Runs the C program: embed({name: source}, words...) gives its output.

    Mode: calls are counted, as each test says, and a guard may fail exactly 30 times.
    """
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler")
    if "TEPHRA_TEST_EMULATED" in os.environ:
        pytest.skip("the compiler at hand is not the emulated machine's")
    base = Path(sys.base_prefix)
    name = sysconfig.get_config_var("INSTSONAME") or ""
    folders = [base / "lib" / (sysconfig.get_config_var("MULTIARCH") or ""), base / "lib",
               Path(sysconfig.get_config_var("LIBDIR") or "/nowhere")]
    library = next((folder / name for folder in folders if ".so" in name and (folder / name).exists()), None)
    include = Path(sysconfig.get_path("include"))
    if library is None or not (include / "Python.h").exists():
        pytest.skip("this interpreter came without its shared library or its headers")
    folder = tmp_path_factory.mktemp("embedding")
    (folder / "embed.c").write_text(CSOURCE)
    loader = loader_of(os.path.realpath(sys._base_executable))
    subprocess.run([compiler, "-O1", f"-I{include}", "-idirafter", include.parent, "-o", folder / "embed", folder / "embed.c",
                    library, f"-Wl,-rpath,{library.parent}", "-Wl,--disable-new-dtags", "-Wl,--allow-shlib-undefined",
                    f"-Wl,--dynamic-linker,{loader}"], check=True)

    path = ":".join(each for each in sys.path if each and "site-packages" not in each and "tests" not in each)

    def run(sources, *words, **env):
        for name, source in sources.items():
            (folder / name).write_text(textwrap.dedent(source))
        command = [folder / "embed", sys.executable, sys.prefix, sys.base_prefix, path, *(folder / w if w in sources else w for w in words)]
        done = subprocess.run(command, text=True, capture_output=True, timeout=120 * SLOWER, check=False,
                              env={**os.environ, "TEPHRA": "1", "TEPHRA_RECOMPILE_AFTER": "30", **env})
        assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
        assert done.stderr == "", done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("compile_after", ["1", "20"])
def test_an_interpreter_that_is_initialised_again_compiles_again(embed, compile_after):
    rounds = embed({"a": ROUND}, *["init", "run", "a", "end"] * 6, TEPHRA_COMPILE_AFTER=compile_after).splitlines()
    assert len(rounds) == 6 and len(set(rounds)) == 1, rounds
    assert rounds[0].startswith(f"499500 1 3 {sum(range(30)) + 30} ") and rounds[0].endswith(" True")


@pytest.mark.skipif(sys.version_info < (3, 14), reason="CPython 3.12 itself aborts when it is initialised again")
def test_a_frozen_function_that_outlives_its_interpreter(embed):
    """What gc.freeze keeps apart is found, too: closures, of which only the first few are in a table."""
    first = """
        import ctypes, gc, os
        from tephra import jit
        def make(): return lambda n: n * n + 1
        functions = [make() for _ in range(40)]
        for function in functions:
            jit.force_compile(function)
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(function))
        gc.freeze()
        assert all(map(jit.is_jit_compiled, functions))
        os.environ["LEAKED"] = " ".join(str(id(function)) for function in functions)
        """
    second = """
        import ctypes, os
        from tephra import jit
        functions = [ctypes.cast(int(each), ctypes.py_object).value for each in os.environ["LEAKED"].split()]
        print({function(4) for function in functions}, any(map(jit.is_jit_compiled, functions)))
        """
    out = embed({"a": first, "b": second}, "init", "run", "a", "end", "init", "run", "b", "end",
                TEPHRA_COMPILE_AFTER="1000000")
    assert out == "{17} False\n"


@pytest.mark.parametrize("kind", ["sub", "own"])
def test_subinterpreters_in_between(embed, kind):
    words = ["init", kind, "s", "run", "a", kind, "s", "run", "a", "end"] * 3
    lines = embed({"a": ROUND, "s": SUB}, *words, TEPHRA_COMPILE_AFTER="10").splitlines()
    compiled = [line for line in lines if not line.startswith("sub")]
    assert len(compiled) == 6 and len(set(compiled)) == 1, lines
    assert [line for line in lines if line.startswith("sub")] == ["sub 500500"] * 6


def test_what_is_set_in_one_interpreter_is_not_set_in_the_next(embed):
    first = """
        from tephra import _tephra, jit
        def f(): return 1
        jit.compile_after_n_calls(7)
        _tephra.set_option("verify", "1")
        _tephra.set_jit_list(["nobody:nothing"])
        jit.force_compile(f)
        assert f() == 1 and jit.is_jit_compiled(f)
        """
    second = """
        from tephra import _tephra, jit
        print(jit.get_compile_after_n_calls(), _tephra.get_jit_list(), _tephra.totals()["functions"],
              [row[5] for row in _tephra.options() if row[0] == "verify"], _tephra.runtime_stats())
        """
    out = embed({"a": first, "b": second, "c": second}, "init", "run", "c", "end", "init", "run", "a", "end", "init", "run",
                "b", "end", TEPHRA_COMPILE_AFTER="1000000", TEPHRA_COMPILE_AFTER_MS="0")
    before, after = out.splitlines()
    assert before == after


def test_a_compiled_function_that_outlives_its_interpreter_runs_interpreted(embed):
    """Extension modules leak such functions. Those listed, and closures, which are found by a walk only."""
    first = """
        import ctypes, os
        from tephra import jit
        def make(): return lambda n: n * n + 1
        def plain(n): return n * n
        functions = [plain] + [make() for _ in range(40)]
        for function in functions:
            jit.force_compile(function)
            assert function(3) in (9, 10) and jit.is_jit_compiled(function)
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(function))
        os.environ["LEAKED"] = " ".join(str(id(function)) for function in functions)
        """
    second = """
        import ctypes, os
        from tephra import jit
        def other(n): return -n
        jit.force_compile(other)
        functions = [ctypes.cast(int(each), ctypes.py_object).value for each in os.environ["LEAKED"].split()]
        print([jit.is_jit_compiled(function) for function in functions].count(True))
        print({function(4) for function in functions}, other(4), jit.is_jit_compiled(other))
        """
    out = embed({"a": first, "b": second}, "init", "run", "a", "end", "init", "run", "b", "end",
                TEPHRA_COMPILE_AFTER="1000000")
    assert out.splitlines() == ["0", "{16, 17} -4 True"]


def test_tools_are_noticed_in_each_interpreter(embed):
    source = """
        import sys
        from tephra import _tephra, jit
        def f(): return 1
        def g(): return 2
        for function in (f, g): jit.force_compile(function)
        tools, seen = sys.monitoring, []
        events = tools.events
        tools.use_tool_id(3, "test")
        tools.register_callback(3, events.PY_START, lambda code, offset: seen.append(code.co_name))
        tools.set_local_events(3, f.__code__, events.PY_START)
        f(), g()
        tools.set_local_events(3, f.__code__, 0)
        f(), g()
        tools.set_events(3, events.CALL)
        print(seen, jit.is_jit_compiled(g), f(), g())
        # The tool is left in place: the next interpreter has none.
        """
    words = ["init", "run", "a", "end"] * 3
    out = embed({"a": source}, *words, TEPHRA_COMPILE_AFTER="1000000")
    assert out.splitlines() == ["['f'] False 1 2"] * 3


def test_nothing_is_compiled_while_the_interpreter_ends():
    """What a finaliser calls in the first place then stays interpreted, and says so when asked."""
    source = """
        import sys
        from tephra import jit
        def early(x): return x + 1
        def late(x): return x + 2
        class Last:
            def __del__(self, sys=sys, jit=jit, early=early, late=late):
                late(1), late(2)
                try: jit.force_compile(late)
                except RuntimeError as error: why = str(error)
                print(sys.is_finalizing(), jit.is_jit_compiled(early), early(1), jit.is_jit_compiled(late), late(1), why)
        early(1)
        last = Last()
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(source)], text=True, capture_output=True, check=False,
                          env={**os.environ, "TEPHRA": "1", "TEPHRA_COMPILE_AFTER": "0"}, timeout=100 * SLOWER)
    assert done.stdout.startswith("True True 2 False 3 "), done.stdout + done.stderr
    assert "the interpreter is being taken apart" in done.stdout


def test_finalisers_at_the_very_end(embed):
    """Objects that die after the last module, when the JIT has left: their __del__ still runs."""
    source = """
        import builtins, os, sys
        from tephra import jit
        class Last:
            def __init__(self, name): self.name = name
            def __del__(self, write=os.write): write(1, self.say())
            def say(self):
                def inner(name): return b"end of " + name + b"\\n"
                return inner(self.name)
        for function in (Last.__del__, Last.say): jit.force_compile(function)
        class Codec:
            last = Last(b"a codec")
            def __call__(self, name): return None
        import codecs
        codecs.register(Codec())
        leaked = Last(b"a cycle")
        leaked.self = leaked
        Last(b"nothing")
        assert jit.is_jit_compiled(Last.say)
        """
    words = ["init", "run", "a", "end"] * 3
    out = embed({"a": source}, *words, TEPHRA_COMPILE_AFTER="1000000")
    stock = embed({"a": source.replace("jit.force_compile(function)", "pass").replace("assert", "0 and")}, *words,
                  TEPHRA="0")
    assert sorted(out.splitlines()) == sorted(stock.splitlines()) and "end of nothing" in out
