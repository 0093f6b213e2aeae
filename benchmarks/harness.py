"""Command line of the benchmark programs.

A program has a docstring that says what it stands for, and these names:

    DEFAULT_SIZE   size of the work, 0.1 to 1 s on CPython's interpreter
    QUICK_SIZE     size of the work, 0.02 to 0.1 s
    HOT            qualified names of the functions that must be compiled when the program is hot
    KNOWN_GAP      optional: the reason why today they are not
    EXPECTED       size -> known result
    run(n)         does the work, checks its result, raises AssertionError if that is wrong, returns it

It imports the standard library only and ends with ``harness.main(run, DEFAULT_SIZE)`` when it is the main program.
Then ``python prog.py [n] [--repeat K]`` prints one line ``iteration <i> <seconds>`` per repetition.
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
