"""Recursive Fibonacci numbers: stands for plain recursive calls and small-int arithmetic."""

DEFAULT_SIZE = 31
QUICK_SIZE = 26
HOT = ("fibonacci",)

EXPECTED = {26: 121393, 31: 1346269}


def fibonacci(n):
    if n < 2:
        return n
    return fibonacci(n - 1) + fibonacci(n - 2)


def run(n):
    """Compute the n-th Fibonacci number recursively."""
    result = fibonacci(n)
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    if result != EXPECTED.get(n, a) or result != a:
        raise AssertionError(f"fibonacci({n}): got {result}, expected {EXPECTED.get(n, a)}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
