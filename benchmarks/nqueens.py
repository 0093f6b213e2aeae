"""All solutions of the n queens problem: stands for loops over lists and recursion."""

import harness

SOLUTIONS = {4: 2, 5: 10, 6: 4, 7: 40, 8: 92, 9: 352, 10: 724}


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
    """Count the placements of n queens; n from 4 to 10."""
    count = place([0] * n, 0, n)
    assert count == SOLUTIONS[n], count


if __name__ == "__main__":
    harness.main(run, 9)
