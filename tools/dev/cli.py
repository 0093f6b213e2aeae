"""The command line of ./dev."""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import subprocess

from dev import machines, paths
from dev.util import DevError, clean_env, say

_EPILOG = """\
The first command on a fresh machine sets everything up: system packages (apt, as root or through sudo),
CPython 3.14 (Debian's, unpacked into the cache, unless one with headers is there), asmjit, fmt, a venv per
version. Set TEPHRA_PYTHON to interpreters of your own (':' between several), TEPHRA_CACHE, TEPHRA_JOBS,
TEPHRA_BUILD_ROOT and TEPHRA_DEV_ROOT to move or limit what ./dev does. See docs/building.md.
"""


def _flavour(args) -> str:
    return "asan" if args.asan else "debug" if args.debug else "release"


def _versions(args) -> list[str]:
    return [args.python] if args.python else list(paths.VERSIONS)


def _one(args) -> str:
    return args.python or paths.DEFAULT_VERSION


def _prepare_one(args):
    from dev import build

    return build.prepare([_one(args)], _flavour(args), machines.machine(args.arch))


def cmd_build(args) -> int:
    from dev import build

    machine = machines.machine(args.arch)
    if args.core:
        build.core(args.target, machine)
        return 0
    # 3.12 is built where it is found; only an explicit --python insists.
    setup = build.prepare(_versions(args), _flavour(args), machine, required=bool(args.python),
                          everything=not args.python, targets=args.target)
    for version, python in setup.pythons.items():
        say(f"CPython {version}: {python}")
    for version in set(_versions(args)) - set(setup.pythons):
        say(f"CPython {version}: not found, not built (TEPHRA_PYTHON names interpreters)" if machine.native else
            f"CPython {version}: Debian has none for {machine.name}, not built")
    return 0


def cmd_run(args) -> int:
    from dev import build, compare, emulated_counts

    setup = _prepare_one(args)
    python = setup.pythons[_one(args)]
    env = clean_env(**build.asan_env(setup))
    emulated = not setup.machine.native
    if args.count and not emulated:
        raise DevError("--count counts the instructions of an emulated machine: name one with --arch")
    if args.compare and emulated:
        return emulated_counts.compare(python, setup.bases[_one(args)], setup.machine, args.program, args.args, env, args.json)
    if args.compare:
        return compare.main(python, args.program, args.args, env, pairs=args.pairs, json_file=args.json)
    if args.json:
        raise DevError("--json belongs to --compare")
    if args.count:
        return emulated_counts.run_counted(python, args.program, args.args, env)
    return subprocess.run([str(python), "-m", "tephra", "--summary", args.program, *args.args], env=env,
                          check=False).returncode


def cmd_bench(args) -> int:
    from dev import bench

    return bench.main(args)


def _foreign_suites(args) -> int:
    """`./dev test packages [NAME...]`, `torch [MODULE...]`, or both words without names."""
    from dev import package_suites, suites, torch_suites

    known = {"packages": package_suites.collection, "torch": torch_suites.collection}
    if set(args.paths) <= set(known):
        chosen, names = list(dict.fromkeys(args.paths)), []
    else:
        chosen, names = args.paths[:1], args.paths[1:]
    return max(suites.main(known[word](), _versions(args), _flavour(args), names, args) for word in chosen)


def cmd_test(args) -> int:
    if args.paths[:1] in (["packages"], ["torch"]):
        return _foreign_suites(args)
    if args.cpython or args.resume:
        from dev import cpython_suite

        return cpython_suite.main(_versions(args), _flavour(args), args)
    from dev import testing

    return testing.main(_versions(args), _flavour(args), args)


def cmd_shell(args) -> int:
    from dev import build

    setup = _prepare_one(args)
    env = clean_env(TEPHRA=os.environ.get("TEPHRA", "1"), **build.asan_env(setup))
    python = str(setup.pythons[_one(args)])
    os.execve(python, [python, *args.args], env)
    return 1


def cmd_python(args) -> int:
    from dev import build, venvs

    machine = machines.machine(args.arch)
    if args.commit:
        from dev import commits

        if not machine.native or _flavour(args) != "release":
            raise DevError("--commit builds for this machine, without --debug, --asan or --arch")
        print(commits.python(args.commit, _one(args)))
        return 0
    python = venvs.python(venvs.path(_one(args), _flavour(args), machine))
    if args.no_build and not python.exists():
        raise DevError(f"{python} is not there: ./dev build makes it")
    if not args.no_build:
        build.prepare([_one(args)], _flavour(args), machine)
    print(python)
    return 0


def cmd_check(args) -> int:
    from dev import checks

    return checks.main(args, command_line())


