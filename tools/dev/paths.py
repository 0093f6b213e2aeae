"""Where things are: the checkout, its private folders and the cache that outlives it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The venvs of this checkout; git-ignored.
DEV = Path(os.environ.get("TEPHRA_DEV_ROOT", ROOT / ".dev"))
BUILD = Path(os.environ.get("TEPHRA_BUILD_ROOT", ROOT / "build"))
VERSIONS = ("3.12", "3.14")
DEFAULT_VERSION = "3.14"

# As Linux names it; what else the names of a machine are: machines.py.
HOST_ARCH = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
DEB_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(HOST_ARCH, HOST_ARCH)


def cache_dir() -> Path:
    """What is expensive to make and the same for every checkout (interpreter, asmjit)."""
    base = os.environ.get("TEPHRA_CACHE")
    if base:
        return Path(base)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tephra"


def jobs() -> int:
    return int(os.environ.get("TEPHRA_JOBS") or min(os.cpu_count() or 1, 16))
