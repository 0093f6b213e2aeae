"""jit-tool: textual IR checked, run through passes, allocated; errors that name file and line."""

import os
import pathlib
import re
import subprocess

import pytest

TESTS = pathlib.Path(__file__).parents[1]
TOOL = pathlib.Path(os.environ.get("TEPHRA_BUILD_DIR", ""), "jit-tool")
pytestmark = pytest.mark.skipif(not os.environ.get("TEPHRA_BUILD_DIR"), reason="run by ./dev test, which builds jit-tool")


def tool(*args, input=None):
    done = subprocess.run([TOOL, *map(str, args)], input=input, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr



def golden(path):
    """What the golden file of a pass expects."""
    return path.read_text().split("\n=>\n")[1]


def test_help_lists_every_command_and_option():
    status, out, _ = tool("--help")
    assert status == 0
    for word in "passes verify print run allocate --trace --without --refcounts --target --spill --shuffle".split():
        assert word in out


def test_the_pipeline_is_listed():
    status, out, _ = tool("passes")
    assert status == 0 and out.startswith("cfg_clean ") and "\nrefcount_insertion " in out


@pytest.mark.parametrize("path", sorted(TESTS.glob("passes/*/*.hir")), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_running_a_pass_gives_what_its_golden_file_says(path):
    name = path.parent.name
    twice = f"{name},{name}" if name not in ("pipeline", "refcount_insertion") else name
    assert tool("run", twice, path) == (0, golden(path), "")


def test_trace_shows_each_pass_that_changed_something():
    path = sorted(TESTS.glob("passes/pipeline/*.hir"))[0]
    status, out, err = tool("run", "pipeline", "--trace", path)
    shown = re.findall(r"^// after (\S+) \(\d+ us\)$", out, re.M)
    assert status == 0 and not err and shown and len(shown) == len(set(shown))
    assert out.endswith(golden(path))
    assert "refcount_insertion" in shown
    _, less, _ = tool("run", "pipeline", "--trace", "--without", "dce", path)
    assert "after dce " not in less


@pytest.mark.parametrize("target", ["x86_64", "aarch64"])
@pytest.mark.parametrize("path", sorted(TESTS.glob("regalloc/*.lir")), ids=lambda p: p.stem)
def test_allocation_gives_what_its_golden_file_says(path, target):
    status, out, err = tool("allocate", "--target", target, path)
    assert (status, err) == (0, "")
    assert out in path.read_text().split(f"=== {target}\n")[1]
    for stress in (["--spill"], ["--shuffle", "5"]):
        status, other, err = tool("allocate", "--target", target, *stress, path)
        assert (status, err) == (0, ""), stress
        assert other.startswith("fun ")


def test_print_is_the_text_itself():
    for path in [TESTS / "hir/everything.hir", *TESTS.glob("regalloc/*.lir")]:
        status, out, _ = tool("print", path)
        assert status == 0
        assert tool("print", "-", input=out) == (0, out, "")
    assert tool("verify", *sorted(TESTS.glob("regalloc/*.lir"))) == (0, "", "")


BROKEN = "fun f {\nbb0:\n  v0:Object = LoadArg {index=0}\n  v1:Object = Nonsense v0\n  Return v1\n}\n"
UNVERIFIED = "fun f {\nbb0:\n  Return v1\n  v1:Object = LoadArg {index=0}\n}\n"
LEAK = ("fun f {\nbb0:\n  v0:Object = LoadArg {index=0}\n  Incref v0\n  Incref v0\n  Return v0\n}\n")


@pytest.mark.parametrize("args, text, status, said", [
    (["verify", "-"], BROKEN, 1, "-:4: "),
    (["verify", "-"], UNVERIFIED, 1, "-: "),
    (["verify", "--refcounts", "-"], LEAK, 1, "-: "),
    (["verify", "-"], "// object Frob\n" + LEAK, 1, "-:1: 'Frob' is no type"),
    (["verify", "-"], "// object Int int=x\n" + LEAK, 1, "-:1: 'int=x' is no fact of an object"),
    (["verify", "no/such.hir"], "", 1, "no/such.hir: cannot be read"),
    (["allocate", "-"], LEAK, 1, "this is HIR"),
    (["run", "nosuch", "-"], LEAK, 2, "'nosuch' is no pass; there are pipeline, cfg_clean"),
    (["run", "pipeline", "--without", "x", "-"], LEAK, 2, "--without: 'x' is no pass"),
    (["allocate", "--target", "vax", "-"], "", 2, "'vax' is neither x86_64 nor aarch64"),
    (["allocate", "--shuffle", "0", "-"], "", 2, "'0' is no number above 0"),
    (["verify"], "", 2, "no FILE given"), (["frob", "-"], "", 2, "unknown command 'frob'"),
    (["verify", "--frob", "-"], "", 2, "unknown option '--frob'"), ([], "", 2, "which command?"),
])
def test_errors_say_where_and_what(args, text, status, said):
    code, _, err = tool(*args, input=text)
    assert code == status and said in err
