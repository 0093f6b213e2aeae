"""asmjit and fmt as static, position-independent libraries with hidden symbols, built once per compiler.

CMake calls this (`tools/dev/thirdparty.py NAME --cxx COMPILER`) and reads the prefix from the last line of
standard output. On a Debian system the source packages of one pinned release are used; elsewhere this
fails and CMake fetches the same commit itself. The results lie in the cache, outside every build folder.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from dev import paths, privateapt  # noqa: E402
from dev.util import DevError, capture, lock, run, timed  # noqa: E402


@dataclass(frozen=True)
class Library:
    name: str
    source_package: str  # in `suite`
    version: str  # must occur in the name of the downloaded .dsc
    suite: str
    library: str  # file below lib/
    cmake_options: tuple[str, ...]


LIBRARIES = {
    lib.name: lib
    for lib in (
        # The version names the commit, see TEPHRA_ASMJIT_COMMIT in cmake/thirdparty.cmake.
        Library("asmjit", "asmjit", "20221210.5b5b0b3", "bookworm", "libasmjit.a",
                ("-DASMJIT_STATIC=ON", "-DASMJIT_TEST=OFF", "-DASMJIT_EMBED=OFF")),
        Library("fmt", "fmtlib", "9.1.0", "bookworm", "libfmt.a",
                ("-DFMT_TEST=OFF", "-DFMT_DOC=OFF", "-DBUILD_SHARED_LIBS=OFF")),
    )
}


def _key(lib: Library, cxx: str) -> str:
    # The first word of the first line is only the name that the compiler was called by.
    version = (capture([cxx, "--version"]) or "").partition("\n")[0].partition(" ")[2]
    machine = capture([cxx, "-dumpmachine"]) or ""
    text = "\n".join([lib.version, *lib.cmake_options, version, machine])
    return f"{lib.name}-{lib.version}-{machine.strip()}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _fetch(lib: Library, work: Path) -> Path:
    if not privateapt.available():
        raise DevError("no apt with Debian's keyring on this machine")
    apt = privateapt.PrivateApt(work / "apt", lib.suite, paths.DEB_ARCH)
    apt.update()
    apt.source(lib.source_package, work / "source")
    if not any(lib.version in dsc.name for dsc in (work / "source").glob("*.dsc")):
        raise DevError(f"the mirror's {lib.source_package} is not version {lib.version}")
    tarball = next((work / "source").glob("*.orig.tar.*"))
    with tarfile.open(tarball) as tar:
        tar.extractall(work / "tree")  # checked by apt against the signed index
    roots = [p for p in (work / "tree").iterdir() if p.is_dir()]
    return roots[0] if len(roots) == 1 and not (work / "tree/CMakeLists.txt").exists() else work / "tree"


def _cross_options(cxx: str) -> list[str]:
    """What CMake must hear when the compiler's programs do not run here."""
    machine = (capture([cxx, "-dumpmachine"]) or paths.HOST_ARCH).partition("-")[0].strip()
    if machine == paths.HOST_ARCH:
        return []
    return ["-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_SYSTEM_PROCESSOR={machine}"]


def _build(lib: Library, source: Path, work: Path, prefix: Path, cxx: str) -> None:
    run(["cmake", "-S", source, "-B", work / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
         f"-DCMAKE_CXX_COMPILER={cxx}", f"-DCMAKE_INSTALL_PREFIX={prefix}", "-DCMAKE_INSTALL_LIBDIR=lib",
         "-DCMAKE_POSITION_INDEPENDENT_CODE=ON", "-DCMAKE_CXX_FLAGS=-fvisibility=hidden -fvisibility-inlines-hidden",
         *_cross_options(cxx), *lib.cmake_options], quiet=True)
    run(["cmake", "--build", work / "build", f"-j{paths.jobs()}"], quiet=True)
    run(["cmake", "--install", work / "build"], quiet=True)
    if not (prefix / "lib" / lib.library).exists():
        raise DevError(f"building {lib.name} left no {lib.library}")


def ensure(name: str, cxx: str) -> Path:
    """The prefix of the library (include/, lib/), made when absent."""
    lib = LIBRARIES[name]
    prefix = paths.cache_dir() / _key(lib, cxx)
    if not (prefix / ".complete").exists():
        with lock(paths.cache_dir() / f"{name}.lock", name):
            if not (prefix / ".complete").exists():
                work = paths.cache_dir() / f"{prefix.name}.work"
                for folder in (work, prefix):
                    shutil.rmtree(folder, ignore_errors=True)
                with timed(f"{name} {lib.version}: fetching and building"):
                    _build(lib, _fetch(lib, work), work, prefix, cxx)
                shutil.rmtree(work)
                (prefix / ".complete").touch()
    return prefix


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(LIBRARIES))
    parser.add_argument("--cxx", default="c++", help="the compiler to build with (default: c++)")
    args = parser.parse_args()
    try:
        print(ensure(args.name, args.cxx))
    except (DevError, OSError, StopIteration, tarfile.TarError, subprocess.SubprocessError) as error:
        print(f"thirdparty: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
