"""From the command line to a Setup, and from a raw file's header back to it."""

from __future__ import annotations

import dataclasses
import datetime
import sys
from pathlib import Path

from tephra import __version__, _native
from tephra.bench import builds, count_blocks, count_instructions, gates, machine, programs, pyperformance, real, results, targets
from tephra.bench.errors import BenchError
from tephra.bench.processes import Plan
from tephra.bench.programs import Program
from tephra.bench.progress import Progress
from tephra.bench.session import Setup
from tephra.bench.targets import Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any

_GATES = Plan(warmup=3, warmup_seconds=0.1, iterations=3, measure_seconds=0.05, details=True)
_FULL = Plan(warmup_seconds=2.0)  # until samples have shown what is hot
_QUICK = Plan(warmup=2, warmup_seconds=0.1, iterations=5, measure_seconds=0.1)
_ROUNDS, _LEAST_ROUNDS, _QUICK_LIMIT = 5, 3, 160.0
_REAL_QUICK_SECONDS = 3.0  # of CPU time: the last checkpoint (real_results)


def make(args: argparse.Namespace) -> Setup:
    """The setup that a command line means. Raises: BenchError."""
    if args.real:
        return _real(args)
    if args.pyperformance:
        return _pyperformance(args)
    folder = None if args.programs and all(word.endswith(".py") for word in args.programs) and not args.suite \
        else programs.suite_folder(args.suite)
    available = [] if folder is None else programs.micro_of(folder) if args.micro else programs.programs_of(folder)
    chosen = programs.select(available, args.programs)
    if not chosen:
        raise BenchError(f"{folder}: there are no benchmark programs")
    plain = targets.base()
    found, without = _own_targets(args, plain, targets.tephra)
    found += [builds.commit(revision) for revision in args.against_commit]
    found += [targets.against(written, plain) for written in args.against]
    own = None if args.quick or args.count or "cpython-jit" in args.against else targets.own_jit(plain)
    found += [own] if own else []
    if args.quick or args.count:
        found = [targets.in_exact_mode(target) for target in found]
    names = [target.name for target in found]
    for name in names:
        if names.count(name) > 1:
            raise BenchError(f"two targets are called {name!r}; --against LABEL:COMMAND names them apart")
    measured = dataclasses.replace(_QUICK if args.quick else _FULL, timeout=args.timeout,
                                   **({"iterations": args.iterations} if args.iterations else {}))
    limit = args.time_limit if args.time_limit is not None else _QUICK_LIMIT if args.quick else 0.0
    slow = {} if folder is None else gates.known_slow(folder, ".".join(plain.facts["python"].split(".")[:2]))
    if args.count == "instructions":
        count_instructions.check(args.count_plugin or "")
    elif args.count:
        if len(found) > 2:
            raise BenchError(f"--count blocks: counts Tephra's own code; {found[2].label} cannot be counted beside it "
                             "(--option chooses Tephra's options)")
        count_blocks.check(chosen)
    rounds = args.processes or (1 if args.count else _ROUNDS)
    small = args.quick or args.count
    return Setup(chosen, found, {p.name: args.size or (p.quick_size if small else p.default_size) for p in chosen},
                 measured, dataclasses.replace(_GATES, timeout=args.timeout), rounds, min(_LEAST_ROUNDS, rounds), limit,
                 without, slow, bool(args.programs), args.gates_only, args.count == "instructions", args.count_plugin or "", args.count == "blocks")


def _own_targets(args: argparse.Namespace, plain: Target, tephra: Callable[..., Target]) \
        -> tuple[list[Target], list[tuple[str, Target]]]:
    """Tephra, the interpreter, and Tephra with other options; and those of them that belong to --without."""
    options = dict(option(text) for text in args.option)
    found = [tephra(options=options), plain]
    without = []
    for name in args.without:
        name = _bool_option(name)
        target = tephra(f"without-{name}", f"without {name}", options={**options, name: "0"})
        without.append((name, target))
        found.append(target)
    if args.sweep:
        name, values = _sweep(args.sweep)
        found += [tephra(f"{name}={value}", f"{name}={value}", options={**options, name: value}) for value in values]
    return found, without


def _real(args: argparse.Namespace) -> Setup:
    """--real: the programs' packages must be installed in this interpreter."""
    _refuse(args, "real", "iterations", "pyperf", "pyperformance")
    folder = programs.suite_folder(args.suite)
    folder = folder if args.suite else folder / "real"
    available = programs.programs_of(folder, real=True)
    chosen = programs.select(available, args.programs, real=True)
    if args.quick and not args.programs:
        chosen = [program for program in chosen if program.quick]
    if not chosen:
        raise BenchError(f"{folder}: there are no real programs")
    real.check_packages(chosen)
    found, _ = _own_targets(args, targets.stock(), targets.left_on)
    measured = Plan(real=True, timeout=args.timeout, until_seconds=args.until or (_REAL_QUICK_SECONDS if args.quick else 0.0))
    rounds = args.processes or _ROUNDS
    return Setup(chosen, found, {p.name: args.size or p.default_size for p in chosen}, measured, measured, rounds,
                 min(_LEAST_ROUNDS, rounds), args.time_limit or 0.0, real=True)


def _pyperformance(args: argparse.Namespace) -> Setup:
    """--pyperformance: the package and what its programs need must be installed in this interpreter."""
    _refuse(args, "pyperformance", "suite", "size", "until")
    plain = targets.stock()
    found, _ = _own_targets(args, plain, targets.left_on)
    with Progress(quiet=args.quiet) as progress:
        chosen, problems = pyperformance.programs(args.programs, plain, progress)
    measured = dataclasses.replace(_QUICK if args.quick else _FULL, timeout=args.timeout,
                                   **({"iterations": args.iterations} if args.iterations else {}))
    rounds = args.processes or _ROUNDS
    return Setup(chosen, found, {p.name: p.default_size for p in chosen}, measured, measured, rounds, min(_LEAST_ROUNDS, rounds),
                 args.time_limit or 0.0, pyperformance=True, problems=problems)


