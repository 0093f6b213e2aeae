"""CPU time of a step of steps.py's models, under the JIT divided by stock's: two fresh processes that take turns of some 40 ms.

    python comparing.py [MODEL ...] [--pairs N] [--seconds S] [--cpu K] [--option NAME=VALUE ...]

Prints a model's ratio while functions get compiled (the first half of the turns) and in the end (the last quarter), with the
95 % interval over the pairs of processes: medians of the turns, which are S seconds of each side in all, behind one
step. Less than 1 is faster. Fails where the results differ or where nothing was compiled.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time

import steps
from tephra.bench import estimate

TURN = 0.04


def work(model):
    """Does as many steps as each line on stdin says; answers with the CPU seconds that they took."""
    steps.torch.set_num_threads(1)
    step, last = steps.make(model), None
    for line in sys.stdin:
        start = time.process_time()
        for _ in range(int(line)):
            last = step()
        print(time.process_time() - start, flush=True)
    from tephra import jit  # only now: it loads the JIT

    print(json.dumps({"result": last.item(), "compiled": len(jit.get_compiled_functions())}))


class Side:
    """A process that works when it is its turn."""

    def __init__(self, model, tephra, options):
        env = {**os.environ, **options, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, *(["-m", "tephra"] if tephra else []), __file__, "--work", model]
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def turn(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        out, _ = self.process.communicate()
        return json.loads(out)


def pair(model, seconds, options):
    """Ratios of all turns, and what each side says in the end."""
    sides = [Side(model, tephra, options if tephra else {}) for tephra in (False, True)]
    first = [[side.turn(1) for _ in range(10)] for side in sides]
    once = statistics.median(first[0][1:])
    count, ratios = max(1, round(TURN / once)), []
    for number in range(max(4, round(seconds / (count * once)))):
        took = [side.turn(count) for side in (sides if number % 2 else reversed(sides))]
        stock, tephra = took if number % 2 else reversed(took)
        ratios.append(tephra / stock)
    return ratios, [side.end() for side in sides]


def compare(model, pairs, seconds, options):
    logs, compiled = {"first half": [], "last quarter": []}, []
    for _ in range(pairs):
        ratios, (stock, tephra) = pair(model, seconds, options)
        if stock["result"] != tephra["result"]:
            raise SystemExit(f"{model}: the results differ: {stock['result']} and {tephra['result']}")
        if stock["compiled"] or not tephra["compiled"]:
            raise SystemExit(f"{model}: {stock['compiled']} functions were compiled on stock, {tephra['compiled']} under the JIT")
        compiled.append(tephra["compiled"])
        for name, part in zip(logs, (ratios[:len(ratios) // 2], ratios[-(len(ratios) // 4):])):
            logs[name].append(math.log(statistics.median(part)))
    shown = ", ".join("{}: {:.3f} ({:.3f}-{:.3f})".format(name, *estimate.of_pairs(each)) for name, each in logs.items())
    print(f"{model}: {shown}; {min(compiled)} to {max(compiled)} functions compiled", flush=True)


def main():
    from tephra import _config  # not in the processes that are measured: these load the extension
    from tephra.bench import plan
    from tephra.bench.errors import BenchError

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"{', '.join(steps.MODELS)} (default: all)")
    parser.add_argument("--pairs", type=int, default=5, metavar="N", help="pairs of processes (default 5)")
    parser.add_argument("--seconds", type=float, default=8, metavar="S", help="CPU seconds of each process (default 8)")
    parser.add_argument("--cpu", type=int, metavar="K", help="run both on this processor")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="an option of Tephra's, such as budget=0")
    parser.add_argument("--work", metavar="MODEL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work(options.work)
    if unknown := set(options.models) - set(steps.MODELS):
        parser.error(f"no model {', '.join(sorted(unknown))}: there are {', '.join(steps.MODELS)}")
    if options.pairs < 1 or options.seconds <= 0:
        parser.error("--pairs and --seconds must be positive")
    if options.cpu is not None:
        os.sched_setaffinity(0, [options.cpu])
    try:
        settings = {_config.variable(name): value for name, value in map(plan.option, options.option)}
    except BenchError as error:
        parser.error(str(error))
    for model in options.models or steps.MODELS:
        compare(model, options.pairs, options.seconds, settings)


if __name__ == "__main__":
    main()
