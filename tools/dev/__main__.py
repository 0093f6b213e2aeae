"""Runs ./dev: `python3 tools/dev COMMAND ...`."""

import sys
from pathlib import Path

# Started as a folder, the package's own folder is on the path: put the one above there instead.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from dev.cli import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
