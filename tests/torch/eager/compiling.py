"""torch.compile of a small model (steps.py's transformer): CPU time of compiling it and of a training step then.

    python compiling.py BACKEND                        one process: JSON, in seconds and microseconds
    python compiling.py --compare PAIRS [BACKEND]      each backend (or one), stock and Tephra by turns: ratios

Backends: eager, aot_eager, inductor. Children count (inductor calls a C++ compiler), with a cache of its own for each
process. The last loss is printed, which must be equal under the JIT.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

from tephra.bench import estimate

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
    step = steps.make("transformer", lambda model: torch.compile(model, backend=backend))
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


def shown(logs):
    return "{:.2f} ({:.2f}-{:.2f})".format(*estimate.of_pairs(logs))


def compare(pairs, backends):
    for backend in backends:
        logs, losses = {"compile_s": [], "step_us": []}, set()
        for pair in range(pairs):
            sides = {tephra: run(backend, tephra) for tephra in ((False, True) if pair % 2 else (True, False))}
            for name, into in logs.items():
                into.append(math.log(sides[True][name] / sides[False][name]))
            losses |= {side["loss"] for side in sides.values()}
        if len(losses) != 1:
            raise SystemExit(f"{backend}: the results differ: {sorted(losses)}")
        print(f"{backend}: compiling {shown(logs['compile_s'])}, a step {shown(logs['step_us'])}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backend", nargs="?", choices=BACKENDS)
    parser.add_argument("--compare", type=int, metavar="PAIRS", help="pairs of processes for each backend")
    options = parser.parse_args()
    if options.compare:
        compare(options.compare, [options.backend] if options.backend else BACKENDS)
    elif options.backend:
        print(json.dumps(measure(options.backend)))
    else:
        parser.error("name a backend, or --compare PAIRS")


if __name__ == "__main__":
    main()
