"""Stress mode: compiled code is left at random (seeded) points, and nobody may notice."""

import os
import subprocess
import sys

import pytest
from support import SLOWER, compile_all, differential, load

from tephra import _tephra

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "deopt"))
from test_every_guard import CORPUS  # noqa: E402

# (seed, every n-th opportunity)
RATES = [(1, 1), (2, 3), (3, 10), (4, 50)]
RUN = os.path.join(os.path.dirname(__file__), "..", "run")


@pytest.fixture
def stress():
    def start(seed, every):
        assert _tephra.set_option("stress-deopt-every", str(every)) is None
        assert _tephra.set_option("stress-deopt", str(seed)) is None
        _tephra.clear_runtime_stats()
    yield start
    _tephra.set_option("stress-deopt", "0")
    _tephra.set_option("stress-deopt-every", "50")


def stress_exits():
    return [row for row in _tephra.runtime_stats() if row["reason"] == "Stress"]


@pytest.mark.parametrize("name", CORPUS)
def test_corpus_under_stress(name, stress):
    source, calls = CORPUS[name]
    for seed, every in RATES:
        stress(seed, every)
        differential(source, calls, warm_rounds=4)
        if every == 1:
            assert stress_exits()


def test_the_same_seed_leaves_at_the_same_places(stress):
    source = """
        def f(n):
            total = 0
            for i in range(n):
                total += i * 2
                total -= len(str(i))
            return total
    """
    def places(seed):
        stress(seed, 20)
        found = []
        namespace, function = load(source)
        compile_all(namespace, [function])
        for n in range(40):
            function(n)
            found.append(tuple((row["line"], row["count"]) for row in stress_exits()))
        _tephra.set_option("stress-deopt", "0")
        return found
    first, other, again = places(11), places(12), places(11)
    assert first == again
    assert first != other
    assert first[-1]


def test_stress_exits_are_never_learned_from(stress):
    stress(5, 1)
    _tephra.set_option("recompile-after", "2")
    try:
        namespace, function = load("def f(a): return [a, a + 1]")
        compile_all(namespace, [function])
        for i in range(200):
            assert function(i) == [i, i + 1]
        info = _tephra.function_info(function)
        assert info and info["recompiles"] == 0
        assert sum(row["count"] for row in stress_exits()) >= 200
    finally:
        _tephra.set_option("recompile-after", "1000000000")


def test_without_a_seed_there_is_nothing_of_it(stress):
    namespace, function = load("def f(a): return [a, a + 1]")
    compile_all(namespace, [function])
    assert "StressExit" not in _tephra.dump(function, "hir")
    stress(1, 7)
    assert "StressExit" in _tephra.dump(function, "hir")


UNDER_STRESS = """
import sys
import pytest
from tephra import _tephra
assert _tephra.set_option("stress-deopt-every", "13") is None
assert _tephra.set_option("stress-deopt", "77") is None
status = pytest.main(["-q", "-x", "-p", "no:cacheprovider", sys.argv[1]])
exits = sum(row["count"] for row in _tephra.runtime_stats() if row["reason"] == "Stress")
print("stress exits:", exits)
sys.exit(status or exits == 0)
"""


@pytest.mark.parametrize("suite", ["test_operators.py", "test_fidelity.py", "test_old_bugs.py"])
def test_other_suites_under_stress(suite):
    result = subprocess.run([sys.executable, "-c", UNDER_STRESS, os.path.join(RUN, suite)],
                            capture_output=True, text=True, timeout=600 * SLOWER,
                            env={**os.environ, "TEPHRA_STRESS_DEOPT": "77", "TEPHRA_STRESS_DEOPT_EVERY": "13"})
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-1000:]
