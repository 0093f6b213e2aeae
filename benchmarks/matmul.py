"""Products of matrices that are lists of lists: stands for numeric loops over nested lists."""

DEFAULT_SIZE = 120
QUICK_SIZE = 60
HOT = ("make_matrix", "multiply")

EXPECTED = {60: 62.0, 120: 117.0}


def make_matrix(n, seed):
    return [[(seed + i * 3 + j * 5) % 7 - 3.0 for j in range(n)] for i in range(n)]


def multiply(a, b):
    n, inner, m = len(a), len(b), len(b[0])
    result = [[0.0] * m for _ in range(n)]
    for i in range(n):
        row = a[i]
        target = result[i]
        for j in range(m):
            total = 0.0
            for k in range(inner):
                total += row[k] * b[k][j]
            target[j] = total
    return result


def trace(matrix):
    total = 0.0
    for i in range(len(matrix)):
        total += matrix[i][i]
    return total


def run(n):
    """Multiply two n x n matrices; the trace of AB is that of BA."""
    a, b = make_matrix(n, 1), make_matrix(n, 4)
    forward, backward = trace(multiply(a, b)), trace(multiply(b, a))
    if forward != backward or forward != EXPECTED.get(n, forward):
        raise AssertionError(f"matmul({n}): the traces are {forward} and {backward}, expected "
                             f"{EXPECTED.get(n, 'the same')}")
    return forward


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
