"""Spectral norm of an infinite matrix: stands for float arithmetic in nested loops with calls."""

import math

DEFAULT_SIZE = 200
QUICK_SIZE = 80
HOT = ("element", "multiply", "multiply_transposed")

EXPECTED = {80: 1.2742162299, 200: 1.27422360135}


def element(i, j):
    return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)


def multiply(vector):
    size = len(vector)
    result = []
    for i in range(size):
        total = 0.0
        for j in range(size):
            total += element(i, j) * vector[j]
        result.append(total)
    return result


def multiply_transposed(vector):
    size = len(vector)
    result = []
    for i in range(size):
        total = 0.0
        for j in range(size):
            total += element(j, i) * vector[j]
        result.append(total)
    return result


def run(n):
    """Power iteration on an n x n section; the norm tends to 1.274224..."""
    u = [1.0] * n
    v = u
    for _ in range(10):
        v = multiply_transposed(multiply(u))
        u = multiply_transposed(multiply(v))
    uv = vv = 0.0
    for a, b in zip(u, v):
        uv += a * b
        vv += b * b
    norm = round(math.sqrt(uv / vv), 11)
    if abs(norm - EXPECTED.get(n, 1.2742)) > (1e-10 if n in EXPECTED else 0.003):
        raise AssertionError(f"spectral_norm({n}): got {norm}, expected {EXPECTED.get(n, 1.2742)}")
    return norm


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
