"""The architectures Tephra compiles for: building natively, or for another one that is then emulated.

On an AArch64 machine everything is native and nothing here is special. On another one, `--arch aarch64` builds
with Debian's cross compiler and runs under qemu's user-mode emulation, through wrapper scripts that stand where
the interpreter would: so that children of `sys.executable` are emulated too, whatever environment they get.
"""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from dev import paths
from dev.util import DevError

# An older core without pointer authentication, whose emulation costs 30 times as much as all the rest. Tests choose
# another one by _CPU_VARIABLE (`max,pauth=off` has branch targets).
_CPU, _CPU_VARIABLE = "cortex-a57", "TEPHRA_EMULATED_CPU"


@dataclass(frozen=True)
class Machine:
    """One architecture: `name` as `uname -m` says it, `deb` as dpkg does, `multiarch` as a library folder."""

    name: str
    deb: str
    multiarch: str

    @property
    def native(self) -> bool:
        return self.name == paths.HOST_ARCH

    @property
    def suffix(self) -> str:
        """What tells build folders and venvs of an emulated machine from the native ones."""
        return "" if self.native else f"-{self.name}"

    def tool(self, name: str) -> str:
        """What a compiler or one of its tools is called: Debian's cross compilers carry their machine's name."""
        return name if self.native else f"{self.multiarch}-{name}"

    def cmake_options(self) -> list[str]:
        """Options that make CMake build for this machine."""
        if self.native:
            return []
        return [f"-DCMAKE_TOOLCHAIN_FILE={paths.ROOT}/cmake/toolchain-{self.name}.cmake"]


MACHINES = {m.name: m for m in (Machine("x86_64", "amd64", "x86_64-linux-gnu"),
                                Machine("aarch64", "arm64", "aarch64-linux-gnu"))}


# Those that ./dev can build for and run on any Debian machine.
EMULATED = ("aarch64",)


def machine(name: str | None) -> Machine:
    """The machine of that name, by default this one. Errors: DevError where it can be neither run nor emulated."""
    found = MACHINES.get(name or paths.HOST_ARCH)
    if found is None:
        raise DevError(f"Tephra compiles for {' and '.join(MACHINES)}, and this machine is {paths.HOST_ARCH}")
    if not found.native and found.name not in EMULATED:
        raise DevError(f"--arch {found.name} works on {found.name} machines only: emulated are {', '.join(EMULATED)}")
    return found


def prefix_dir(wanted: Machine) -> Path:
    """Where Debian's CPython 3.14 of that machine is unpacked."""
    return paths.cache_dir() / f"python3.14-{wanted.deb}"


def emulator(wanted: Machine) -> list[str]:
    """The command that runs programs of that machine; empty where it is native."""
    if wanted.native:
        return []
    qemu = shutil.which(f"qemu-{wanted.name}")
    if not qemu:
        raise DevError(f"qemu-{wanted.name} is not on PATH (Debian: qemu-user)")
    return [qemu, "-cpu", os.environ.get(_CPU_VARIABLE, _CPU)]


def loader(wanted: Machine) -> list[str]:
    """Like `emulator`, for programs built here: they find the cross compiler's C and C++ libraries."""
    command = emulator(wanted)
    return [*command, "-L", f"/usr/{wanted.multiarch}"] if command else []


def wrap(wanted: Machine, program: Path) -> None:
    """Puts a script in the place of `program` that runs it emulated, under the name that it was called by.

    The program itself moves to libexec beside its folder.
    """
    moved = _moved(program)
    moved.parent.mkdir(exist_ok=True)
    program.resolve().rename(moved)
    program.unlink(missing_ok=True)
    refresh_wrapper(wanted, program)


def wrap_venv(wanted: Machine, python: Path, base: Path, cpu: str) -> None:
    """Gives a venv's interpreter a script of its own, for packages that want another processor.

    Their libraries, too, may have search paths; then the interpreter's path to those of its prefix does not count. They have threads,
    and a child that is forked beside another thread may wait for ever for the lock of the emulator's allocator, glib's, but not for malloc's.
    """
    libraries = f"LD_LIBRARY_PATH={prefix_dir(wanted)}/usr/lib/{wanted.multiarch}"
    _write_wrapper(python, shlex.join(["env", "G_SLICE=always-malloc", *emulator(wanted)[:-1], cpu, "-E", libraries]), _moved(base))


def _moved(program: Path) -> Path:
    return program.parent.parent / "libexec" / program.name


def refresh_wrapper(wanted: Machine, program: Path) -> None:
    """Writes the script that wrap() puts there, unless it is that already."""
    _write_wrapper(program, f'{shlex.join(emulator(wanted)[:-1])} "${{{_CPU_VARIABLE}:-{_CPU}}}"', _moved(program))


def _write_wrapper(program: Path, command: str, real: Path) -> None:
    text = f'#!/bin/sh\nexec {command} -0 "$0" {shlex.quote(str(real))} "$@"\n'
    if program.exists() and program.read_text(encoding="utf-8") == text:
        return
    fresh = program.with_name(program.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.chmod(0o755)
    fresh.replace(program)  # processes may be starting through the old one
