"""Building, splitting and searching strings: stands for text processing."""

DEFAULT_SIZE = 80000
QUICK_SIZE = 8000
HOT = ("make_text", "caesar", "is_palindrome", "slug", "parse_line", "format_row", "edit_distance")

EXPECTED = {8000: 32106627, 80000: 3201060703}

SYLLABLES = ["ka", "to", "mi", "ra", "ne", "so", "anna", "Lu", "Pe", "x-", "o", "bob"]


def make_text(n):
    state = 7
    words = []
    for _ in range(n):
        word = ""
        for _ in range(3):
            state = (state * 16807) % 2147483647
            word += SYLLABLES[state % len(SYLLABLES)]
        words.append(word)
    return words


def caesar(text, shift):
    result = []
    for character in text:
        if "a" <= character <= "z":
            result.append(chr((ord(character) - 97 + shift) % 26 + 97))
        elif character.isupper():
            result.append(chr((ord(character) - 65 + shift) % 26 + 65))
        else:
            result.append(character)
    return "".join(result)


def is_palindrome(word):
    low, high = 0, len(word) - 1
    while low < high:
        if word[low] != word[high]:
            return False
        low += 1
        high -= 1
    return True


def slug(text):
    result = ""
    for character in text.lower():
        if character.isalnum():
            result += character
        elif not result.endswith("_"):
            result += "_"
    return result.strip("_")


def format_row(number, word):
    return f"{number:06d}\t{word!s:>14}\t{number / 7:.3f}\t{word.upper()}"


def parse_line(line):
    fields = line.split("\t")
    number = int(fields[0])
    ratio = float(fields[2])
    if not fields[3].startswith(fields[1].strip()[:2].upper()):
        raise AssertionError(f"string_ops: bad line {line!r}")
    return number, fields[1].strip(), ratio


def edit_distance(a, b):
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        current = [i]
        for j, y in enumerate(b, 1):
            if x == y:
                current.append(previous[j - 1])
            else:
                current.append(1 + min(previous[j - 1], previous[j], current[j - 1]))
        previous = current
    return previous[-1]


def run(n):
    """Work on n generated words."""
    words = make_text(n)
    text = " ".join(words)
    secret = caesar(text, 3)
    if secret == text or caesar(secret, -3) != text:
        raise AssertionError(f"string_ops({n}): the cipher does not undo itself")
    palindromes = sum(1 for word in words if is_palindrome(word))
    if palindromes != sum(1 for word in words if word == word[::-1]):
        raise AssertionError(f"string_ops({n}): counted {palindromes} palindromes")
    rows = [format_row(i, word) for i, word in enumerate(words)]
    numbers = 0
    for i, row in enumerate(rows):
        number, word, ratio = parse_line(row)
        if number != i or word != words[i] or abs(ratio - i / 7) > 0.001:
            raise AssertionError(f"string_ops({n}): row {i} came back as {number}, {word!r}, {ratio}")
        numbers += number + len(word)
    slugs = [slug(word) for word in words]
    distance = sum(edit_distance(slugs[i], slugs[i + 1]) for i in range(0, n - 1, 10))
    result = numbers + palindromes + len("".join(slugs)) + distance + text.count("ann") + text.find("bobbob")
    if result != EXPECTED.get(n, result):
        raise AssertionError(f"string_ops({n}): got {result}, expected {EXPECTED[n]}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
