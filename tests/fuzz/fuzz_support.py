"""Runs random programs in the interpreter and compiled, in a process with bounded memory.

    python tests/fuzz/fuzz_support.py SEED...

A program that runs out of memory says nothing: less is left where the compiler has been at work.
"""

import json
import os
import pathlib
import resource
import subprocess
import sys
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import support  # noqa: E402
from generator import ARGUMENTS, program  # noqa: E402

MEMORY = 4 << 30  # bytes of address space
_LIMIT = 600 * support.SLOWER


class OutOfMemory(Exception):
    """A program ran out of memory on one side."""


def _call(function, args, plain=support.call):
    outcome = plain(function, args)
    if outcome.kind == "raise" and outcome.value[0] == "MemoryError":
        raise OutOfMemory
    return outcome


support.call = _call


def check_seed(seed):
    """Differential run of program ``seed``; AssertionError with the source when outcomes differ, OutOfMemory."""
    source = program(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            support.differential(source, ARGUMENTS, warm=ARGUMENTS[:1 + seed % 8], warm_rounds=12)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}:\n{source}\n{error}") from None
        except MemoryError:
            raise OutOfMemory from None


def check_inconclusive(count, of):
    """A few programs may run out of memory; a test of such ones alone must not pass."""
    assert count <= max(1, of // 50), f"{count} of {of} programs say nothing: memory or time ran out"
    if count:
        print(f"{count} of {of} programs say nothing: memory or time ran out")


def check_seeds(seeds, add):
    """Checks these programs in a process of their own. ``add``: see ``compiled_by_children``."""
    done = subprocess.run([sys.executable, __file__, *map(str, seeds)], stdout=subprocess.PIPE, text=True, timeout=_LIMIT, check=False,
                          env={name: value for name, value in os.environ.items() if name != "TEPHRA_TEST_STATS"})
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout[-20000:]}"
    report = json.loads(done.stdout.splitlines()[-1])
    add(report["functions"], report["code_bytes"])
    check_inconclusive(report["out_of_memory"], len(seeds))


def main():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    lost = 0
    for seed in map(int, sys.argv[1:]):
        print(f"seed {seed}", flush=True)  # names the program that a crash is due to
        try:
            check_seed(seed)
        except OutOfMemory:
            lost += 1
        except AssertionError as error:
            print(error)
            sys.exit(1)
    totals = support._tephra.totals()
    print(json.dumps({"out_of_memory": lost, "functions": totals["functions"], "code_bytes": totals["code_bytes"]}))


if __name__ == "__main__":
    main()
