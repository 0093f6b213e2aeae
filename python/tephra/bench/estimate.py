"""Statistics of benchmark samples. Standard library only, Python 3.9 syntax: ./dev uses it without the package.

A sample is a list of processes, each a list of the seconds of its turns (or iterations) after warm-up. Process i of one
side ran next to process i of the other side, and turn t of one next to turn t of the other, so they are compared as
pairs: a machine that is slow for a while slows both. Everything is done on logarithms, so that A against B is exactly
the inverse of B against A.

A pair of processes gives the median of its turns' log ratios. Headline figure: the pseudo-median (Hodges and Lehmann,
1963) over the pairs. One disturbed process in five does not move it. Interval: a two-level bootstrap (pairs are drawn,
then turns within each), widened for the small number of processes by Student's t and n / (n - 1) (Hesterberg, "What
Teachers Should Know About the Bootstrap", 2015, sections 4 and 5): a plain percentile interval of five processes holds
the truth in 80 % of cases, not in 95 %.
"""

from __future__ import annotations

import math
import random
import statistics
from dataclasses import dataclass, field
from typing import Optional, Sequence

RESAMPLES = 1000
_T_975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
          2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)

Sample = Sequence[Sequence[float]]


def student_t(degrees: int) -> float:
    """The 97.5 % quantile of Student's t; `degrees` of freedom, at least 1."""
    return _T_975[degrees - 1] if degrees <= len(_T_975) else 1.96 + 2.5 / degrees


def pseudo_median(values: Sequence[float]) -> float:
    """The median of all pairwise means, each value with itself included (Hodges-Lehmann)."""
    if len(values) == 1:
        return values[0]
    return statistics.median([(values[i] + values[j]) / 2 for i in range(len(values)) for j in range(i, len(values))])


def geometric_mean(values: Sequence[float]) -> float:
    """exp of the mean of the logarithms; ValueError for an empty list."""
    if not values:
        raise ValueError("geometric mean of nothing")
    return math.exp(math.fsum(math.log(value) for value in values) / len(values))


def of_pairs(logs: Sequence[float]) -> tuple[float, float, float]:
    """Ratio and 95 % interval from one log ratio for each pair of processes: mean and Student's t. One pair: any ratio."""
    mean = statistics.fmean(logs)
    half = student_t(len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs)) if len(logs) > 1 else math.inf
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


@dataclass
class Comparison:
    """How much faster a subject is than a reference: 2.0 is twice the speed.

    Attributes:
        speed: the outlier-robust headline figure.
        low, high: its 95 % interval; None with fewer than two pairs of processes.
        mean, median, minimum: the ratio by the mean of all iterations, by the median of process medians and by the
            fastest iteration.
        draws: bootstrap logarithms of the speed, for geometric means over programs.
        pairs: pairs of processes.
        spread: standard deviation of the logarithm of the speed over pairs.
    """

    speed: float
    low: Optional[float]
    high: Optional[float]
    mean: float
    median: float
    minimum: float
    pairs: int
    draws: list = field(default_factory=list, repr=False)
    spread: float = 0.0

    @property
    def verdict(self) -> str:
        """"faster", "slower", "no difference", or "unknown" without an interval."""
        return verdict(self.low, self.high)


def verdict(low: Optional[float], high: Optional[float], tolerance: float = 0.0) -> str:
    """What an interval says; `tolerance`: relative differences up to it are none (0.01 = 1 %)."""
    if low is None or high is None:
        return "unknown"
    if low > 1.0 + tolerance:
        return "faster"
    return "slower" if high < 1.0 / (1.0 + tolerance) else "no difference"


def _draws(pairs: Sample, count: int, rng: random.Random) -> list:
    median, choices = statistics.median, rng.choices
    return [pseudo_median([median(choices(each, k=len(each))) for each in choices(pairs, k=len(pairs))])
            for _ in range(count)]


def widening(pairs: int) -> float:
    """How much wider than the bootstrap's the interval of so few pairs must be."""
    return student_t(pairs - 1) / 1.96 * math.sqrt(pairs / (pairs - 1))


def interval(centre: float, draws: Sequence[float], factor: float) -> tuple:
    """(low, high): the central 95 % of the draws, both arms stretched by `factor`, as speeds."""
    ordered = sorted(draws)
    low, high = ordered[int(0.025 * len(ordered))], ordered[min(int(0.975 * len(ordered)), len(ordered) - 1)]
    return math.exp(centre - max(centre - low, 0.0) * factor), math.exp(centre + max(high - centre, 0.0) * factor)


