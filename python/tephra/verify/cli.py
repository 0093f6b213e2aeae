"""The command line of `python -m tephra verify`."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tephra.verify import baseline, expected, html, jsonfile, junit, targets
from tephra.verify.engine import Engine
from tephra.verify.jobs import STOCK, Settings, Stopped
from tephra.verify.progress import Progress
from tephra.verify.records import Problem
from tephra.verify.report import Summary
from tephra.verify.state import State

OK, FAILED, WRONG_INPUT, CANNOT_WRITE, INTERRUPTED = 0, 1, 2, 3, 130

_DESCRIPTION = """\
Runs tests on the stock interpreter and under the JIT, each file in processes of its own, and compares them test
by test. A difference is run again on stock, in the same order and alone, before it is called a regression.

targets:
  cpython                all of CPython's own test suite, as far as the interpreter ships it
  cpython:MODULE         one module of it, for example cpython:test_dict; packages too (cpython:test_asyncio)
  pytest                 what pytest runs by itself here (its setting `testpaths`)
  pytest:TARGET          anything that pytest takes; the JIT is switched on after collection
  script:"PATH ARGS"     a program: exit status and output are compared; with unittest.main() its tests
  PATH                   a folder or test_*.py goes to pytest, any other file is a script

pytest finds the files of a folder itself, by its configuration. PYTEST_ADDOPTS and its other variables, its
configuration file and all that stands behind -- reach it, in each process; only -n of pytest-xdist is overridden.
"""
_EPILOG = """\
exit status: 0 no regressions; 1 a regression, a crash, other tests on the two sides, a file that cannot be
imported, a run in which no test passed or nothing was compiled, an entry of --expected that is to be removed,
something worse than in --baseline, with --strict also what was seen only once; 2 wrong input; 3 results could
not be written; 130 interrupted (--resume goes on).
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tephra verify",
                                     usage="python -m tephra verify [OPTION...] TARGET... [-- ARGUMENT OF PYTEST...]",
                                     description=_DESCRIPTION,
                                     epilog=_EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    add = parser.add_argument
    add("targets", nargs="*", metavar="TARGET", help="what to run (see above)")
    add("--after", default="0,default", metavar="N,...",
        help="thresholds: compile a function at N interpreted calls; 0 is the first call, `default` Tephra's own "
             "(default: 0,default)")
    add("--process-per", choices=("file", "target"), default="file",
        help="a process for each file (default), or one for all files of a TARGET, as pytest and CPython's runner "
             "by themselves have it: files then see what the ones before left behind")
    add("--jobs", type=int, default=0, metavar="N", help="processes at a time (default: the processors)")
    add("--timeout", type=float, default=1200.0, metavar="SECONDS", help="limit of one process (default: 1200)")
    add("--python", default=sys.executable, metavar="EXE", help="interpreter with Tephra installed (default: this one)")
    add("--exclude", action="append", default=[], metavar="TARGET",
        help="not this one; a path leaves out all that lies in it (repeatable)")
    add("--ignore", action="append", default=[], metavar="PATH|TEST",
        help="for pytest, a file or folder that it does not look into, as its own --ignore; for CPython's suite, a "
             "test that is not run, or a pattern of such (regrtest's --ignore), for example '*.TestX.test_y'. With "
             "targets of both kinds a path that exists is pytest's (repeatable)")
    add("-k", metavar="EXPRESSION", help="for pytest: only tests whose names match")
    add("-m", metavar="EXPRESSION", help="for pytest: only tests whose marks match")
    add("--deselect", action="append", default=[], metavar="ID",
        help="for pytest: not the tests whose node ids begin so (repeatable)")
    add("--strict", action="store_true",
        help="a difference that was seen only once fails, too, and so does a test that is skipped for lack of memory "
             "on one side only")
    add("--output", type=Path, default=Path("tephra-verify"), metavar="DIR",
        help="folder of the results: state.jsonl, report.json, report.html, junit.xml, logs/ (default: tephra-verify)")
    add("--resume", action="store_true", help="go on where the run in --output was stopped")
    add("--junit", type=Path, metavar="FILE", help="JUnit XML there (default: DIR/junit.xml)")
    add("--json", type=Path, metavar="FILE",
        help="JSON there (default: DIR/report.json): all results, with CPU time and peak memory of both sides")
    add("--html", type=Path, metavar="FILE", help="HTML there (default: DIR/report.html)")
    add("--expected", type=Path, metavar="FILE",
        help="TOML list of known differences, each with its reason; an entry that does not differ fails the run")
    add("--baseline", type=Path, metavar="FILE", help="compare with results that --save-baseline kept")
    add("--save-baseline", type=Path, metavar="FILE", help="keep the results there")
    add("--require-compiled", type=int, default=0, metavar="N",
        help="each run under the JIT must compile N functions while its tests run (default: 0; a run at "
             "threshold 0, or all runs of a threshold together, that compile nothing fail anyhow)")
    add("--option", action="append", default=[], metavar="NAME=VALUE",
        help="an option of the JIT for the runs under it (repeatable), for example stress-deopt=1")
    add("--list", action="store_true", help="print the targets and stop")
    add("--quiet", action="store_true", help="no progress line")
    return parser


