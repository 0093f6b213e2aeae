"""Runs one benchmark program in this process and reports every iteration; not for use by hand.

    PYTHON worker.py REQUEST        REQUEST: a JSON object, see tephra.bench.processes

Standard library only, Python 3.11 syntax: other interpreters run it too. Each line on stdout is a JSON list whose
first item says what it is; whatever the program prints goes to stderr. Nothing is run but on orders from stdin: several
workers take turns.
"""

import sys
import time

_BEGAN = time.process_time_ns()  # from here to the program's first line it is this script that uses the processor

# This folder's modules must not hide the standard library's.
sys.path[:] = [folder for folder in sys.path if folder != __file__.rpartition("/")[0]]

import importlib
import importlib.util
import json
import os
import platform


def _canonical(value, depth=0):
    """Text that is the same for equal results in any interpreter."""
    if isinstance(value, bool) or value is None or isinstance(value, (str, bytes)):
        return repr(value)
    if isinstance(value, int):
        return hex(value)  # no limit on digits
    if isinstance(value, float):
        return "%.12g" % value
    if isinstance(value, complex):
        return "%.12g%+.12gj" % (value.real, value.imag)
    if depth > 8:
        return "..."
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_canonical(item, depth + 1) for item in value) + "]"
    if isinstance(value, (set, frozenset)):
        return "{" + ",".join(sorted(_canonical(item, depth + 1) for item in value)) + "}"
    if isinstance(value, dict):
        rows = [_canonical(k, depth + 1) + ":" + _canonical(v, depth + 1) for k, v in value.items()]
        return "{" + ",".join(rows) + "}"
    return type(value).__name__


def _digest(value):
    import hashlib

    text = _canonical(value)
    return text if len(text) <= 40 else hashlib.sha256(text.encode()).hexdigest()[:32]


def _load(request):
    """The object with run(n): a module from a file, or an entry of the table of micro-benchmarks."""
    if request.get("micro"):
        sys.path.insert(0, request["folder"])
        micro = importlib.import_module("micro")
        return micro.load(request["name"])
    file = request["file"]
    sys.path.insert(0, os.path.dirname(os.path.abspath(file)))
    name = os.path.splitext(os.path.basename(file))[0]
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _peak_kib():
    """Peak resident memory in KiB. Not ru_maxrss: that begins with the parent's."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except OSError:
        pass
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class _NoJit:
    """Stands for the JIT where there is none."""

    def mark(self):
        return 0, 0.0, 0

    def totals(self):
        return {}

    def compiled(self):
        return 0

    def force(self, hot):
        pass

    def freeze(self):
        pass

    def details(self, run, hot):
        return {}


def _sampled(status):
    """What older builds do not tell."""
    return {name: getattr(status, name, 0) for name in ("samples", "over_budget")}


class _TephraTotals(_NoJit):
    """The JIT's totals alone: they cost next to nothing, so that a real program can be asked in every turn."""

    def __init__(self):
        from tephra import _status, jit

        self._totals = _status.totals
        # What this script does at each step is not the program's: no function of it is compiled.
        for function in (_Steps.__call__, _Steps.wait, _TephraTotals.mark, _TephraTotals._now):
            jit.jit_suppress(function)
        self._before = self._totals()

    def _now(self, name):
        return self._totals()[name] - self._before[name]

    def mark(self):
        return self._now("functions"), self._now("compile_time") * 1e3, self._now("exits")

    def totals(self):
        from tephra import jit

        functions, compile_ms, exits = self.mark()
        code_bytes = self._now("code_bytes")
        status = jit.status()  # last: it may get a function compiled
        return {"enabled": status.enabled, "reason": status.reason, "functions": functions, "compile_ms": compile_ms,
                "code_bytes": code_bytes, "exits": exits, "bailouts": status.bailouts, "version": status.tephra_version,
                **_sampled(status)}