def cmd_clean(args) -> int:
    from dev import commits

    commits.remove()
    # By name, not the whole folder: the settings may point at a folder that holds other things too.
    ours = [(paths.BUILD, ("release*", "debug*", "asan*", "core*", "pip-*")), (paths.DEV, ("venv-*", "pytest-*", "mypy"))]
    if args.cache:
        ours.append((paths.cache_dir(), ("python3.1[45]*", "pypy3*", "asmjit*", "fmt*")))
    for folder, patterns in ours:
        for path in sorted(p for pattern in patterns for p in folder.glob(pattern)):
            say(f"removing {path}")
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return 0


def cmd_coverage_of(args) -> int:
    setup = _prepare_one(args)
    return subprocess.run([str(setup.pythons[_one(args)]), "-m", "tephra.coverage", args.what, *args.args],
                          env=clean_env(), check=False).returncode


def _common_options() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser, argparse.ArgumentParser]:
    """Options of commands for one version, for both, and --arch alone."""
    flavour = argparse.ArgumentParser(add_help=False)
    flavour.add_argument("--debug", action="store_true", help="-Og -g, TEPHRA_DEBUG=1 (own build folder and venv)")
    flavour.add_argument("--asan", action="store_true", help="debug with the address and undefined sanitizers")
    arch = argparse.ArgumentParser(add_help=False)
    arch.add_argument("--arch", choices=tuple(machines.MACHINES),
                      help="for which machine: aarch64 is cross-compiled and emulated where it is not the machine "
                           f"itself (default: this one, {paths.HOST_ARCH})")
    one = argparse.ArgumentParser(add_help=False, parents=[flavour, arch])
    one.add_argument("--python", choices=paths.VERSIONS, help=f"which CPython (default {paths.DEFAULT_VERSION})")
    both = argparse.ArgumentParser(add_help=False, parents=[flavour])
    both.add_argument("--python", choices=paths.VERSIONS, help="which CPython (default: both)")
    return one, both, arch


def _add_test_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--arch", choices=("all", *machines.MACHINES),
                     help=f"for which machines (default: this one, {paths.HOST_ARCH})")
    length = sub.add_mutually_exclusive_group()
    length.add_argument("--full", action="store_true", help="the long tests too")
    length.add_argument("--quick", action="store_true", help="without the long tests (the default)")
    sub.add_argument("--cpython", action="store_true",
                     help="with --full: all of CPython's own tests, stock and under the JIT at two thresholds, and "
                          "nothing else; PATHs are names of its modules then")
    sub.add_argument("--resume", action="store_true", help="with --full --cpython, packages or torch: go on where it was stopped")
    sub.add_argument("-k", dest="keyword", metavar="EXPR", help="only Python tests that match (pytest -k)")
    sub.add_argument("-x", dest="first", action="store_true", help="stop at the first failure")
    sub.add_argument("--serial", action="store_true", help="the versions one after the other, not side by side")
    sub.add_argument("--unit-only", action="store_true", help="only the unit tests; needs no CPython")
    sub.add_argument("--no-unit", action="store_true", help="not the unit tests")
    sub.add_argument("--write-docs", action="store_true", help="with packages and torch: put the tables into their pages")
    sub.add_argument("paths", nargs="*", help="files or folders below tests/ (default: all of it); or `packages [NAME...]`, "
                     "`torch [MODULE...]`: suites of other people's, the quick ones or with --full all (docs/packages.md, "
                     "docs/pytorch.md)")


def _add_command(commands, name, function, text, parents, description=None):
    # No abbreviations: what a command does not know it may pass on.
    sub = commands.add_parser(name, help=text, parents=parents, allow_abbrev=False,
                              description=description or text[0].upper() + text[1:] + ".",
                              formatter_class=argparse.RawDescriptionHelpFormatter)
    sub.set_defaults(function=function)
    return sub


