"""`./dev test --full --cpython`: all of CPython's own tests, stock and under the JIT, through `verify`."""

from __future__ import annotations

import subprocess

from dev import build, machines, matrix, paths
from dev.util import DevError, clean_env, say

# Tests that never end on the interpreter alone: version -> pattern.
_ENDLESS = {
    # Waits for a connection from this guest to itself, which not every virtual machine's vsock makes.
    "3.12": ("test.test_socket.ThreadedVSOCKSocketStreamTest.*",),
}


def main(versions: list[str], flavour: str, args) -> int:
    """Runs the suite of each version; with module names only these. The exit status."""
    if not args.full:
        raise DevError("--cpython belongs to --full: ./dev test --full --cpython (./dev test tests/cpython is the "
                       "third of the suite that is fast)")
    if args.arch == "all":
        raise DevError("--cpython runs on one machine: name it with --arch, or leave that out for this one")
    machine = machines.machine(args.arch)
    found = matrix.available(versions, machine)
    setup = build.prepare(found, flavour, machine, everything=True)
    env = clean_env(**build.asan_env(setup))
    status, verdicts = 0 if setup.pythons else 1, []  # a run without any interpreter proves nothing
    for version, python in sorted(setup.pythons.items(), reverse=True):
        # A few modules must not overwrite what hours of all of them left.
        output = paths.DEV / f"cpython-{version}{'-chosen' if args.paths else ''}{machine.suffix}"
        say(f"CPython {version}: its own tests; results in {output}")
        words = [f"cpython:{name}" for name in args.paths] or ["cpython"]
        command = [str(python), "-m", "tephra", "verify", *words, "--after", "0,default", "--jobs", str(paths.jobs()),
                   "--expected", str(paths.ROOT / f"tests/cpython/expected_{version}.toml"), "--output", str(output),
                   *(word for test in _ENDLESS.get(version, ()) for word in ("--ignore", test)),
                   *(["--resume"] if args.resume else [])]
        code = subprocess.run(command, env=env, check=False).returncode
        if code == 130:
            return code
        verdicts.append(f"CPython {version}: {'no regressions' if code == 0 else f'FAILED (exit status {code})'}")
        status = status or code
    for version in set(versions) - set(setup.pythons):
        verdicts.append(f"CPython {version}: not found, not tested (TEPHRA_PYTHON names interpreters)")
    print("\n".join(verdicts))
    return status