class _Tephra:
    """What the public API of tephra.jit tells; also that of older builds."""

    def __init__(self):
        from tephra import jit

        self._jit = jit
        # What this script's own imports have cost is not the program's.
        self._before = self._now()
        self._others = {id(function.__code__) for function in jit.get_compiled_functions()}

    def _now(self):
        status = self._jit.status()
        return {"functions": status.functions, "code_bytes": status.code_bytes,
                "compile_ms": status.compile_time * 1e3, "exits": status.exits}

    def totals(self):
        status = self._jit.status()
        since = {name: value - self._before[name] for name, value in self._now().items()}
        return {"enabled": status.enabled, "reason": status.reason, **since, "bailouts": status.bailouts,
                "version": status.tephra_version, **_sampled(status)}

    def compiled(self):
        return self._jit.status().functions

    def force(self, hot):
        """Compiles the hot functions now, whatever the clock says."""
        import gc

        wanted = set(map(_bare, hot))
        for each in gc.get_objects():
            if type(each) is type(_load) and _name(each) in wanted:
                try:
                    self._jit.force_compile(each)
                except RuntimeError:
                    pass  # the gates have said so

    def freeze(self):
        """Compiles nothing more; what is compiled is used."""
        self._jit.disable()

    def details(self, run, hot):
        """Sizes and HIR operations of the compiled functions, and why a hot one is not among them."""
        jit = self._jit
        stats = jit.get_and_clear_runtime_stats()["deopt"][:10]
        wanted = set(map(_bare, hot))
        compiled = [function for function in jit.get_compiled_functions() if id(function.__code__) not in self._others]
        kept = _alive_during(run, wanted - set(map(_name, compiled)))
        compiled += [function for function in jit.get_compiled_functions() if _name(function) in wanted]
        functions = {}
        for function in compiled:
            row = {"module": function.__module__, "bytes": jit.get_compiled_size(function),
                   "compile_ms": jit.get_function_compilation_time(function),
                   "hir": jit.get_function_hir_opcode_counts(function) or {}}
            name = _name(function)
            if name not in functions or functions[name]["bytes"] < row["bytes"]:  # closures share a name
                functions[name] = row
        missing = {name: self._why_not(kept.get(_bare(name), ())) for name in hot if _bare(name) not in functions}
        return {"compiled": functions, "missing": missing, "exits_by_place": stats}

    def _why_not(self, found):
        if not found:
            return "no function of that name was met in the process"
        jit = self._jit
        function = max(found, key=jit.count_interpreted_calls)
        calls = jit.count_interpreted_calls(function)
        listed, _ = jit.get_jit_list()
        if listed and function.__qualname__ not in listed.get(function.__module__, ()):
            return f"it is not on the JIT list (TEPHRA_LIST), which names {sum(map(len, listed.values()))} functions"
        try:
            if jit.force_compile(function):
                after = jit.get_compile_after_n_calls()
                if after is None:
                    return "it can be compiled, but no sample showed that this would pay"
                return (f"it can be compiled, but was not hot: the interpreter ran it {calls} times, and functions are "
                        f"compiled after {after} calls, or 2 ms in a loop")
        except RuntimeError as error:
            return str(error).partition("was not compiled: ")[2] or str(error)
        return f"the interpreter ran it {calls} times"


def _name(function):
    """The name of the code: functools.wraps gives a function the __qualname__ of the one that it wraps."""
    return function.__code__.co_qualname


def _bare(name):
    """The qualified name of an entry that may begin with a module."""
    return name.rpartition(":")[2]


def _alive_during(run, names):
    """Name -> functions of that name that live now or while run() runs: closures die with the call that made them."""
    import gc
    import signal

    found = {}

    def look(*_):
        for each in gc.get_objects():
            if type(each) is type(look) and _name(each) in names:
                known = found.setdefault(_name(each), [])
                if not any(each is other for other in known) and len(known) < 20:
                    known.append(each)

    look()
    if names - found.keys():
        signal.signal(signal.SIGPROF, look)
        for _ in range(5):
            signal.setitimer(signal.ITIMER_PROF, 0.002, 0.01)
            run()
            signal.setitimer(signal.ITIMER_PROF, 0)
            if not names - found.keys():
                break
    return found


def _tell_to(descriptor):
    def tell(*what):
        os.write(descriptor, (json.dumps(what) + "\n").encode())
    return tell


