"""How much of a body of code compiles: `python -m tephra.coverage stdlib`.

Every function of every source file is force-compiled without being called or even imported: functions
are made from the code objects that compiling the source gives. That happens in child processes; one that
dies or hangs costs the function it was at, which is reported, and nothing else.

Generators, coroutines, async generators, class and module bodies are counted as "not yet": the percentage
is over plain functions.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import selectors
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from types import CellType, CodeType, FunctionType

from tephra import _config, _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 25  # files per child
_PATIENCE = 60.0  # seconds without a sign of life before a child is killed
_SKIPPED = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"}
_OPTIMIZED, _GENERATOR, _COROUTINE, _ASYNC_GENERATOR, _ITERABLE_COROUTINE = 0x1, 0x20, 0x80, 0x200, 0x100
PLAIN = "plain functions"


def kind_of(code: CodeType) -> str:
    """Which of the counted kinds a code object is."""
    flags = code.co_flags
    if flags & _ASYNC_GENERATOR:
        return "async generators"
    if flags & (_COROUTINE | _ITERABLE_COROUTINE):
        return "coroutines"
    if flags & _GENERATOR:
        return "generators"
    return PLAIN if flags & _OPTIMIZED else "module and class bodies"


def code_objects(code: CodeType) -> Iterator[CodeType]:
    """A code object and all those within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from code_objects(constant)


def function_of(code: CodeType, module: str) -> FunctionType:
    """A function with this code, with empty cells for its free variables. It need not be callable."""
    names = {"__name__": module, "__builtins__": __builtins__}
    return FunctionType(code, names, code.co_name, None, tuple(CellType() for _ in code.co_freevars))


def stdlib_files(*, tests: bool = False) -> list[Path]:
    """The standard library's source files. `tests`: its test packages too."""
    root = Path(sysconfig.get_path("stdlib"))
    skipped = _SKIPPED - {"test", "tests", "idle_test"} if tests else _SKIPPED
    files = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in skipped)
        files += [Path(folder, name) for name in sorted(names) if name.endswith(".py")]
    return files


def module_name(file: Path, root: Path) -> str:
    """`json/decoder.py` -> json.decoder"""
    try:
        parts = file.relative_to(root).with_suffix("").parts
    except ValueError:
        parts = (file.stem,)
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


# ---- the child ------------------------------------------------------------------------------------


def _worker() -> int:
    """Reads {"files", "skip"} from stdin; writes one JSON line per event on the original stdout."""
    task = json.load(sys.stdin)
    out = os.dup(1)
    os.dup2(2, 1)  # whatever else is printed must not get among the events

    def tell(*event: object) -> None:
        os.write(out, (json.dumps(event) + "\n").encode())

    if _native.reason:
        tell("off", _native.reason)
        return 1
    _native.api.set_compile_after(None)
    _native.api.enable()
    root = Path(sysconfig.get_path("stdlib"))
    skip, number = task["skip"], 0
    for file in map(Path, task["files"]):
        module = module_name(file, root)
        try:
            import warnings

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                top = compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
        except (SyntaxError, ValueError, OSError) as error:
            tell("unreadable", str(file), str(error))
            continue
        for code in code_objects(top):
            number += 1
            if number <= skip:
                continue
            kind, name = kind_of(code), f"{module}:{code.co_qualname}:{code.co_firstlineno}"
            if kind != PLAIN:
                tell("other", number, kind)
                continue
            tell("begin", number, name)
            tell("end", number, *_compile_one(code, module))
    tell("done")
    return 0


def _compile_one(code: CodeType, module: str) -> tuple[str, int, float]:
    """(reason or "", bytes of machine code, seconds)"""
    api = _native.api
    function = function_of(code, module)
    start = time.perf_counter()
    reason = api.force_compile(function)
    seconds = time.perf_counter() - start
    if not reason and not api.is_compiled(function):
        reason = "force_compile() reported success, but the function is not compiled"
    return reason, int((api.function_info(function) or {}).get("code_size", 0)), seconds


# ---- the parent -----------------------------------------------------------------------------------


