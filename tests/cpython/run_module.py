"""One test module of CPython under regrtest: run_module.py COUNTS-FILE REGRTEST-ARGUMENT...

The numbers of compiled functions and of bytes of machine code go into a file, not on stderr as the summary does:
children of the tests inherit the environment, and tests compare their stderr.
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
        def write():
            status = jit.status()
            report.write_text(f"{status.functions} {status.code_bytes}")

        atexit.register(write)
    from test.libregrtest.main import main as regrtest

    regrtest()


if __name__ == "__main__":
    main()
