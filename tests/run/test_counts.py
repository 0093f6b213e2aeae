"""Counting code (option count-blocks): exact numbers of executed instructions.

The judge is the processor: a debugger steps through one call and counts the instructions within the compiled
function and the shared stubs. Counters are code too, so the function that is stepped through is compiled without them.
"""

import json
import os
import shutil
import subprocess
import sys
import textwrap

import pytest
from support import SLOWER
from tephra import _tephra, jit

PROGRAM = """
import sys
from tephra import _tephra, jit

def callee(a, b):
    return a if a > b else b

def loop(n, xs):
    total = 0
    x = 0.5
    for i in range(n):
        total = callee(total, i) + xs[i % 3]
        x = x * 0.5 + i
        if x == 3.0:
            total -= 1
    return total, x

class Point:
    def __init__(self, x):
        self.x = x
    def move(self, by):
        self.x += by
        return self

def objects(n):
    p = Point(0)
    q = None
    for i in range(n):
        q = p.move(i)
        r = [q, i]
    return q.x

def leaves(n):
    try:
        return n + missing
    except NameError:
        return n

class Thing:
    def __matmul__(self, other):
        return other

def straight(x, y):
    x @ y
    x @ y
    x @ None
    x @ 1000000
    return x @ y

missing, thing = 1, Thing()
for i in range(60):
    loop(20, [1, 2, 3]); objects(20); leaves(3); straight(thing, [])
for f in (callee, loop, Point.__init__, Point.move, objects, leaves, straight, Thing.__matmul__):
    jit.force_compile(f)
for i in range(3):
    loop(20, [1, 2, 3]); objects(20); leaves(3); straight(thing, [])
"""


def process(body, *command, env=None):
    merged = {**os.environ, "TEPHRA_COMPILE_AFTER": "1000000000", **(env or {})}
    done = subprocess.run([*command, sys.executable, "-c", PROGRAM + textwrap.dedent(body)], env=merged, text=True,
                          capture_output=True, timeout=300 * SLOWER)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


CALLS = {"loop": "loop(20, [1, 2, 3])", "objects": "objects(20)", "leaves": "leaves(3)",
         "straight": "straight(thing, [])"}


