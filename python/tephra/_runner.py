"""Runs a program the way `python` does: the parts of the command line after -m tephra's own options.

What the program sees (sys.argv, sys.path[0], the module __main__, exit status, tracebacks) is what it
would see under plain python. Known differences: sys.orig_argv, and a few frames below the program's own.
"""

from __future__ import annotations

import builtins
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType, TracebackType
    from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class CannotRun(Exception):
    """There is no such program; the text is one line."""


def run_module(name: str, args: list[str]) -> None:
    """python -m NAME ARGS"""
    import runpy

    sys.argv[:] = ["-m", *args]
    _set_path0(os.getcwd())
    _fresh_main(None)
    # The function that `python -m` itself calls; it looks up sys.modules["__main__"].
    _protected(lambda: runpy._run_module_as_main(name))  # type: ignore[attr-defined]


def run_string(source: str, args: list[str]) -> None:
    """python -c SOURCE ARGS"""
    sys.argv[:] = ["-c", *args]
    _set_path0("")
    module = _fresh_main(None)
    if sys.version_info >= (3, 14) and source[:1].isspace():
        import textwrap

        source = textwrap.dedent(source)

    def run() -> None:
        code = compile(source, "<string>", "exec", dont_inherit=True)
        if sys.version_info >= (3, 13):
            import linecache

            register = getattr(linecache, "_register_code", None)
            if register:
                register(code, source, "<string>")
        exec(code, module.__dict__)

    _protected(run)


def run_stdin(args: list[str]) -> None:
    """python - ARGS"""
    sys.argv[:] = ["-", *args]
    _set_path0("")
    module = _fresh_main(None)
    source = sys.stdin.buffer.read()
    _protected(lambda: exec(compile(source, "<stdin>", "exec", dont_inherit=True), module.__dict__))


def run_script(path: str, args: list[str]) -> None:
    """python PATH ARGS: a source file, a .pyc file, or a folder or archive with a __main__ module.

    Raises: CannotRun.
    """
    full = os.path.join(os.getcwd(), path)  # not normalised, as python does it
    if os.path.isdir(path) or _is_archive(path):
        import runpy

        sys.argv[:] = [path, *args]
        _set_path0(full, always=True)
        _fresh_main(None)
        _protected(lambda: runpy._run_module_as_main("__main__", alter_argv=False))  # type: ignore[attr-defined]
        return
    try:
        import io

        with io.open_code(full) as file:
            data = file.read()
    except OSError as error:
        raise CannotRun(f"can't open file {full!r}: [Errno {error.errno}] {error.strerror}") from None
    sys.argv[:] = [path, *args]
    _set_path0(os.path.dirname(os.path.realpath(path)))
    module = _fresh_main(full)
    _protected(lambda: exec(_code(data, full), module.__dict__))


def _is_archive(path: str) -> bool:
    if path.endswith((".py", ".pyc")) or not os.path.isfile(path):
        return False
    import zipimport

    try:
        zipimport.zipimporter(path)
    except zipimport.ZipImportError:
        return False
    return True


def _code(data: bytes, path: str) -> Any:
    from importlib.util import MAGIC_NUMBER

    if data[:4] == MAGIC_NUMBER:
        import marshal

        return marshal.loads(data[16:])
    if path.endswith(".pyc"):
        raise RuntimeError("Bad magic number in .pyc file")
    return compile(data, path, "exec", dont_inherit=True)


def _set_path0(folder: str, *, always: bool = False) -> None:
    if not sys.flags.safe_path:  # python -m tephra has put the working folder there
        sys.path[0] = folder
    elif always:
        sys.path.insert(0, folder)


def _fresh_main(path: str | None) -> ModuleType:
    """A module __main__ with the attributes that python gives it, in its order."""
    import importlib.machinery as machinery

    module = type(sys)("__main__")
    names: dict[str, Any] = module.__dict__
    names["__loader__"] = machinery.BuiltinImporter
    if sys.version_info < (3, 14):
        names["__annotations__"] = {}
    names["__builtins__"] = builtins
    if path is not None:
        loader = machinery.SourcelessFileLoader if path.endswith(".pyc") else machinery.SourceFileLoader
        names["__loader__"] = loader("__main__", path)
        names["__file__"] = path
        names["__cached__"] = None
    sys.modules["__main__"] = module
    return module


def _protected(run: Callable[[], object]) -> None:
    """Calls run(); an exception that ends the program is shown without the frames of this package.

    The exception goes all the way up, so that the interpreter itself ends the program: same exit status,
    same handling of SystemExit and KeyboardInterrupt. Only what sys.excepthook is given is changed.
    """
    try:
        run()
    except SystemExit:
        raise
    except BaseException:
        _hide_own_frames()
        raise


def _hide_own_frames() -> None:
    hook = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        sys.excepthook = hook
        traceback = _without_own(traceback)
        sys.last_traceback = traceback
        hook(kind, error.with_traceback(traceback), traceback)

    sys.excepthook = show


def _without_own(traceback: TracebackType | None) -> TracebackType | None:
    """Cuts what lies before the program: frames of this package and the runpy frames that started it."""
    rest, each = traceback, traceback
    while each is not None:
        name = each.tb_frame.f_code.co_filename
        if name.startswith(_HERE):
            rest = each.tb_next
        elif name != "<frozen runpy>":
            break
        each = each.tb_next
    return rest
