"""One venv per CPython version and build flavour, with the test tools and Tephra in it."""

from __future__ import annotations

import filecmp
import shutil
from pathlib import Path

from dev import interpreters, paths
from dev.machines import Machine
from dev.util import DevError, lock, run, timed

TEST_TOOLS = ["pytest>=8", "hypothesis>=6", "pytest-timeout>=2.3", "py-spy>=0.4", "pyyaml>=6"]
BENCH_TOOLS = ["rich==15.0.0", "pyperf==2.10.0", "resvg-py==0.5.0"]  # progress, people's JSON format, PNG


def path(version: str, flavour: str, machine: Machine) -> Path:
    """The folder of the venv."""
    return paths.DEV / (f"venv-{version}" + ("" if flavour == "release" else f"-{flavour}") + machine.suffix)


def python(folder: Path) -> Path:
    """The interpreter of a venv."""
    return folder / "bin/python"


def _create(folder: Path, base: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    wheel = interpreters.pip_wheel(base)
    run([base, "-m", "venv", *(["--without-pip"] if wheel else []), folder], quiet=True)
    py = python(folder)
    if wheel:
        # Itself, from itself: what runs programs needs no package registry (tests and reports do).
        run([py, wheel / "pip", "install", "-q", "--no-index", wheel], quiet=True, what="installing pip")


def ensure(folder: Path, base: Path, *, tools: list[str]) -> Path:
    """The venv's interpreter, with the packages `tools` in it; made when absent, or when it is another interpreter's."""
    py = python(folder)
    owner = folder / ".tephra-base"
    with lock(paths.DEV / f"{folder.name}.lock", folder.name):
        if not owner.exists() or owner.read_text() != str(base) or not py.exists():
            with timed(f"making {folder.name} with {base}"):
                _create(folder, base)
                owner.write_text(str(base))
        stamp = folder / ".tephra-tools"
        present = set(stamp.read_text().splitlines()) if stamp.exists() else set()
        missing = [tool for tool in tools if tool not in present]
        if missing:
            with timed(f"installing {', '.join(missing)} into {folder.name}"):
                run([py, "-m", "pip", "install", "-q", *missing], quiet=True, what="pip install")
            stamp.write_text("\n".join(sorted(present | set(missing))))
    return py


def _sync(source: Path, target: Path, seen: set[Path]) -> None:
    seen.add(target)
    if target.exists() and filecmp.cmp(source, target, shallow=False):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(target.name + ".new")
    shutil.copy2(source, fresh)
    fresh.replace(target)  # never writes into a library that a running process has mapped


def _sync_tree(source: Path, target: Path, seen: set[Path]) -> None:
    for file in source.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            _sync(file, target / file.relative_to(source), seen)


def _dist_info(site: Path, seen: set[Path]) -> None:
    """What importlib.metadata and pytest's plugin search read; from pyproject.toml."""
    try:
        import tomllib
    except ImportError:  # before 3.11
        return
    project = tomllib.loads((paths.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = dict(project.get("entry-points", {}))
    if project.get("scripts"):
        groups["console_scripts"] = project["scripts"]
    entries = "".join(f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in rows.items()) + "\n"
                      for group, rows in groups.items())
    folder = site / f"tephra-{project['version']}.dist-info"
    folder.mkdir(exist_ok=True)
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: tephra\nVersion: {project['version']}\n",
        "entry_points.txt": entries,
        "INSTALLER": "dev\n",
        "RECORD": "",
    }
    for name, text in files.items():
        target = folder / name
        seen.add(target)
        if not target.exists() or target.read_text() != text:
            target.write_text(text)


def install(folder: Path, version: str, build: Path) -> None:
    """Copies the package, its .pth file and the built module into the venv: only what changed."""
    site = folder / f"lib/python{version}/site-packages"
    if not site.is_dir():
        raise DevError(f"{site} is not there")
    seen: set[Path] = set()
    with lock(paths.DEV / f"{folder.name}.lock", "installing"):
        _sync_tree(paths.ROOT / "python", site, seen)
        _sync_tree(paths.ROOT / "benchmarks", site / "tephra/_benchmarks", seen)
        if (build / "gen/python").is_dir():
            _sync_tree(build / "gen/python", site, seen)
        for module in (build / f"py{version}/tephra").glob("*.so"):
            _sync(module, site / "tephra" / module.name, seen)
        if (paths.ROOT / "pyproject.toml").exists():
            _dist_info(site, seen)
        # Files that left the package must leave the installation too.
        for stale in (site / "tephra").rglob("*"):
            if stale.is_file() and stale not in seen and "__pycache__" not in stale.parts:
                stale.unlink()
