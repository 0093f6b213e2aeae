"""Backtraces walk through compiled code: libgcc's unwinder, GDB; perf, GDB and py-spy find its names.

The C code is compiled without frame pointers and lies both below and above the compiled function, so that a
walk gets no further than the first frame whose description is wrong.
"""

import ctypes
import gc
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time

import pytest
from support import SLOWER
from tephra import _tephra, jit

CSOURCE = r"""
#include <unwind.h>
struct walk { void **pcs; int max, n; };
static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *arg) {
  struct walk *walk = arg;
  if (walk->n < walk->max) walk->pcs[walk->n] = (void *)_Unwind_GetIP(context);
  walk->n++;
  return _URC_NO_REASON;
}
__attribute__((noinline)) int walk_stack(void **pcs, int max) {
  struct walk walk = {pcs, max, 0};
  _Unwind_Backtrace(step, &walk);
  return walk.n;
}
/* Uses every callee-saved register, the frame pointer too, across the call back. */
__attribute__((noinline)) long call_back(long (*function)(long), long n) {
  long a = n * 3, b = n * 5, c = n * 7, d = n * 11, e = n * 13, f = n * 17;
  __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
  long result = function(n);
  __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
  return result + a + b + c + d + e + f;
}
"""

PRELUDE = """
import ctypes, sys
from tephra import _tephra, jit
lib = ctypes.CDLL(sys.argv[1])
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long)
pcs = (ctypes.c_void_p * 400)()
walk, pcs_size, call_back = lib.walk_stack, 400, lib.call_back
call_back.restype = ctypes.c_long
call_back.argtypes = [CALLBACK, ctypes.c_long]

def inner(x, f):
    n = walk(pcs, pcs_size)
    return [n, x + 1, f * 2.0]

def middle(a, b, c, d, e):
    result = inner(a + b, c)
    return result + [a, b, c, d, e]

def from_c(n):
    middle(n, 2, 3.0, n + 4, n)
    return n + 1

@CALLBACK
def entry(n):
    return from_c(n)

def run():
    value = call_back(entry, 10)
    return value, list(pcs[:lib_count()])

def lib_count():
    return next(i for i in range(400) if not pcs[i])
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        pytest.skip("no C compiler: the frames around the compiled code must be without frame pointers")
    folder = tmp_path_factory.mktemp("unwinding")
    (folder / "walk.c").write_text(CSOURCE)
    subprocess.run([compiler, "-O2", "-fomit-frame-pointer", "-funwind-tables", "-fno-optimize-sibling-calls",
                    "-shared", "-fPIC", "-g", "-o", folder / "walk.so", folder / "walk.c"], check=True)
    return str(folder / "walk.so")


def python(library, body, *command, env=None):
    """Runs `body` after PRELUDE in a process of its own (under `command`) and gives its output."""
    script = os.path.join(os.path.dirname(library), "script.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(PRELUDE + textwrap.dedent(body))
    merged = {**os.environ, "TEPHRA_COMPILE_AFTER": "1000000000", **(env or {})}
    found = subprocess.run([*command, sys.executable, script, library], env=merged, text=True,
                           capture_output=True, timeout=120 * SLOWER)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout + found.stderr


COMPARE = """
expected, stock = run()
names = inner, middle, from_c
for function in names:
    assert jit.force_compile(function)
for i in range(400):
    pcs[i] = None
value, compiled = run()
assert value == expected, (value, expected)
def inside(function):
    info = _tephra.function_info(function)
    start = info["code_address"]
    return [pc for pc in compiled if start <= pc < start + info["code_size"]]
for function in names:
    print(function.__name__, len(inside(function)))
