"""A counter hierarchy driven through method calls: stands for attribute access and short methods."""

import harness


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
    extra = sum(i & 3 for i in range(n))
    assert plain == 2 * n + extra, plain
    limited = drive(LimitedCounter(1, 10 * n), n)
    assert limited == n + extra, limited


if __name__ == "__main__":
    harness.main(run, 300000)