def _thresholds(text: str) -> list[str]:
    found = []
    for word in text.split(","):
        word = word.strip()
        if word != "default" and not (word.isdecimal() and int(word) <= 1_000_000_000):
            raise Problem(f"--after {text}: {word!r} is no number of calls in 0..1000000000, nor `default`")
        found.append(f"after={word}")
    return list(dict.fromkeys(found))


def _jit_options(words: list[str]) -> tuple[tuple[str, str], ...]:
    from tephra import _config, _native

    _native.for_listing()
    known = _config.names()
    found = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or known and name not in known:
            raise Problem(f"--option {word}: expected NAME=VALUE with one of {', '.join(known)}")
        found.append((_config.variable(name), value))
    return tuple(found)


def _version_of(python: str) -> str:
    """Proves that the interpreter runs and has Tephra. Raises: Problem."""
    code = "import sys, tephra; print(sys.version.split()[0], tephra.__version__)"
    env = {key: text for key, text in os.environ.items() if not key.startswith("TEPHRA")}
    found = shutil.which(python)
    if not found:
        raise Problem(f"--python {python}: no such interpreter")
    try:
        done = subprocess.run([found, "-c", code], capture_output=True, text=True, env=env, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Problem(f"--python {python}: it does not run: {error}") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise Problem(f"--python {python}: Tephra is not installed there: {last}")
    return done.stdout.strip()


def _ignored(args: argparse.Namespace) -> tuple[list[Path], list[str]]:
    """The values of --ignore: paths for pytest, and patterns for CPython's suite."""
    cpython = [word.partition(":")[0] == "cpython" for word in args.targets]
    if all(cpython):
        return [], args.ignore
    paths = [word for word in args.ignore if Path(word).exists()]
    patterns = [word for word in args.ignore if word not in paths]
    if patterns and not any(cpython):
        raise Problem(f"--ignore {patterns[0]}: no such file or folder")
    return [Path(word) for word in paths], patterns


def _select(args: argparse.Namespace) -> list[targets.Target]:
    """Also sets args.patterns and args.pytest: what is left out in CPython's suite, and the arguments of pytest."""
    if not args.targets:
        raise Problem("no target given; see python -m tephra verify --help")
    paths, args.patterns = _ignored(args)
    paths += [Path(word) for word in args.exclude if Path(word).exists()]
    args.pytest = [*(["-k", args.k] if args.k else []), *(["-m", args.m] if args.m else []),
                   *(f"--deselect={each}" for each in args.deselect), *args.more]
    whole = args.process_per == "target"
    selection = targets.Selection(args.python, whole, tuple(args.pytest), tuple(paths))
    found = targets.parse(args.targets, selection, [word for word in args.exclude if not Path(word).exists()])
    if not found:
        raise Problem("no target is left after --exclude and --ignore")
    if args.pytest and not any(target.kind == "pytest" for target in found):
        raise Problem(f"{args.pytest[0]}: only for pytest, and no target goes to pytest")
    if whole:
        args.pytest += [f"--ignore={each}" for each in paths]
    return found


def _prepare(args: argparse.Namespace, wanted: list[targets.Target], version: str) -> tuple[State, list[str]]:
    configs = _thresholds(args.after)
    for name, value, least in (("--jobs", args.jobs, 0), ("--timeout", args.timeout, 0.1),
                               ("--require-compiled", args.require_compiled, 0)):
        if value < least:
            raise Problem(f"{name} {value}: must be at least {least}")
    try:
        (args.output / "logs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(f"--output {args.output}: {error.strerror}") from None
    setup = {"interpreter": version, "thresholds": configs, "options": [list(each) for each in args.jit_options],
             "ignored": args.ignore, "targets": [target.name for target in wanted]}
    # Only where given: results of before there were these options still belong to runs without them.
    given = {"arguments of pytest": args.pytest, "modules left out": sorted({m for t in wanted for m in t.without}),
             "--process-per": "" if args.process_per == "file" else args.process_per}
    setup |= {key: value for key, value in given.items() if value}
    return State(args.output / "state.jsonl", setup, args.resume), configs


def _finish(args: argparse.Namespace, state: State, configs: list[str], version: str, entries, before) -> int:
    python, tephra = version.split()
    title = f"CPython {python}, Tephra {tephra}: {len({t for t, _ in state.runs})} "
    title += "files" if args.process_per == "file" else "targets"
    for group in state.findings.values():
        for finding in group:
            finding.strict = args.strict
    summary = Summary(title, [STOCK, *configs], state)
    summary.problems += expected.apply(entries, state)
    summary.add_vacuity()
    if before is not None:
        worse, summary.notes = baseline.compare(before, state)
        summary.problems += worse
    print(summary.text(), flush=True)
    jsonfile.write(args.json or args.output / "report.json", summary)
    junit.write(args.junit or args.output / "junit.xml", summary)
    html.write(args.html or args.output / "report.html", summary)
    if args.save_baseline:
        baseline.save(args.save_baseline, state, {"interpreter": version, "time": time.time()})
    return FAILED if summary.failed else OK


def _say(line: str) -> None:
    print(f"tephra verify: {line}", file=sys.stderr, flush=True)


def _work(args: argparse.Namespace) -> int:
    args.jit_options = _jit_options(args.option)
    version = _version_of(args.python)
    wanted = _select(args)
    if args.list:
        print("\n".join(target.name for target in wanted))
        return OK
    entries = expected.load(args.expected) if args.expected else []
    before = baseline.load(args.baseline) if args.baseline else None
    state, configs = _prepare(args, wanted, version)
    if state.note:
        _say(state.note)
    settings = Settings(shutil.which(args.python) or args.python, args.timeout, (args.output / "logs").absolute(),
                        args.jit_options, tuple(args.patterns), tuple(args.pytest))
    progress = Progress(len(wanted) * (1 + len(configs)), args.quiet)
    engine = Engine(settings, configs, state, args.jobs or os.cpu_count() or 1, args.require_compiled, progress, entries,
                    args.strict)
    try:
        engine.run(wanted)
    except (KeyboardInterrupt, Stopped):
        progress.end()
        _say(f"interrupted; {len(state.runs)} runs are kept in {state.path}; the same command with --resume goes on")
        return INTERRUPTED
    except OSError as error:
        progress.end()
        _say(f"the results cannot be written: {error.strerror or error}"
             f"{': ' + str(error.filename) if error.filename else ''}; what came before is in {state.path}; "
             "--resume goes on")
        return CANNOT_WRITE
    finally:
        state.close()
    progress.end()
    try:
        return _finish(args, state, configs, version, entries, before)
    except Problem as error:
        _say(str(error))
        return CANNOT_WRITE


def _signals() -> None:
    """Tests find SIGINT as an interactive program does; being terminated is an interruption."""
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell's background job; SIG_IGN would be inherited
        signal.signal(signal.SIGINT, lambda *_: None)


def main(argv: list[str]) -> int:
    """The command line. Returns the exit status."""
    _signals()
    at = argv.index("--") if "--" in argv else len(argv)
    args = _parser().parse_args(argv[:at])
    args.more = argv[at + 1:]
    try:
        return _work(args)
    except Problem as error:
        _say(str(error))
        return WRONG_INPUT
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
