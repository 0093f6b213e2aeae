"""The one place that touches the extension module.

`api` is the extension, or a stand-in whose functions do nothing, where the JIT cannot run or was
switched off with TEPHRA=0; `reason` then says why. Everything else in the package calls `api`.
Imports nothing that site has not imported already: this runs at the start of every program with TEPHRA=1.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType
    from typing import Any

VERSIONS = ((3, 12), (3, 14))
_OFF_WORDS = ("0", "false", "off", "no")


def environment() -> Mapping[str, str]:
    """Where options come from: no variable under -E and -I, which keep PYTHON* variables out, too."""
    return {} if sys.flags.ignore_environment else os.environ


def frozen() -> bool:
    """Is this a program that carries its own Python (made by a freezing tool, or frozen modules)?"""
    return bool(getattr(sys, "frozen", False)) or getattr(__spec__, "origin", "") == "frozen"


def switched_off() -> str:
    """Who keeps the JIT off, as text; "" when nobody does. Any 0 wins over any 1."""
    variable = environment().get("TEPHRA", "")
    if variable.lower() in _OFF_WORDS:
        return f"switched off by TEPHRA={variable}"
    option = sys._xoptions.get("tephra")
    if isinstance(option, str) and option.lower() in _OFF_WORDS:
        return f"switched off by -X tephra={option}"
    return ""


def _unsuitable() -> str:
    """Why the extension should not even be loaded; "" when it may be."""
    if sys.implementation.name != "cpython":
        return f"{sys.implementation.name} is not CPython"
    if sys.version_info[:2] not in VERSIONS:
        names = " and ".join(".".join(map(str, version)) for version in VERSIONS)
        return f"CPython {sys.version_info[0]}.{sys.version_info[1]} is not supported: {names} are"
    if "t" in getattr(sys, "abiflags", ""):
        # Loading it would also switch the GIL back on for the whole process.
        return "free-threaded CPython is not supported: use the build with the GIL"
    if sys.platform != "linux":
        return f"{sys.platform} is not supported: Linux is"
    return ""


class Absent:
    """Answers like the extension would if nothing had ever been compiled."""

    def __init__(self, why: str) -> None:
        self._why = why

    def off_reason(self) -> str:
        return self._why

    def self_test(self) -> list[str]:
        return []

    def set_option(self, name: str, value: str) -> str | None:
        return _loaded.set_option(name, value) if _loaded else None

    def options(self) -> list[tuple[str, str, str, str, str, str]]:
        return _loaded.options() if _loaded else []

    def enable(self) -> bool:
        return False

    def disable(self, deopt_all: bool) -> bool:
        return False

    def is_enabled(self) -> bool:
        return False

    def is_sampled(self) -> bool:
        return False

    def set_compile_after(self, n: int | None) -> None:
        return None

    def get_compile_after(self) -> int | None:
        return None

    def force_compile(self, func: object) -> str:
        return "the JIT is off: " + self._why

    def lazy_compile(self, func: object) -> bool:
        return False

    def force_uncompile(self, func: object) -> bool:
        return False

    def suppress(self, func: object) -> None:
        return None

    def unsuppress(self, func: object) -> None:
        return None

    def set_jit_list(self, entries: list[str] | None) -> None:
        return None

    def get_jit_list(self) -> list[str] | None:
        return None

    def is_compiled(self, func: object) -> bool:
        return False

    def count_interpreted_calls(self, func: object) -> int:
        return 0

    def compiled_functions(self) -> list[Any]:
        return []

    def function_info(self, func: object) -> None:
        return None

    def totals(self) -> dict[str, Any]:
        return {"functions": 0, "compile_time": 0.0, "code_bytes": 0, "exits": 0, "bailouts": {}}

    def unpaid_functions(self) -> list[tuple[str, float]]:
        return []

    def runtime_stats(self) -> list[dict[str, Any]]:
        return []

    def clear_runtime_stats(self) -> None:
        return None

    def allocator_stats(self) -> dict[str, int]:
        return {}

    def instruction_counts(self) -> list[dict[str, Any]]:
        return []

    def clear_instruction_counts(self) -> None:
        return None

    def measure(self, func: object, arch: str) -> dict[str, Any]:
        raise RuntimeError("the JIT is off: " + self._why)

    def set_max_code_size(self, size: int) -> None:
        return None

    def dump(self, func: object, kind: str) -> str:
        raise RuntimeError("the JIT is off: " + self._why)


def _not_installed() -> str:
    """Why there is no extension module, with what helps in this very process."""
    missing = "the extension module tephra._tephra is not"
    if frozen():
        return f"{missing} part of this frozen program: have the tool that makes it include that module"
    archive = getattr(getattr(__spec__, "loader", None), "archive", "")
    if archive:
        return f"{missing} loadable from the archive {archive}: install Tephra outside of it, with `pip install .`"
    python = f" for {sys.executable}" if sys.executable else ""
    return f"{missing} installed{python}: build it with `pip install .` or `./dev build`"


def _load() -> tuple[ModuleType | None, str]:
    """The extension module and "", or None and the reason why it is not there."""
    why = _unsuitable()
    if why:
        return None, why
    try:
        import tephra._tephra as extension
    except ModuleNotFoundError as error:
        if error.name == "tephra._tephra":
            return None, _not_installed()
        return None, f"the extension module does not load: {error}"
    except Exception as error:
        return None, f"the extension module does not load: {type(error).__name__}: {error}"
    return extension, ""


def _choose() -> tuple[Any, str]:
    global _loaded
    why = switched_off()
    if why:
        return Absent(why), why
    _loaded, why = _load()
    if _loaded is not None:
        why = _loaded.off_reason()
        if boot := sys.modules.get("tephra._boot"):
            boot.finish()  # who asks for the JIT shall see it switched on, if it waits for its time
    return (Absent(why), why) if why else (_loaded, "")


_loaded: Any = None  # the extension, also where the JIT is off (its options can still be listed)
api: Any
reason: str
api, reason = _choose()


def for_listing() -> Any:
    """Something whose options() is complete, if at all possible: also under TEPHRA=0."""
    global _loaded
    if _loaded is None:
        _loaded, _ = _load()
    return api
