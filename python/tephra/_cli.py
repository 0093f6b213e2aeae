"""The command line of `python -m tephra`."""

from __future__ import annotations

import os
import sys

from tephra import __version__, _config, _native, _startup

FORMS = ("bytecode", "hir-initial", "hir", "lir", "asm")

_USAGE = """\
usage: python -m tephra [OPTIONS] PROGRAM.py [ARGS]      run a program under the JIT
       python -m tephra [OPTIONS] -m MODULE [ARGS]       ... a module, like python -m
       python -m tephra [OPTIONS] -c CODE [ARGS]         ... a piece of code, like python -c
       python -m tephra [OPTIONS] - [ARGS]               ... what comes on standard input
       python -m tephra doctor                           what works on this machine, and what not
       python -m tephra options                          the options with their present values
       python -m tephra counts PROGRAM.py ...            instructions executed and bytes, both architectures
       python -m tephra sizes [FILE.py:NAME ...]         bytes of code, both architectures
       python -m tephra dump FORM FILE.py:NAME           print a function in one of its forms
       python -m tephra bench [--quick] [PROGRAM ...]    measure; see python -m tephra bench --help
       python -m tephra verify TARGET...                 tests, stock and under the JIT, compared
       python -m tephra.coverage stdlib                  how much of the standard library compiles
"""

_MORE = """\
The program runs exactly as it would under python: the same sys.argv, sys.path, __main__, exit status and
tracebacks. TEPHRA=1 python PROGRAM.py does the same, and passes the JIT on to child processes.
TEPHRA=0 in the environment keeps the JIT off, here too.

dump: FORM is one of %s. FILE.py is loaded as a module, not as __main__;
NAME is a qualified name such as function, Class.method or outer.<locals>.inner. MODULE:NAME works too.

Options (each is also a TEPHRA_* variable and an -X tephra-* option of python; a bool can be written
--name, --name=1, --name=0 or --no-name):
""" % ", ".join(FORMS)

# For command lines where there is no extension, so no table: options that take a value.
_VALUED = ("compile-after", "compile-after-ms", "budget", "sample-us", "list", "dump", "dump-filter", "last-compiled", "max-code-size",
           "max-function-size", "stress-deopt", "stress-deopt-every", "stress-registers", "force-exit",
           "recompile-after", "exit-rate", "max-recompiles", "give-up-raising", "shared-calls")


class Problem(Exception):
    """Why a command cannot be done; the text is one line."""


class Usage(Problem):
    """A wrong command line."""


def main(argv: list[str]) -> int | None:
    """Runs a command line. Returns an exit status, or None when a program was run and ended normally."""
    _native.for_listing()
    _config.apply()
    try:
        work = _parse(argv)
        if isinstance(work, int):
            sys.stdout.flush()
            return work
    except Problem as error:
        _config.complain(f"{error}; see python -m tephra --help" if isinstance(error, Usage) else str(error))
        return 2
    except BrokenPipeError:  # somebody's `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    _run(*work)
    return None


def _parse(argv: list[str]) -> int | tuple[str, list[str], dict[str, str]]:
    """Does a command and returns its exit status; or returns what _run() needs to run a program."""
    if argv and argv[0] in ("-h", "--help", "help"):
        print(help_text(), end="")
        return 0
    if argv and argv[0] in ("-V", "--version"):
        print(f"Tephra {__version__} on CPython {sys.version.split()[0]}")
        return 0
    settings, rest = _split(argv)
    if any(name == "help" for _, name, _ in settings):
        print(help_text(), end="")
        return 0
    given = {name: text for source, name, text in settings if _set(source, name, text)}
    if not rest:
        sys.stderr.write(_USAGE)
        raise Usage("no program given")
    command, args = rest[0], rest[1:]
    if command == "doctor":
        from tephra import _doctor

        return _doctor.main(args)
    if command == "options":
        return _options(args)
    if command in ("counts", "sizes"):
        from tephra import _count_commands

        return _count_commands.counts_main(args) if command == "counts" else _count_commands.sizes_main(args)
    if command == "dump":
        return _dump(args)
    if command == "bench":
        from tephra.bench import cli

        return cli.main(args)
    if command == "verify":
        from tephra.verify import cli as verify_cli

        return verify_cli.main(args)
    return command, args, given


# ---- the command line -----------------------------------------------------------------------------


