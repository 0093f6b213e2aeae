"""The hash function SHA-256: stands for shifts and masks on 32-bit numbers."""

import hashlib

DEFAULT_SIZE = 100000
QUICK_SIZE = 12000
HOT = ("compress", "sha256", "rotated")

# The first 8 digits of the hash.
EXPECTED = {12000: "f159edc3", 100000: "d5b42376"}

MASK = 0xFFFFFFFF
PRIMES = [number for number in range(2, 312) if all(number % factor for factor in range(2, number))]


def integer_root(number, degree):
    """The largest int whose power is at most `number`."""
    low, high = 0, 1 << 64
    while high - low > 1:
        middle = (low + high) // 2
        if middle ** degree <= number:
            low = middle
        else:
            high = middle
    return low


ROUND_CONSTANTS = [integer_root(prime << 96, 3) & MASK for prime in PRIMES]
INITIAL = [integer_root(prime << 64, 2) & MASK for prime in PRIMES[:8]]


def rotated(word, count):
    return (word >> count | word << (32 - count)) & MASK


def compress(state, block):
    words = []
    for i in range(0, 64, 4):
        words.append(block[i] << 24 | block[i + 1] << 16 | block[i + 2] << 8 | block[i + 3])
    for i in range(16, 64):
        a, b = words[i - 15], words[i - 2]
        s0 = rotated(a, 7) ^ rotated(a, 18) ^ (a >> 3)
        s1 = rotated(b, 17) ^ rotated(b, 19) ^ (b >> 10)
        words.append((words[i - 16] + s0 + words[i - 7] + s1) & MASK)
    a, b, c, d, e, f, g, h = state
    for i in range(64):
        s1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
        choice = (e & f) ^ (~e & MASK & g)
        first = (h + s1 + choice + ROUND_CONSTANTS[i] + words[i]) & MASK
        s0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
        majority = (a & b) ^ (a & c) ^ (b & c)
        second = (s0 + majority) & MASK
        h, g, f, e, d, c, b, a = g, f, e, (d + first) & MASK, c, b, a, (first + second) & MASK
    return [(old + new) & MASK for old, new in zip(state, (a, b, c, d, e, f, g, h))]


def sha256(message):
    padded = message + b"\x80" + bytes((55 - len(message)) % 64) + (8 * len(message)).to_bytes(8, "big")
    state = INITIAL
    for i in range(0, len(padded), 64):
        state = compress(state, padded[i:i + 64])
    return "".join(f"{word:08x}" for word in state)


def run(n):
    """Hash n bytes; the hash must be that of hashlib."""
    message = bytes(i * i % 251 for i in range(n))
    result = sha256(message)
    expected = hashlib.sha256(message).hexdigest()
    if result != expected or result[:8] != EXPECTED.get(n, result[:8]):
        raise AssertionError(f"sha256({n}): got {result}, expected {expected}, beginning with "
                             f"{EXPECTED.get(n, expected[:8])}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
