"""The statistics, on synthetic samples whose truth is known."""

import random

import pytest
from tephra.bench import estimate


def sample(rng, level, processes=5, iterations=7, between=0.02, within=0.01, outlier=None):
    """Times of processes around `level`; every `outlier`-th process is disturbed."""
    found = []
    for i in range(processes):
        own = level * rng.lognormvariate(0, between) * (1.6 if outlier is not None and i == outlier else 1)
        found.append([own * rng.lognormvariate(0, within) for _ in range(iterations)])
    return found


@pytest.mark.parametrize("processes, between, within", [(5, 0.03, 0.01), (5, 0.005, 0.03), (3, 0.03, 0.01), (10, 0.02, 0.02)])
def test_the_interval_holds_the_truth_in_at_least_19_of_20_cases(processes, between, within):
    rng = random.Random(processes * 1000 + int(1000 * between))
    hits = 0
    for trial in range(200):
        found = estimate.compare(sample(rng, 2.0, processes, between=between, within=within),
                                 sample(rng, 1.0, processes, between=between, within=within), resamples=150, seed=trial)
        hits += found.low <= 2.0 <= found.high
    assert hits >= 184  # 190 expected at 95 %; under 184 has probability 1.4 % then


def test_the_interval_is_not_so_wide_that_it_says_nothing():
    rng = random.Random(5)
    found = [estimate.compare(sample(rng, 1.10), sample(rng, 1.0), resamples=200, seed=i) for i in range(60)]
    assert sum(each.verdict == "faster" for each in found) >= 45
    assert not any(each.verdict == "slower" for each in found)


def test_equal_samples_are_no_difference():
    rng = random.Random(6)
    found = [estimate.compare(sample(rng, 1.0), sample(rng, 1.0), resamples=150, seed=i) for i in range(100)]
    assert sum(each.verdict == "no difference" for each in found) >= 90


def test_one_disturbed_process_does_not_move_the_figure():
    rng = random.Random(7)
    found = estimate.compare(sample(rng, 2.0, between=0.01), sample(rng, 1.0, between=0.01, outlier=2))
    assert found.speed == pytest.approx(2.0, rel=0.03)
    assert abs(found.mean - 2.0) > 0.15  # the mean is moved


def test_common_drift_cancels():
    rng = random.Random(8)
    reference, subject = sample(rng, 2.0, between=0.005), sample(rng, 1.0, between=0.005)
    for i, factor in enumerate((1.0, 1.5, 0.8, 2.0, 1.2)):
        reference[i] = [x * factor for x in reference[i]]
        subject[i] = [x * factor for x in subject[i]]
    found = estimate.compare(reference, subject)
    assert found.speed == pytest.approx(2.0, rel=0.02)
    assert found.high / found.low < 1.06


def test_a_machine_that_changes_its_speed_within_processes():
    rng = random.Random(12)
    reference, subject = sample(rng, 2.0, between=0.002), sample(rng, 1.0, between=0.002)
    for a, b in zip(reference, subject):
        for turn in range(len(a)):
            factor = rng.choice((1.0, 1.5))  # the medians of the sides alone would often be those of different speeds
            a[turn], b[turn] = a[turn] * factor, b[turn] * factor
    found = estimate.compare(reference, subject)
    assert found.speed == pytest.approx(2.0, rel=0.01) and found.spread < 0.02
    assert found.high / found.low < 1.04


def test_exchanging_the_sides_gives_the_inverse():
    rng = random.Random(9)
    a, b = sample(rng, 1.3), sample(rng, 1.0)
    there, back = estimate.compare(a, b), estimate.compare(b, a)
    assert there.speed == pytest.approx(1 / back.speed)
    assert there.low == pytest.approx(1 / back.high, rel=0.01)


def test_one_pair_has_no_interval():
    found = estimate.compare([[2.0, 2.1]], [[1.0, 1.1]])
    assert (found.low, found.high, found.verdict) == (None, None, "unknown")


@pytest.mark.parametrize("a, b", [([], []), ([[]], [[1.0]]), ([[1.0]], [[0.0]])])
def test_bad_samples(a, b):
    with pytest.raises(ValueError):
        estimate.compare(a, b)


def test_runs_of_the_same_program_are_no_difference_and_others_are():
    rng = random.Random(10)
    same = other = 0
    for i in range(60):
        old = estimate.compare(sample(rng, 2.0), sample(rng, 1.0), resamples=150, seed=i)
        same += estimate.change(old, estimate.compare(sample(rng, 2.0), sample(rng, 1.0), resamples=150,
                                                      seed=i + 1000)).verdict == "no difference"
        other += estimate.change(old, estimate.compare(sample(rng, 2.4), sample(rng, 1.0), resamples=150,
                                                       seed=i + 2000)).verdict == "faster"
    assert same >= 54 and other >= 54


def test_the_geometric_mean_of_programs():
    rng = random.Random(11)
    each = [estimate.compare(sample(rng, level), sample(rng, 1.0)) for level in (1.0, 2.0, 4.0)]
    found = estimate.combine(each)
    assert found.speed == pytest.approx(2.0, rel=0.03)
    assert found.low < 2.0 < found.high and found.high / found.low < 1.12
    with pytest.raises(ValueError):
        estimate.combine([])
    with pytest.raises(ValueError):
        estimate.geometric_mean([])


def test_tolerance():
    assert estimate.verdict(1.005, 1.03) == "faster"
    assert estimate.verdict(1.005, 1.03, 0.01) == "no difference"
    assert estimate.verdict(0.90, 0.995, 0.01) == "no difference"
    assert estimate.verdict(0.90, 0.98, 0.01) == "slower"


def test_steady_state():
    assert estimate.steady_state([5.0, 3.0, 1.0, 1.01, 0.99, 1.0, 1.02]) == (2, 8.0)
    assert estimate.steady_state([1.0] * 6) == (0, 0.0)


def test_pseudo_median():
    assert estimate.pseudo_median([1, 2, 3, 4, 100]) == pytest.approx(3.0)
    assert estimate.pseudo_median([7]) == 7
    assert estimate.student_t(4) == 2.776 and estimate.student_t(100) == pytest.approx(1.984, abs=0.002)
