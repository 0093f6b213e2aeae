"""Control of the JIT from within a program.

    from tephra import jit

    jit.auto()                        # compile functions when they are hot
    jit.compile_after_n_calls(0)      # ... or at their first call
    jit.force_compile(function)       # ... or this one, now
    print(jit.status())

Where the JIT cannot run (another CPython, a free-threaded build, no extension module, TEPHRA=0)
every function here still works and does nothing: predicates are False, counts are 0, lists are empty.
`status()` says why. Arguments are checked in either case.

Functions to act on are given as Python functions; bound methods, staticmethod and classmethod objects
stand for the function inside. Anything else is a TypeError.
"""

from __future__ import annotations

import os
import sys

from tephra import _config, _native, _startup, _status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType, TracebackType
    from typing import Any, TextIO, TypeVar

    from tephra._status import Status

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = [
    "append_jit_list", "auto", "clear_instruction_counts", "clear_runtime_stats", "compile_after_n_calls", "count_interpreted_calls",
    "disable", "disassemble", "enable", "force_compile", "force_uncompile", "get_allocator_stats",
    "get_and_clear_runtime_stats", "get_compilation_time", "get_compile_after_n_calls",
    "get_compiled_functions", "get_compiled_size", "get_compiled_spill_stack_size",
    "get_compiled_stack_size", "get_function_compilation_time", "get_function_hir_opcode_counts",
    "get_instruction_counts", "get_jit_list", "is_enabled", "is_jit_compiled", "jit_suppress", "jit_unsuppress", "lazy_compile",
    "measure_for", "pause", "print_hir", "read_jit_list", "set_max_code_size", "status",
]

_Function: Any = type(lambda: None)
_Method = type(_status.Status.__init__.__get__(object()))
_MAX_CALLS = 1_000_000_000
_MAX_CODE = 1 << 32

_disabled_by = ""  # who switched the JIT off in this process; "" when nobody did

_config.apply()


# ---- arguments ------------------------------------------------------------------------------------


def _function(where: str, func: object) -> FunctionType:
    """The Python function that `func` stands for."""
    inner = func
    while isinstance(inner, (_Method, staticmethod, classmethod)):
        inner = inner.__func__
    if isinstance(inner, _Function):
        return inner
    hint = "pass a function that was made with def or lambda"
    if isinstance(inner, type):
        hint = f"pass one of its methods, for example {inner.__name__}.__init__"
        shown = f"the class {inner.__name__}"
    elif type(inner).__name__ in ("builtin_function_or_method", "method_descriptor", "wrapper_descriptor"):
        shown = f"{getattr(inner, '__name__', '?')}, which is compiled C code already"
    else:
        shown = f"{type(inner).__name__}"
        if isinstance(getattr(inner, "__wrapped__", None), _Function):
            hint = "pass its __wrapped__"
        elif isinstance(getattr(inner, "func", None), _Function):
            hint = "pass its .func"
    raise TypeError(f"{where}(): expected a Python function, got {shown}: {hint}")


