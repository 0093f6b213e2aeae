"""How the command ends."""

from __future__ import annotations

OK, FAILED, USAGE, CANNOT_WRITE, INTERRUPTED = 0, 1, 2, 3, 130

EXIT_CODES = """\
exit status:
  0    everything was measured (or compared, merged, listed)
  1    a gate failed, a program failed or gave a wrong result, or --fail-slower found a slower program
  2    wrong command line, unknown program, missing interpreter, or a file that cannot be read
  3    the results cannot be written (full disk, no permission); what was written is kept
  130  interrupted (Ctrl-C); what was measured is kept, and --resume goes on
"""


class BenchError(Exception):
    """An expected failure: one line for the user, and an exit status."""

    def __init__(self, text: str, status: int = USAGE) -> None:
        super().__init__(text)
        self.status = status
