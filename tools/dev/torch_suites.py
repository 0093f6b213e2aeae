"""`./dev test torch`: PyTorch's own test modules, stock and under the JIT, through `verify`.

tests/torch/modules.toml lists them; docs/pytorch.md has the results. The tests are those of 2.6.0, from Debian trixie's source
package; torch is the registry's wheel for each CPython version, with stand-ins for the GPU libraries (dev/standins.py).
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from pathlib import Path

from dev import build, machines, packages, paths, privateapt, standins, suites
from dev.util import DevError, lock, run as run_command, say, timed

HOME = paths.ROOT / "tests/torch"
LIST = HOME / "modules.toml"
DOCS = paths.ROOT / "docs/pytorch.md"
_TESTS, _RELEASE = "2.6.0", "trixie"
_CPU = "neoverse-n1"  # to emulate: the wheel for AArch64 has instructions that the first such processors lacked
# What TestFX loads; its source is among the tests.
_BINDINGS = "libtorchbind_test.so"
_ABOUT = "import torch; print(int(torch._C._GLIBCXX_USE_CXX11_ABI)); print(torch.__path__[0])"


def tests() -> Path:
    """The folder with torch's `test` and `pytest.ini`, from the cache or Debian's source package (27 MB)."""
    target = paths.cache_dir() / f"torch-tests-{_TESTS}"
    with lock(target.with_suffix(".lock"), "torch's tests"):
        if (target / ".complete").exists():
            return target
        if not privateapt.available():
            raise DevError("torch's tests come from Debian's source package, and there is no apt or Debian keyring here")
        shutil.rmtree(target, ignore_errors=True)
        with timed(f"fetching the tests of torch {_TESTS}"), tempfile.TemporaryDirectory() as folder:
            apt = privateapt.PrivateApt(Path(folder, "apt"), _RELEASE, paths.DEB_ARCH)
            apt.update()
            apt.source("pytorch", Path(folder, "source"))
            archives = sorted(Path(folder, "source").glob(f"pytorch_{_TESTS}*.orig.tar.*"))
            if len(archives) != 1:
                raise DevError(f"Debian {_RELEASE} has no source of torch {_TESTS}")
            target.mkdir(parents=True)
            run_command(["tar", "-xf", archives[0], "-C", target, "--strip-components=1", "--wildcards", "*/test", "*/pytest.ini"], quiet=True)
        (target / ".complete").touch()
    return target


def _bindings(python: Path, sources: Path, machine: machines.Machine) -> None:
    abi, torch = run_command([python, "-c", _ABOUT], quiet=True).split("\n")[:2]
    target = Path(torch, "lib", _BINDINGS)
    if target.exists():
        return
    include = Path(torch, "include")
    with timed(f"building {_BINDINGS}"):
        run_command([machine.tool("g++"), "-shared", "-fPIC", "-O0", "-std=c++17", "-w", f"-D_GLIBCXX_USE_CXX11_ABI={abi}", "-I", sources,
                    "-I", include, "-I", include / "torch/csrc/api/include", "-o", target, sources / "test/cpp/jit/test_custom_class_registrations.cpp",
                    "-L", target.parent, "-ltorch_cpu", "-lc10"], quiet=True)


def environment(setup: build.Setup, version: str) -> Path:
    """The interpreter with Tephra and torch."""
    python = packages.ensure(setup, version, "torch", tools=[])
    library = python.parent.parent / f"lib/python{version}/site-packages/torch/lib"
    with lock(paths.DEV / f"venv-torch-{version}{setup.machine.suffix}.lock", "torch's libraries"):
        if not setup.machine.native:
            machines.wrap_venv(setup.machine, python, setup.bases[version], _CPU)
        if made := standins.ensure(library):
            say(f"{made} GPU libraries have stand-ins")
        _bindings(python, tests(), setup.machine)
    return python


def _headers(python: Path, folder: Path) -> str:
    """Where inductor's compiler finds Python.h: Debian's includes <TRIPLET/python3.14/pyconfig.h>, beside the C library's headers."""
    include = Path(run_command([python, "-c", "import sysconfig; print(sysconfig.get_path('include'))"], quiet=True).strip())
    for split in include.parent.glob(f"*-linux-gnu/{include.name}"):
        link = folder / split.relative_to(include.parent)
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(split)
    return f"{include}{os.pathsep}{folder}"


def _compiler(script: Path, machine: machines.Machine) -> str:
    """What inductor calls: with -march=native, which a cross compiler does not know."""
    if machine.native:
        return machine.tool("g++")
    script.write_text("#!/bin/sh\nfor word; do\n  shift\n  [ \"$word\" = -march=native ] || set -- \"$@\" \"$word\"\ndone\n"
                      f"exec {machine.tool('g++')} \"$@\"\n", encoding="utf-8")
    script.chmod(0o755)
    return str(script)


def run(suite: suites.Suite, python: Path, version: str, folder: Path, machine: machines.Machine, resume: bool = False) -> suites.Outcome:
    """Runs a module with the interpreter that has torch, in a copy of the tests in `folder`."""
    tree = folder / "tree"
    if not resume or not tree.exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(tests(), tree)
    environment_ = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HOME),
                    "CXX": _compiler(folder / "c++", machine), "CPATH": _headers(python, folder / "include")} | suite.environment
    suite = dataclasses.replace(suite, environment=environment_, plugins=["tephra_torch_shim", *suite.plugins])
    targets = [target.replace("{home}", str(HOME)) for target in suite.targets]
    return suites.run(suite, python, version, tree / "test", targets, folder / "result",
                      machine=machine, expected=suites.expected_file(HOME / "expected", suite, version), resume=resume)


def _all(setup: build.Setup, version: str, chosen: list[suites.Suite], resume: bool) -> list[suites.Outcome]:
    python = environment(setup, version)
    folder = paths.DEV / f"torch-{version}{setup.machine.suffix}"
    return [run(suite, python, version, folder / suite.name, setup.machine, resume) for suite in chosen]


def collection() -> suites.Collection:
    return suites.Collection("torch", LIST, DOCS, _all)
