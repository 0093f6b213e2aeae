"""Configuring and building one flavour (release, debug, asan) for all interpreters at hand."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from dev import interpreters, paths, system, venvs
from dev.machines import Machine
from dev.util import DevError, clean_env, lock, run, say, timed

_FLAVOURS = {
    "release": ["-DCMAKE_BUILD_TYPE=Release"],
    "debug": ["-DCMAKE_BUILD_TYPE=Debug"],
    "asan": ["-DCMAKE_BUILD_TYPE=Debug", "-DTEPHRA_ASAN=ON"],
}


@dataclass
class Setup:
    """Everything that is needed to run something: built, installed."""

    flavour: str
    machine: Machine
    build: Path
    pythons: dict[str, Path]  # version -> the venv's interpreter
    bases: dict[str, Path]  # version -> the interpreter itself


def build_dir(flavour: str, machine: Machine) -> Path:
    return paths.BUILD / f"{flavour}{machine.suffix}"


def bases(wanted: list[str], machine: Machine, *, required: bool) -> dict[str, Path]:
    """The interpreters of the wanted versions. With required, a missing one is an error."""
    found = {}
    for version in wanted:
        base = interpreters.ensure(version, machine)
        if base:
            found[version] = base
        elif required and not machine.native:
            raise DevError(f"Debian has no CPython {version} for {machine.name} to emulate: only "
                           f"{paths.DEFAULT_VERSION} runs here, others on {machine.name} machines")
        elif required:
            raise DevError(f"no CPython {version} with headers found: set TEPHRA_PYTHON to one, or put "
                           f"python{version} on PATH")
    return found


def configure(folder: Path, flavour: str, pythons: list[Path], extra: list[str]) -> None:
    """Runs CMake when its arguments differ from the last time (Ninja re-runs it for everything else)."""
    args = [*_FLAVOURS[flavour], f"-DTEPHRA_PYTHONS={';'.join(str(p) for p in pythons)}",
            "-DPython_EXECUTABLE=" + (shutil.which("python3", path="/usr/bin") or shutil.which("python3") or ""),
            *extra]
    stamp = folder / ".dev-arguments"
    text = "\n".join(args)
    if stamp.exists() and stamp.read_text() == text and (folder / "build.ninja").exists():
        return
    with timed(f"configuring {folder.relative_to(paths.ROOT) if folder.is_relative_to(paths.ROOT) else folder}"):
        run(["cmake", "-S", paths.ROOT, "-B", folder, "-G", "Ninja", *args], quiet=True, what="cmake")
    stamp.write_text(text)


def ninja(folder: Path, targets: list[str]) -> None:
    """Builds; shows the compilers' remarks, and keeps the warnings of each object for ./dev check."""
    command = ["ninja", "-C", str(folder), f"-j{paths.jobs()}", *targets]
    done = subprocess.run(command, env=clean_env(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    _record_warnings(folder, done.stdout)
    if done.returncode != 0:
        shown = [line for line in done.stdout.splitlines() if not _PROGRESS.match(line)]
        raise DevError("the build failed: " + " ".join(command) + "\n" + "\n".join(shown[:200]))
    remarks = [line for line in done.stdout.splitlines() if not line.startswith(("[", "ninja:", "-- "))]
    if remarks:
        print("\n".join(remarks), file=sys.stderr)


_PROGRESS = re.compile(r"^\[\d+/\d+\] ")
_COMPILING = re.compile(r"^\[\d+/\d+\] Building \S+ object (\S+)")


def _record_warnings(folder: Path, output: str) -> None:
    # A warning is printed once, when its file is compiled: remember it until that file is compiled again.
    store = folder / ".dev-warnings.json"
    known = json.loads(store.read_text()) if store.exists() else {}
    current = None
    for line in output.splitlines():
        if _PROGRESS.match(line):
            found = _COMPILING.match(line)
            current = found.group(1) if found else None
            known.pop(current, None)
        elif current and ": warning: " in line:
            known.setdefault(current, []).append(line)
    store.write_text(json.dumps(known))


def recorded_warnings(folder: Path) -> list[str]:
    """The warnings of all objects that exist."""
    store = folder / ".dev-warnings.json"
    known = json.loads(store.read_text()) if store.exists() else {}
    return sorted({line for name, lines in known.items() if (folder / name).exists() for line in lines})


def has_extension() -> bool:
    return any((paths.ROOT / "src/driver").glob("*.cc"))


def core(targets: list[str], machine: Machine) -> Path:
    """The Python-free build; its folder."""
    system.ensure_build(machine, prefix=False)
    folder = build_dir("core", machine)
    with lock(paths.BUILD / f"{folder.name}.lock", str(folder)):
        configure(folder, "release", [], machine.cmake_options())
        with timed(f"building {' '.join(targets) or 'the core'}"):
            ninja(folder, targets)
    return folder


def prepare(versions: list[str], flavour: str, machine: Machine, *, required: bool = True,
            tools: list[str] | None = None, everything: bool = False,
            targets: list[str] | None = None) -> Setup:
    """Builds and installs Tephra for the versions; `everything` includes unit tests and tools."""
    if flavour == "asan" and not machine.native:
        raise DevError("sanitizer builds do not run under emulation: use --asan without --arch")
    system.ensure_build(machine, prefix=interpreters.at_hand("3.14", machine) is None)
    found = bases(versions, machine, required=required)
    # Configure for every interpreter at hand, so that --python does not reconfigure the tree.
    others = {v: b for v in paths.VERSIONS if v not in found and (b := interpreters.at_hand(v, machine))}
    folder = build_dir(flavour, machine)
    with lock(paths.BUILD / f"{folder.name}.lock", str(folder)):
        ordered = [b for _, b in sorted({**found, **others}.items())]
        configure(folder, flavour, ordered, machine.cmake_options())
        wanted = list(targets or [])
        if not wanted and not everything:
            wanted = [f"_tephra_{v.replace('.', '_')}" for v in found] if has_extension() else ["tephra_core"]
        if not has_extension():
            say("src/driver has no sources yet: there is no extension module to build")
        with timed(f"building {folder.name} ({', '.join(wanted) or 'all'})"):
            ninja(folder, wanted)
    setup = Setup(flavour, machine, folder, {}, found)
    for version, base in found.items():
        venv = venvs.path(version, flavour, machine)
        setup.pythons[version] = venvs.ensure(venv, base, tools=tools or [])
        venvs.install(venv, version, folder)
    return setup


def asan_env(setup: Setup) -> dict[str, str]:
    """What a sanitizer build needs in the environment of a stock interpreter."""
    if setup.flavour != "asan":
        return {}
    libraries = [run(["g++", f"-print-file-name={name}"], quiet=True).strip() for name in ("libasan.so", "libubsan.so")]
    return {"LD_PRELOAD": " ".join(str(Path(p).resolve()) for p in libraries),
            # CPython keeps memory until exit; its allocator hides errors from the sanitizer.
            "ASAN_OPTIONS": "detect_leaks=0:handle_segv=1:allocator_may_return_null=1", "PYTHONMALLOC": "malloc",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
