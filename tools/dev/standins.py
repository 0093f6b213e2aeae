"""Stand-ins for shared libraries that a wheel's libraries link to but that nothing calls on this machine.

The registry's torch wheels for x86-64 are those for CUDA: importing them loads 2.5 GB of GPU libraries that come in wheels
of their own. On a machine without a GPU nothing is called there but the registration of GPU code at load time and the question for
devices, so libraries of the same names, symbols and symbol versions do, whose functions all answer "no device".
"""

from __future__ import annotations

import collections
import re
import tempfile
from pathlib import Path

from dev.util import run

_NO_DEVICE = 100  # cudaErrorNoDevice, CUDA_ERROR_NO_DEVICE; an error to all other libraries, too
_GPU = re.compile(r"lib(cu|nccl|nv)\w*\.so")
# Who has the symbols that carry no version.
_PREFIXES = (("cudnn", "libcudnn"), ("nccl", "libnccl"), ("cupti", "libcupti"), ("cusparseLt", "libcusparseLt"), ("nvrtc", "libnvrtc"),
             ("cuFile", "libcufile"), ("nvshmem", "libnvshmem_host"), ("cu", "libcuda"))


def _needed(library: Path) -> list[str]:
    return re.findall(r"\(NEEDED\).*\[(.+)\]", run(["readelf", "-dW", library], quiet=True))


def _version_owners(library: Path) -> dict[str, str]:
    """Version of symbols -> the library that must define it."""
    owners, file = {}, ""
    for line in run(["readelf", "-VW", library], quiet=True).splitlines():
        if found := re.search(r"File: (\S+)\s+Cnt:", line):
            file = found[1]
        elif file and (found := re.search(r"Name: (\S+)\s+Flags:", line)):
            owners[found[1]] = file
    return owners


def _symbols(library: Path) -> tuple[set[tuple[str, str]], set[str]]:
    """The undefined symbols with their versions, and the names of the defined ones."""
    undefined, defined = set(), set()
    for line in run(["nm", "-D", "--with-symbol-versions", library], quiet=True).splitlines():
        kind, symbol = line.split()[-2:]
        name, _, version = symbol.partition("@")
        if kind == "U":
            undefined.add((name, version.lstrip("@")))
        elif kind not in "wv":
            defined.add(name)
    return undefined, defined


def _build(target: Path, symbols: dict[str, str]) -> None:
    """A library with these functions (name -> version, "" for none)."""
    versions = sorted({version for version in symbols.values() if version})
    with tempfile.TemporaryDirectory() as folder:
        source, script = Path(folder, "all.c"), Path(folder, "versions")
        source.write_text("".join(f"int {name}(void) {{ return {0 if name.startswith('__cuda') else _NO_DEVICE}; }}\n"
                                  for name in sorted(symbols)))
        nodes = [f"{version} {{ global: {' '.join(n + ';' for n, v in symbols.items() if v == version)} }};" for version in versions]
        script.write_text("\n".join(nodes) + "\n")
        run(["gcc", "-shared", "-fPIC", "-w", "-fno-builtin", f"-Wl,-soname,{target.name}", "-o", target, source,
             *([f"-Wl,--version-script={script}"] if versions else [])], quiet=True)


def ensure(folder: Path) -> int:
    """Makes the GPU libraries that those in `folder` need and that are not there; how many."""
    libraries = sorted(path for path in folder.glob("*.so*") if path.is_file())
    missing = {name for library in libraries for name in _needed(library) if _GPU.match(name) and not (folder / name).exists()}
    if not missing:
        return 0
    undefined, defined = set(), set()
    owners: dict[str, str] = {}
    for library in libraries:
        wanted, has = _symbols(library)
        undefined |= wanted
        defined |= has
        owners |= _version_owners(library)
    content: dict[str, dict[str, str]] = collections.defaultdict(dict)
    for name, version in undefined:
        owner = owners.get(version) if version else None
        if not version and name not in defined:
            stem = next((stem for prefix, stem in _PREFIXES if name.startswith(prefix)), None)
            owner = next((library for library in missing if stem and library.split(".so")[0] == stem), None)
        if owner in missing:
            content[owner][name] = version
    for name in sorted(missing):
        _build(folder / name, content[name])
    return len(missing)