print("tail", compiled[-4:] == stock[-4:], len(set(stock[-4:])))
"""


def test_walk_reaches_main_through_compiled_code(library):
    out = python(library, COMPARE)
    assert "tail True 4" in out
    for name in ("inner", "middle", "from_c"):
        count = int(re.search(rf"^{name} (\d+)$", out, re.M).group(1))
        assert count >= 1, out


def test_without_tables_the_walk_ends_early(library):
    """The test above can fail: it does without what it tests."""
    out = python(library, COMPARE, env={"TEPHRA_UNWIND_TABLES": "0"})
    assert "tail False" in out and re.search(r"^from_c 0$", out, re.M), out


def test_walk_from_a_release_within_compiled_code(library):
    """Through the stub that frees objects: __del__ walks while a compiled function drops the last reference."""
    out = python(library, """
    class Dying:
        def __del__(self):
            walk(pcs, pcs_size)
    def drop(make):
        x = make()
        x = None
        return x
    jit.force_compile(drop)
    drop(Dying)
    found = pcs[:lib_count()]
    info = _tephra.function_info(drop)
    print("inside", any(0 <= pc - info["code_address"] < info["code_size"] for pc in found))
    def plain(): walk(pcs, pcs_size)
    for i in range(400): pcs[i] = None
    plain()
    print("tail", found[-3:] == pcs[:lib_count()][-3:])
    """)
    assert "inside True" in out and "tail True" in out, out


def test_walk_from_an_exit(library):
    """Through the exit stub: the interpreter continues the frame above it."""
    out = python(library, """
    def leave(a, b):
        c = a + b
        walk(pcs, pcs_size)
        return c
    for i in range(2000): leave(i, 1)
    jit.force_compile(leave)
    jit.get_and_clear_runtime_stats()
    for i in range(400): pcs[i] = None
    leave("a", "b")
    found = pcs[:lib_count()]
    print("exits", sum(row["count"] for row in jit.get_and_clear_runtime_stats()["deopt"]))
    info = _tephra.function_info(leave)
    print("inside", any(0 <= pc - info["code_address"] < info["code_size"] for pc in found))
    def plain(): walk(pcs, pcs_size)
    for i in range(400): pcs[i] = None
    plain()
    print("tail", found[-3:] == pcs[:lib_count()][-3:])
    """)
    assert "exits 1" in out and "inside True" in out and "tail True" in out, out


def test_walk_through_the_shared_piece_of_calls(library):
    """The helper returns to cold code that all calls share (option shared-calls), which has no frame of its own."""
    out = python(library, """
    class Thing:
        def __matmul__(self, other): walk(pcs, pcs_size)
    def caller(x):
        x @ 1
        x @ 2
        return x
    jit.force_compile(caller)
    caller(Thing())
    found = pcs[:lib_count()]
    info = _tephra.function_info(caller)
    inside = [pc - info["code_address"] for pc in found if 0 <= pc - info["code_address"] < info["code_size"]]
    print("in the piece", any(offset > info["hot_size"] for offset in inside), inside)
    def plain(): walk(pcs, pcs_size)
    for i in range(400): pcs[i] = None
    plain()
    print("tail", found[-3:] == pcs[:lib_count()][-3:])
    """, env={"TEPHRA_SHARED_CALLS": "1"})
    assert "in the piece True" in out and "tail True" in out, out


def test_freed_code_is_deregistered():
    def make(i):
        namespace = {}
        exec(f"def made(x):\n    return x + {i}", namespace)
        jit.force_compile(namespace["made"])
        return namespace["made"]

    kept = make(0)
    kept(1)  # the shared stubs that these functions need are there
    gc.collect()
    before = jit.get_allocator_stats()["unwind_pieces"]
    made = [make(i) for i in range(300)]
    stats = jit.get_allocator_stats()
    assert all(jit.is_jit_compiled(each) for each in made)
    assert stats["unwind_pieces"] >= before + 300
    assert 0 < stats["unwind_tables"] <= stats["unwind_pieces"]
    del made[100:]
    gc.collect()
    assert [each(1) for each in made] == [i + 1 for i in range(100)]
    del made
    gc.collect()
    assert jit.get_allocator_stats()["unwind_pieces"] == before


def test_perf_map_names_compiled_functions(library):
    out = python(library, """
    import os
    jit.force_compile(from_c)
    info = _tephra.function_info(from_c)
    path = f"/tmp/perf-{os.getpid()}.map"
    lines = open(path).read().splitlines()
    print("listed", f"{info['code_address']:x} {info['code_size']:x} tephra:__main__.from_c" in lines)
    print("form", all(len(line.split(" ", 2)) == 3 for line in lines))
    child = os.fork()
    if child == 0:
        jit.force_compile(middle)
        names = open(f"/tmp/perf-{os.getpid()}.map").read()
        os.unlink(f"/tmp/perf-{os.getpid()}.map")
        os._exit(0 if "from_c" in names and "middle" in names else 1)
    print("child", os.waitpid(child, 0)[1])
    os.unlink(path)
    """, env={"TEPHRA_PERF_MAP": "1"})
    assert "listed True" in out and "form True" in out and "child 0" in out, out


PERF_PROGRAM = """
import os, sys, time
from tephra import jit
def before(n): return n  # there when the map is switched on
def spin(n):
    total = 0
    for i in range(n): total += i % 7
    return total
