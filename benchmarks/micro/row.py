"""One row of the tables, and the program text that is made from it."""

import dataclasses
import textwrap


@dataclasses.dataclass(frozen=True)
class Row:
    """A micro-benchmark.

    name, words     identifier; what is done, in words
    body            statements of the loop, in which `i` is the round
    expected        what `work()` must return
    before          statements before the loop
    result          expression that is returned
    setup           module-level definitions
    loop            the loop's head
    hot             functions besides `work` that must be compiled
    size            calls of `work()` in a full run: 0.1 to 1 s on CPython's interpreter
    gap             why today not all hot functions are compiled
    group           what it stands for
    """

    name: str
    words: str
    body: str
    expected: object
    before: str = "t = 0"
    result: str = "t"
    setup: str = ""
    loop: str = "for i in range(1000):"
    hot: tuple = ()
    size: int = 5000
    gap: str = ""
    group: str = ""


def group(stands_for, *rows):
    """The rows with their group set."""
    return [dataclasses.replace(row, group=stands_for) for row in rows]


def source_of(row):
    """The program text of a row."""
    lines = [f'"""{row.words[0].upper()}{row.words[1:]}: stands for {row.group}."""', "",
             f"GROUP = {row.group!r}", f"DEFAULT_SIZE = {row.size}", f"QUICK_SIZE = {max(row.size // 10, 1)}",
             f"HOT = {('work', *row.hot)!r}"]
    if row.gap:
        lines.append(f"KNOWN_GAP = {row.gap!r}")
    lines += [f"EXPECTED = {row.expected!r}", ""]
    if row.setup:
        lines += [textwrap.dedent(row.setup).strip("\n"), ""]
    lines += ["", "def work():", textwrap.indent(textwrap.dedent(row.before).strip("\n"), "    "),
              f"    {row.loop}", textwrap.indent(textwrap.dedent(row.body).strip("\n"), "        "),
              f"    return {row.result}", "", "",
              "def run(n):", f'    """{row.words[0].upper()}{row.words[1:]}, n times 1,000 rounds."""',
              "    for _ in range(n):", "        result = work()", "        if result != EXPECTED:",
              f'            raise AssertionError(f"{row.name}({{n}}): got {{result!r}}, expected {{EXPECTED!r}}")',
              "    return result", ""]
    return "\n".join(lines)