class _Iterations:
    """Runs the program when told to. A turn is some iterations of one phase: warm-up, then measured ones.

    Each iteration is told with its wall and CPU nanoseconds, the result's digest and the number of its turn; the
    end of a turn with whether the phase has had all that the request asks for.
    """

    def __init__(self, run, request, jit, tell):
        self._run, self._request, self._jit, self._tell = run, request, jit, tell
        self._phase, self._turn, self._count, self._spent, self._compiled = "warmup", 0, 0, 0, -1
        self._cpu = _cpu_with_children if request.get("pyperf") else time.process_time_ns

    def turn(self, measured):
        if measured and self._phase == "warmup":
            self._settle()
        begin = self._spent
        while True:
            self._once(self._phase)
            enough = self._enough()
            if self._spent - begin >= self._request["turn_ns"] or enough and self._request["counted"]:
                break
        self._tell("turn", enough)
        self._turn += 1

    def _once(self, kind):
        size, run, wall, cpu = self._request["size"], self._run, time.perf_counter_ns, self._cpu
        c0 = cpu()
        w0 = wall()
        result = run(size)
        w1 = wall()
        c1 = cpu()
        self._tell(kind, w1 - w0, c1 - c0, _digest(result), self._turn)
        self._count += 1
        self._spent += c1 - c0

    def _enough(self):
        request = self._request
        if self._phase == "iteration":
            return self._count >= request["iterations"] and self._spent >= request["measure_ns"]
        # Functions that were compiled a moment ago: not steady yet.
        before, self._compiled = self._compiled, 0 if request["counted"] else self._jit.compiled()
        return self._count >= request["warmup"] and self._spent >= request["warmup_ns"] and (
            before == self._compiled or request["counted"] or self._count >= 4 * request["warmup"] + 8
            or self._spent >= 20 * request["warmup_ns"])  # iterations of seconds, as some of pyperformance's have

    def _settle(self):
        """From warm-up to what is measured."""
        if self._request["counted"]:
            self._jit.force(self._request["hot"])
            for _ in range(3):
                self._once("warmup")
            self._jit.freeze()
        self._tell("steady", self._jit.totals())
        self._phase, self._count, self._spent = "iteration", 0, 0


class _Enough(BaseException):
    """Unwinds a real program that need not go on."""


class _Steps:
    """A real program's steps: told with the CPU nanoseconds since the process began, less what this script has used.

    A turn is a fixed number of steps, so that it is the same work in every process; then the program waits, wherever it is.
    `own`: nanoseconds that this script has used.
    """

    def __init__(self, request, jit, out, orders, own):
        import hashlib

        self._request, self._jit, self._out, self._tell, self._orders = request, jit, out, _tell_to(out), orders
        self._hash = hashlib.sha256()
        self._size, self._until = request["size"], request["until_ns"] or 1 << 62
        self._count, self._own = 0, own
        self.told = False  # the last words have been said

    def __call__(self, result):
        now = time.process_time_ns()
        used = now - self._own
        self._hash.update(repr(result).encode("utf-8", "surrogatepass"))  # in C: no Python code of ours gets hot
        self._count += 1
        os.write(self._out, b'["step",%d,"%s"]\n' % (used, self._hash.hexdigest()[:12].encode()))
        last = self._count == self._size
        if last or not self._count % self._request["turn_steps"]:
            os.write(self._out, b'["mark",%d,%d,%d,%.3f,%d]\n' % (self._count, used, *self._jit.mark()))
            self._tell("turn", last or used >= self._until)
            self.wait(last)
        self._own += time.process_time_ns() - now

    def wait(self, finished=False):
        """Until there is another turn to do; a side that has finished lets others go on."""
        while os.read(self._orders, 1) == b"m":
            if not finished:
                return
            self._tell("turn", True)
        self.end()
        raise _Enough

    def end(self):
        """The last words; what the program does from now on is not measured."""
        if self.told:
            return
        self.told = True
        if self._count < self._size and self._until == 1 << 62:
            self._tell("wrong", "only %d of %d steps" % (self._count, self._size))
        self._tell("end", {"peak_kib": _peak_kib(), "jit": self._jit.totals()})


def _run_real(request, out, orders):
    """Runs a real program; the status of the process."""
    jit, tell = _TephraTotals() if request.get("tephra") else _NoJit(), _tell_to(out)
    steps = _Steps(request, jit, out, orders, time.process_time_ns() - _BEGAN)
    tell("turn", False)
    try:
        steps.wait()
        _load(request).run(steps, request["size"])
        steps.end()
    except _Enough:
        pass
    except BaseException as error:
        if not steps.told:  # else it was unwinding
            if not isinstance(error, AssertionError):
                raise
            tell("wrong", str(error) or "an assertion of the program failed")
            return 1
    return 0


