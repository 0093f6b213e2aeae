"""`./dev bench`: prepares everything, then `python -m tephra bench`."""

from __future__ import annotations

import subprocess

from dev import build, machines, paths, rivals, venvs
from dev.util import cleanEnv


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


def main(args) -> int:
    """Builds for one version and runs the benchmark command in its venv; the command's exit status."""
    version = args.python or paths.DEFAULT_VERSION
    flavour = "asan" if args.asan else "debug" if args.debug else "release"
    setup = build.prepare([version], flavour, machines.machine(args.arch), tools=venvs.BENCH_TOOLS)
    rest = ["--help"] if args.options else _fetched(args.args)
    try:
        return subprocess.run([str(setup.pythons[version]), "-m", "tephra", "bench", *rest],
                              env=cleanEnv(**build.asanEnv(setup)), check=False).returncode
    except KeyboardInterrupt:  # the child has said what there is to say
        return 130
