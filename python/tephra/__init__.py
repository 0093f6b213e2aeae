"""Tephra: a method JIT compiler for stock CPython.

    TEPHRA=1 python program.py        compile hot functions of any program
    python -m tephra program.py       the same for one program
    python -m tephra doctor           what works on this machine, and what not
    from tephra import jit            control from within a program (see help(tephra.jit))

Importing this package switches nothing on.
"""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["__version__", "jit"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from tephra import jit as jit


def __getattr__(name: str) -> ModuleType:
    # `import tephra` stays free of the extension module until somebody asks for it.
    if name == "jit":
        import importlib

        return importlib.import_module("tephra.jit")
    raise AttributeError(f"module 'tephra' has no attribute {name!r}")