def _split(argv: list[str]) -> tuple[list[tuple[str, str, str]], list[str]]:
    """(as written, option, value) for each option; then the program, a command, -m, -c, or nothing."""
    kinds = {row[0]: row[1] for row in _native.api.options()}
    settings: list[tuple[str, str, str]] = []
    i = 0
    while i < len(argv):
        word = argv[i]
        i += 1
        if word == "--":
            return settings, ["./" + argv[i] if argv[i] in ("-", "-c", "-m") else argv[i], *argv[i + 1:]] \
                if i < len(argv) else []
        if not word.startswith("-") or word == "-":
            return settings, [word, *argv[i:]]
        if word[:2] in ("-c", "-m"):
            value = [word[2:]] if len(word) > 2 else argv[i:i + 1]
            if not value:
                raise Usage(f"{word} needs {'a module name' if word == '-m' else 'code'} after it")
            return settings, [word[:2], *value, *argv[i + (len(word) == 2):]]
        if word in ("-h", "--help"):
            return [("--help", "help", "")], []
        if not word.startswith("--"):
            raise Usage(f"unknown option {word}; the short ones are -c, -m, -h, -V")
        name, equals, text = word[2:].partition("=")
        name = name.replace("_", "-")
        if not equals:
            plain = name.removeprefix("no-")
            if plain != name and kinds.get(plain, "bool") == "bool" and name not in kinds:
                name, text = plain, "0"
            elif kinds.get(name) in ("int", "str", "list") or not kinds and name in _VALUED:
                if i == len(argv):
                    raise Usage(f"{word} needs a value")
                text, i = argv[i], i + 1
            else:
                text = "1"
        settings.append((word, name, text))
    return settings, []


def _set(source: str, name: str, text: str) -> bool:
    if not _config.names():
        return True  # without the extension nothing can be checked; run() says that the JIT is off
    return _config.set_one(source, name, text, lambda each: "--" + each)


def _run(command: str, args: list[str], given: dict[str, str]) -> None:
    from tephra import _runner

    why = _native.reason
    if given.get("enable", "1").lower() in ("0", "false", "off", "no"):
        _native.api.disable(False)
    else:
        if why and not _native.switched_off():
            _config.complain(f"the JIT is off: {why}; the program runs in the interpreter")
        _startup.activate()
    if given.get("summary", "0").lower() in ("1", "true", "on", "yes", ""):
        _startup.print_summary_at_exit()
    if command == "-m":
        _runner.run_module(args[0], args[1:])
    elif command == "-c":
        _runner.run_string(args[0], args[1:])
    elif command == "-":
        _runner.run_stdin(args)
    else:
        try:
            _runner.run_script(command, args)
        except _runner.CannotRun as error:
            _config.complain(str(error))
            sys.exit(2)


# ---- help and tables ------------------------------------------------------------------------------


def help_text() -> str:
    """What --help prints."""
    import textwrap

    lines = [_USAGE, _MORE]
    rows = _native.api.options()
    if not rows:
        lines.append(f"  (not known here: {_native.reason})\n")
    for name, kind, default, choices, doc, _value in rows:
        shape = "" if kind == "bool" else {"int": "=N", "list": "=A,B,..."}.get(kind, "=TEXT")
        facts = f"default {default}" if default else ""
        if choices and kind != "bool":
            facts = ", ".join(filter(None, [facts, "from " + choices.replace(",", ", ")]))
        text = f"{doc} [{'; '.join(filter(None, [_config.variable(name), facts]))}]"
        lines.append(f"  --{name}{shape}\n" + textwrap.fill(text, 100, initial_indent="      ",
                                                            subsequent_indent="      ") + "\n")
    lines.append("  --help, -h\n      This text.\n  --version, -V\n      The versions of Tephra and CPython.\n")
    return "".join(lines)


def _options(args: list[str]) -> int:
    if args:
        raise Usage(f"options takes no arguments, got {args[0]!r}")
    rows = _native.api.options()
    if not rows:
        _config.complain(f"the options are not known here: {_native.reason}")
        return 1
    table = [("option", "value", "default", "choices", "meaning")]
    table += [(name, _config.printable(shown), "" if shown == default else default, "" if kind == "bool" else choices, doc)
              for name, kind, default, choices, doc, shown in rows]
    widths = [max(len(row[i]) for row in table) for i in range(4)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[4]]).rstrip())
    return 0


# ---- dump -----------------------------------------------------------------------------------------


def _dump(args: list[str]) -> int:
    if len(args) != 2:
        raise Usage("dump needs two arguments, FORM and FILE.py:NAME")
    form, place = args
    if form not in FORMS:
        raise Usage(f"dump: unknown form {form!r}{_config.closest(form, list(FORMS))}; the forms are "
                    f"{', '.join(FORMS)}")
    if _native.reason:
        _config.complain(f"dump: the JIT is off: {_native.reason}")
        return 1
    from tephra import _places

    try:
        function = _places.find_function(place)
        print(_native.api.dump(function, form).rstrip("\n"))
    except _places.NotFound as error:
        raise Problem(f"dump: {error}") from None
    except (RuntimeError, ValueError) as error:
        _config.complain(f"dump: {place}: {error}")
        return 1
    return 0
