"""Formulas on floats and on points of floats: stands for floating-point arithmetic with method calls."""

import math

DEFAULT_SIZE = 140000
QUICK_SIZE = 16000
HOT = ("horner", "square_root", "simpson", "Point.normalise", "Point.maximise", "largest_point")

EXPECTED = {16000: 7.949622391, 140000: 15.245977566}

COEFFICIENTS = (0.25, -1.5, 0.75, 2.0, -0.125, 1.0)


def horner(x):
    total = 0.0
    for coefficient in COEFFICIENTS:
        total = total * x + coefficient
    return total


def square_root(x):
    guess = x if x > 1.0 else 1.0
    while True:
        better = 0.5 * (guess + x / guess)
        if abs(better - guess) <= 1e-14 * better:
            return better
        guess = better


def simpson(steps):
    """Integral of x / (1 + x * x) from 0 to 1, which is half the logarithm of 2."""
    width = 1.0 / (2 * steps)
    total = 0.5
    for i in range(1, 2 * steps):
        x = i * width
        total += (4.0 if i % 2 else 2.0) * (x / (1.0 + x * x))
    return total * width / 3.0


class Point:
    def __init__(self, angle):
        self.x = math.sin(angle)
        self.y = math.cos(angle) * 3.0
        self.z = self.x * self.x / 2.0

    def normalise(self):
        length = math.sqrt(self.x * self.x + self.y * self.y + self.z * self.z)
        self.x /= length
        self.y /= length
        self.z /= length

    def maximise(self, other):
        if other.x > self.x:
            self.x = other.x
        if other.y > self.y:
            self.y = other.y
        if other.z > self.z:
            self.z = other.z


def largest_point(count):
    points = [Point(float(i)) for i in range(count)]
    for point in points:
        point.normalise()
    best = points[0]
    for point in points:
        best.maximise(point)
    return best


def run(n):
    """Evaluate n polynomials, n integration steps, n / 8 roots and n points."""
    polynomials = 0.0
    for i in range(n):
        polynomials += horner(i / n)
    roots = 0.0
    for i in range(1, n // 8 + 1):
        root = square_root(float(i))
        if abs(root * root - i) > 1e-9 * i:
            raise AssertionError(f"float_arith({n}): the root of {i} is {root}")
        roots += root
    integral = simpson(n)
    if abs(integral - 0.5 * math.log(2.0)) > 1e-9:
        raise AssertionError(f"float_arith({n}): the integral is {integral}, expected {0.5 * math.log(2.0)}")
    point = largest_point(n)
    for value in (point.x, point.y, point.z):
        if not 0.0 < value <= 1.0:
            raise AssertionError(f"float_arith({n}): a coordinate is {value}, expected at most 1")
    result = round(polynomials / n + roots / n + integral + point.x + point.y + point.z, 9)
    if abs(result - EXPECTED.get(n, result)) > 2e-9:
        raise AssertionError(f"float_arith({n}): got {result}, expected {EXPECTED[n]}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
