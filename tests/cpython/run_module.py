"""One test module of CPython under regrtest: run_module.py COMPILED-COUNT-FILE REGRTEST-ARGUMENT...

The number of compiled functions goes into a file, not on stderr as the summary does: children of the
tests inherit the environment, and tests compare their stderr.
"""

import atexit
import pathlib
import sys


def main():
    report = pathlib.Path(sys.argv.pop(1)).absolute()
    try:
        from tephra import jit
    except ImportError:
        pass
    else:
        atexit.register(lambda: report.write_text(str(jit.status().functions)))
    from test.libregrtest.main import main as regrtest

    regrtest()


if __name__ == "__main__":
    main()
