"""Finding CPython 3.12 and 3.14, and making a 3.14 where there is none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dev import machines, paths, privateapt
from dev.util import DevError, capture, clean_env, lock, run, timed

_PROBE = """
import os, platform, sys, sysconfig
include = sysconfig.get_path('platinclude' if False else 'include')
ok = sys.implementation.name == 'cpython' and os.path.exists(os.path.join(include, 'Python.h'))
free = bool(sysconfig.get_config_var('Py_GIL_DISABLED'))
print('%d.%d' % sys.version_info[:2], int(ok and not free), sys.executable)
"""

# The test suite is for tests/cpython; libstdc++6 so that module and interpreter agree on one.
_DEBIAN_PACKAGES = ["python3.14", "libpython3.14-dev", "libpython3.14-testsuite", "python3-pip-whl", "libstdc++6"]


def _probe(python: str | Path, version: str) -> Path | None:
    """The resolved interpreter if it is a CPython of that version with its headers."""
    fields = (capture([python, "-c", _PROBE], env=clean_env()) or "").split(maxsplit=2)
    if len(fields) == 3 and fields[0] == version and fields[1] == "1":
        return Path(fields[2].strip())
    return None


def _candidates(version: str) -> list[str]:
    named = os.environ.get("TEPHRA_PYTHON", "")
    found = [p for p in named.split(os.pathsep) if p]
    on_path = shutil.which(f"python{version}")
    if on_path:
        found.append(on_path)
    roots = [os.environ.get("PYENV_ROOT", ""), str(Path.home() / ".pyenv")]
    for root in dict.fromkeys(r for r in roots if r):
        for folder in sorted(Path(root, "versions").glob(f"{version}.*"), reverse=True):
            found.append(str(folder / "bin" / f"python{version}"))
    return found


def find(version: str) -> Path | None:
    """An interpreter that is already on this machine, or None."""
    for candidate in _candidates(version):
        python = _probe(candidate, version)
        if python:
            return python
    return None


def is_complete(machine: machines.Machine) -> bool:
    """Is Debian's CPython 3.14 for that machine unpacked and ready?"""
    return (machines.prefix_dir(machine) / ".complete").exists()


def _patch(prefix: Path, python: Path, machine: machines.Machine) -> None:
    """Makes the interpreter use the prefix's own loader and libraries wherever it is started from."""
    libs = prefix / "usr/lib" / machine.multiarch
    loaders = [*libs.glob("ld-linux-*.so.*"), *(prefix / "usr/lib64").glob("ld-linux-*.so.*")]
    if not loaders:
        raise DevError(f"no dynamic loader below {prefix}")
    run(["patchelf", "--set-interpreter", loaders[0], "--force-rpath", "--set-rpath", libs, python], quiet=True)


def _make_prefix(prefix: Path, machine: machines.Machine) -> None:
    if not privateapt.available():
        raise DevError("CPython 3.14 with headers not found, and without apt none can be fetched: install python3.14 "
                       "and its development files, or set TEPHRA_PYTHON to an interpreter")
    shutil.rmtree(prefix, ignore_errors=True)
    apt = privateapt.PrivateApt(prefix / "apt", "forky", machine.deb)
    apt.update()
    privateapt.unpack(apt.download(_DEBIAN_PACKAGES), prefix)
    shutil.rmtree(prefix / "apt")
    python = prefix / "usr/bin/python3.14"
    _patch(prefix, python, machine)
    if not machine.native:
        machines.wrap(machine, python)
    run([python, "-m", "compileall", "-q", f"-j{paths.jobs()}", "-x", "bad_coding|badsyntax|lib2to3/tests|test/",
         prefix / "usr/lib/python3.14"], quiet=True)
    (prefix / ".complete").write_text(run([python, "-c", "import sys; print(sys.version)"], quiet=True))


def at_hand(version: str, machine: machines.Machine) -> Path | None:
    """An interpreter that needs no making, or None."""
    python = find(version) if machine.native else None
    if not python and version == "3.14" and is_complete(machine):
        python = machines.prefix_dir(machine) / "usr/bin/python3.14"
    return python


def ensure(version: str, machine: machines.Machine) -> Path | None:
    """An interpreter of that version; 3.14 is made when absent, 3.12 may be None (as it is for emulated machines)."""
    python = at_hand(version, machine)
    if python and not machine.native:
        machines.refresh_wrapper(machine, python)
    if python or version != "3.14":
        return python
    prefix = machines.prefix_dir(machine)
    with lock(paths.cache_dir() / f"{prefix.name}.lock", f"CPython 3.14 for {machine.name}"):
        if not is_complete(machine):
            with timed(f"CPython 3.14 for {machine.name}: fetching Debian's into {prefix}"):
                _make_prefix(prefix, machine)
    return prefix / "usr/bin/python3.14"


def pip_wheel(python: Path) -> Path | None:
    """The pip wheel that Debian ships beside its interpreter (its ensurepip wants fixed paths)."""
    wheels = sorted(python.parent.parent.glob("share/python-wheels/pip-*.whl"))
    return wheels[-1] if wheels else None
