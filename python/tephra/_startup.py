"""Switching the JIT on as the options say: at start-up (tephra.pth), for a program, or when asked."""

from __future__ import annotations

import sys

from tephra import _config, _native

started = "tephra._boot" in sys.modules  # has site read tephra.pth, with the switch on?


def start() -> None:
    """Reads the options and, if they say so, compiles hot functions from now on. Never raises."""
    global started
    started = True
    try:
        _config.apply()
        if _config.flag("enable") and not _native.switched_off():
            activate()
    except Exception as error:
        _config.complain(f"start-up failed, the JIT stays off: {type(error).__name__}: {error}")


def activate() -> None:
    """Automatic compilation as the options say, with their list; summary at exit if asked for."""
    summarise()
    if _native.reason:
        return
    _config.apply_list()
    _native.api.set_compile_after(int(_config.value("compile-after") or -1))
    _native.api.enable()


def how_to_switch_on() -> str:
    """What would switch the JIT on in a process like this one, and why what was tried did not."""
    here = "call tephra.jit.auto()"
    variable = _native.environment().get("TEPHRA", "")
    tried = "" if started else "-X tephra" if "tephra" in sys._xoptions else f"TEPHRA={variable}" if variable else ""
    if _native.frozen():  # its start reads no .pth file
        return f"{tried} is not seen in a frozen program: {here}" if tried else here
    if sys.flags.no_site and not started:
        return f"{tried} is seen by site, which -S leaves out: {here}" if tried else here
    if tried:
        return f"{tried} was not seen: there is no tephra.pth in a folder that site reads at start-up; {here}"
    if sys.flags.ignore_environment:
        return f"start with -X tephra (TEPHRA=1 is ignored: -E or -I) or {here}"
    return f"set TEPHRA=1 or {here}"


def summarise() -> None:
    """The summary at exit, if the option asks for it: for all that switches the JIT on."""
    if _config.flag("summary"):
        print_summary_at_exit()


_summary = False


def print_summary_at_exit() -> None:
    """Registers the summary line, once."""
    global _summary
    if not _summary:
        import atexit

        _summary = True
        atexit.register(_print_summary)


def _print_summary() -> None:
    from tephra import _status

    for line in _status.summary():
        _config.say(line)
