"""Programs under tools, with Tephra and without: CPU time of fresh processes, A B B A.

    python tests/run/tools_ratios.py [--pairs N] [--program NAME] [TOOL ...]

Mode: the default one; the tool comes after two seconds. Prints for each tool the speed with Tephra, as a multiple of the speed
without it under the same tool (1.00: as fast), and its 95 % interval. Tools: none; cprofile; debugger (sys.settrace,
every line); calls (sys.setprofile in Python); viztracer (sys.monitoring: starts, returns, calls of C functions, of all
code); lines (local LINE events that the callback disables); coverage-ctrace and coverage-sysmon (the package coverage,
where it is installed).
"""

import argparse
import importlib.util
import math
import os
import random
import subprocess
import sys

from tephra.bench import estimate

PROGRAM = '''
import sys, time
sys.path.insert(0, {folder!r})
import {program} as program

def work():
    end = 0
    for _ in range({times}):
        end = program.run({size})
    return end

def under(tool):
    if tool == "none":
        return work()
    if tool == "cprofile":
        import cProfile
        return cProfile.Profile().runcall(work)
    if tool == "debugger":
        lines = [0]
        def trace(frame, event, arg):
            if event == "line":
                lines[0] += 1
            return trace
        sys.settrace(trace)
        work()
        sys.settrace(None)
        assert lines[0] > 1000
        return
    if tool == "calls":
        seen = [0]
        def profile(frame, event, arg):
            seen[0] += 1
        sys.setprofile(profile)
        work()
        sys.setprofile(None)
        assert seen[0] > 100
        return
    mon = sys.monitoring
    if tool == "viztracer":
        mon.use_tool_id(2, "tool")
        seen = [0]
        def note(*args):
            seen[0] += 1
        events = mon.events
        for event in (events.PY_START, events.PY_RETURN, events.PY_UNWIND, events.CALL, events.C_RETURN):
            mon.register_callback(2, event, note)
        mon.set_events(2, events.PY_START | events.PY_RETURN | events.PY_UNWIND | events.CALL)
        work()
        mon.set_events(2, 0)
        assert seen[0] > 100
        return
    if tool == "lines":
        mon.use_tool_id(2, "tool")
        mon.register_callback(2, mon.events.LINE, lambda code, line: mon.DISABLE)
        for value in list(vars(program).values()):
            if hasattr(value, "__code__"):
                mon.set_local_events(2, value.__code__, mon.events.LINE)
        return work()
    found = coverage.Coverage(data_file=None, branch=False)
    found.start()
    work()
    found.stop()

while time.process_time() < 2:
    work()  # compiled before the tool comes
if {tool!r}.startswith("coverage"):
    import coverage
begin = time.process_time()
under({tool!r})
used = time.process_time() - begin
compiled = 0
if {jit}:
    from tephra import jit
    compiled = jit.status().functions
print(used, compiled)
'''
TOOLS = ("none", "cprofile", "debugger", "calls", "viztracer", "lines", "coverage-ctrace", "coverage-sysmon")
# Tools that cost next to nothing behind a program's first steps: so many times the work.
LONGER = {"lines": 20, "coverage-sysmon": 20}
# Program: times, size of the work under a tool.
SIZES = {"richards": (1, 2), "deltablue": (1, 2000), "nbody": (1, 12000), "method_calls": (1, 100000)}


def seconds(tool, program, times, size, jit):
    """CPU seconds of the work under the tool in one process, and the functions that this one compiled."""
    env = {key: text for key, text in os.environ.items() if not key.startswith(("TEPHRA", "COVERAGE"))}
    env["TEPHRA"] = "1" if jit else "0"
    if tool.startswith("coverage"):
        env["COVERAGE_CORE"] = tool.removeprefix("coverage-")
    source = PROGRAM.format(folder=os.path.join(os.path.dirname(__file__), "../../benchmarks"), program=program,
                            times=times * LONGER.get(tool, 1), size=size, tool=tool, jit=jit)
    done = subprocess.run([sys.executable, "-c", source], env=env, text=True, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{tool}, {program}: {done.stderr}")
    used, functions = done.stdout.split()
    if jit and functions == "0":
        raise SystemExit(f"{tool}, {program}: nothing was compiled")
    return float(used), int(functions)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tools", nargs="*", metavar="TOOL", help="default: all that can be run here")
    parser.add_argument("--program", action="append", choices=SIZES, help="of these (repeatable; default: all)")
    parser.add_argument("--pairs", type=int, default=5, help="pairs of processes (default 5)")
    parser.add_argument("--bar", type=float, default=0.0, help="fail where an interval lies below it")
    args = parser.parse_args()
    unknown = set(args.tools) - set(TOOLS)
    if unknown:
        parser.error(f"unknown tool {', '.join(sorted(unknown))}: there are {', '.join(TOOLS)}")
    tools = args.tools or [tool for tool in TOOLS if not tool.startswith("coverage") or importlib.util.find_spec("coverage")]
    below = []
    for tool in tools:
        for program in args.program or SIZES:
            times, size = SIZES[program]
            logs, functions = [], 0
            for number in range(args.pairs):
                taken = {}
                for jit in random.Random(number).sample([False, True], 2):
                    taken[jit], compiled = seconds(tool, program, times, size, jit)
                    functions = max(functions, compiled)
                logs.append(math.log(taken[False] / taken[True]))
            middle, low, high = estimate.of_pairs(logs)
            print(f"{tool:16} {program:12} {middle:5.2f} ({low:.2f}-{high:.2f}) {functions:4} functions", flush=True)
            if high < args.bar:
                below.append(f"{tool}, {program}")
    if below:
        raise SystemExit(f"below {args.bar}: {'; '.join(below)}")


if __name__ == "__main__":
    main()
