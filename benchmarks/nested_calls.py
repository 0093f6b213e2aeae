"""A chain of small functions that call each other: stands for plain Python-to-Python calls."""

DEFAULT_SIZE = 1200000
QUICK_SIZE = 150000
HOT = ("level_one", "level_two", "level_three", "level_four", "level_five", "drive")

EXPECTED = {150000: 7790, 1200000: 7790}

MODULUS = 65521


def level_five(a, b):
    return (a * 3 + b) % MODULUS


def level_four(a, b):
    return level_five(a + 1, b) + level_five(b, a)


def level_three(a, b, c):
    return level_four(a, b + c)


def level_two(a, b):
    return level_three(a, b, 2) - b


def level_one(a):
    return level_two(a, a & 7)


def drive(n):
    state = 1
    for _ in range(n):
        state = level_one(state) % MODULUS
    return state


def run(n):
    """Go down the chain n times, each time with the result of the last."""
    result = drive(n)
    state = 1
    for _ in range(min(n, 1000)):
        low = state & 7
        state = ((3 * (state + 1) + low + 2) % MODULUS + (3 * (low + 2) + state) % MODULUS - low) % MODULUS
    if drive(min(n, 1000)) != state:
        raise AssertionError(f"nested_calls({min(n, 1000)}): got {drive(min(n, 1000))}, expected {state}")
    if result != EXPECTED.get(n, result):
        raise AssertionError(f"nested_calls({n}): got {result}, expected {EXPECTED[n]}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
