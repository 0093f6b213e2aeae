"""`python -m tephra`: see `python -m tephra --help`."""

import sys

from tephra._cli import main

if __name__ == "__main__":
    _result = main(sys.argv[1:])
    if _result is not None:  # a program that was run ends as it would under plain python
        sys.exit(_result)