def _cpu_with_children():
    """CPU nanoseconds of this process and of those that it has waited for: some benchmarks are commands."""
    import resource

    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time_ns() + int((children.ru_utime + children.ru_stime) * 1e9)


def _run_pyperf(request, offer):
    """Runs a script of pyperformance. offer(name, run) for each benchmark that it hands to pyperf's Runner: run(loops) is it."""
    import asyncio
    import builtins
    import subprocess
    import types

    import pyperf

    def bench_func(_self, name, function, *args, **_options):
        def run(loops):
            for _ in range(loops):
                function(*args)
        offer(name, run)

    def bench_time_func(_self, name, function, *args, **_options):
        offer(name, lambda loops: (function(loops, *args), None)[1])

    def bench_async_func(_self, name, function, *args, loop_factory=None, **_options):
        async def repeat(loops):
            for _ in range(loops):
                await function(*args)

        def run(loops):
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                runner.run(repeat(loops))
        offer(name, run)

    def bench_command(_self, name, command):
        def run(loops):
            for _ in range(loops):
                subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        offer(name, run)

    for replacement in (bench_func, bench_time_func, bench_async_func, bench_command):
        setattr(pyperf.Runner, replacement.__name__, replacement)
    sys.argv = [request["file"], *request["options"]]
    sys.path.insert(0, os.path.dirname(request["file"]))
    main = types.ModuleType("__main__")  # as a script's own: some change its __builtins__, some pickle what it defines
    main.__file__, main.__builtins__ = request["file"], builtins
    sys.modules["__main__"] = main
    with open(request["file"], "rb") as file:
        exec(compile(file.read(), request["file"], "exec"), main.__dict__)


def _list_pyperf(request, tell):
    """Tells the names of a script's benchmarks, each with the loops that take about 10 ms."""
    def offer(name, run):
        loops = 1
        while True:
            begin = _cpu_with_children()
            run(loops)
            used = _cpu_with_children() - begin
            if used >= 5_000_000 or loops >= 1 << 20:
                break
            loops *= 2
        tell("benchmark", name, loops)

    _run_pyperf(request, offer)


def main():
    request = json.loads(sys.argv[1])
    out, orders = os.dup(1), os.dup(0)
    tell = _tell_to(out)
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = [request.get("file") or request["name"]]
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    if request.get("activate"):
        exec(request["activate"], {"__name__": "activate"})
    if request.get("listing"):
        _list_pyperf(request, tell)
        return 0
    if request["real"]:
        return _run_real(request, out, orders)
    jit = _Tephra() if request.get("tephra") else _NoJit()
    tell("start", {"python": platform.python_version(), "implementation": platform.python_implementation(),
                   "executable": sys.executable, "pid": os.getpid()})
    begin = time.perf_counter_ns()
    if not request.get("pyperf"):
        return _iterate(request, jit, tell, orders, _load(request).run, time.perf_counter_ns() - begin)
    status = []

    def offer(name, run):
        if name == request["name"] and not status:
            status.append(_iterate(request, jit, tell, orders, run, time.perf_counter_ns() - begin))

    _run_pyperf(request, offer)
    return status[0]


def _iterate(request, jit, tell, orders, run, loaded):
    """Runs what was loaded as ordered; the status of the process. `loaded`: nanoseconds that it took to load."""
    iterations = _Iterations(run, request, jit, tell)
    tell("turn", False)
    try:
        while True:  # an order is a byte: another turn of warm-up, a measured one, or the end
            order = os.read(orders, 1)
            if order not in (b"w", b"m"):
                break
            iterations.turn(order == b"m")
    except AssertionError as error:
        tell("wrong", str(error) or "an assertion of the program failed")
        return 1
    stats = {"load_ns": loaded, "peak_kib": _peak_kib(), "jit": jit.totals()}
    if request.get("details"):
        stats.update(jit.details(lambda: run(request["size"]), request.get("hot", ())))
    tell("end", stats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
