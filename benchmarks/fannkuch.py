"""Pancake flips over all permutations: stands for integer loops and list element access."""

DEFAULT_SIZE = 9
QUICK_SIZE = 8
HOT = ("fannkuch",)

# Checksum and most flips, as published with the problem.
EXPECTED = {1: (0, 0), 2: (-1, 1), 3: (2, 2), 4: (4, 4), 5: (11, 7), 6: (49, 10), 7: (228, 16),
            8: (1616, 22), 9: (8629, 30), 10: (73196, 38)}
MOST_FLIPS = [0, 0, 1, 2, 4, 7, 10, 16, 22, 30, 38, 51, 65, 80]


def fannkuch(n):
    permutation = list(range(n))
    count = [0] * n
    max_flips = 0
    checksum = 0
    index = 0
    r = n
    while True:
        while r != 1:
            count[r - 1] = r
            r -= 1
        first = permutation[0]
        if first != 0:
            work = permutation[:]
            flips = 0
            while first != 0:
                low = 0
                high = first
                while low < high:
                    swap = work[low]
                    work[low] = work[high]
                    work[high] = swap
                    low += 1
                    high -= 1
                flips += 1
                first = work[0]
            if flips > max_flips:
                max_flips = flips
            if index % 2 == 0:
                checksum += flips
            else:
                checksum -= flips
        while True:
            if r == n:
                return checksum, max_flips
            rotated = permutation[0]
            for i in range(r):
                permutation[i] = permutation[i + 1]
            permutation[r] = rotated
            count[r] -= 1
            if count[r] > 0:
                break
            r += 1
        index += 1


def run(n):
    """Count the flips for all permutations of n elements; n from 1 to 13."""
    checksum, max_flips = fannkuch(n)
    if EXPECTED.get(n, (checksum, max_flips)) != (checksum, max_flips) or max_flips != MOST_FLIPS[n]:
        raise AssertionError(f"fannkuch({n}): got checksum {checksum} and {max_flips} flips, expected "
                             f"{EXPECTED.get(n)} and {MOST_FLIPS[n]} flips")
    return f"{checksum} {max_flips}"


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
