"""Options from TEPHRA_* variables and -X tephra-*, checked against the table of the extension.

A bad one costs one line on stderr and nothing else: its default stays, the program runs.
"""

from __future__ import annotations

import sys

from tephra import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Variables of ./dev and the tests, which are no options of the JIT.
_OTHERS = ("BUILD_", "TEST_", "DEV_", "CACHE", "JOBS", "PYTHON", "BLESS", "EMULATED_")
_SWITCH = "the switch"  # name of TEPHRA_ENABLE and -X tephra-enable, which are none: the option `enable` is TEPHRA
_applied = False
_list_path = ""  # the list file that has been read
_unchecked: dict[str, str] = {}  # what was given where there is no table to check it against


def say(line: str) -> None:
    """A line on stderr; nothing where there is no stderr."""
    if sys.stderr is not None:
        try:
            print(line, file=sys.stderr, flush=True)
        except Exception:
            pass


def complain(line: str) -> None:
    """One line on stderr that says who complains."""
    say("tephra: " + line.removeprefix("tephra: "))


def variable(name: str) -> str:
    """The environment variable of an option."""
    return "TEPHRA" if name == "enable" else "TEPHRA_" + name.upper().replace("-", "_")


def xoption(name: str) -> str:
    """The -X name of an option."""
    return "tephra" if name == "enable" else "tephra-" + name


def names() -> list[str]:
    """All option names, in the table's order."""
    return [row[0] for row in _native.api.options()]


def value(name: str) -> str:
    """An option's present value as text; "" where there is no table."""
    for row in _native.api.options():
        if row[0] == name:
            return str(row[5])
    return ""


def printable(text: str) -> str:
    """Of a path, say, that is not UTF-8: what can be printed."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def flag(name: str) -> bool:
    """A bool option's present value; where there is no table, whether it was asked for."""
    text = value(name) or _unchecked.get(name, "0")
    return text.lower() in ("1", "true", "on", "yes", "")


def closest(word: str, choices: list[str], most: int = 1) -> str:
    """` (did you mean X, Y or Z?)` with those that are near, or nothing."""
    found = _near(word, choices, most)
    if not found:
        return ""
    return f" (did you mean {', '.join(found[:-1])}{' or ' if found[:-1] else ''}{found[-1]}?)"


def _near(word: str, choices: list[str], most: int) -> list[str]:
    import difflib
    import os

    # What all have in common (TEPHRA_, -X tephra-) would make any word look like any other.
    shared = len(os.path.commonprefix([word, *choices]))
    by_rest = {choice[shared:].strip("-_"): choice for choice in choices}
    rest = word[shared:].strip("-_")
    found = difflib.get_close_matches(rest, by_rest, most, 0.65)
    # A part of a name is near, too: UNWIND is no close match of UNWIND_TABLES.
    parts = [each for each in by_rest if len(rest) > 2 and rest in each and each not in found]
    return [by_rest[each] for each in (found + parts)[:most]]


def _no_near() -> str:
    """For an option like which there is none."""
    return "" if _native.frozen() else ": `python -m tephra options` lists them"


def _given() -> Iterator[tuple[str, str, str]]:
    """(as the user wrote it, option name, value) for each variable and -X option."""
    for key, text in _native.environment().items():
        if key.startswith("TEPHRA_") and text and not key[7:].startswith(_OTHERS):
            name = key[7:].lower().replace("_", "-")
            yield key, _SWITCH if name == "enable" else name, text
        elif key == "TEPHRA" and text:
            yield key, "enable", text
    for key, text in sys._xoptions.items():
        plain = key.replace("_", "-")
        if plain == "tephra" or plain.startswith("tephra-"):
            name = _SWITCH if plain == "tephra-enable" else plain[7:] or "enable"
            yield f"-X {key}", name, "" if text is True else str(text)


def set_one(source: str, name: str, text: str, spell=variable) -> bool:
    """Sets an option; False, after one line on stderr, when that cannot be done."""
    known = names()
    if not known:  # no extension, no options: status() and doctor say why
        _unchecked[name] = text
        return False
    if name not in known:
        near = f" (did you mean {spell('enable')}?)" if name == _SWITCH else ""
        near = near or closest(spell(name), [spell(each) for each in known], 3)
        complain(f"{source}: unknown option{near or _no_near()}; ignored")
        return False
    error = _native.api.set_option(name, text)
    if error:
        complain(f"{source}: {error.removeprefix('tephra: ').removeprefix(f'option {name}: ')}; ignored")
        return False
    return True


def apply() -> None:
    """Reads variables and -X options. -X wins over a variable.

    Once per process; again only when the table has come since then (_native.for_listing()).
    """
    global _applied
    if _applied and not (_unchecked and names()):
        return
    _applied = True
    _unchecked.clear()
    for source, name, text in _given():
        spell = (lambda each: "-X " + xoption(each)) if source.startswith("-X") else variable
        set_one(source, name, text, spell)


def parse_entry(text: str) -> str:
    """A JIT list line as "module:qualified.name"; "" for blank lines and comments.

    Raises ValueError for anything else.
    """
    entry = text.split("#", 1)[0].strip()
    if not entry:
        return ""
    module, colon, name = entry.partition(":")
    module, name = module.strip(), name.strip()
    bad = not colon or not module or not name or ":" in name or any(c.isspace() for c in module + name)
    if bad or "@" in entry:
        raise ValueError(f"bad entry {entry!r}; expected module:qualified.name, for example "
                         "json.decoder:JSONDecoder.decode")
    return f"{module}:{name}"


def parse_list(path: str) -> tuple[list[str], list[str]]:
    """Entries of a JIT list file, and one line per bad entry. Raises OSError, UnicodeDecodeError."""
    entries, errors = [], []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                entry = parse_entry(line)
            except ValueError as error:
                errors.append(f"{path}:{number}: {error}")
                continue
            if entry and entry not in entries:
                entries.append(entry)
    return entries, errors


def apply_list() -> None:
    """The file that the option `list` names becomes the JIT list. Its errors are one line each."""
    global _list_path
    path = value("list")
    if not path or path == _list_path:
        return
    _list_path = path
    try:
        entries, errors = parse_list(path)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        complain(f"list file {path!r}: {why}; expected a file with one module:qualified.name per line; "
                 "no function will be compiled automatically")
        entries, errors = [], []
    for line in errors[:5]:
        complain(f"{line}; skipped")
    if len(errors) > 5:
        complain(f"{path}: {len(errors) - 5} more bad entries; skipped")
    _native.api.set_jit_list(entries)