class Tally:
    """What all children have found so far."""

    def __init__(self) -> None:
        self.plain = self.compiled = self.code_bytes = 0
        self.seconds = 0.0
        self.others: collections.Counter[str] = collections.Counter()
        self.reasons: collections.Counter[str] = collections.Counter()
        self.examples: dict[str, str] = {}
        self.failures: dict[str, str] = {}
        self.crashes: list[dict[str, str]] = []
        self.unreadable: list[str] = []
        self.slowest: list[tuple[float, str]] = []

    def compiled_one(self, name: str, reason: str, size: int, seconds: float) -> None:
        self.plain += 1
        self.seconds += seconds
        self.slowest = sorted([*self.slowest, (seconds, name)], reverse=True)[:5]
        if reason:
            self.failures[name] = reason
            self.reasons[reason] += 1
            self.examples.setdefault(reason, name)
        else:
            self.compiled += 1
            self.code_bytes += size

    def crashed(self, name: str, how: str) -> None:
        self.plain += 1
        self.crashes.append({"function": name, "how": how})
        reason = f"the compiler crashed ({how})"
        self.reasons[reason] += 1
        self.failures[name] = reason
        self.examples.setdefault(reason, name)

    @property
    def percent(self) -> float:
        return 100.0 * self.compiled / self.plain if self.plain else 0.0