def _count(where: str, name: str, value: object, highest: int, other: str = "") -> int:
    """A whole number in 0..highest. `other`: what else the argument may be, for the message."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{where}(): {name} must be {other}an int in 0..{highest}, got "
                        f"{type(value).__name__} {value!r:.60}")
    if not 0 <= value <= highest:
        raise ValueError(f"{where}(): {name} must be in 0..{highest}, got {value}")
    return value


def _truth(where: str, name: str, value: object) -> bool:
    if not isinstance(value, (bool, int)):
        raise TypeError(f"{where}(): {name} must be True or False, got {type(value).__name__} {value!r:.60}")
    return bool(value)


# ---- on and off -----------------------------------------------------------------------------------


def _switch_on() -> None:
    """The JIT on, for an explicit request about one function, unless disable() forbade it."""
    api = _native.api
    if not _disabled_by and not api.is_enabled():
        # Nobody has asked for automatic compilation so far.
        _startup.summarise()
        api.set_compile_after(None)
        api.enable()


def auto() -> None:
    """Compile functions automatically when sampling shows that it pays, like TEPHRA=1.

    Where the option compile-after (TEPHRA_COMPILE_AFTER) is set, calls are counted instead, as
    compile_after_n_calls() does. Functions that exist already take part. Switches on after disable().
    """
    _compile_automatically(int(_config.value("compile-after") or -1))


def compile_after_n_calls(calls: int | None) -> None:
    """Compile each function automatically once the interpreter has run it `calls` times.

    A function with a loop is compiled earlier where its calls take long: see the option compile-after-ms.
    0 compiles at the first call. None ends automatic compilation: only functions that are forced are
    compiled from then on; what is compiled already stays so. Switches on after disable().

    Raises: TypeError, ValueError if `calls` is neither None nor an int in 0..1000000000.
    """
    if calls is not None:
        _count("compile_after_n_calls", "calls", calls, _MAX_CALLS, "None or ")
    _compile_automatically(calls)


def _compile_automatically(calls: int | None) -> None:
    global _disabled_by
    if calls is not None:
        _config.apply_list()
    _disabled_by = ""
    _startup.summarise()
    _native.api.set_compile_after(calls)
    _native.api.enable()


def get_compile_after_n_calls() -> int | None:
    """Calls after which functions are compiled; None when none are counted: sampling decides (see auto()),
    or only forced functions are compiled, or none at all."""
    return _native.api.get_compile_after() if _native.api.is_enabled() or _disabled_by else None


def enable() -> None:
    """Undo disable(): compiled functions use their machine code again, compilation goes on.

    In a process in which nothing was switched on before, only forced functions will be compiled: see
    auto() and compile_after_n_calls(). Where the JIT cannot run, a RuntimeWarning says why.
    """
    global _disabled_by
    _startup.summarise()
    if _native.reason:
        if not _native.switched_off():  # whoever set TEPHRA=0 knows
            import warnings

            warnings.warn(f"tephra.jit.enable() does nothing: {_native.reason}", RuntimeWarning, stacklevel=2)
        return
    if _disabled_by:
        _disabled_by = ""
        _native.api.enable()
    else:
        _switch_on()


def disable(deopt_all: bool = False) -> None:
    """Compile nothing from now on, until enable(), auto() or compile_after_n_calls().

    Args:
        deopt_all: also let compiled functions run in the interpreter until then. Calls that are
            running in machine code end there.

    Raises: TypeError if `deopt_all` is no truth value.
    """
    global _disabled_by
    deopt = _truth("disable", "deopt_all", deopt_all)
    _disabled_by = "tephra.jit.disable() was called"
    _native.api.disable(deopt)


class pause:  # noqa: N801 - reads like a function where it is used
    """Context manager: no compilation within the `with` block.

    Args:
        deopt_all: also run functions that are compiled in the interpreter; their machine code comes
            back at the end of the block.

    Leaves things as they are where the JIT was not enabled. Raises TypeError if `deopt_all` is no truth
    value.
    """

    def __init__(self, deopt_all: bool = False) -> None:
        self._deopt_all = _truth("pause", "deopt_all", deopt_all)
        self._was_enabled: list[bool] = []  # one object may be entered again inside itself

    def __enter__(self) -> None:
        enabled = is_enabled()
        self._was_enabled.append(enabled)
        if enabled:
            disable(self._deopt_all)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        if self._was_enabled.pop():
            enable()


def is_enabled() -> bool:
    """Whether functions may be compiled right now."""
    return bool(_native.api.is_enabled())


def status() -> Status:
    """The state of the JIT: `available`, `enabled`, `reason`, versions and totals; see Status.

    str() of it is one line for people.
    """
    return _status.take(_disabled_by or f"not switched on; {_startup.how_to_switch_on()}")


# ---- single functions -----------------------------------------------------------------------------


def force_compile(func: Callable[..., Any]) -> bool:
    """Compile a function now.

    Returns: True when it was compiled by this call; False when it was compiled already, or the JIT is
        off (see status()).

    Raises:
        TypeError: `func` is no Python function.
        RuntimeError: the function cannot be compiled; the text says why.
    """
    function = _function("force_compile", func)
    _switch_on()
    api = _native.api
    if not api.is_enabled() or api.is_compiled(function):
        return False
    reason = api.force_compile(function)
    if reason:
        raise RuntimeError(f"force_compile(): {function.__module__}:{function.__qualname__} was not compiled: "
                           f"{reason}")
    return True


def lazy_compile(func: Callable[..., Any]) -> bool:
    """Compile a function when it is called the next time.

    Returns: True when that was arranged; False when it is compiled already, cannot be, or the JIT is off.
    Raises: TypeError if `func` is no Python function.
    """
    function = _function("lazy_compile", func)
    _switch_on()
    api = _native.api
    return bool(api.is_enabled() and not api.is_compiled(function) and api.lazy_compile(function))


def force_uncompile(func: Callable[..., Any]) -> bool:
    """Give a function back to the interpreter and free its machine code.

    Returns: True when it was compiled.
    Raises: TypeError if `func` is no Python function.
    """
    return bool(_native.api.force_uncompile(_function("force_uncompile", func)))


def jit_suppress(func: F) -> F:
    """Decorator: never compile this function.

    Returns: `func` itself.
    Raises: TypeError if `func` is no Python function.
    """
    _native.api.suppress(_function("jit_suppress", func))
    return func


def jit_unsuppress(func: F) -> F:
    """Decorator: undo jit_suppress().

    Returns: `func` itself.
    Raises: TypeError if `func` is no Python function.
    """
    _native.api.unsuppress(_function("jit_unsuppress", func))
    return func


def is_jit_compiled(func: Callable[..., Any]) -> bool:
    """Whether calls of this function run machine code. TypeError if it is no Python function."""
    return bool(_native.api.is_compiled(_function("is_jit_compiled", func)))


def count_interpreted_calls(func: Callable[..., Any]) -> int:
    """How often the interpreter has run the function since it was made or uncompiled, as far as counted: see
    compile_after_n_calls().

    Raises: TypeError if `func` is no Python function.
    """
    return int(_native.api.count_interpreted_calls(_function("count_interpreted_calls", func)))


# ---- the JIT list ---------------------------------------------------------------------------------


def append_jit_list(entry: str) -> None:
    """Add a function to the JIT list: once there is a list, only its functions are compiled automatically.

    Args:
        entry: "module:qualified.name", for example "json.decoder:JSONDecoder.decode".

    Raises: TypeError if it is no str, ValueError if it has another form.
    """
    if not isinstance(entry, str):
        raise TypeError("append_jit_list(): entry must be a str such as 'module:qualified.name', got "
                        f"{type(entry).__name__} {entry!r:.60}")
    try:
        parsed = _config.parse_entry(entry)
    except ValueError as error:
        raise ValueError(f"append_jit_list(): {error}") from None
    if not parsed:
        raise ValueError(f"append_jit_list(): empty entry {entry!r}; expected module:qualified.name")
    _append([parsed])


def read_jit_list(path: str | os.PathLike[str]) -> None:
    """Add the functions that a file names to the JIT list, like TEPHRA_LIST.

    Args:
        path: a text file with one module:qualified.name per line; # begins a comment.

    Raises: TypeError if it is no path, OSError if the file cannot be read, ValueError (with file and
        line) if a line has another form; the JIT list is unchanged then.
    """
    try:
        name = os.fspath(path)
    except TypeError:
        name = None
    if not isinstance(name, str):
        raise TypeError(f"read_jit_list(): path must be a str or a path, got {type(path).__name__} {path!r:.60}")
    try:
        entries, errors = _config.parse_list(name)
    except UnicodeDecodeError:
        raise ValueError(f"read_jit_list(): {name}: it is not UTF-8 text; expected one module:qualified.name "
                         "per line") from None
    if errors:
        raise ValueError(f"read_jit_list(): {errors[0]}")
    _append(entries)


def _append(entries: list[str]) -> None:
    present = _native.api.get_jit_list() or []
    _native.api.set_jit_list(present + [entry for entry in entries if entry not in present])


def get_jit_list() -> tuple[dict[str, set[str]], dict[str, dict[str, set[int]]]]:
    """The JIT list, in the form that users of other Python JITs know.

    Returns: (module -> qualified names, {}). The second part is for entries by file and line, which
        Tephra does not have. Both are empty when there is no list.
    """
    names: dict[str, set[str]] = {}
    for entry in _native.api.get_jit_list() or []:
        module, _, name = entry.partition(":")
        names.setdefault(module, set()).add(name)
    return names, {}


# ---- what was compiled ----------------------------------------------------------------------------


def get_compiled_functions() -> list[Callable[..., Any]]:
    """The functions that are compiled now."""
    return list(_native.api.compiled_functions())


def _info(where: str, func: object) -> dict[str, Any]:
    return _native.api.function_info(_function(where, func)) or {}


def get_compiled_size(func: Callable[..., Any]) -> int:
    """Bytes of machine code of a function; 0 if it is not compiled. TypeError if it is no Python function."""
    return int(_info("get_compiled_size", func).get("code_size", 0))


def get_compiled_stack_size(func: Callable[..., Any]) -> int:
    """Bytes of native stack that one call takes; 0 if it is not compiled. TypeError as above."""
    return int(_info("get_compiled_stack_size", func).get("stack_size", 0))


def get_compiled_spill_stack_size(func: Callable[..., Any]) -> int:
    """The part of it that holds spilled registers; 0 if it is not compiled. TypeError as above."""
    return int(_info("get_compiled_spill_stack_size", func).get("spill_size", 0))


def get_compilation_time() -> float:
    """Milliseconds spent compiling in this process."""
    return float(_native.api.totals().get("compile_time", 0.0)) * 1e3


def get_function_compilation_time(func: Callable[..., Any]) -> float:
    """Milliseconds that compiling this function took; 0.0 if it is not compiled.

    Raises: TypeError if `func` is no Python function.
    """
    return float(_info("get_function_compilation_time", func).get("compile_time", 0.0)) * 1e3


def get_function_hir_opcode_counts(func: Callable[..., Any]) -> dict[str, int] | None:
    """HIR operation -> how often it occurs in the function's final IR; None if it is not compiled.

    Raises: TypeError if `func` is no Python function.
    """
    info = _info("get_function_hir_opcode_counts", func)
    return dict(info.get("hir_opcode_counts", {})) if info else None


def get_and_clear_runtime_stats() -> dict[str, list[dict[str, Any]]]:
    """Where compiled code was left since the last call of this function or clear_runtime_stats().

    Returns: {"deopt": rows}; each row is a dict with `function` (qualified name), `filename`, `line`,
        `reason`, `kind` ("deopt", or "raise" where an exception was the reason), `type` (name of the
        offending type, "" if none) and `count`, most frequent first.
    """
    rows = sorted(_native.api.runtime_stats(), key=lambda row: -row.get("count", 0))
    _native.api.clear_runtime_stats()
    return {"deopt": rows}


def clear_runtime_stats() -> None:
    """Set the counts of get_and_clear_runtime_stats() to zero."""
    _native.api.clear_runtime_stats()


def get_instruction_counts() -> list[dict[str, Any]]:
    """Instructions that compiled code has executed, where the option count-blocks was on at compilation.

    Exact for this machine's architecture: every piece of code that is executed as a whole has a counter,
    shared stubs are included, the counters' own instructions are not. For the other architecture the same
    executions are applied to the code that it would run.

    Returns: one dict per function, most instructions first: `module`, `function`, `filename`, `line`,
        `compilations`, `own` (this architecture), `instructions` (on it), and `architectures`: name ->
        `instructions`; `estimated` (those among them for which there was no exact count; 0 on `own`);
        `hot_bytes`, `cold_bytes`, `static` (instructions in the code), without counters;
        `operations`: (HIR operation or "", LIR operation or part of the code) -> executed instructions,
        most first.
    """
    from tephra import _instruction_counts

    return _instruction_counts.take()


def clear_instruction_counts() -> None:
    """Set the counts of get_instruction_counts() to zero."""
    _native.api.clear_instruction_counts()


def measure_for(func: Callable[..., Any], architecture: str) -> dict[str, Any]:
    """What a function's code would be on an architecture, whatever this machine is; installs nothing.

    Args:
        architecture: "x86_64" or "aarch64".

    Returns: {"arch": name, "hot_bytes": n, "cold_bytes": n, "instructions": n}.
    Raises:
        TypeError: `func` is no Python function.
        ValueError: no such architecture.
        RuntimeError: the function cannot be compiled, or the JIT is off; the text says why.
    """
    found = _native.api.measure(_function("measure_for", func), architecture)
    return {name: found[name] for name in ("arch", "hot_bytes", "cold_bytes", "instructions")}


def get_allocator_stats() -> dict[str, int]:
    """Figures of the code memory, in bytes and pieces; empty where the JIT is off."""
    return dict(_native.api.allocator_stats())


def set_max_code_size(max_code_size: int) -> None:
    """Set the upper limit of machine code in this process, in bytes; 0: no limit.

    Nothing is freed if there is more already; then no further function is compiled.

    Raises: TypeError, ValueError if it is not an int in 0..4294967296.
    """
    _native.api.set_max_code_size(_count("set_max_code_size", "max_code_size", max_code_size, _MAX_CODE))


def print_hir(func: Callable[..., Any], *, file: TextIO | None = None) -> None:
    """Print a function's optimised HIR, as the compiler makes it now; compiles nothing for good.

    It need not be compiled: then a first line says that it is not. Nor does it become so. With other types
    than at compilation it may differ from what runs.

    Args:
        file: where to; sys.stdout by default.

    Raises: TypeError if `func` is no Python function, ValueError if it cannot be compiled; the text says
        why. Where the JIT is off, one line saying so is printed instead.
    """
    _print_form("print_hir", func, "hir", file)


def disassemble(func: Callable[..., Any], *, file: TextIO | None = None) -> None:
    """Print a function's machine code, as the compiler makes it now: print_hir() for the last stage.

    Functions that are not compiled (yet), arguments, errors, and where the JIT is off: as print_hir().
    """
    _print_form("disassemble", func, "asm", file)


def _print_form(where: str, func: object, kind: str, file: TextIO | None) -> None:
    function = _function(where, func)
    if _native.reason:
        print(f"tephra: nothing to show of {function.__qualname__}: {_native.reason}", file=file or sys.stdout)
        return
    try:
        text = _native.api.dump(function, kind)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{where}(): {function.__qualname__}: {error}") from None
    if not _native.api.is_compiled(function):
        text = f"// {function.__qualname__} is not compiled: this is what it would be now\n{text}"
    print(text.rstrip("\n"), file=file or sys.stdout)
