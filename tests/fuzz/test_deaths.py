"""Objects die in the same order, at the same places, in the interpreter and compiled: small cases and random programs.

``TEPHRA_TEST_DEATHS=FIRST:COUNT`` chooses the programs: 200 from 0 on, with --full 10,000. Each runs compiled at
its first call, and compiled at the default threshold. The last round counts: deaths.py says why.
"""

import ast
import os
import sys

import pytest
from fuzz_support import check_inconclusive

import death_cases
import deaths
from deaths_generator import program

FULL, EMULATED = "TEPHRA_TEST_FULL" in os.environ, "TEPHRA_TEST_EMULATED" in os.environ
FIRST, COUNT = map(int, os.environ.get("TEPHRA_TEST_DEATHS", f"0:{10000 if FULL and not EMULATED else 200}").split(":"))
CHUNK = 100
# Known to differ (docs/status.md): C functions whose specialised calls release in an order of their own, by mode.
LISTED = {"isinstance(D('a'), (D('b'), D))", "[D('a')].append(D('b'))", "[D('a')].index(D('b'))", "[D('a')].remove(D('b'))"}
if sys.version_info >= (3, 14):
    LISTED = {"Slots(D('a'), D('b')).a = D('c')", "D('a')[D('b')]"}


class _KeptSelf(ast.NodeTransformer):
    """Methods that let go of ``self`` keep it."""

    def visit_Name(self, node):
        return ast.Name("other", node.ctx) if node.id == "self" and isinstance(node.ctx, ast.Store) else node

    def visit_Delete(self, node):
        node.targets = [target for target in node.targets if ast.unparse(target) != "self"]
        return self.generic_visit(node) if node.targets else ast.Pass()


def keeping_self(source):
    """``source`` with methods that keep ``self`` to their end."""
    return ast.unparse(_KeptSelf().visit(ast.parse(source)))


class _CalledStores(ast.NodeTransformer):
    """Stores to a subscript become calls of the method."""

    def visit_Assign(self, node):
        target = node.targets[0]
        if len(node.targets) > 1 or not isinstance(target, ast.Subscript):
            return node
        method = ast.Attribute(target.value, "__setitem__", ast.Load())
        return ast.fix_missing_locations(ast.Expr(ast.Call(method, [target.slice, node.value], [])))


def calling_stores(source):
    """``source`` without stores to subscripts that would be specialised."""
    return ast.unparse(_CalledStores().visit(ast.parse(source)))


