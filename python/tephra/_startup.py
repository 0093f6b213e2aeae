"""What tephra.pth calls at interpreter start-up when TEPHRA or -X tephra is set. Never raises."""

from __future__ import annotations

from tephra import _config, _native


def start() -> None:
    """Reads the options and, if they say so, compiles hot functions from now on."""
    try:
        _config.apply()
        if _config.flag("enable") and not _native.switched_off():
            activate()
    except Exception as error:
        _config.complain(f"start-up failed, the JIT stays off: {type(error).__name__}: {error}")


def activate() -> None:
    """Automatic compilation with the options' threshold and list; summary at exit if asked for."""
    if _config.flag("summary"):
        print_summary_at_exit()
    if _native.reason:
        return
    _config.apply_list()
    _native.api.set_compile_after(int(_config.value("compile-after") or 400))
    _native.api.enable()


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
