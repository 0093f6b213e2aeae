"""Stress modes of the register allocator: registers chosen at random, and hardly any register at all."""

import os
import sys

import pytest
from support import compile_all, differential, load

from tephra import _tephra

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "deopt"))
from test_every_guard import CORPUS  # noqa: E402


@pytest.fixture
def stress():
    def start(seed, every):
        assert _tephra.set_option("stress-deopt-every", str(every)) is None
        assert _tephra.set_option("stress-deopt", str(seed)) is None
    yield start
    _tephra.set_option("stress-deopt", "0")
    _tephra.set_option("stress-deopt-every", "50")


@pytest.fixture
def shuffle():
    yield lambda seed: _tephra.set_option("stress-registers", str(seed))
    _tephra.set_option("stress-registers", "0")


@pytest.mark.parametrize("seed", range(1, 6))
def test_corpus_with_registers_at_random(seed, shuffle):
    for number, (name, (source, calls)) in enumerate(CORPUS.items()):
        assert shuffle(seed * 1000 + number) is None
        try:
            differential(source, calls, warm_rounds=4, modes=("warm",) if seed % 2 else ("cold",))
        except AssertionError as error:
            raise AssertionError(f"{name}, seed {seed}: {error}") from error


def test_registers_and_exits_at_random(shuffle, stress):
    for number, (source, calls) in enumerate(CORPUS.values()):
        shuffle(7000 + number)
        stress(9000 + number, 2)
        differential(source, calls, warm_rounds=4, modes=("warm",))


@pytest.fixture
def spill():
    assert _tephra.set_option("stress-spill", "1") is None
    yield
    _tephra.set_option("stress-spill", "0")


def spill_bytes(source):
    namespace, function = load(source)
    for i in range(60):
        function(i, i + 1)
    compile_all(namespace, [function])
    return _tephra.function_info(function)["spill_size"]


NO_PRESSURE = "def f(a, b): return a * b + a - b"


def test_without_the_mode_this_function_spills_less(spill):
    spilled = spill_bytes(NO_PRESSURE)
    _tephra.set_option("stress-spill", "0")
    assert spill_bytes(NO_PRESSURE) < spilled


@pytest.mark.parametrize("name", CORPUS)
def test_corpus_with_everything_spilled(name, spill):
    source, calls = CORPUS[name]
    differential(source, calls, warm_rounds=4)


def test_everything_spilled_and_exits_at_random(spill, stress):
    for number, (source, calls) in enumerate(CORPUS.values()):
        stress(5000 + number, 2)
        differential(source, calls, warm_rounds=4, modes=("warm",))