def counted(call, env):
    """function -> [instructions, those among them in stubs, estimated ones] of one call, by counting code."""
    out = process(f"""
    jit.clear_instruction_counts()
    {call}
    import json
    found = {{}}
    for row in jit.get_instruction_counts():
        own = row["architectures"][row["own"]]
        stubs = sum(count for (_, part), count in own["operations"].items() if part.endswith("Stub"))
        found[row["function"]] = [row["instructions"], stubs, own["estimated"]]
        assert sum(own["operations"].values()) == row["instructions"]
    print(json.dumps(found))
    """, env={"TEPHRA_COUNT_BLOCKS": "1", **env})
    return json.loads(out.splitlines()[-1])


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the stepping process is written for x86-64")
@pytest.mark.parametrize("name, shared_calls", [*((name, "0") for name in CALLS), ("leaves", "1"), ("straight", "1")])
def test_counts_are_what_the_processor_executes(name, shared_calls, tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        pytest.skip("no C compiler for the stepping process")
    stepper = tmp_path / "step"
    (tmp_path / "step.c").write_text(STEPPER)
    subprocess.run([compiler, "-O2", "-o", stepper, tmp_path / "step.c"], check=True)
    # The program stops itself before and after the call; in between every step within code memory counts. What
    # the stubs for functions that are not compiled execute is no function's code: their ranges are left out.
    body = f"""
    import os, signal
    ranges = []
    for f in (callee, loop, Point.__init__, Point.move, objects, leaves, straight, Thing.__matmul__):
        info = _tephra.function_info(f)
        ranges += [info["code_address"], info["code_address"] + info["code_size"]]
    os.write(int(os.environ["STEP_FD"]), (" ".join(map(str, ranges)) + "\\n").encode())
    def run():
        kill(pid, stop)
        {CALLS[name]}
        kill(pid, stop)
    kill, pid, stop = os.kill, os.getpid(), signal.SIGSTOP
    run()
    """
    script = tmp_path / "stepped.py"
    script.write_text(PROGRAM + textwrap.dedent(body))
    done = subprocess.run([stepper, sys.executable, script], text=True, capture_output=True, timeout=500 * SLOWER,
                          env={**os.environ, "TEPHRA_COMPILE_AFTER": "1000000000", "STEP_FD": "3",
                               "TEPHRA_SHARED_CALLS": shared_calls})
    if "ptrace" in done.stderr:
        pytest.skip("this machine does not allow ptrace")
    assert done.returncode == 0, done.stderr
    stepped = [int(word) for word in done.stdout.split()]
    counts = counted(CALLS[name], {"TEPHRA_SHARED_CALLS": shared_calls})
    assert sum(total for total, _, _ in counts.values()) > 100, counts
    names = ["callee", "loop", "Point.__init__", "Point.move", "objects", "leaves", "straight", "Thing.__matmul__"]
    for each, steps in zip(names, stepped[:-1], strict=True):
        total, stubs, estimated = counts[each]
        assert (total - stubs, estimated) == (steps, 0), (each, counts[each], steps)
    # `run` itself is interpreted, so only these functions' stubs run.
    assert sum(counts[each][1] for each in names) == stepped[-1], (counts, stepped)


@pytest.mark.skipif("TEPHRA_TEST_COUNT_PLUGIN" not in os.environ, reason="no emulator that counts what it executes")
@pytest.mark.parametrize("name, shared_calls", [*((name, "0") for name in CALLS), ("leaves", "1"), ("straight", "1")])
def test_counts_are_what_the_emulator_executes(name, shared_calls, tmp_path):
    """The judge is QEMU: its plugin counts the instructions in code memory, of 12 calls and of 2."""
    def executed(times):
        out = tmp_path / f"counts-{times}"
        process(f"""
        import gc
        gc.disable()
        for _ in range({times}):
            {CALLS[name]}
        """, env={"QEMU_PLUGIN": f"file={os.environ['TEPHRA_TEST_COUNT_PLUGIN']},out={out}",
                  "TEPHRA_SHARED_CALLS": shared_calls})
        (_, _, compiled), = (line.split() for line in out.read_text().splitlines())
        return int(compiled)

    counts = counted(CALLS[name], {"TEPHRA_SHARED_CALLS": shared_calls})
    total = sum(each for each, _, _ in counts.values())
    assert total > 50 and all(estimated == 0 for _, _, estimated in counts.values()), counts
    assert executed(12) - executed(2) == 10 * total, counts


STEPPER = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
/* Prints, per range that the program names on descriptor 3, the instructions stepped within it between its two
   SIGSTOPs, and those elsewhere in the same code memory that were entered from a range: the stubs. */
int main(int argc, char **argv) {
  int pipe_fd[2];
  if (argc < 2 || pipe(pipe_fd)) return 2;
  pid_t child = fork();
  if (child == 0) {
    dup2(pipe_fd[1], 3);
    if (ptrace(PTRACE_TRACEME, 0, 0, 0)) { perror("ptrace"); _exit(3); }
    execv(argv[1], argv + 1);
    _exit(4);
  }
  close(pipe_fd[1]);
  int status, stops = 0, counting = 0, n = 0;
  unsigned long long ranges[64], counts[33] = {0}, region = 0;
  while (waitpid(child, &status, 0) == child) {
    if (WIFEXITED(status) || WIFSIGNALED(status)) break;
    int sig = WSTOPSIG(status);
    if (sig == SIGSTOP) {
      counting = ++stops == 1;
      if (counting) {
        FILE *in = fdopen(pipe_fd[0], "r");
        char line[4096];
        if (!fgets(line, sizeof line, in)) return 5;
        for (char *word = strtok(line, " \n"); word && n < 64; word = strtok(0, " \n"))
          ranges[n++] = strtoull(word, 0, 10);
        region = ranges[0];
        for (int i = 0; i < n; ++i) if (ranges[i] < region) region = ranges[i];
        region &= ~0xFFFFFull;
      }
      sig = 0;
    } else if (sig == SIGTRAP) {
      sig = 0;
    }
    if (counting) {
      struct user_regs_struct regs;
      ptrace(PTRACE_GETREGS, child, 0, &regs);
      int found = 0;
      for (int i = 0; i < n; i += 2)
        if (regs.rip >= ranges[i] && regs.rip < ranges[i + 1]) { counts[i / 2]++; found = 1; }
      if (!found && regs.rip >= region && regs.rip < region + 0x100000) counts[n / 2]++;
      ptrace(PTRACE_SINGLESTEP, child, 0, (void *)(long)sig);
    } else {
      ptrace(PTRACE_CONT, child, 0, (void *)(long)sig);
    }
  }
  for (int i = 0; i <= n / 2; ++i) printf("%llu ", counts[i]);
  return stops == 2 ? 0 : 6;
}
"""


@pytest.mark.parametrize("shared_calls", ["0", "1"])
def test_counts_for_the_other_architecture(shared_calls):
    """Every segment of the other architecture's code finds its count in this run.

    But one: x86-64 leaves a comparison of floats for equality by two jumps, and only values that are no NaN reach the
    second one; AArch64 has one jump, so its counts do not tell how many. `loop` has one such comparison a round.
    """
    out = process("""
    jit.clear_instruction_counts()
    loop(20, [1, 2, 3]); objects(20); leaves(3); straight(thing, [])
    for row in jit.get_instruction_counts():
        assert set(row["architectures"]) == {"x86_64", "aarch64"}, row
        for arch, each in row["architectures"].items():
            second_jumps = 20 if (row["own"], arch, row["function"]) == ("aarch64", "x86_64", "loop") else 0
            assert each["estimated"] == second_jumps, (row["function"], arch, each)
            assert each["hot_bytes"] > 0 and each["cold_bytes"] > 0 and each["static"] > 0
    print("checked", len(jit.get_instruction_counts()))
    """, env={"TEPHRA_COUNT_BLOCKS": "1", "TEPHRA_SHARED_CALLS": shared_calls})
    assert "checked 8" in out


def test_counting_changes_no_result():
    body = """
    print(loop(20, [1, 2, 3]), objects(20), leaves(3))
    del missing
    print(leaves(3), loop(7, (1, 2, 3)))
    try:
        loop(7, None)
    except TypeError as error:
        print(error)
    """
    assert process(body, env={"TEPHRA_COUNT_BLOCKS": "1"}) == process(body) == process(body, env={"TEPHRA": "0"})


def test_without_the_option_nothing_is_counted():
    out = process("print(jit.get_instruction_counts())")
    assert out.strip() == "[]"


def test_measure_for_both_architectures():
    def function(a, b):
        return a + b

    for arch in ("x86_64", "aarch64"):
        found = jit.measure_for(function, arch)
        assert found["arch"] == arch and found["hot_bytes"] > 50 and found["instructions"] > 30
    with pytest.raises(ValueError, match="riscv"):
        jit.measure_for(function, "riscv")
    with pytest.raises(TypeError):
        jit.measure_for(1, "x86_64")
    assert not jit.is_jit_compiled(function)


def test_command_line(tmp_path):
    program = tmp_path / "small.py"
    program.write_text("QUICK_SIZE = 300\ndef run(n):\n    t = 0\n    for i in range(n):\n        t += i\n    return t\n")
    out = tmp_path / "out.json"
    done = subprocess.run([sys.executable, "-m", "tephra", "counts", "--json", out, "--warmup", "500", program],
                          text=True, capture_output=True, timeout=300 * SLOWER)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("| small | ")
    rows = json.loads(out.read_text())["small"]
    assert rows[0]["function"] == "run" and rows[0]["instructions"] > 300
    missing = subprocess.run([sys.executable, "-m", "tephra", "counts", tmp_path / "none.py"], text=True,
                             capture_output=True, timeout=100 * SLOWER)
    assert missing.returncode == 1 and "none.py: no such file" in missing.stderr
    cold = tmp_path / "cold.py"
    cold.write_text("print(1)\n")
    nothing = subprocess.run([sys.executable, "-m", "tephra", "counts", cold], text=True, capture_output=True,
                             timeout=100 * SLOWER)
    assert nothing.returncode == 1 and "no compiled code was executed" in nothing.stderr


def test_sizes_command():
    done = subprocess.run([sys.executable, "-m", "tephra", "sizes", "colorsys:rgb_to_hls"], text=True,
                          capture_output=True, timeout=300 * SLOWER)
    assert done.returncode == 0, done.stderr
    assert "| 200 | one helper |" in done.stdout and "colorsys:rgb_to_hls" in done.stdout
    assert _tephra.measure is not None


def test_summary_names_the_functions(tmp_path):
    program = tmp_path / "hot.py"
    program.write_text("def hot(n):\n    t = 0\n    for i in range(n):\n        t += i\n    return t\n"
                       "for i in range(600):\n    hot(30)\n")
    done = subprocess.run([sys.executable, "-m", "tephra", "--summary", "--count-blocks", "--compile-after=400", program], text=True,
                          capture_output=True, timeout=100 * SLOWER)
    assert done.returncode == 0, done.stderr
    assert "emitted instructions executed on" in done.stderr and " in __main__:hot" in done.stderr
    assert " functions compiled" in done.stderr.splitlines()[-1]
