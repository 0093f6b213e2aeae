"""The tables' generators: what a table forgets fails the build, and the message names it."""

import importlib.util
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def generator(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / f"tools/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def gen_ops():
    return generator("gen_ops")


@pytest.fixture
def gen_options():
    return generator("gen_options")


def plant(table, path, row):
    """The table at `path` with one more row, in a file of its own."""
    planted = path / table.name
    planted.write_text(table.read_text() + row + "\n")
    return planted


@pytest.mark.parametrize("row", ["planted | | what it does", "planted | - | what it does"])
def test_a_pass_without_a_switch_is_refused(gen_options, tmp_path, row):
    gen_options.PIPELINE = plant(gen_options.PIPELINE, tmp_path, row)
    with pytest.raises(SystemExit, match="pipeline.tbl:[0-9]+: planted is a pass without a switch"):
        gen_options.generate()


def test_a_pass_with_a_switch_is_an_option(gen_options, tmp_path):
    gen_options.PIPELINE = plant(gen_options.PIPELINE, tmp_path, "planted_one | plants. | what it does")
    generated = gen_options.generate()
    assert "bool pass_planted_one = true;" in generated["options/options_fields.gen.h"]
    assert '"pass-planted-one"' in generated["options/options_table.gen.cc"]
    assert 'TEPHRA_PASS("planted_one", planted_one, &Options::pass_planted_one,' in generated["passes/pipeline.gen.h"]


STUB = """
struct Context {}; struct Instr {}; struct Condition {};
namespace hir { enum class Op : int {}; }
using Lowerer = void (*)(Context&, const Instr&);
using ConditionMaker = Condition (*)(Context&, const Instr&);
void lowerNothing(Context&, const Instr&);
void lowerHelperCall(Context&, const Instr&);
void lowerCondition(Context&, const Instr&);
Lowerer lowererOf(hir::Op op); ConditionMaker conditionMakerOf(hir::Op op);
"""


def linked(generated, folder, but):
    """The linker's complaints where everything that the table declares is defined, except for what `but` names."""
    (folder / "lower").mkdir()
    header = generated["lower/lowerers.gen.h"]
    (folder / "lower/context.h").write_text(f"#pragma once\nnamespace tephra::lower {{\n{STUB}{header}}}\n")
    (folder / "table.cc").write_text(generated["lower/lowerers.gen.cc"])
    declared = [line for line in (STUB + header).splitlines() if line.startswith(("void ", "Condition "))]
    defined = "".join(line.replace(" c,", ",").replace(" i);", ");").replace(";", " { return {}; }" if
                      line.startswith("Condition") else " {}") + "\n" for line in declared if not but or but not in line)
    (folder / "rows.cc").write_text('#include "lower/context.h"\n'
                                    f"namespace tephra::lower {{\n{defined}}}\nint main() {{}}\n")
    done = subprocess.run([shutil.which("c++") or "g++", "-std=c++20", f"-I{folder}", folder / "table.cc", folder / "rows.cc",
                           "-o", folder / "rows"], capture_output=True, text=True, timeout=120)
    return done.stderr


@pytest.mark.parametrize("lower, function", [("custom", "lowerPlanted"), ("condition", "conditionPlanted")])
def test_an_operation_without_a_lowering_does_not_link(gen_ops, tmp_path, lower, function):
    gen_ops.TABLES["hir"] = plant(gen_ops.TABLES["hir"], tmp_path,
                                  f"Planted | Bool | value:Object | - | none | - | {lower} | A row without a function.")
    generated = gen_ops.gen_hir()
    complaints = linked(generated, tmp_path, but=function)
    assert f"undefined reference to `tephra::lower::{function}(" in complaints
    assert complaints.count("undefined reference") == 1


def test_what_the_table_declares_is_all_that_it_needs(gen_ops, tmp_path):
    assert linked(gen_ops.gen_hir(), tmp_path, but=None) == ""


@pytest.mark.parametrize("effects, lower, complaint", [
    ("r:typ", "custom", "no alias set 'typ'"), ("w:list_items+lists", "custom", "no alias set 'lists'"),
    ("writes", "custom", "unknown effect 'writes'"), ("position:often", "custom", "unknown effect 'position:often'"),
    ("none", "by hand", "lower is custom, condition, none or call:HELPER")])
def test_a_row_that_means_nothing_is_refused(gen_ops, tmp_path, effects, lower, complaint):
    gen_ops.TABLES["hir"] = plant(gen_ops.TABLES["hir"], tmp_path,
                                  f"Planted | - | - | - | {effects} | - | {lower} | A row.")
    with pytest.raises(gen_ops.TableError, match=f"ops.tbl:[0-9]+: Planted: {complaint}"):
        gen_ops.gen_hir()


def test_facts_follow_from_the_effects(gen_ops):
    rows = {o["name"]: o for o in gen_ops.parse_hir()}
    assert rows["GetItem"]["effects"].writes == [name for name, _, _ in gen_ops.parse_alias_sets()]
    removable = {name for name, row in rows.items() if gen_ops.is_removable(row)}
    assert {"ConstInt", "LoadCell", "UnboxInt", "BoxInt", "PtrEqual"} <= removable
    assert not {"ExchangeCell", "MakeTuple", "IntFloorDiv", "GuardType", "Incref", "UnpackedItem", "Jump"} & removable
    positions = {name: rows[name]["effects"].position() for name in ("MakeTuple", "GetItem", "BoxInt", "Decref", "LoadCell")}
    assert positions == {"MakeTuple": "kAlways", "GetItem": "kAlways", "BoxInt": "kNever", "Decref": "kRarely",
                         "LoadCell": "kNever"}
