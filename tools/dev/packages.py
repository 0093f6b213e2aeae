"""Environments for benchmarks on packages: the release venv's interpreter, Tephra and pinned packages, apart from the test tools."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from dev import build, paths, venvs
from dev.machines import Machine
from dev.util import DevError, lock, run, timed



@dataclass(frozen=True)
class Pins:
    """What an environment has: `file` below the checkout ({version}: CPython's)."""

    file: str
    pure: bool = False     # wheels without a compiled part, but for lines marked "as it comes"
    complete: bool = True  # pip must find nothing missing


# Option of ./dev bench, or what ./dev test runs -> its pins.
PINS = {"--real": Pins("benchmarks/real/requirements.txt", pure=True),
        "--pyperformance": Pins("benchmarks/pyperformance.txt"),
        "packages": Pins("tests/packages/requirements.txt", pure=True),
        # Without the GPU libraries that torch's wheels ask for.
        "torch": Pins("tests/torch/requirements-{version}.txt", complete=False)}


def requirements(file: Path) -> tuple[list[str], list[str]]:
    """The pinned requirements of a file: those taken as pure Python wheels, and those marked `# as it comes`."""
    pure: list[str] = []
    others: list[str] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        wanted, _, mark = (part.strip() for part in line.partition("#"))
        if not wanted:
            continue
        if "==" not in wanted:
            raise DevError(f"{file}:{number}: not pinned: {wanted}")
        (others if mark == "as it comes" else pure).append(wanted)
    return pure, others


def _install(python: Path, site: Path, file: Path, version: str, pins: Pins, machine: Machine) -> None:
    pure, others = requirements(file)
    if not pins.pure:
        pure, others = [], pure + others
    pip = [python, "-m", "pip", "install", "-q", "--no-deps", "--upgrade", "--target", site]
    # No tag but py3-none-any is offered to pip, so that a compiled wheel cannot be taken.
    only = ["--only-binary", ":all:", "--platform", "any", "--abi", "none", "--implementation", "py", "--python-version", version]
    if pure:
        run([*pip, *only, *pure], quiet=True, what="pip install")
    if others:
        # The compilers that pip would call under emulation are those of this machine.
        run([*pip, *([] if machine.native else ["--only-binary", ":all:"]), *others], quiet=True, what="pip install")
    if pins.complete:
        run([python, "-m", "pip", "check"], quiet=True, what="pip check")


def ensure(setup: build.Setup, version: str, option: str, tools: list[str]) -> Path:
    """The interpreter that has what `option`'s programs need, `tools` and Tephra; made, or made anew when the pins change."""
    pins = PINS[option]
    file = paths.ROOT / pins.file.format(version=version)
    folder = paths.DEV / f"venv-{option.strip('-')}-{version}{setup.machine.suffix}"
    stamp, wanted = folder / ".tephra-packages", hashlib.sha256(file.read_bytes()).hexdigest()
    if folder.exists() and (not stamp.exists() or stamp.read_text() != wanted):  # other pins, or stopped on the way
        with lock(paths.DEV / f"{folder.name}.lock", folder.name):
            shutil.rmtree(folder)
    python = venvs.ensure(folder, setup.bases[version], tools=[])
    with lock(paths.DEV / f"{folder.name}.lock", folder.name):
        if not stamp.exists():
            with timed(f"installing the packages of {file.relative_to(paths.ROOT)} into {folder.name}"):
                _install(python, folder / f"lib/python{version}/site-packages", file, version, pins, setup.machine)
            stamp.write_text(wanted)
    venvs.ensure(folder, setup.bases[version], tools=tools)  # after the pins: pip keeps those that it finds
    venvs.install(folder, version, setup.build)
    return python
