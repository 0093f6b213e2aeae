"""The command line of `python -m tephra bench`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tephra.bench import compare, docs_page, gates, history, plan, programs, real_results, report_markdown, reports, results, targets
from tephra.bench.errors import EXIT_CODES, FAILED, INTERRUPTED, OK, BenchError
from tephra.bench.progress import Progress
from tephra.bench.pyperformance import PyperformanceSession
from tephra.bench.real import RealSession
from tephra.bench.session import Session, Setup, Store, failures, read_raw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DESCRIPTION = """\
Measures programs under Tephra against the plain interpreter and whatever else is named, in fresh processes,
interleaved A B B A. Three gates come first, per program: the functions that it names are compiled, a probe is
faster than the interpreter, the HIR contains what the options under test produce. A failed gate stops that
program and makes the command fail.

Programs are names or globs of the suite, or files; all of the suite by default. Results go to a folder (--out):
raw.jsonl (every sample, as it comes), results.json, report.md, report.svg, report.png, report.html.
docs/performance.md describes the method and how to read the report.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tephra bench", description=_DESCRIPTION, epilog=targets.AGAINST_HELP
                                     + "\n" + EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help="name, glob or file (default: the whole suite)")
    what = parser.add_argument_group("what is measured")
    what.add_argument("--micro", action="store_true", help="the micro-benchmarks instead of the programs")
    what.add_argument("--real", action="store_true",
                      help="real programs on packages: CPU time at checkpoints, memory, compile share (docs/bench-real.md); "
                           "--quick: six of them, for three seconds each")
    what.add_argument("--pyperformance", action="store_true",
                      help="the programs of the package pyperformance; PROGRAMs are its names")
    what.add_argument("--suite", metavar="FOLDER", help="the folder of the programs")
    what.add_argument("--against", action="append", default=[], metavar="WHAT", help="also measure WHAT (repeatable; below)")
    what.add_argument("--against-commit", action="append", default=[], metavar="REV",
                      help="also measure that commit of this checkout, built by ./dev (repeatable)")
    what.add_argument("--without", action="append", default=[], metavar="OPTION",
                      help="also measure with a bool option of Tephra off, such as direct-calls (repeatable)")
    what.add_argument("--sweep", metavar="OPTION=A,B,...", help="also measure with each of these values of an option")
    what.add_argument("--option", action="append", default=[], metavar="NAME=VALUE",
                      help="an option for all Tephra processes (repeatable)")
    how = parser.add_argument_group("how")
    how.add_argument("--quick", action="store_true", help="small sizes and short processes: the suite in under 3 minutes")
    how.add_argument("--processes", type=_positive, metavar="N", help="processes per program and target (default 5)")
    how.add_argument("--iterations", type=_positive, metavar="N",
                     help="measured iterations per process, at least (default 7; 5 with --quick)")
    how.add_argument("--size", type=_positive, metavar="N", help="size of the work, for all programs")
    how.add_argument("--until", type=float, metavar="SECONDS",
                     help="--real: stop where all sides have used so much CPU time (default: all the work; --quick: 3)")
    how.add_argument("--time-limit", type=float, metavar="SECONDS",
                     help="begin no further round that would exceed it (after 3; --quick: 160)")
    how.add_argument("--timeout", type=float, default=600.0, metavar="SECONDS", help="longest process (default 600)")
    how.add_argument("--clock", choices=("auto", "wall", "cpu"), default="auto",
                     help="wall time, or CPU time; auto: wall unless processes were kept off the processor (default)")
    how.add_argument("--count", choices=("instructions", "blocks"),
                     help="instead of time, with small sizes: executed instructions per iteration, by callgrind; or those of "
                          "compiled code on both architectures, exact, with bytes of hot and cold code")
    how.add_argument("--count-plugin", metavar="FILE",
                     help="for an emulated interpreter: qemu's counting plugin (./dev bench --arch passes it)")
    how.add_argument("--gates-only", action="store_true", help="check the gates, time nothing")
    out = parser.add_argument_group("results")
    out.add_argument("--out", metavar="FOLDER", help="where results go (default: tephra-bench/DATE-TIME)")
    out.add_argument("--json", metavar="FILE", help="also write results.json there")
    out.add_argument("--pyperf", metavar="FILE",
                     help="also write the samples in pyperf's JSON format: Tephra's there, others' beside it")
    out.add_argument("--resume", metavar="FOLDER", help="go on with a run that was stopped; other options are its own")
    out.add_argument("--quiet", action="store_true", help="no progress")
    other = parser.add_argument_group("instead of measuring")
    other.add_argument("--list", action="store_true", help="what programs there are")
    other.add_argument("--compare", nargs=2, metavar=("OLD", "NEW"),
                       help="what changed between two runs (results.json or their folders)")
    other.add_argument("--tolerance", type=float, default=1.0, metavar="PERCENT",
                       help="--compare: changes up to it are no difference (default 1)")
    other.add_argument("--fail-slower", type=float, metavar="PERCENT",
                       help="--compare: fail if a program is slower by more than PERCENT and the interval says so")
    other.add_argument("--merge", nargs="+", metavar="HOST=RUN", help="lay runs of several machines side by side")
    other.add_argument("--history", metavar="FOLDER", help="the runs below a folder, in order of time")
    other.add_argument("--write-docs", nargs="+", metavar="RUN",
                       help="put the figures of these runs into docs/performance.md of the checkout")
    other.add_argument("--report", metavar="RUN", help="write the reports of a results.json once more (with --out)")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be at least 1")
    return value


