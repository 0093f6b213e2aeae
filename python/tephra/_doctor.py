"""`python -m tephra doctor`: what works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import os
import sys
import time

from tephra import __version__, _config, _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType
    from typing import Any

_PROBE_ARGUMENT = 20_000
_ROUNDS = 15


def main(args: list[str]) -> int:
    """Prints the report. Returns 0 when the JIT works, 1 when not."""
    if args:
        _config.complain(f"doctor takes no arguments, got {args[0]!r}; see python -m tephra --help")
        return 2
    report = Report()
    seen = _describe(report)
    if not _native.reason:
        _probe(report)
    print(report.verdict("TEPHRA=1 python PROGRAM.py" if seen else "python -m tephra PROGRAM.py"))
    return 1 if report.bad else 0


class Report:
    """Lines of `mark  what  text`; counts the bad ones."""

    def __init__(self) -> None:
        self.bad: list[str] = []

    def line(self, mark: str, what: str, text: str) -> None:
        print(f"{mark:4}  {what:<16}  {text}", flush=True)

    def ok(self, what: str, text: str) -> None:
        self.line("ok", what, text)

    def note(self, what: str, text: str) -> None:
        self.line("note", what, text)

    def fail(self, what: str, text: str) -> None:
        self.line("BAD", what, text)
        self.bad.append(what)

    def verdict(self, use: str) -> str:
        if not self.bad:
            return f"\nTephra works here. {use} uses it."
        return (f"\nTephra does not work here ({', '.join(self.bad)}, above). Programs run unharmed in the "
                "interpreter.")


# ---- what is there --------------------------------------------------------------------------------


def _describe(report: Report) -> bool:
    """What is there; whether TEPHRA=1 is seen at start-up."""
    import platform

    print(f"Tephra {__version__}\n")
    build = ", ".join(filter(None, [
        "debug build" if hasattr(sys, "gettotalrefcount") else "release build",
        "free-threaded" if "t" in sys.abiflags else "with GIL", *_how_built(), platform.python_compiler()]))
    supported = sys.version_info[:2] in _native.VERSIONS and "t" not in sys.abiflags
    mark = report.ok if supported else report.fail
    mark("CPython", f"{platform.python_version()} ({build}), {sys.executable}")
    machine = os.uname().machine
    if machine in ("x86_64", "aarch64"):
        report.ok("machine", f"{machine}, {platform.system()} {platform.release()}, {_cpu()}")
    else:
        report.fail("machine", f"{machine}: there are code generators for x86_64 and aarch64")
    _extension(report)
    seen = _hook_file(report)
    _tools(report)
    _options(report)
    return seen


def _how_built() -> list[str]:
    """PGO and LTO, where the build's configuration is on record (Debian keeps no such record)."""
    import sysconfig

    given = str(sysconfig.get_config_var("CONFIG_ARGS"))
    return [name for name, switch in (("PGO", "--enable-optimizations"), ("LTO", "--with-lto")) if switch in given]


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return f"{os.cpu_count()} processors"


def _extension(report: Report) -> None:
    off = _native.switched_off()
    if off:
        report.fail("switch", f"{off}: programs run in the interpreter until that is gone")
    extension = sys.modules.get("tephra._tephra")
    if _native.reason and not off:
        report.fail("extension", _native.reason)
    if extension is None:
        return
    report.ok("extension", f"{getattr(extension, '__file__', '?')}")
    problems = extension.self_test()
    for problem in problems:
        report.fail("self-test", problem)
    if not problems and not _native.reason:
        report.ok("self-test", "offsets, symbols and constants are those of the running interpreter")


def _hook_file(report: Report) -> bool:
    """Is tephra.pth where site reads it? Without it TEPHRA=1 does nothing."""
    import site

    if sys.flags.no_site:
        report.note("tephra.pth", "not read under -S: TEPHRA=1 does nothing, python -m tephra works")
        return False
    if sys.flags.ignore_environment:
        report.note("environment", "ignored (-E or -I): TEPHRA=1 and all TEPHRA_* do nothing, -X tephra works")
    folders = {os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}
    read = set(site.getsitepackages())
    if site.ENABLE_USER_SITE:
        read.add(site.getusersitepackages())
    for folder in sorted(read | folders):
        if os.path.isfile(os.path.join(folder, "tephra.pth")) and folder in read:
            switch = "-X tephra" if sys.flags.ignore_environment else "TEPHRA=1"
            report.ok("tephra.pth", f"in {folder}: {switch} is honoured at start-up")
            return not sys.flags.ignore_environment
    report.note("tephra.pth", "not in a site-packages folder: TEPHRA=1 does nothing, python -m tephra works")
    return False


