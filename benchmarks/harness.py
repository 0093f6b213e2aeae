"""Command line of the benchmark programs.

A program defines ``run(n)``, which does its work and checks its own result, and ends with
``harness.main(run, default)``. Then ``python prog.py [n] [--repeat K]`` prints one line
``iteration <i> <seconds>`` per repetition.
"""

import argparse
import time


def main(run, default_n, default_repeat=5):
    """Run ``run(n)`` repeatedly and print the seconds of each iteration.

    Arguments: run (callable of one int), default_n and default_repeat (ints).
    Errors: whatever ``run`` raises, AssertionError for a wrong result.
    """
    parser = argparse.ArgumentParser(description=run.__doc__)
    parser.add_argument("n", nargs="?", type=int, default=default_n,
                        help="size of the work (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=default_repeat,
                        help="number of iterations (default: %(default)s)")
    args = parser.parse_args()
    for i in range(args.repeat):
        start = time.perf_counter()
        run(args.n)
        print(f"iteration {i} {time.perf_counter() - start:.6f}", flush=True)
