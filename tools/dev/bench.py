"""`./dev bench`: prepares everything, then `python -m tephra bench`."""

from __future__ import annotations

import subprocess

from dev import build, emulated_counts, machines, packages, paths, rivals, system, venvs
from dev.util import DevError, clean_env

# Options with which nothing is run in the interpreter under test.
_NO_RUN = ("--list", "--compare", "--merge", "--history", "--report", "--write-docs", "--help")


def _fetched(words: list[str]) -> list[str]:
    """The arguments with the interpreters that `./dev` can fetch replaced by their paths."""
    found = []
    for i, word in enumerate(words):
        before, equals, name = word.rpartition("=")
        if (before == "--against" if equals else words[i - 1:i] == ["--against"]):
            plain = name.removesuffix("-jit")
            if plain in rivals.names():
                path = str(rivals.ensure(plain))
                word = before + equals + (path if plain == name else f"{name}:PYTHON_JIT=1 {path}")
        found.append(word)
    return found


def _emulated(machine: machines.Machine, words: list[str]) -> list[str]:
    """What an emulated machine needs in addition: times mean nothing there."""
    if any(word.partition("=")[0] in _NO_RUN for word in words):
        return []
    if not any(word.partition("=")[0] == "--count" for word in words) and "--gates-only" not in words:
        raise DevError(f"{machine.name} is emulated here, its times mean nothing: add --count instructions")
    return ["--count-plugin", str(emulated_counts.plugin())]


def _apart(words: list[str]) -> str:
    """The option whose programs need an environment of their own, or "" (also where nothing is run)."""
    if any(word.partition("=")[0] in _NO_RUN for word in words):
        return ""
    return next((word for word in words if word.startswith("--") and word in packages.PINS), "")


def main(args) -> int:
    """Builds for one version and runs the benchmark command in its venv; the command's exit status."""
    version = args.python or paths.DEFAULT_VERSION
    flavour = "asan" if args.asan else "debug" if args.debug else "release"
    machine = machines.machine(args.arch)
    words = ["--help"] if args.options else list(args.args)
    if not machine.native:
        words += _emulated(machine, words)
    apart = _apart(words)
    if apart and (flavour != "release" or not machine.native):
        raise DevError(f"{apart} measures release builds on this machine: not with --debug, --asan or --arch")
    setup = build.prepare([version], flavour, machine, tools=venvs.BENCH_TOOLS if machine.native and not apart else [])
    python = packages.ensure(setup, version, apart, venvs.BENCH_TOOLS) if apart else setup.pythons[version]
    system.ensure_bench(count=machine.native and any(word.startswith("--count") for word in words))
    try:
        return subprocess.run([str(python), "-m", "tephra", "bench", *_fetched(words)],
                              env=clean_env(**build.asan_env(setup)), check=False).returncode
    except KeyboardInterrupt:  # the child has said what there is to say
        return 130
