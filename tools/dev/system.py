"""The system packages that ./dev needs, installed with apt when they are missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dev import privateapt
from dev.machines import Machine
from dev.util import DevError, capture, clean_env, run, say, timed

# What proves that a package is there -> the package. A path must exist; a name must be on PATH.
_BUILD = {
    "g++": "g++",
    "cmake": "cmake",
    "ninja": "ninja-build",
    "/usr/include/gtest/gtest.h": "libgtest-dev",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
}
# To build for a machine that is emulated.
_EMULATED = {
    "aarch64": {
        "aarch64-linux-gnu-g++": "g++-aarch64-linux-gnu",
        "qemu-aarch64": "qemu-user",
        "/usr/src/googletest/CMakeLists.txt": "googletest",
    },
}
_PREFIX = {"patchelf": "patchelf"}  # to make a CPython 3.14 prefix
_OPTIONAL = {"ccache": "ccache"}
_BENCH = {"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf": "fonts-dejavu-core"}  # text in report.png
_COUNT = {"valgrind": "valgrind"}
_CHECK = {"clang-format": "clang-format"}
_TIDY = {"clang-tidy": "clang-tidy"}


def _missing(table: dict[str, str]) -> list[str]:
    def there(proof: str) -> bool:
        return Path(proof).exists() if proof.startswith("/") else shutil.which(proof) is not None

    return [package for proof, package in table.items() if not there(proof)]


def _install(packages: list[str]) -> None:
    sudo = []
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            raise DevError(f"not root and no sudo; install these first: {' '.join(packages)}")
        sudo = ["sudo"]
    env = clean_env(DEBIAN_FRONTEND="noninteractive")
    with timed("installing system packages: " + " ".join(packages)):
        # -o for snapshots, whose Release files have expired; harmless elsewhere.
        apt = [*sudo, "apt-get", "-q", "-y", "-o", "Acquire::Check-Valid-Until=false"]
        run([*apt, "update"], quiet=True, env=env)
        run([*apt, "--no-install-recommends", "install", *packages], quiet=True, env=env)


def _ensure(table: dict[str, str], optional: dict[str, str] | None = None) -> None:
    needed = _missing(table)
    wanted = _missing(optional or {})
    if not needed and not wanted:
        return
    if not privateapt.has_apt():
        if needed:
            raise DevError("missing, and there is no apt to install them with: " + " ".join(needed))
        return
    if needed:
        _install(needed + wanted)
    elif os.geteuid() == 0:
        try:
            _install(wanted)
        except DevError as error:
            say(f"going on without {' '.join(wanted)}: {error}")


def ensure_build(machine: Machine, *, prefix: bool) -> None:
    """All that a build for the machine needs; with prefix also what making CPython 3.14 needs."""
    emulated = {} if machine.native else _EMULATED[machine.name]
    _ensure({**_BUILD, **emulated, **(_PREFIX if prefix else {})}, _OPTIONAL)


def ensure_bench(*, count: bool) -> None:
    """What reports look better with; with count what counting instructions needs."""
    _ensure(_COUNT if count else {}, _BENCH)


def ensure_check(*, tidy: bool) -> None:
    _ensure({**_CHECK, **(_TIDY if tidy else {})})


def compiler_description() -> str:
    return (capture(["c++", "--version"]) or "no C++ compiler").splitlines()[0]
