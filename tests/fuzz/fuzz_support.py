"""Runs one random program in the interpreter and compiled."""

import pathlib
import sys
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from generator import ARGUMENTS, program  # noqa: E402
from support import differential  # noqa: E402


def check_seed(seed):
    """Differential run of program ``seed``; AssertionError with the source when outcomes differ."""
    source = program(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            differential(source, ARGUMENTS, warm=ARGUMENTS[:1 + seed % 8], warm_rounds=12)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}:\n{source}\n{error}") from None


if __name__ == "__main__":
    for number in map(int, sys.argv[1:]):
        check_seed(number)