def outer(n): return spin(n) + 1
for function in (before, spin, outer): jit.force_compile(function)
end = time.process_time() + 1.5
while time.process_time() < end: outer(20000)
assert jit.is_jit_compiled(spin) and before(3) == 3
print(os.getpid())
"""


@pytest.mark.skipif(not shutil.which("perf"), reason="no perf")
@pytest.mark.skipif("TEPHRA_TEST_EMULATED" in os.environ, reason="perf would see the emulator, not the program in it")
def test_perf_names_compiled_functions(tmp_path):
    """Its map is read for anonymous memory only, so compiled code must be there."""
    data = str(tmp_path / "perf.data")
    env = {**os.environ, "TEPHRA_PERF_MAP": "1", "TEPHRA_COMPILE_AFTER": "1000000000"}
    record = subprocess.run(["perf", "record", "-q", "-e", "cpu-clock:u", "-o", data, "--", sys.executable, "-c",
                             PERF_PROGRAM], env=env, text=True, capture_output=True, timeout=120, check=False)
    if not record.stdout.strip().isdigit():
        pytest.skip(f"perf may not record here: {record.stderr.strip()[-200:]}")
    map_file = f"/tmp/perf-{record.stdout.strip()}.map"

    def perf(*arguments):
        done = subprocess.run(["perf", *arguments, "-i", data], text=True, capture_output=True, timeout=120, check=True)
        return done.stdout

    try:
        report = perf("report", "--stdio", "--sort", "symbol")
        script = perf("script", "-F", "comm,ip,sym,dso")
    finally:
        os.unlink(map_file)
    share = re.search(r"([\d.]+)% .*tephra:__main__\.spin", report)
    assert share and float(share[1]) > 1, report  # the rest: start-up, and what spin calls
    named = [line for line in script.splitlines() if "tephra:__main__.spin" in line]
    assert named and all(map_file in line for line in named), script[:2000]
    assert "tephra-code" not in script


@pytest.mark.skipif(not shutil.which("gdb"), reason="no gdb")
@pytest.mark.skipif("TEPHRA_TEST_EMULATED" in os.environ, reason="GDB would see the emulator, not the program in it")
def test_gdb_backtrace(library):
    body = """
    for function in (inner, middle, from_c):
        jit.force_compile(function)
    print(run()[0])
    """
    gdb = ["gdb", "-batch", "-nx", "-ex", "set debuginfod enabled off", "-ex", "set breakpoint pending on", "-ex",
           "set startup-with-shell off", "-ex", "break walk_stack", "-ex", "run", "-ex", "bt", "-ex", "kill", "--args"]
    out = python(library, body, *gdb, env={"TEPHRA_DEBUGGER": "1"})
    if "Operation not permitted" in out or "ptrace" in out:
        pytest.skip("this machine does not allow ptrace")
    trace = out[out.index("#0"):]
    places = [trace.find(name) for name in ("walk_stack", "<tephra:__main__.inner>", "<tephra:__main__.middle>",
                                            "<tephra:__main__.from_c>", "call_back")]
    assert -1 not in places and places == sorted(places), out
    last = re.findall(r"^#\d+ .*$", trace, re.M)[-1]
    assert "main" in last or "_start" in last, out
    assert "corrupt stack" not in out and "previous frame" not in out, out


# outer, middle and leaf on the stack, stopped in C code that the last calls; another way through an interpreted function.
STOPPED = """
import ctypes, sys
from tephra import jit
ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1))  # PR_SET_PTRACER: whoever wants may look, also under Yama

def leaf(wait, stop):
    wait(stop)
    return stop

def middle(wait, stop):
    result = leaf(wait, stop)
    return result

def outer(wait, stop):
    return middle(wait, stop)