def _refuse(args: argparse.Namespace, kind: str, *more: str) -> None:
    """Raises BenchError for an option that means nothing with --KIND."""
    for name in ("micro", "count", "against", "against_commit", "gates_only", *more):
        if getattr(args, name):
            raise BenchError(f"--{name.replace('_', '-')} does not go with --{kind}")


def _table() -> dict[str, tuple[str, str, str]]:
    """Option -> (kind, default, choices); empty where there is no extension."""
    _native.for_listing()
    return {row[0]: (row[1], row[2], row[3]) for row in _native.api.options()}


def _known(name: str, where: str) -> str:
    name = name.replace("_", "-")
    table = _table()
    if table and name not in table:
        import difflib

        close = difflib.get_close_matches(name, table, 3, 0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else "`python -m tephra options` lists them"
        raise BenchError(f"{where}: Tephra has no option {name!r}: {hint}")
    return name


def option(text: str) -> tuple[str, str]:
    """Name and value of an --option. Raises: BenchError."""
    name, equals, value = text.partition("=")
    if not equals:
        raise BenchError(f"--option {text}: expected NAME=VALUE")
    return _known(name, "--option"), value


def _bool_option(name: str) -> str:
    name = _known(name, "--without")
    kind = _table().get(name, ("bool", "", ""))[0]
    if kind != "bool":
        raise BenchError(f"--without {name}: it is no bool but {kind}; --sweep {name}=A,B measures values")
    return name


def _sweep(text: str) -> tuple[str, list[str]]:
    name, equals, values = text.partition("=")
    if not equals or not all(values.split(",")):
        raise BenchError(f"--sweep {text}: expected OPTION=A,B,...")
    return _known(name, "--sweep"), values.split(",")


def fresh_folder() -> Path:
    """tephra-bench/DATE-TIME in the working folder."""
    return Path("tephra-bench") / datetime.datetime.now().strftime("%Y%m%d-%H%M%S")


# ---- to and from the raw file -----------------------------------------------------------------------


def header(setup: Setup, args: argparse.Namespace) -> dict[str, Any]:
    """The first line of raw.jsonl: all that is needed to go on, and to understand the samples."""
    return {
        "schema": results.SCHEMA, "created": machine.now(), "machine": machine.describe(), "tephra": __version__,
        "commit": machine.commit(setup.programs[0].folder), "argv": sys.argv[1:],
        "quick": bool(args.quick), "suite": "real" if setup.real else "pyperformance" if setup.pyperformance else "micro" if args.micro else "programs", "order": "A B B A",
        "measure": "real" if setup.real else args.count or "time", "packages": real.versions(setup.programs),
        "programs": [{"name": p.name, "about": p.about, "size": setup.sizes[p.name], "quick_size": p.quick_size,
                      "default_size": p.default_size, "hot": list(p.hot), "known_gap": p.known_gap,
                      "folder": str(p.folder), "file": str(p.file) if p.file else None, "packages": list(p.packages), "script": list(p.script)} for p in setup.programs],
        "targets": [target.as_json() for target in setup.targets],
        "setup": {"plan": dataclasses.asdict(setup.plan), "gate_plan": dataclasses.asdict(setup.gate_plan),
                  "rounds": setup.rounds, "least_rounds": setup.least_rounds, "time_limit": setup.time_limit,
                  "without": [[option, target.name] for option, target in setup.without], "slow": setup.slow,
                  "named": setup.named, "gates_only": setup.gates_only, "count": setup.count,
                  "count_plugin": setup.count_plugin, "blocks": setup.blocks, "real": setup.real,
                  "pyperformance": setup.pyperformance, "problems": setup.problems}}


def from_header(found: dict[str, Any]) -> Setup:
    """The setup of a run that was stopped. Raises: BenchError where its interpreters or programs are gone."""
    if found.get("schema") != results.SCHEMA:
        raise BenchError("--resume: the run was made by another version of Tephra; begin a new one")
    own = ("name", "label", "kind", "command", "env", "activate")
    all_targets = []
    for each in found["targets"]:
        facts = {key: value for key, value in each.items() if key not in own}
        target = Target(each["name"], each["label"], each["kind"], tuple(each["command"]), each["env"],
                        each["activate"], facts)
        now = targets.facts_of(target.command[:1], target.env)
        if now["build"] != facts["build"]:
            raise BenchError(f"--resume: {target.command[0]} is another interpreter now ({now['python']}, "
                             f"it was {facts['python']})")
        all_targets.append(target)
    chosen = [Program(p["name"], p["about"], p["default_size"], p["quick_size"], tuple(p["hot"]), p["known_gap"],
                      Path(p["folder"]), Path(p["file"]) if p["file"] else None, tuple(p["packages"]), script=tuple(p["script"])) for p in found["programs"]]
    for program in chosen:
        if program.file is not None and not program.file.is_file():
            raise BenchError(f"--resume: {program.file} is not there any more")
    rest = found["setup"]
    by_name = {target.name: target for target in all_targets}
    return Setup(chosen, all_targets, {p["name"]: p["size"] for p in found["programs"]}, Plan(**rest["plan"]),
                 Plan(**rest["gate_plan"]), rest["rounds"], rest["least_rounds"], 0.0,
                 [(option, by_name[name]) for option, name in rest["without"]], rest["slow"], rest["named"],
                 rest["gates_only"], rest["count"], rest["count_plugin"], rest["blocks"], rest["real"], rest["pyperformance"], rest["problems"])