class Child:
    """A process at work on one chunk of files."""

    def __init__(self, files: list[Path], skip: int = 0) -> None:
        self.files, self.skip = files, skip
        self.current = ""  # the function that it is at
        self.done = False
        self.buffer = b""
        self.last = time.monotonic()
        env = {key: text for key, text in os.environ.items() if key not in ("TEPHRA", "TEPHRA_SUMMARY")}
        self.process = subprocess.Popen([sys.executable, "-m", "tephra.coverage", "--worker"], env=env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdin and self.process.stdout
        self.out = self.process.stdout
        try:
            self.process.stdin.write(json.dumps({"files": [str(f) for f in files], "skip": skip}).encode())
            self.process.stdin.close()
        except BrokenPipeError:
            pass

    def read(self, tally: Tally) -> bool:
        """Takes in what has come. False at the end of the stream."""
        data = os.read(self.out.fileno(), 1 << 16)
        self.last = time.monotonic()
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            self._event(json.loads(line), tally)
        return bool(data)

    def _event(self, event: list, tally: Tally) -> None:
        what = event[0]
        if what == "begin":
            self.skip, self.current = event[1], event[2]
        elif what == "end":
            tally.compiled_one(self.current, *event[2:])
            self.current = ""
        elif what == "other":
            self.skip = event[1]
            tally.others[event[2]] += 1
        elif what == "unreadable":
            if event[1] not in tally.unreadable:
                tally.unreadable.append(event[1])
        elif what == "off":
            raise SystemExit(f"tephra.coverage: the JIT is off: {event[1]}")
        elif what == "done":
            self.done = True

    def finish(self, tally: Tally, how: str = "") -> Child | None:
        """After the end of the stream: the child that goes on where this one died, if it did."""
        code = self.process.wait()
        if self.done:
            if code:
                tally.crashes.append({"function": "(at exit of the process)", "how": _how(code)})
            return None
        how = how or _how(code)
        if not self.current:
            tally.crashes.append({"function": f"(outside the compiler, in {self.files[0].name} or after)", "how": how})
            return None
        tally.crashed(self.current, how)
        return Child(self.files, self.skip)


def _how(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    import signal

    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def measure(files: list[Path], *, limit: int = 0, jobs: int = 0, progress: bool = True) -> Tally:
    """Force-compiles all functions of the files; stops after `limit` plain functions if that is not 0."""
    tally = Tally()
    chunks = [files[i:i + _CHUNK] for i in range(0, len(files), _CHUNK)]
    total, started = len(chunks), 0
    jobs = jobs or os.cpu_count() or 1
    selector = selectors.DefaultSelector()

    def start(child: Child) -> None:
        selector.register(child.out, selectors.EVENT_READ, child)

    def running() -> list[Child]:
        return [key.data for key in selector.get_map().values()]

    def end(child: Child, how: str = "") -> None:
        selector.unregister(child.out)
        again = child.finish(tally, how)
        child.out.close()
        if again:
            start(again)

    try:
        while started < total or selector.get_map():
            while started < total and len(selector.get_map()) < jobs:
                start(Child(chunks[started]))
                started += 1
            for key, _ in selector.select(1.0):
                if not key.data.read(tally):
                    end(key.data)
            for child in running():
                if time.monotonic() - child.last > _PATIENCE:
                    child.process.kill()
                    end(child, f"no answer for {_PATIENCE:.0f} s")
            if progress:
                _progress(tally, started - len(selector.get_map()), total)
            if limit and tally.plain >= limit:
                break
    finally:
        for child in running():
            child.process.kill()
            child.process.wait()
        if progress and sys.stderr.isatty():
            print(file=sys.stderr)
    return tally


_last_progress = 0.0


def _progress(tally: Tally, done: int, total: int) -> None:
    global _last_progress
    tty = sys.stderr.isatty()
    now = time.monotonic()
    if now - _last_progress < (0.2 if tty else 10.0):
        return
    _last_progress = now
    line = f"{done}/{total} chunks, {tally.plain} functions, {tally.percent:.2f} % compiled"
    print(("\r\x1b[K" + line) if tty else line, end="" if tty else "\n", file=sys.stderr, flush=True)


def report(tally: Tally, what: str) -> str:
    """The text that is printed at the end."""
    version = sys.version.split()[0]
    lines = [""]
    if tally.reasons:
        lines.append(f"{'functions':>9}  {'%':>6}  reason (example)")
        for reason, count in tally.reasons.most_common(30):
            lines.append(f"{count:9}  {100 * count / tally.plain:6.2f}  {reason} ({tally.examples[reason]})")
        if len(tally.reasons) > 30:
            lines.append(f"           and {len(tally.reasons) - 30} more reasons (--json FILE has them all)")
        lines.append("")
    if tally.slowest:
        seconds, name = tally.slowest[0]
        lines.append(f"slowest: {name}, {seconds * 1e3:.1f} ms")
    if tally.unreadable:
        lines.append(f"not Python that this version reads: {len(tally.unreadable)} files "
                     f"({', '.join(os.path.basename(f) for f in tally.unreadable[:3])} ...)")
    for crash in tally.crashes[:20]:
        lines.append(f"CRASH: {crash['function']}: {crash['how']}")
    others = ", ".join(f"{count} {kind}" for kind, count in tally.others.most_common())
    lines.append(f"not yet: {others or 'nothing'}")
    average = 1e3 * tally.seconds / tally.plain if tally.plain else 0.0
    size = tally.code_bytes / tally.compiled if tally.compiled else 0.0
    lines.append(f"{tally.code_bytes} bytes of machine code ({size:.0f} per function), {average:.3f} ms per function")
    lines.append(f"{what} on CPython {version}: {tally.compiled} of {tally.plain} plain functions compiled = "
                 f"{tally.percent:.2f} %")
    return "\n".join(lines)


def as_json(tally: Tally, what: str) -> dict[str, object]:
    """What --json writes."""
    return {"what": what, "python": sys.version.split()[0], "plain": tally.plain, "compiled": tally.compiled,
            "percent": tally.percent, "not_yet": dict(tally.others), "reasons": dict(tally.reasons.most_common()),
            "failures": tally.failures, "crashes": tally.crashes, "unreadable": tally.unreadable,
            "code_bytes": tally.code_bytes, "compile_seconds": tally.seconds}


def main(argv: list[str]) -> int:
    """The command line. 0: measured, nothing crashed, and at least --at-least percent."""
    if argv == ["--worker"]:
        return _worker()
    parser = argparse.ArgumentParser(prog="python -m tephra.coverage", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", metavar="stdlib|PATH", help="the standard library, or a .py file, or a folder of them")
    parser.add_argument("--json", metavar="FILE", help="write everything there, with each failing function")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="stop after N plain functions")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes at a time (default: processors)")
    parser.add_argument("--tests", action="store_true", help="the standard library's test packages too")
    parser.add_argument("--at-least", type=float, default=0.0, metavar="P", help="exit status 1 below P percent")
    args = parser.parse_args(argv)
    path = Path(args.what)
    if args.what == "stdlib":
        files = stdlib_files(tests=args.tests)
    elif path.is_dir():
        files = sorted(path.rglob("*.py"))
    elif path.is_file():
        files = [path]
    else:
        parser.error(f"{args.what!r} is neither 'stdlib' nor a file or folder")
    if _native.reason:
        _config.complain(f"coverage: the JIT is off: {_native.reason}")
        return 2
    tally = measure(files, limit=max(0, args.limit), jobs=max(0, args.jobs))
    if args.json:
        try:
            Path(args.json).write_text(json.dumps(as_json(tally, args.what), indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            _config.complain(f"coverage: --json {args.json}: {error.strerror}")
            return 2
    print(report(tally, args.what))
    return 1 if tally.crashes or tally.percent < args.at_least else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
