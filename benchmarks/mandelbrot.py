"""Iteration counts over the Mandelbrot set: stands for tight float loops."""

DEFAULT_SIZE = 300
QUICK_SIZE = 90
HOT = ("escape_time", "row_total")

EXPECTED = {90: 654714, 300: 649251}

LIMIT = 100


def escape_time(cr, ci):
    zr = zi = 0.0
    for i in range(LIMIT):
        zr2 = zr * zr
        zi2 = zi * zi
        if zr2 + zi2 > 4.0:
            return i
        zi = 2.0 * zr * zi + ci
        zr = zr2 - zi2 + cr
    return LIMIT


def row_total(y, size):
    total = 0
    ci = 2.5 * y / size - 1.25
    for x in range(size):
        total = (total * 3 + escape_time(2.5 * x / size - 2.0, ci)) % 1000003
    return total


def run(n):
    """Compute a raster of n x n points."""
    for point, expected in (((0.0, 0.0), LIMIT), ((2.0, 2.0), 1), ((-1.0, 0.0), LIMIT), ((1.0, 0.0), 3)):
        if escape_time(*point) != expected:
            raise AssertionError(f"mandelbrot({n}): {point} escapes after {escape_time(*point)}, expected {expected}")
    result = 0
    for y in range(n):
        result = (result * 31 + row_total(y, n)) % 1000003
    if result != EXPECTED.get(n, result):
        raise AssertionError(f"mandelbrot({n}): got digest {result}, expected {EXPECTED[n]}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