def interpreted(stop):
    if stop:
        stop.readline()

for _ in range(50):
    outer(interpreted, None)
    outer(id, None)  # no single callee that could be assumed
functions = [leaf, middle, outer] if "compiled" in sys.argv else []
for function in functions:
    assert jit.force_compile(function)
print(*map(jit.is_jit_compiled, (leaf, middle, outer)), flush=True)
outer(interpreted if "interpreted" in sys.argv else type(sys.stdin).readline, sys.stdin)
print("exits", sum(row["count"] for row in jit.get_and_clear_runtime_stats()["deopt"]), flush=True)
"""


def looked_at(folder, arguments, command, env=None):
    """What `command`, which is given the process, prints of STOPPED; then STOPPED's own output to its end."""
    script = folder / "stopped.py"
    script.write_text(STOPPED)
    merged = {**os.environ, "TEPHRA_COMPILE_AFTER": "1000000000", "TEPHRA_COMPILE_AFTER_MS": "0", **(env or {})}
    with subprocess.Popen([sys.executable, script, *arguments], env=merged, text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as program:
        said = program.stdout.readline()
        for _ in range(200):  # until it waits for us
            with open(f"/proc/{program.pid}/stat", encoding="utf-8") as stat:
                if stat.read().rpartition(")")[2].split()[0] == "S":
                    break
            time.sleep(0.05)
        try:
            found = subprocess.run([*command, str(program.pid)], text=True, capture_output=True, timeout=120)
        finally:
            rest = program.communicate("\n", timeout=60)[0]
    if re.search("(?i)permission denied|not permitted", found.stdout + found.stderr):
        pytest.skip("this machine does not allow ptrace")
    assert program.returncode == 0 and found.returncode == 0, said + rest + found.stdout + found.stderr
    return found.stdout, said + rest


PY_SPY = shutil.which("py-spy", path=os.path.dirname(sys.executable)) or shutil.which("py-spy")


@pytest.mark.skipif(not PY_SPY, reason="no py-spy")
@pytest.mark.skipif("TEPHRA_TEST_EMULATED" in os.environ, reason="py-spy would see the emulator, not the program in it")
@pytest.mark.parametrize("way", ["C", "interpreted"])
def test_py_spy_lists_compiled_functions(tmp_path, way):
    """With the lines at which they are, and in their places among interpreted ones."""
    command = [PY_SPY, "dump", "--pid"]
    stock, said = looked_at(tmp_path, [way], command, {"TEPHRA": "0"})
    assert said.startswith("False False False")
    compiled, said = looked_at(tmp_path, [way, "compiled"], command)
    assert said == "True True True\nexits 0\n"
    stacks = [re.findall(r"^    (.*)$", text, re.M) for text in (stock, compiled)]
    assert stacks[1] == stacks[0], stacks
    first = 1 if way == "interpreted" else 0
    assert stacks[1][first:] == ["leaf (stopped.py:7)", "middle (stopped.py:11)", "outer (stopped.py:15)",
                                 "<module> (stopped.py:28)"]


@pytest.mark.skipif(not shutil.which("gdb"), reason="no gdb")
@pytest.mark.skipif("TEPHRA_TEST_EMULATED" in os.environ, reason="GDB would see the emulator, not the program in it")
def test_gdb_names_what_was_compiled_before_it_came(tmp_path):
    gdb = ["gdb", "-batch", "-nx", "-iex", "set debuginfod enabled off", "-ex", "bt", "-p"]
    trace, said = looked_at(tmp_path, ["C", "compiled"], gdb, {"TEPHRA_DEBUGGER": "1"})
    assert said == "True True True\nexits 0\n"
    places = [trace.find(f"<tephra:__main__.{name}>") for name in ("leaf", "middle", "outer")]
    assert -1 not in places and places == sorted(places), trace
    assert re.search(r"^#\d+ .*(main|_start)", trace[places[-1]:], re.M), trace
    assert "corrupt stack" not in trace, trace


def test_address_of_compiled_code_lies_in_code_memory():
    def function(x):
        return x

    jit.force_compile(function)
    info = _tephra.function_info(function)
    assert info["hot_size"] + info["cold_size"] == info["code_size"]
    assert bytes(ctypes.string_at(info["code_address"], 4)) != b"\0\0\0\0"
