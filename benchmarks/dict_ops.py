"""Building, reading and changing dicts: stands for programs that keep their data in dicts."""

DEFAULT_SIZE = 120000
QUICK_SIZE = 15000
HOT = ("count_words", "index_by_length", "update_totals", "walk_graph", "evict")

EXPECTED = {15000: 50679, 120000: 367588}


def make_words(n):
    state = 12345
    words = []
    for _ in range(n):
        state = (state * 1103515245 + 12345) % 2147483648
        words.append("key" + str(state >> 18))
    return words


def count_words(words):
    counts = {}
    for word in words:
        if word in counts:
            counts[word] += 1
        else:
            counts[word] = 1
    return counts


def index_by_length(counts):
    index = {}
    for word, count in counts.items():
        index.setdefault(len(word), {})[word] = count
    return index


def update_totals(totals, words):
    for position, word in enumerate(words):
        totals[word] = totals.get(word, 0) + position % 7
    return sum(totals.values())


def walk_graph(n):
    """Follow the edges of a graph of ints until each node has been seen."""
    edges = {i: (i * 7 + 3) % n for i in range(n)}
    seen = {}
    steps = 0
    for start in edges:
        node = start
        while node not in seen:
            seen[node] = start
            node = edges[node]
            steps += 1
    return steps


def evict(words, limit):
    """A cache that drops its oldest entries."""
    cache = {}
    hits = 0
    for word in words:
        if word in cache:
            hits += 1
            del cache[word]
        elif len(cache) >= limit:
            del cache[next(iter(cache))]
        cache[word] = hits
    return hits


def run(n):
    """Work on n words and a graph of n nodes."""
    words = make_words(n)
    counts = count_words(words)
    if sum(counts.values()) != n:
        raise AssertionError(f"dict_ops({n}): counted {sum(counts.values())} words, expected {n}")
    index = index_by_length(counts)
    if sum(len(group) for group in index.values()) != len(counts):
        raise AssertionError(f"dict_ops({n}): the index has lost words")
    totals = update_totals(dict(counts), words)
    if totals != n + sum(i % 7 for i in range(n)):
        raise AssertionError(f"dict_ops({n}): the totals are {totals}, expected {n + sum(i % 7 for i in range(n))}")
    steps = walk_graph(n)
    if steps != n:
        raise AssertionError(f"dict_ops({n}): walked {steps} nodes, expected {n}")
    merged = {**counts, **{word: -count for word, count in counts.items() if count > 1}}
    result = totals + evict(words, 512) + sum(merged.values())
    if result != EXPECTED.get(n, result):
        raise AssertionError(f"dict_ops({n}): got {result}, expected {EXPECTED[n]}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
