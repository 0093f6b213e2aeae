"""Pipelines of generators and recursive ones: stands for programs that stream their data."""

DEFAULT_SIZE = 150000
QUICK_SIZE = 15000
HOT = ("numbers", "collatz_lengths", "only_odd", "pairwise", "Tree.__iter__", "permutations", "averager", "total")
KNOWN_GAP = "generator functions are interpreted"

EXPECTED = {15000: 119845, 150000: 1198610}


def numbers(n):
    state = 1
    for _ in range(n):
        state = (state * 16807) % 2147483647
        yield state


def collatz_lengths(values):
    for value in values:
        length = 0
        value %= 64
        while value > 1:
            value = value // 2 if value % 2 == 0 else 3 * value + 1
            length += 1
            if length == 8:
                break
        yield value + length


def only_odd(values):
    for value in values:
        if value % 2 == 1:
            yield value


def pairwise(values):
    previous = next(values)
    for value in values:
        yield previous, value
        previous = value


class Tree:
    def __init__(self, value):
        self.value = value
        self.left = None
        self.right = None

    def insert(self, value):
        node = self
        while True:
            side = "left" if value < node.value else "right"
            child = getattr(node, side)
            if child is None:
                setattr(node, side, Tree(value))
                return
            node = child

    def __iter__(self):
        if self.left is not None:
            yield from self.left
        yield self.value
        if self.right is not None:
            yield from self.right


def permutations(items):
    if len(items) <= 1:
        yield items
        return
    for i in range(len(items)):
        for rest in permutations(items[:i] + items[i + 1:]):
            yield items[i:i + 1] + rest


def averager():
    total = 0
    count = 0
    average = 0
    while True:
        value = yield average
        total += value
        count += 1
        average = total // count


def total(values):
    result = 0
    for value in values:
        result += value
    return result


def run(n):
    """Stream n numbers through a pipeline, a tree of n / 10 nodes, and permutations."""
    streamed = 0
    for a, b in pairwise(only_odd(collatz_lengths(numbers(n)))):
        streamed += a * b % 11
    tree = Tree(1 << 30)
    for value in numbers(n // 10):
        tree.insert(value)
    walked = list(tree)
    if walked != sorted(walked) or len(walked) != n // 10 + 1:
        raise AssertionError(f"generators({n}): the tree gave {len(walked)} values, sorted: "
                             f"{walked == sorted(walked)}; expected {n // 10 + 1}, sorted")
    seen = set()
    for permutation in permutations(tuple(range(6))):
        seen.add(permutation)
    if len(seen) != 720:
        raise AssertionError(f"generators({n}): {len(seen)} permutations of 6, expected 720")
    average = averager()
    next(average)
    last = 0
    for value in range(n):
        last = average.send(value)
    if last != n * (n - 1) // 2 // n:
        raise AssertionError(f"generators({n}): the average is {last}, expected {n * (n - 1) // 2 // n}")
    squares = total(value * value % 13 for value in numbers(n))
    result = streamed + last + squares
    if result != EXPECTED.get(n, result):
        raise AssertionError(f"generators({n}): got {result}, expected {EXPECTED[n]}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
