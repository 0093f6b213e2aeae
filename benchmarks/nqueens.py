"""All solutions of the n queens problem: stands for loops over lists and recursion."""

DEFAULT_SIZE = 11
QUICK_SIZE = 10
HOT = ("is_safe", "place")

EXPECTED = {1: 1, 2: 0, 3: 0, 4: 2, 5: 10, 6: 4, 7: 40, 8: 92, 9: 352, 10: 724, 11: 2680}


def is_safe(columns, row, column):
    for other_row in range(row):
        other = columns[other_row]
        if other == column:
            return False
        distance = row - other_row
        if other == column - distance or other == column + distance:
            return False
    return True


def place(columns, row, size):
    if row == size:
        return 1
    count = 0
    for column in range(size):
        if is_safe(columns, row, column):
            columns[row] = column
            count += place(columns, row + 1, size)
    return count


def run(n):
    """Count the placements of n queens; n from 1 to 11."""
    if n not in EXPECTED:
        raise AssertionError(f"nqueens({n}): the size must be one of 1 to {max(EXPECTED)}")
    count = place([0] * n, 0, n)
    if count != EXPECTED[n]:
        raise AssertionError(f"nqueens({n}): got {count} placements, expected {EXPECTED[n]}")
    return count


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
