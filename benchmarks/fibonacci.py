"""Recursive Fibonacci numbers: stands for plain recursive calls and small-int arithmetic."""

import harness


def fibonacci(n):
    if n < 2:
        return n
    return fibonacci(n - 1) + fibonacci(n - 2)


def run(n):
    """Compute the n-th Fibonacci number recursively; n about 25."""
    result = fibonacci(n)
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    assert result == a, (result, a)


if __name__ == "__main__":
    harness.main(run, 27)
