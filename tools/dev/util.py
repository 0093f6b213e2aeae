"""Running programs, talking to the user, locking."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path


class DevError(Exception):
    """An expected failure: its text is all the user needs to see."""


def say(text: str) -> None:
    print(f"dev: {text}", file=sys.stderr, flush=True)


def clean_env(**extra: str) -> dict[str, str]:
    """The environment for child programs, without what would make runs differ between machines."""
    env = {k: v for k, v in os.environ.items() if k not in _DROPPED}
    env.update(extra)
    return env


_DROPPED = {
    "PYTHONDONTWRITEBYTECODE",  # byte-code caches are wanted: start-up is measured with them
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "PYENV_VERSION",
}


def run(cmd, *, quiet: bool = False, env=None, cwd=None, what: str = "", tail: int = 30) -> str:
    """Runs a command that must succeed. With quiet, shows its output only when it fails."""
    cmd = [str(c) for c in cmd]
    result = subprocess.run(
        cmd,
        env=env if env is not None else clean_env(),
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
    )
    if result.returncode != 0:
        shown = "\n".join((result.stdout or "").splitlines()[-tail:])
        raise DevError(f"{what or cmd[0]} failed (exit {result.returncode}): {' '.join(cmd)}\n{shown}".rstrip())
    return result.stdout or ""


def capture(cmd, *, env=None) -> str | None:
    """The standard output of a command, or None when it cannot run or fails."""
    try:
        result = subprocess.run([str(c) for c in cmd], env=env if env is not None else clean_env(), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return None
    return result.stdout if result.returncode == 0 else None


@contextlib.contextmanager
def lock(path: Path, what: str):
    """Holds an advisory lock, so that two ./dev on one machine do not build the same thing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(f"waiting for another ./dev that is busy with {what}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def timed(what: str):
    start = time.monotonic()
    say(f"{what} ...")
    yield
    say(f"{what}: done in {time.monotonic() - start:.1f} s")