def not_listed(bad, sources, mode):
    """Of the programs that differ those that do not do so by a listed kind alone (docs/status.md). 3.14's interpreter keeps
    ``self`` of a method call until it ends, and f is interpreted from an exit on. Code compiled before the interpreter has
    specialised a store to a subscript releases as the unspecialised one does, if that raises. Few programs show either."""
    kept = bad
    if kept and sys.version_info >= (3, 14):
        found, _, _ = deaths.compare([keeping_self(sources[at]) for at in kept], mode)
        kept = [at for at, what in zip(kept, found) if what]
    if kept and mode == "first":
        found, _, _ = deaths.compare([calling_stores(sources[at]) for at in kept], mode)
        kept = [at for at, what in zip(kept, found) if what]
    assert len(bad) - len(kept) <= max(2, len(sources) // 50), f"{bad} differ: too many to be of a rare kind"
    return kept


def check(sources, names, mode, add):
    """Compares programs; the first one that differs is reduced."""
    found, compiled, totals = deaths.compare(sources, mode)
    add(totals["functions"], totals["code_bytes"])
    bad = not_listed([at for at, what in enumerate(found) if what], sources, mode)
    interpreted = [names[at] for at, report in enumerate(compiled) if "f" not in report.get("compiled", ["f"])]
    assert not interpreted, f"f was not compiled: {interpreted}"
    if bad:
        smaller = deaths.reduce(sources[bad[0]], mode, seconds=600 if FULL else 60)
        pytest.fail(f"{len(bad)} of {len(sources)} programs differ on CPython {sys.version.split()[0]}, mode {mode}: "
                    f"{[names[at] for at in bad]}\nThe first one, reduced; its prelude is in deaths_generator.py:\n"
                    f"{deaths.explain(smaller, mode)}", pytrace=False)
    check_inconclusive(sum(what is None for what in found), len(found))


@pytest.mark.parametrize("mode", deaths.MODES)
def test_cases(mode, compiled_by_children):
    cases = death_cases.cases()
    found, compiled, totals = deaths.compare(list(cases.values()), mode)
    compiled_by_children(totals["functions"], totals["code_bytes"])
    assert all("f" in report.get("compiled", ()) for report in compiled)
    different = [f"{name}\n{what}" for name, what in zip(cases, found) if what != "" and name not in LISTED]
    assert LISTED <= set(cases)
    assert not different, f"{len(different)} of {len(cases)} differ, mode {mode}:\n" + "\n".join(different)


@pytest.mark.parametrize("mode", deaths.MODES)
@pytest.mark.parametrize("start", range(FIRST, FIRST + COUNT, CHUNK))
def test_programs(start, mode, compiled_by_children):
    seeds = list(range(start, min(start + CHUNK, FIRST + COUNT)))
    check([program(seed) for seed in seeds], seeds, mode, compiled_by_children)


def test_what_counts_as_a_difference():
    same = {"log": ["a", "b"], "alive": ["K"]}
    assert deaths.difference(same, dict(same)) == ""
    assert "log differs at 0" in deaths.difference(same, {"log": ["b", "a"], "alive": ["K"]})
    assert "log differs at 2" in deaths.difference(same, {"log": ["a", "b", "end"], "alive": ["K"]})
    assert "alive differs at 1" in deaths.difference(same, {"log": ["a", "b"], "alive": ["K", "b"]})
    assert "died" in deaths.difference(same, {"died": "exit status -11"})
    assert deaths.difference({"died": "longer than 60 s", "late": True}, same) is None
    assert "died" in deaths.difference({"died": "exit status -11"}, same)
    assert deaths.difference({"memory": True}, same) is None and deaths.difference(same, {"memory": True}) is None


def test_programs_that_differ_by_self_alone(monkeypatch):
    """A difference is pretended where ``D('b')`` is in the program, or a method lets go of self."""
    monkeypatch.setattr(sys, "version_info", (3, 14))
    monkeypatch.setattr(deaths, "compare", lambda sources, mode: (
        ["log" if "D('b')" in source or "del self" in source or "self =" in source else "" for source in sources], [], {}))
    drops = "class C(D):\n    def act(self, x):\n        del self, x\n"
    binds = "class C(D):\n    def act(self, x):\n        self = x\n"
    assert not_listed([0, 1, 3], [drops, binds + "D('b')", "", binds], "first") == [1]
    assert keeping_self(drops) == "class C(D):\n\n    def act(self, x):\n        del x"
    store = "def f():\n    l[D('a')] = D('c')\n"
    assert calling_stores(store) == "def f():\n    l.__setitem__(D('a'), D('c'))"
    monkeypatch.setattr(deaths, "compare", lambda sources, mode: (["log" if "] = " in source else "" for source in sources], [], {}))
    assert not_listed([0], [store], "first") == [] and not_listed([0], [store], "default") == [0]
    monkeypatch.setattr(deaths, "compare", lambda sources, mode: (["log" for _ in sources], [], {}))
    assert not_listed([0], [store], "first") == [0]
    monkeypatch.setattr(deaths, "compare", lambda sources, mode: (["" for _ in sources], [], {}))
    with pytest.raises(AssertionError, match="too many"):
        not_listed([0, 1, 2], [drops] * 3, "first")


def test_a_program_that_differs_is_reduced(monkeypatch):
    """A difference is pretended where ``D('b')`` is in the program."""
    monkeypatch.setattr(deaths, "compare", lambda sources, mode: (["log" if "D('b')" in source else "" for source in sources], [], {}))
    source = "def g(x):\n    return x\ndef f():\n    a = g(D('a'))\n    for c in [D('b'), D('c')]:\n        g(c)\n"
    assert deaths.reduce(source, "first") == "def f():\n    D('b')"


def test_a_program_that_takes_the_interpreter_too_long_says_nothing(monkeypatch):
    reports = deaths.reports
    monkeypatch.setattr(deaths, "reports", lambda sources, environment, rounds: (
        ([{"log": []}, {"died": "longer than 60 s", "late": True}], {}) if environment == deaths.STOCK[0]
        else reports(sources, {"TEPHRA": "0"}, 1)))
    assert deaths.compare([deaths.NOTHING, "def f():\n    while True: pass\n"], "first")[0] == ["log differs at 0:\n  interpreter: \n  compiled:    end", None]


def test_a_worker_that_dies_names_its_program():
    found, totals = deaths.reports(["def f(): pass\n", "def f():\n    import os\n    os.kill(os.getpid(), 9)\n", "def f(): D('a')\n"], {"TEPHRA": "0"}, 2)
    assert [list(report)[0] for report in found] == ["log", "died", "log"] and "-9" in found[1]["died"]
    assert found[2]["log"] == ["a", "end"] and totals["functions"] == 0
