"""What a run was measured on."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def describe() -> dict[str, Any]:
    """Processor, memory, kernel, load; nothing that names the machine or its user."""
    return {"architecture": platform.machine(), "cpu": _cpu(), "cores": os.cpu_count(),
            "usable_cores": len(os.sched_getaffinity(0)), "memory_mib": _memory(), "kernel": platform.release(),
            "libc": " ".join(platform.libc_ver()), "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            "load": [round(x, 2) for x in os.getloadavg()]}


def now() -> str:
    """The time, UTC, ISO 8601."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def commit(folder: Path) -> dict[str, Any]:
    """The commit of the checkout that `folder` is in; empty where there is none."""
    def git(*args: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *args], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        revision = git("rev-parse", "HEAD")
        return {"revision": revision, "dirty": bool(git("status", "--porcelain", "-uno"))} if revision else {}
    except OSError:
        return {}


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _cpu() -> str:
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith(("model name", "Model", "CPU part")):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> int:
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    return 0
