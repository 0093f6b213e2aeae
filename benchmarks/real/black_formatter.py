"""Black: formatting functions and classes of real packages, with the check that the result means the same."""

import black
import inputs

DEFAULT_SIZE = 600
QUICK = True
PACKAGES = ("black", "docutils")


def run(step, size):
    found = inputs.definitions("docutils", 10, 60)
    mode = black.Mode(line_length=70)
    for i in range(size):
        source = found[i % len(found)]
        result = black.format_str(source, mode=mode)
        black.assert_equivalent(source, result)
        step(result)
