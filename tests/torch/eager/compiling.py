"""torch.compile of a small model (steps.py's transformer): CPU time of compiling it and of a training step then.

    python compiling.py BACKEND              one process: JSON, in seconds and microseconds
    python compiling.py --compare PAIRS      each backend, without Tephra and with it, in fresh processes by turns: ratios

Backends: eager, aot_eager, inductor. Children count (inductor calls a C++ compiler), with a cache of its own for each
process. The last loss is printed, which must be equal under the JIT.
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile

BACKENDS = ("eager", "aot_eager", "inductor")
STEPS = 400


def used():
    """CPU seconds of this process and of its children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measure(backend):
    import steps
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = torch.nn.Sequential(steps.Block(32, 4), steps.Block(32, 4), torch.nn.Linear(32, 8)).eval()
    compiled = torch.compile(model, backend=backend)
    inputs, targets = torch.randn(2, 6, 32), torch.randn(2, 6, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def step():
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(compiled(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss

    start = used()
    step()
    compiling, last = used() - start, None
    for _ in range(STEPS // 2):
        step()
    start = used()
    for _ in range(STEPS // 2):
        last = step()
    return {"backend": backend, "compile_s": round(compiling, 3),
            "step_us": round(1e6 * (used() - start) / (STEPS // 2), 1), "loss": float(last)}


def run(backend, tephra):
    """What one fresh process prints."""
    with tempfile.TemporaryDirectory() as cache:
        env = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": cache, "TORCHINDUCTOR_COMPILE_THREADS": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, *(["-m", "tephra"] if tephra else []), __file__, backend]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def interval(logs):
    """The mean ratio and its 95 % interval, by resampling the pairs."""
    means = sorted(statistics.fmean(random.choices(logs, k=len(logs))) for _ in range(2000))
    mean, low, high = (math.exp(each) for each in (statistics.fmean(logs), means[50], means[1949]))
    return f"{mean:.2f} ({low:.2f}-{high:.2f})"


def compare(pairs):
    for backend in BACKENDS:
        logs, losses = {"compile_s": [], "step_us": []}, set()
        for pair in range(pairs):
            sides = {tephra: run(backend, tephra) for tephra in ((False, True) if pair % 2 else (True, False))}
            for name, into in logs.items():
                into.append(math.log(sides[True][name] / sides[False][name]))
            losses |= {side["loss"] for side in sides.values()}
        if len(losses) != 1:
            raise SystemExit(f"{backend}: the results differ: {sorted(losses)}")
        print(f"{backend}: compiling {interval(logs['compile_s'])}, a step {interval(logs['step_us'])}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backend", nargs="?", choices=BACKENDS)
    parser.add_argument("--compare", type=int, metavar="PAIRS", help="pairs of processes for each backend")
    options = parser.parse_args()
    if options.compare:
        compare(options.compare)
    elif options.backend:
        print(json.dumps(measure(options.backend)))
    else:
        parser.error("name a backend, or --compare PAIRS")


if __name__ == "__main__":
    main()