def command_line() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev", description="Builds, runs, tests and checks Tephra.",
                                     epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    one, both, arch = _common_options()

    add = functools.partial(_add_command, commands)

    sub = add("build", cmd_build, "build, and install into .dev/venv-VERSION", [both, arch],
              "Builds the extension module, the unit tests and jit-tool, and installs Tephra into a venv per CPython.\n"
              "Only what changed is compiled. With --python only that version's module.")
    sub.add_argument("--core", action="store_true", help="only what needs no CPython, in build/core")
    sub.add_argument("-t", "--target", action="append", default=[], help="a CMake target (repeatable)")

    sub = add("run", cmd_run, "run a program under the JIT, or compare its speed", [one],
              "Runs PROGRAM under the JIT and ends with a summary on stderr.\n\n"
              "With --compare it also runs the plain interpreter, processes interleaved A B B A, and ends with one\n"
              "line that gives the ratio and a bootstrap interval. A program that prints `iteration I SECONDS` lines\n"
              "is measured by these (the first third is warm-up), any other by the wall time of its process. A run\n"
              "in which nothing was compiled fails. Where the machine is emulated (--arch), times mean nothing: it\n"
              "then compares the numbers of instructions that one run of each executed.")
    sub.add_argument("--compare", action="store_true", help="measure against the plain interpreter")
    sub.add_argument("--count", action="store_true",
                     help="count the instructions executed, in all and in compiled code (emulated machines only)")
    sub.add_argument("--json", metavar="FILE", help="with --compare: write the result and all samples there")
    sub.add_argument("--pairs", type=int, default=5, metavar="N", help="processes per side, at least 5 (default 5)")
    sub.add_argument("program", metavar="PROGRAM.py")
    sub.add_argument("args", nargs=argparse.REMAINDER, help="arguments of the program")

    sub = add("bench", cmd_bench, "measure the benchmark suite, with proof that something was compiled", [one],
              "Builds, installs what the reports need, and calls `python -m tephra bench` with all other arguments:\n"
              "./dev bench --quick; ./dev bench nbody --against pypy3; ./dev bench --compare OLD NEW. With\n"
              "--real (programs on real packages) or --pyperformance it also makes an environment with pinned packages\n"
              "below .dev. For its options: ./dev bench --options.")
    sub.add_argument("--options", action="store_true", help="the help of python -m tephra bench")

    sub = add("test", cmd_test, "run all tests, with both CPython versions", [both],
              "Builds, then runs the unit tests (GoogleTest) and tests/ (pytest) with each CPython version; --arch all\n"
              "does the same for AArch64. A machine that is emulated leaves out the tests of the Python package, the generated\n"
              "programs and all of CPython's suite but the language's core unless --full is given. The last lines count tests, compiled functions and machine-code bytes\n"
              "for each architecture. Where no CPython 3.12 is found, the first and the last line say so. Exit status 1\n"
              "upon any failure.")
    _add_test_options(sub)

    sub = add("shell", cmd_shell, "start a Python with Tephra on", [one],
              "Starts the interpreter that has Tephra, with TEPHRA=1 unless TEPHRA is set.")
    sub.epilog = "What follows these options, or a --, is the interpreter's: ./dev shell -c 'import this'."

    sub = add("python", cmd_python, "print the path of the interpreter that has Tephra installed", [one])
    sub.add_argument("--no-build", action="store_true", help="do not bring it up to date first")
    sub.add_argument("--commit", metavar="REV", help="the one with Tephra as of that commit, built in .dev/commits")

    sub = add("check", cmd_check, "check format, layers, sizes, Python code and pages", [],
              "Checks formatting (clang-format), the include order of the layers, file and function sizes, Python (ruff,\n"
              "mypy, import cycles), the pages of docs/, and that the code compiles without warnings. Changes nothing unless\n"
              "--fix is given.")
    sub.add_argument("--fix", action="store_true", help="reformat the files")
    sub.add_argument("--tidy", action="store_true", help="also clang-tidy (minutes)")
    sub.add_argument("--no-build", action="store_true", help="not the build with warnings as errors")

    sub = add("clean", cmd_clean, "remove build folders and venvs", [])
    sub.add_argument("--cache", action="store_true", help="also the interpreter and the libraries in the cache")

    sub = add("coverage-of", cmd_coverage_of, "force-compile a body of code and count what compiles", [one],
              "Force-compiles every plain function of WHAT (stdlib) and prints the percentage and the reasons of the\n"
              "rest.")
    sub.add_argument("what", metavar="WHAT", help="stdlib, or whatever tephra.coverage knows")
    sub.epilog = "All other options (--json FILE, --at-least P, ...) go to `python -m tephra.coverage`; see its --help."
    return parser


def _split_shell(argv: list[str]) -> tuple[list[str], list[str]]:
    """The options of ./dev shell, and the interpreter's arguments after them (which may look like options of ours)."""
    at = 1
    while at < len(argv) and argv[at].split("=")[0] in ("-h", "--help", "--debug", "--asan", "--python", "--arch"):
        at += 2 if argv[at] in ("--python", "--arch") else 1
    rest = argv[at:]
    return argv[:at], rest[1:] if rest[:1] == ["--"] else rest


def main(argv: list[str]) -> int:
    parser = command_line()
    given: list[str] = []
    if argv[:1] == ["shell"]:
        argv, given = _split_shell(argv)
    args, rest = parser.parse_known_args(argv)
    if args.command in ("coverage-of", "bench"):
        args.args = rest
    elif args.command == "shell":
        args.args = given
    elif args.command == "test" and not any(word.startswith("-") for word in rest):
        args.paths += rest  # those behind an option
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return args.function(args)
    except DevError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