def _tools(report: Report) -> None:
    """Who else hooks into execution."""
    found = []
    if sys.gettrace():
        found.append(f"a trace function ({sys.gettrace()!r:.60})")
    if sys.getprofile():
        found.append("a profile function")
    found += [f"monitoring tool {name!r}" for name in map(sys.monitoring.get_tool, range(6)) if name]
    jit = getattr(sys, "_jit", None)
    if jit is not None and jit.is_enabled():
        found.append("CPython's own JIT (unset PYTHON_JIT to compare the two)")
    if found:
        report.note("entry hooks", f"active: {', '.join(found)}: functions that it watches stay interpreted")
    elif not _native.reason:
        report.ok("entry hooks", "no tracing, profiling or monitoring is active")


def _options(report: Report) -> None:
    changed = [f"{_config.variable(name)}={_config.printable(value)}" for name, kind, default, choices, doc, value in _native.api.options()
               if value != default]
    if changed:
        report.note("options", "not at their defaults: " + ", ".join(changed))


# ---- does it work ---------------------------------------------------------------------------------


def _make_probe() -> FunctionType:
    def probe(n: int) -> int:
        total = 0
        for i in range(n):
            if i % 3:
                total = total + i * 2
            else:
                total = total - i
        return total

    # A code object of its own, so that type feedback and machine code are not shared.
    kind: Any = type(probe)
    return kind(probe.__code__.replace(), globals(), "probe")


def _seconds(function: Callable[[int], int]) -> float:
    start = time.perf_counter()
    function(_PROBE_ARGUMENT)
    return time.perf_counter() - start


def _probe(report: Report) -> None:
    api = _native.api
    compiled, plain = _make_probe(), _make_probe()
    api.suppress(plain)
    for _ in range(5):  # type feedback
        compiled(1000), plain(1000)
    was_enabled, after = api.is_enabled(), -1 if api.is_sampled() else api.get_compile_after()
    if not was_enabled:
        api.set_compile_after(None)
        api.enable()
    why = api.force_compile(compiled)
    if why or not api.is_compiled(compiled):
        report.fail("compilation", f"the probe function was not compiled: {why or 'without a reason'}")
        return
    info = api.function_info(compiled) or {}
    report.ok("compilation", f"the probe function is compiled: {info.get('code_size', '?')} bytes in "
                             f"{info.get('compile_time', 0) * 1e3:.2f} ms")
    memory = ", ".join(f"{name} {value}" for name, value in api.allocator_stats().items())
    report.ok("code memory", memory or "present")
    if compiled(_PROBE_ARGUMENT) != plain(_PROBE_ARGUMENT):
        report.fail("result", f"the compiled probe returned {compiled(_PROBE_ARGUMENT)}, the interpreter "
                              f"{plain(_PROBE_ARGUMENT)}")
        return
    report.ok("result", "the compiled probe returns what the interpreter returns")
    _compare(report, compiled, plain)
    api.force_uncompile(compiled)
    api.unsuppress(plain)
    if not was_enabled:
        api.disable(False)
        api.set_compile_after(after)


def _compare(report: Report, compiled: FunctionType, plain: FunctionType) -> None:
    pairs = [(_seconds(plain), _seconds(compiled)) for _ in range(_ROUNDS)]
    slow, fast = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    if not _native.api.is_compiled(compiled) or _native.api.is_compiled(plain):
        report.fail("speed", "the probe did not stay compiled, so there is nothing to compare")
        return
    text = (f"{slow / fast:.2f}x the interpreter's on the probe ({slow * 1e3:.3f} ms -> {fast * 1e3:.3f} ms, "
            f"best of {_ROUNDS})")
    (report.ok if fast < slow else report.note)("speed", text)
