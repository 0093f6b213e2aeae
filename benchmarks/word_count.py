"""Word frequencies of a text: stands for everyday programs on strings, dicts and sorting."""

DEFAULT_SIZE = 300000
QUICK_SIZE = 40000
HOT = ("normalise", "count_line", "count")

EXPECTED = {40000: "dust=1798 cone=1786 flow=1780", 300000: "surge=13294 lava=13280 pumice=13274"}

STEMS = ["the", "of", "rock", "ash", "lava", "pumice", "glass", "vent", "cone", "layer", "fall", "flow", "surge",
         "Dust", "Plume", "crater"]
ENDINGS = ["", "", "", "s", "ed", ",", ".", "ing", "'s", "!"]


def make_lines(n):
    """n words, ten a line."""
    state = 99
    words = []
    for _ in range(n):
        state = (state * 48271) % 2147483647
        words.append(STEMS[state % 16] + ENDINGS[state // 16 % 10])
    return [" ".join(words[i:i + 10]) for i in range(0, n, 10)]


def normalise(word):
    word = word.strip(".,!?").lower()
    if word.endswith("'s"):
        word = word[:-2]
    return word


def count_line(line, counts, lengths):
    for word in line.split():
        word = normalise(word)
        counts[word] = counts.get(word, 0) + 1
        lengths[len(word)] = lengths.get(len(word), 0) + 1


def most_common(counts, limit):
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]


def count(lines):
    counts = {}
    lengths = {}
    for line in lines:
        count_line(line, counts, lengths)
    return counts, lengths


def run(n):
    """Count n words."""
    counts, lengths = count(make_lines(n))
    if sum(counts.values()) != n or sum(lengths.values()) != n:
        raise AssertionError(f"word_count({n}): counted {sum(counts.values())} words, expected {n}")
    result = " ".join(f"{word}={times}" for word, times in most_common(counts, 3))
    if result != EXPECTED.get(n, result):
        raise AssertionError(f"word_count({n}): got {result}, expected {EXPECTED[n]}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
