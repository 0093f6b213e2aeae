"""Another commit of the checkout, built by its own ./dev."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tephra.bench import targets
from tephra.bench.errors import BenchError
from tephra.bench.targets import Target


def _checkout() -> Path:
    here = Path.cwd()
    for folder in (here, *here.parents, *Path(__file__).resolve().parents):
        if (folder / "dev").is_file() and (folder / "src" / "driver").is_dir():
            return folder
    raise BenchError("--against-commit: needs a checkout of Tephra; run it in one, or as ./dev bench")


def commit(revision: str) -> Target:
    """Tephra as of a commit, in the same CPython version. Builds it where that was not done before.

    Raises: BenchError for an unknown revision or a build that fails.
    """
    root = _checkout()
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    done = subprocess.run([str(root / "dev"), "python", "--python", version, "--commit", revision],
                          stdout=subprocess.PIPE, text=True, check=False)
    python = done.stdout.strip()
    if done.returncode or not python:
        raise BenchError(f"--against-commit {revision}: it could not be built; the reason is above")
    return targets.tephra(revision, f"Tephra {revision}", python)
