"""A counter hierarchy driven through method calls: stands for attribute access and short methods."""

DEFAULT_SIZE = 1200000
QUICK_SIZE = 120000
HOT = ("drive", "Counter.increment", "Counter.add", "Counter.get", "LimitedCounter.increment")

EXPECTED = {120000: 720000, 1200000: 7200000}


class Counter:
    def __init__(self, step):
        self.step = step
        self.total = 0

    def increment(self):
        self.total += self.step

    def get(self):
        return self.total

    def add(self, amount):
        self.total += amount
        return self


class LimitedCounter(Counter):
    def __init__(self, step, limit):
        super().__init__(step)
        self.limit = limit

    def increment(self):
        if self.get() < self.limit:
            self.total += self.step


def drive(counter, times):
    for i in range(times):
        counter.increment()
        counter.add(i & 3)
        counter.get()
    return counter.get()


def run(n):
    """Drive two counters n times each."""
    plain = drive(Counter(2), n)
    limited = drive(LimitedCounter(1, 10 * n), n)
    extra = 6 * (n // 4) + (0, 0, 1, 3)[n % 4]
    if plain != 2 * n + extra or limited != n + extra:
        raise AssertionError(f"method_calls({n}): got {plain} and {limited}, expected {2 * n + extra} "
                             f"and {n + extra}")
    total = plain + limited
    if total != EXPECTED.get(n, total):
        raise AssertionError(f"method_calls({n}): got {total}, expected {EXPECTED[n]}")
    return total


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