def compare(reference: Sample, subject: Sample, *, resamples: int = RESAMPLES, seed: int = 20240101) -> Comparison:
    """The speed of `subject` relative to `reference`, whose processes are paired by position.

    Raises: ValueError for an empty sample or a time that is not positive.
    """
    n = min(len(reference), len(subject))
    reference, subject = reference[:n], subject[:n]
    if not n or not all(reference) or not all(subject):
        raise ValueError("nothing to compare: a side has no processes, or a process no iterations")
    if min(map(min, reference)) <= 0 or min(map(min, subject)) <= 0:
        raise ValueError("a sample is not positive: the clock is too coarse for this program's size")
    pairs = [[math.log(x / y) for x, y in zip(a, b)] for a, b in zip(reference, subject)]
    levels = [statistics.median(each) for each in pairs]
    centre = pseudo_median(levels)
    draws = _draws(pairs, resamples, random.Random(seed))
    low, high = interval(centre, draws, widening(n)) if n > 1 else (None, None)

    def ratio(level) -> float:
        return level(reference) / level(subject)

    return Comparison(
        speed=math.exp(centre), low=low, high=high, pairs=n, draws=draws,
        spread=statistics.stdev(levels) if n > 1 else 0.0,
        mean=ratio(lambda side: statistics.fmean([x for process in side for x in process])),
        median=ratio(lambda side: statistics.median([statistics.median(process) for process in side])),
        minimum=ratio(lambda side: min(map(min, side))))


def combine(comparisons: Sequence[Comparison]) -> Comparison:
    """The geometric mean over programs, with the interval that follows from theirs."""
    if not comparisons:
        raise ValueError("geometric mean of no program")
    speed = geometric_mean([c.speed for c in comparisons])
    pairs = min(c.pairs for c in comparisons)
    draws = [math.fsum(each) / len(each) for each in zip(*(c.draws for c in comparisons))]
    low = high = None
    if pairs > 1 and draws:
        low, high = interval(math.log(speed), draws, widening(pairs))
    return Comparison(speed, low, high, geometric_mean([c.mean for c in comparisons]),
                      geometric_mean([c.median for c in comparisons]),
                      geometric_mean([c.minimum for c in comparisons]), pairs, draws)


def change(old: Comparison, new: Comparison) -> Comparison:
    """How much faster `new` is than `old`, both relative to the interpreter of their own run.

    The runs are independent: the draws of one are subtracted from those of the other, and the degrees of freedom
    of both count.
    """
    speed = new.speed / old.speed
    draws = [b - a for a, b in zip(old.draws, new.draws)]
    low = high = None
    pairs = min(old.pairs, new.pairs)
    if pairs > 1 and draws:
        factor = student_t(old.pairs + new.pairs - 2) / 1.96 * math.sqrt(pairs / (pairs - 1))
        low, high = interval(math.log(speed), draws, factor)
    return Comparison(speed, low, high, new.mean / old.mean, new.median / old.median, new.minimum / old.minimum,
                      pairs, draws)


def steady_state(seconds: Sequence[float]) -> tuple:
    """(calls, seconds) of a process before its first iteration at the steady level; all iterations, warm-up too.

    The steady level is the median of the last half; an iteration has reached it within 5 %, or within three times
    the half's median deviation where that is more.
    """
    tail = seconds[len(seconds) // 2:]
    level = statistics.median(tail)
    deviation = statistics.median([abs(x - level) for x in tail])
    limit = level + max(0.05 * level, 3 * deviation)
    for i, value in enumerate(seconds):
        if value <= limit:
            return i, math.fsum(seconds[:i])
    return len(seconds), math.fsum(seconds)


def spread_between(sample: Sample) -> float:
    """Relative standard deviation of the processes' medians; 0.0 with fewer than two processes."""
    levels = [math.log(statistics.median(process)) for process in sample if process]
    return statistics.stdev(levels) if len(levels) > 1 else 0.0


def spread_within(sample: Sample) -> float:
    """Median over processes of the relative deviation of iterations (1.4826 MAD: a standard deviation)."""
    found = []
    for process in sample:
        level = statistics.median(process)
        found.append(1.4826 * statistics.median([abs(x - level) for x in process]) / level)
    return statistics.median(found) if found else 0.0
