"""Other interpreters to measure against: Debian's, unpacked into the cache like CPython 3.14."""

from __future__ import annotations

import shutil
from pathlib import Path

from dev import machines, paths, privateapt, system
from dev.util import DevError, lock, run, timed

# Name -> (packages, the interpreter in the prefix).
_RIVALS = {"pypy3": (["pypy3"], "usr/bin/pypy3"), "python3.15": (["python3.15"], "usr/bin/python3.15")}


def names() -> list[str]:
    return list(_RIVALS)


def _patch(prefix: Path, python: Path) -> None:
    """Its own loader and libraries, wherever it is started from."""
    libs = prefix / "usr/lib" / machines.machine(None).multiarch
    loaders = [*libs.glob("ld-linux-*.so.*"), *(prefix / "usr/lib64").glob("ld-linux-*.so.*")]
    if not loaders:
        raise DevError(f"no dynamic loader below {prefix}")
    folders = f"{libs}:{python.resolve().parent}"
    run(["patchelf", "--set-interpreter", loaders[0], "--force-rpath", "--set-rpath", folders, python.resolve()],
        quiet=True)


def _make(name: str, prefix: Path) -> None:
    if not privateapt.available():
        raise DevError(f"there is no {name}, and without apt none can be fetched: install it, or name another "
                       "interpreter with --against")
    system.ensure_build(machines.machine(None), prefix=True)
    packages, executable = _RIVALS[name]
    shutil.rmtree(prefix, ignore_errors=True)
    apt = privateapt.PrivateApt(prefix / "apt", "forky", machines.machine(None).deb)
    apt.update()
    privateapt.unpack(apt.download([*packages, "libstdc++6"]), prefix)
    shutil.rmtree(prefix / "apt")
    _patch(prefix, prefix / executable)
    (prefix / ".complete").write_text(run([prefix / executable, "-c", "import sys; print(sys.version)"], quiet=True))


def ensure(name: str) -> Path:
    """The interpreter `name`: the one on PATH, or Debian's in the cache."""
    found = shutil.which(name)
    if found:
        return Path(found)
    prefix = paths.cache_dir() / f"{name}-{machines.machine(None).deb}"
    with lock(paths.cache_dir() / f"{prefix.name}.lock", name):
        if not (prefix / ".complete").exists():
            with timed(f"{name}: fetching Debian's into {prefix}"):
                _make(name, prefix)
    return prefix / _RIVALS[name][1]
