"""What `./dev check` must find: each rule with a violation planted."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def layers(folder, **files):
    """Exit status and lines of tools/check_layers.py where src/ has these files."""
    (folder / "tools").mkdir()
    shutil.copy(ROOT / "tools/check_layers.py", folder / "tools")
    for name, text in files.items():
        file = folder / "src" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    done = subprocess.run([sys.executable, "-B", folder / "tools/check_layers.py"], text=True, capture_output=True)
    return done.returncode, done.stdout.splitlines()


GOOD = {"base/result.h": "#pragma once\n", "hir/ir.h": '#include "base/result.h"\n', "lir/ir.h": '#include "hir/ir.h"\n',
        "target/target.h": '#include "lir/ir.h"\n', "target/emit.h": '#include <asmjit/core.h>\n#include "target/target.h"\n',
        "pyver/v3_14/layout.cc": '#include <Python.h>\n#include "pyver/v3_14/version.h"\n#if PY_VERSION_HEX < 0x030f0000\n#endif\n',
        "pyver/python.h": "#include TEPHRA_VERSION_HEADER\n", "pyver/layout.cc": "constexpr unsigned long kBuilt = PY_VERSION_HEX;\n",
        "driver/placing.cc": '#include "driver/placing.h"\n#include "driver/cells.h"\n',
        "driver/jit.cc": '// CPython 3.14, v3_14, __aarch64__\n#include "codegen/generate.h"\n#include "pyver/contract.h"\n'}


def test_what_is_in_order(tmp_path):
    assert layers(tmp_path, **GOOD) == (0, [])


@pytest.mark.parametrize("file, line, said", [
    ("hir/ir.h", '#include "lir/builder.h"', "hir must not include lir (lir/builder.h)"),
    ("runtime/exit.cc", '#include "hir/ir.h"', "runtime must not include hir (hir/ir.h)"),
    ("passes/dce.cc", '#include "driver/compile.h"', "passes must not include driver (driver/compile.h)"),
    ("target/host.cc", '#include "target/emit.h"', "target must not include target/emit (target/emit.h)"),
    ("base/check.h", '#include "result.h"', 'write includes from src/ on: "base/result.h"'),
    ("lower/lower.cc", "#include <Python.h>", "lower is Python-free and includes Python.h"),
    ("lower/lower.cc", "#include <asmjit/core.h>", "may include asmjit, not lower"),
    ("runtime/exit.cc", "#if PY_VERSION_HEX >= 0x030e0000", "names a CPython version (PY_VERSION_HEX)"),
    ("driver/jit.cc", '#include "pyver/v3_14/python.h"', "names a CPython version (v3_14)"),
    ("pyver/frames.cc", "#if PY_VERSION_HEX >= 0x030d0000", "names a CPython version (PY_VERSION_HEX)"),
    ("pyver/frames.cc", "#elif defined(TEPHRA_PYVER_3_12)", "names a CPython version (TEPHRA_PYVER_3_12)"),
    ("pyver/frames.cc", "  if constexpr (PY_MINOR_VERSION > 12) return;", "names a CPython version (PY_MINOR_VERSION)"),
    ("pyver/frames.cc", '#include "pyver/v3_14/version.h"', "names a CPython version (v3_14)"),
    ("pyver/v3_14/layout.cc", '#include "pyver/v3_12/values.h"', "names a CPython version (v3_12)"),
    ("pyver/variants/inline_values.h", "#ifdef TEPHRA_VERSION_HEADER", "names a CPython version (TEPHRA_VERSION_HEADER)"),
    ("runtime/exit.cc", "#if defined(__aarch64__)", "host conditional __aarch64__"),
    ("driver/placing.cc", '#include "driver/install.h"', "placing is below install in the driver"),
    ("driver/exits.cc", '#include "driver/heat.h"', "exits is below heat in the driver"),  # side by side: neither
    ("driver/jit.cc", '#include "driver/new.h"', "jit is below new in the driver"),
    ("driver/new.cc", "", "not in the driver's order"),
    ("lost/file.cc", "", "src/lost/file.cc: not in a folder that docs/architecture.md knows"),
])
def test_a_violation_of_the_layers(tmp_path, file, line, said):
    status, found = layers(tmp_path, **GOOD | {file: GOOD.get(file, "") + line + "\n"})
    assert status == 1 and len(found) == 1 and said in found[0] and f"src/{file}" in found[0]


def test_an_include_cycle(tmp_path):
    status, found = layers(tmp_path, **{"base/first.h": '#include "base/second.h"\n', "base/second.h": '#include "base/first.h"\n'})
    assert status == 1 and found == ["include cycle: base/first.h -> base/second.h -> base/first.h"]


@pytest.fixture
def dev(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))


def package(folder, **modules):
    for name, text in modules.items():
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.mark.usefixtures("dev")
def test_import_cycles(tmp_path):
    from dev import import_cycles

    package(tmp_path / "p", __init__="def __getattr__(name):\n    import importlib\n    return importlib.import_module('p.a')\n",
            a="from p import b, VALUE\n", b="import p.sub\n")
    (tmp_path / "p/sub").mkdir()
    (tmp_path / "p/sub/__init__.py").write_text("from p.sub.inner import what\n")
    (tmp_path / "p/sub/inner.py").write_text("import p\n")
    assert import_cycles.find(import_cycles.imports(tmp_path)) == []  # what a module lies in is there before it
    (tmp_path / "p/sub/inner.py").write_text("def late():\n    from p import a\n")
    assert import_cycles.find(import_cycles.imports(tmp_path)) == [["p.a", "p.b", "p.sub", "p.sub.inner", "p.a"]]


@pytest.mark.usefixtures("dev")
def test_our_packages_have_no_import_cycle(tmp_path):
    from dev import lint

    assert lint.cycles(ROOT) == []
    shutil.copytree(ROOT / "python", tmp_path / "python")
    file = tmp_path / "python/tephra/_places.py"
    file.write_text(file.read_text() + "\n\ndef late():\n    from tephra import _cli\n")
    assert lint.cycles(tmp_path) == ["python: import cycle: tephra._cli -> tephra._count_commands -> tephra._counted_run -> "
                                     "tephra._places -> tephra._cli"]


PAGE = """
In `src/hir/ops.tbl`, `hir/ops.tbl`, `driver/heat`, `src/target/x86_64/{emit.h,emit.cc}`, `src/pyver/*/`, `hir/ops.gen.h`, `src/pyver/v3_XX`,
`ops.tbl`, `other/project.c`, `a/b`: `./dev build --core -t unit_hir`, `./dev bench --whatever`, `./dev --help`.

    ./dev test --no-unit --python 3.14 tests/run   # as written
