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
from dev.util import DevError, cleanEnv, lock, run, say, timed

_FLAVOURS = {
    "release": ["-DCMAKE_BUILD_TYPE=Release"],
    "debug": ["-DCMAKE_BUILD_TYPE=Debug"],
    "asan": ["-DCMAKE_BUILD_TYPE=Debug", "-DTEPHRA_ASAN=ON"],
}


@dataclass
class Setup:
    """Everything that is needed to run something: built, installed."""

    flavour: str
    build: Path
    pythons: dict[str, Path]  # version -> the venv's interpreter
    bases: dict[str, Path]  # version -> the interpreter itself


def buildDir(flavour: str) -> Path:
    return paths.BUILD / flavour


def bases(wanted: list[str], *, required: bool) -> dict[str, Path]:
    """The interpreters of the wanted versions. With required, a missing one is an error."""
    found = {}
    for version in wanted:
        base = interpreters.ensure(version)
        if base:
            found[version] = base
        elif required:
            raise DevError(f"no CPython {version} with headers found: set TEPHRA_PYTHON to one, or put "
                           f"python{version} on PATH")
    return found


def configure(folder: Path, flavour: str, pythons: list[Path], extra: list[str] = []) -> None:
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
    done = subprocess.run(command, env=cleanEnv(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    _recordWarnings(folder, done.stdout)
    if done.returncode != 0:
        shown = [line for line in done.stdout.splitlines() if not _PROGRESS.match(line)]
        raise DevError("the build failed: " + " ".join(command) + "\n" + "\n".join(shown[:200]))
    remarks = [line for line in done.stdout.splitlines() if not line.startswith(("[", "ninja:", "-- "))]
    if remarks:
        print("\n".join(remarks), file=sys.stderr)


_PROGRESS = re.compile(r"^\[\d+/\d+\] ")
_COMPILING = re.compile(r"^\[\d+/\d+\] Building \S+ object (\S+)")


def _recordWarnings(folder: Path, output: str) -> None:
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


def recordedWarnings(folder: Path) -> list[str]:
    """The warnings of all objects that exist."""
    store = folder / ".dev-warnings.json"
    known = json.loads(store.read_text()) if store.exists() else {}
    return sorted({line for name, lines in known.items() if (folder / name).exists() for line in lines})


def hasExtension() -> bool:
    return any((paths.ROOT / "src/driver").glob("*.cc"))


def core(targets: list[str]) -> Path:
    """The Python-free build; its folder."""
    system.ensureBuild(prefix=False)
    folder = paths.BUILD / "core"
    with lock(paths.BUILD / "core.lock", str(folder)):
        configure(folder, "release", [])
        with timed(f"building {' '.join(targets) or 'the core'}"):
            ninja(folder, targets)
    return folder


def prepare(versions: list[str], flavour: str, *, required: bool = True, tools: list[str] | None = None,
            everything: bool = False, targets: list[str] | None = None) -> Setup:
    """Builds and installs Tephra for the versions; `everything` includes unit tests and tools."""
    known = interpreters.find("3.14") is not None or (interpreters.prefixDir() / ".complete").exists()
    system.ensureBuild(prefix=not known)
    found = bases(versions, required=required)
    # Configure for every interpreter at hand, so that --python does not reconfigure the tree.
    others = {v: b for v in paths.VERSIONS if v not in found and (b := _atHand(v))}
    folder = buildDir(flavour)
    with lock(paths.BUILD / f"{flavour}.lock", str(folder)):
        ordered = [b for _, b in sorted({**found, **others}.items())]
        configure(folder, flavour, ordered)
        wanted = list(targets or [])
        if not wanted and not everything:
            wanted = [f"_tephra_{v.replace('.', '_')}" for v in found] if hasExtension() else ["tephra_core"]
        if not hasExtension():
            say("src/driver has no sources yet: there is no extension module to build")
        with timed(f"building {flavour} ({', '.join(wanted) or 'all'})"):
            ninja(folder, wanted)
    setup = Setup(flavour, folder, {}, found)
    for version, base in found.items():
        setup.pythons[version] = venvs.ensure(version, flavour, base, tools=tools or [])
        venvs.install(version, flavour, folder)
    return setup


def _atHand(version: str) -> Path | None:
    base = interpreters.find(version)
    if not base and version == "3.14" and (interpreters.prefixDir() / ".complete").exists():
        base = interpreters.prefixDir() / "usr/bin/python3.14"
    return base


def asanEnv(setup: Setup) -> dict[str, str]:
    """What a sanitizer build needs in the environment of a stock interpreter."""
    if setup.flavour != "asan":
        return {}
    libraries = [run(["g++", f"-print-file-name={name}"], quiet=True).strip() for name in ("libasan.so", "libubsan.so")]
    return {"LD_PRELOAD": " ".join(str(Path(p).resolve()) for p in libraries),
            # CPython keeps memory until exit; its allocator hides errors from the sanitizer.
            "ASAN_OPTIONS": "detect_leaks=0:handle_segv=1:allocator_may_return_null=1", "PYTHONMALLOC": "malloc",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
