"""jit-tool: every stage from text, the same as golden files say; graphs; reduced inputs; errors that name the place."""

import json
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
    commands = "passes verify print run lower allocate emit iongraph reduce"
    options = "--target --python --case --trace --without --refcounts --spill --shuffle --bytes --expect --command"
    for word in f"{commands} {options}".split():
        assert word in out


def test_the_pipeline_is_listed():
    status, out, _ = tool("passes")
    assert status == 0 and out.startswith("cfg_clean ") and "\nrefcount_insertion " in out


@pytest.mark.parametrize("path", sorted(TESTS.glob("passes/*/*.hir")), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_running_a_pass_gives_what_its_golden_file_says(path):
    name = path.parent.name
    twice = f"{name},{name}" if name not in ("pipeline", "refcount_insertion", "stress_deopt") else name
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


def chain(path, python, target):
    """A function of the frontend through every stage; what each printed."""
    texts, text = [], path.read_text()
    for stage in ("run pipeline", f"lower --python {python} --target {target}", f"allocate --target {target}",
                  f"emit --python {python} --target {target}"):
        status, out, err = tool(*stage.split(), "-", input=text)
        assert (status, err) == (0, ""), (stage, err)
        texts.append(out)
        text = out
    return texts


CASES = [(path.stem, case) for path in sorted(TESTS.glob("lower/*.txt")) for case in path.read_text().split("\n=== ")[1:]]


@pytest.mark.parametrize("file, case", CASES, ids=[f"{file}-{case.splitlines()[0]}" for file, case in CASES])
def test_lowering_gives_what_its_golden_file_says(file, case):
    title, _, rest = case.partition("\n")
    source, *results = rest.split("\n--- ")
    for result in results:
        pairs, _, expected = result.partition("\n")
        for pair in pairs.split(", "):
            target, python = [*reversed(pair.split()), "3.14"][:2]
            status, out, err = tool("lower", "--python", python, "--target", target, "-", input=source)
            if expected.startswith("bailout: "):
                assert status == 1 and expected.removeprefix("bailout: ").strip() in err
            else:
                assert (status, out.strip(), err) == (0, expected.strip(), "")


def test_a_case_of_a_file_is_found_by_its_name():
    path = TESTS / "lower/frames.txt"
    title = re.search(r"^=== (.*)", path.read_text(), re.M)[1]
    status, out, err = tool("lower", "--python", "3.12", "--case", title, path)
    assert (status, err) == (0, "") and out in path.read_text()
    status, _, err = tool("lower", "--case", "no such title", path)
    assert status == 2 and "no case 'no such title'" in err


@pytest.mark.parametrize("python", ["3.12", "3.14"])
@pytest.mark.parametrize("target, first", [("x86_64", "push rbp"), ("aarch64", "stp x29, x30")])
def test_functions_go_through_every_stage(python, target, first):
    paths = [path for path in sorted(TESTS.glob(f"frontend/*.{python}.hir"))
             if not re.search(r"=A\b", path.read_text())]  # numbers that differ from run to run
    assert len(paths) > 20
    for path in paths:
        *_, assembly = chain(path, python, target)
        assert first in assembly, path


def test_emission_gives_the_bytes_that_its_golden_file_says():
    """The first cases of tests/emit, each as a function of its own."""
    for target in ("x86_64", "aarch64"):
        lines = (TESTS / f"emit/{target}.golden").read_text().split("# --- moves and constants\n")[1].split("\n\n")
        for case in lines[:20]:
            text, *expected = case.split("\n")
            source = f"fun t params=1 outgoing=4 slots=4 {{\nbb0:\n  {text}\n  Trap\n}}\n"
            status, out, err = tool("emit", "--bytes", "--target", target, "-", input=source)
            code = "".join(line[4:36].replace(" ", "") for line in expected)
            assert (status, err) == (0, "") and code in out.replace(" ", "").replace("\n", ""), case


def test_iongraph_shows_every_pass():
    path = TESTS / "passes/pipeline/whole.hir"
    status, out, err = tool("iongraph", "--target", "aarch64", path)
    assert (status, err) == (0, "")
    [function] = json.loads(out)["functions"]
    names = [each["name"] for each in function["passes"]]
    assert function["name"] == "whole" and names[:2] == ["input", "cfg_clean"] and names[-1] == "redundant_moves"
    assert names[1:] == [line.split()[0] for line in tool("passes")[1].splitlines() if line]
    for each in function["passes"]:
        blocks = each["mir"]["blocks"]
        numbers = {block["number"] for block in blocks}
        values = {instr["id"] for block in blocks for instr in block["instructions"]}
        for block in blocks:
            assert numbers >= set(block["successors"]) | set(block["predecessors"])
            for instr in block["instructions"]:
                assert values >= set(instr["inputs"]) | set(instr["uses"])
        depths = {block["number"]: block["loopDepth"] for block in blocks}
        assert depths[1] == depths[2] == 1 and depths[0] == depths[3] == 0
    assert function["passes"][0]["lir"]["blocks"] == []
    first = function["passes"][-1]["lir"]["blocks"][0]["instructions"][0]
    assert set(first) == {"id", "opcode", "defs"}


def reduced(text, *args):
    status, out, err = tool("reduce", "-", *args, input=text)
    assert status == 0, err
    return out


def test_a_lost_release_is_reduced_to_a_few_lines():
    """A real fault: reference counts as the pass makes them, one release lost."""
    path = TESTS / "frontend/containers.3.14.hir"
    _, good, _ = tool("run", "pipeline", path)
    assert tool("verify", "--refcounts", "-", input=good) == (0, "", "")
    release = re.search(r"^  Decref v\d+.*\n", good, re.M)
    bad = good[:release.start()] + good[release.end():]
    status, _, err = tool("verify", "--refcounts", "-", input=bad)
    said = re.search(r"registers (still )?own \d+ references", err)[0]
    assert status == 1 and len(bad.splitlines()) > 60
    small = reduced(bad, "--expect", said, "--", "verify", "--refcounts")
    assert len(small.splitlines()) < 15
    status, _, err = tool("verify", "--refcounts", "-", input=small)
    assert status == 1 and said in err


def test_a_fault_in_lir_is_reduced_to_a_few_lines():
    """A use that its definition does not reach, in the LIR of a loop."""
    _, lir, *_ = chain(TESTS / "frontend/loop_list.3.14.hir", "3.14", "x86_64")
    last = max(map(int, re.findall(r"^  g(\d+) = ", lir, re.M)))
    param = re.findall(r"^  g\d+ = Param.*\n", lir, re.M)[-1]
    bad = lir.replace(param, param + f"  Incref g{last} {{maybe_null=false}}\n", 1)
    status, _, err = tool("verify", "-", input=bad)
    said = f"register {last} does not reach this use"
    assert status == 1 and said in err
    small = reduced(bad, "--expect", "does not reach this use", "--", "verify")
    assert len(small.splitlines()) < 15
    assert "does not reach this use" in tool("verify", "-", input=small)[2]


def test_a_command_may_decide_what_is_reduced():
    source = (TESTS / "frontend/loop_list.3.14.hir").read_text()
    small = reduced(source, "--command", "grep -q ListIterNext {}")
    assert "ListIterNext" in small and len(small.splitlines()) < 8
    status, _, err = tool("reduce", "-", "--command", "false", input=source)
    assert status == 2 and "does not go wrong as expected" in err


def test_errors_stand_below_the_instruction():
    _, _, err = tool("verify", "-", input=UNVERIFIED)
    assert "  Return v1\n  // error: a terminator before the block's end\n" in err
    _, _, err = tool("verify", "--refcounts", "-", input=LEAK)
    assert "  Return v0\n  // error: leaks a reference of v0\n" in err
    _, _, err = tool("verify", "-", input="fun f params=0 outgoing=0 {\nbb0:\n  Return g1\n  g1 = Move 1\n  Trap\n}\n")
    assert "  Return g1\n  // error: " in err


def test_bad_input_never_crashes():
    """Each line of a function left out in turn: a stage takes it or says what is wrong."""
    texts = dict(zip(("run pipeline", "lower", "allocate", "emit"),
                     [(TESTS / "passes/pipeline/whole.hir").read_text().split("\n=>")[0] + "\n",
                      *chain(TESTS / "passes/pipeline/whole.hir", "3.14", "x86_64")]))
    for stage, text in texts.items():
        lines = text.splitlines(keepends=True)
        for index in range(0, len(lines), 2):
            status, _, err = tool(*stage.split(), "-", input="".join(lines[:index] + lines[index + 1:]))
            assert status in (0, 1, 2) and (status == 0) == (err == ""), (stage, index, err)


BROKEN = "fun f {\nbb0:\n  v0:Object = LoadArg {index=0}\n  v1:Object = Nonsense v0\n  Return v1\n}\n"
UNVERIFIED = "fun f {\nbb0:\n  Return v1\n  v1:Object = LoadArg {index=0}\n}\n"
SSA = "fun f params=0 outgoing=0 {\nbb0:\n  g1 = Move 1\n  Return g1\n}\n"
LEAK = ("fun f {\nbb0:\n  v0:Object = LoadArg {index=0}\n  Incref v0\n  Incref v0\n  Return v0\n}\n")


@pytest.mark.parametrize("args, text, status, said", [
    (["verify", "-"], BROKEN, 2, "-:4: "),
    (["verify", "-"], UNVERIFIED, 1, "-: "),
    (["verify", "--refcounts", "-"], LEAK, 1, "-: "),
    (["verify", "-"], "// object Frob\n" + LEAK, 2, "-:1: 'Frob' is no type"),
    (["verify", "-"], "// object Int int=x\n" + LEAK, 2, "-:1: 'int=x' is no fact of an object"),
    (["verify", "no/such.hir"], "", 2, "no/such.hir: cannot be read"),
    (["allocate", "-"], LEAK, 2, "this is HIR"), (["emit", "-"], LEAK, 2, "this is HIR"),
    (["lower", "-"], SSA, 2, "this is LIR"), (["emit", "-"], SSA, 1, "registers are not allocated yet"),
    (["emit", "-"], SSA.replace("g1", "%40"), 1, "x86_64 has no register 40"),
    (["lower", "--python", "2.7", "-"], LEAK, 2, "'2.7' is neither 3.12 nor 3.14"),
    (["iongraph", "a", "b"], "", 2, "iongraph takes one FILE"),
    (["reduce", "-"], LEAK, 2, "either --command CMD or -- STAGE"),
    (["reduce", "-", "--", "verify"], LEAK, 2, "does not go wrong as expected"),
    (["run", "nosuch", "-"], LEAK, 2, "'nosuch' is no pass; there are pipeline, cfg_clean"),
    (["run", "pipeline", "--without", "x", "-"], LEAK, 2, "--without: 'x' is no pass; jit-tool passes lists them"),
    (["allocate", "--target", "vax", "-"], "", 2, "'vax' is neither x86_64 nor aarch64"),
    (["allocate", "--shuffle", "0", "-"], "", 2, "'0' is no number above 0"),
    (["verify"], "", 2, "no FILE given"), (["frob", "-"], "", 2, "unknown command 'frob'"),
    (["verify", "--frob", "-"], "", 2, "unknown option '--frob'"), ([], "", 2, "which command?"),
])
def test_errors_say_where_and_what(args, text, status, said):
    code, _, err = tool(*args, input=text)
    assert code == status and said in err