"""


@pytest.mark.usefixtures("dev")
@pytest.mark.parametrize("line, said", [
    ("", None),
    ("see `driver/preload`", "there is no driver/preload"),
    ("see `src/target/x86_64/{emit.h,nothing.cc}`", "there is no src/target/x86_64/{emit.h,nothing.cc}"),
    ("see `no_such_file.cc`", "there is no no_such_file.cc"),
    ("do `./dev deploy`", "./dev has no command deploy"),
    ("    ./dev test --everything tests/run", "./dev test has no option --everything"),
])
def test_pages_name_what_is_there(tmp_path, line, said):
    from dev import cli, pages

    names = ["src/hir/ops.tbl", "src/driver/heat.cc", "src/target/x86_64/emit.h", "src/target/x86_64/emit.cc",
             "src/pyver/v3_14/layout.cc", "docs/page.md"]
    files = [tmp_path / name for name in names]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    files[-1].write_text(PAGE + "\n" + line + "\n")
    number = PAGE.count("\n") + 2
    assert pages.check(tmp_path, files, cli.command_line()) == ([f"docs/page.md:{number}: {said}"] if said else [])


WORDS = " ".join(["word"] * 40)  # 199 characters
KEPT = f"""# A heading {WORDS}

| a table | {WORDS} |
|---|---|

    code {WORDS}

```
- fenced {WORDS}
```

Short lines
stay as they are, <br> and all.
"""


@pytest.mark.usefixtures("dev")
def test_lines_of_prose_are_wrapped():
    from dev import prose

    first, second, deep = (f"{WORDS} `one piece of {what} code` and 3. {WORDS}" for what in ("first", "second", "deep"))
    page = f"{KEPT}\n{first}\nits end\n\n- {second}\n  its end\n  - {deep}\n\n1. short\n"
    found = prose.wrapped(page)
    assert found.startswith(KEPT + "\nword") and found.endswith("\n1. short\n")
    rest = found.removeprefix(KEPT)
    assert max(map(len, rest.splitlines())) <= 120 and "".join(found.split()) == "".join(page.split())
    for line in rest.splitlines():
        assert line.count("`") in (0, 2) and not line.lstrip().startswith("3. ")
    assert rest.count("\n- ") == 1 and rest.count("\n  - word") == 1 and rest.count("\n    word") >= 2
    assert prose.long_lines(found) == [] and prose.wrapped(found) == found
    assert prose.long_lines(page) == [number for number, line in enumerate(page.splitlines(), 1) if len(line) > 120 and number > KEPT.count("\n")]