def main(argv: list[str]) -> int:
    """Runs a command line; the exit status."""
    args = _parser().parse_args(argv)
    try:
        return _main(args)
    except BenchError as error:
        print(f"tephra: bench: {error}", file=sys.stderr, flush=True)
        return error.status


def _main(args: argparse.Namespace) -> int:
    if args.list:
        return _list(args)
    if args.compare:
        return _compare(args)
    if args.merge:
        return _merge(args)
    if args.history:
        print(history.report(Path(args.history)), end="", flush=True)
        return OK
    if args.write_docs:
        for path in docs_page.write(docs_page.page_of_checkout(), [results.load(each) for each in args.write_docs]):
            print(f"written: {path}")
        return OK
    if args.report:
        reports.write_all(Path(args.out or args.report), results.load(args.report), args)
        return OK
    if args.resume:
        folder = Path(args.resume)
        records = read_raw(folder / "raw.jsonl")
        setup = plan.from_header(records[0])
        return _measure(args, folder, setup, records, None)
    setup = plan.make(args)
    folder = Path(args.out) if args.out else plan.fresh_folder()
    if (folder / "raw.jsonl").exists():
        raise BenchError(f"--out {folder}: there are results of another run; --resume {folder} goes on with it")
    return _measure(args, folder, setup, [], plan.header(setup, args))


def _list(args: argparse.Namespace) -> int:
    folder = programs.suite_folder(args.suite)
    if args.real and not args.suite:
        folder = folder / "real"
    found = programs.micro_of(folder) if args.micro else programs.programs_of(folder, real=args.real)
    chosen = programs.select(found, args.programs, real=args.real)
    width = max(len(program.name) for program in chosen)
    for program in chosen:
        gap = f" [known gap: {program.known_gap}]" if program.known_gap else ""
        print(f"{program.name.ljust(width)}  {program.about}{gap}")
    return OK


def _compare(args: argparse.Namespace) -> int:
    old, new = (results.load(name) for name in args.compare)
    report = compare.compare(old, new, args.tolerance / 100)
    reports.write_report(Path(args.out) if args.out else None, "compare", report)
    if args.fail_slower is None:
        return OK
    slower = [each for each in report.changes
              if each.verdict == "slower" and each.change.speed < 1 - args.fail_slower / 100]
    for each in slower:
        print(f"tephra: bench: {each.program}: slower: {report_markdown.speed(results.as_json(each.change))} of the speed "
              "of the old run", file=sys.stderr)
    return FAILED if slower else OK


def _merge(args: argparse.Namespace) -> int:
    runs = []
    for word in args.merge:
        host, equals, file = word.partition("=")
        if not equals or not host:
            raise BenchError(f"--merge {word}: expected HOST=RUN")
        runs.append((host, results.load(file)))
    if len({host for host, _ in runs}) < len(runs):
        raise BenchError("--merge: two runs have the same HOST")
    reports.write_report(Path(args.out) if args.out else None, "merge", compare.merge(runs))
    return OK


def _measure(args: argparse.Namespace, folder: Path, setup: Setup, records: list[dict[str, Any]],
             header: dict[str, Any] | None) -> int:
    store = Store(folder / "raw.jsonl")
    store.records = records
    status, interrupted = OK, False
    store.open(header)
    try:
        with Progress(quiet=args.quiet) as progress:
            kind = RealSession if setup.real else PyperformanceSession if setup.pyperformance else Session
            kind(setup, store, progress).run()
    except KeyboardInterrupt:
        interrupted = True
    finally:
        store.close()
    failed = [*setup.problems, *failures(store.records)]
    document = results.build(store.records, args.clock, real_results.summarise if setup.real else None)
    failed += document["summary"].get("failed", ())
    done = sum(record["kind"] in ("process", "blocks") for record in store.records)
    if done or not interrupted:
        reports.write_all(folder, document, args)
    if interrupted:
        print(f"tephra: bench: interrupted; {done} processes are kept in {folder} (--resume {folder} goes on)",
              file=sys.stderr, flush=True)
        return INTERRUPTED
    passed = sum(record["kind"] == "gates" and record["status"] in (gates.PASSED, gates.GAP, gates.SLOW)
                 for record in store.records)
    if failed or not passed:
        status = FAILED
        print(f"tephra: bench: failed: {len(failed)} {'reason' if len(failed) == 1 else 'reasons'}"
              if failed else "tephra: bench: failed: nothing was measured", file=sys.stderr)
        for line in failed:
            print(f"tephra: bench:   {line}", file=sys.stderr)
    sys.stderr.flush()
    return status
