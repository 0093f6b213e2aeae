"""The chaos game on B-splines: stands for small objects with arithmetic operators and random choices."""

import math
import random

DEFAULT_SIZE = 25000
QUICK_SIZE = 1500
HOT = ("Point.__add__", "Point.__sub__", "Point.__mul__", "Point.length", "Spline.__call__", "Spline.domain",
       "ChaosGame.transform")

# Digest of the pixels hit.
EXPECTED = {1500: 638291, 25000: 6089}


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __add__(self, other):
        return Point(self.x + other.x, self.y + other.y)

    def __sub__(self, other):
        return Point(self.x - other.x, self.y - other.y)

    def __mul__(self, factor):
        return Point(self.x * factor, self.y * factor)

    def length(self):
        return math.sqrt(self.x * self.x + self.y * self.y)

    def between(self, other, weight):
        return self * (1.0 - weight) + other * weight


class Spline:
    """A B-spline, evaluated by de Boor's algorithm."""

    def __init__(self, points, degree, knots):
        if len(knots) != len(points) + degree - 1:
            raise ValueError(f"{len(points)} points of degree {degree} need {len(points) + degree - 1} knots, "
                             f"got {len(knots)}")
        self.points = points
        self.degree = degree
        self.knots = knots

    def domain(self):
        return self.knots[self.degree - 1], self.knots[len(self.knots) - self.degree]

    def segment(self, u):
        low, high = self.domain()
        for i in range(self.degree - 1, len(self.knots) - self.degree):
            if self.knots[i] <= u < self.knots[i + 1]:
                return i
        return len(self.knots) - self.degree - 1

    def __call__(self, u):
        last = self.segment(u)
        first = last - self.degree + 1
        work = [self.points[first + i] for i in range(self.degree + 1)]
        for level in range(1, self.degree + 1):
            for i in range(self.degree - level + 1):
                low = self.knots[first + i + level - 1]
                high = self.knots[last + i + 1]
                weight = (u - low) / (high - low)
                work[i] = work[i].between(work[i + 1], weight)
        return work[0]


class ChaosGame:
    def __init__(self, splines, thickness, seed):
        self.splines = splines
        self.thickness = thickness
        self.random = random.Random(seed)
        self.lengths = [self.length_of(spline) for spline in splines]
        self.total_length = 0.0
        for length in self.lengths:
            self.total_length += length
        corners = [spline(u / 64 * spline.domain()[1]) for spline in splines for u in range(64)]
        self.min_x = min(point.x for point in corners) - thickness
        self.min_y = min(point.y for point in corners) - thickness
        self.width = max(point.x for point in corners) + thickness - self.min_x
        self.height = max(point.y for point in corners) + thickness - self.min_y

    def length_of(self, spline):
        low, high = spline.domain()
        length = 0.0
        previous = spline(low)
        for i in range(1, 65):
            here = spline(low + (high - low) * i / 64)
            length += (here - previous).length()
            previous = here
        return length

    def choose(self):
        position = self.random.random() * self.total_length
        for i in range(len(self.lengths)):
            position -= self.lengths[i]
            if position <= 0.0:
                return self.splines[i]
        return self.splines[-1]

    def transform(self, point):
        """Map the point into the ribbon along a randomly chosen spline."""
        spline = self.choose()
        across = (point.x - self.min_x) / self.width
        along = (point.y - self.min_y) / self.height
        low, high = spline.domain()
        u = low + across * (high - low)
        step = (high - low) / 50000
        base = spline(u)
        if u + step <= high:
            direction = spline(u + step) - base
        else:
            direction = base - spline(u - step)
        distance = (along - 0.5) * self.thickness
        length = direction.length()
        if length > 0.0:
            base = base + Point(direction.y, -direction.x) * (distance / length)
        x = min(max(base.x, self.min_x), self.min_x + self.width)
        y = min(max(base.y, self.min_y), self.min_y + self.height)
        return Point(x, y)

    def play(self, rounds, size):
        image = [bytearray(size) for _ in range(size)]
        point = Point(self.min_x + 0.5 * self.width, self.min_y + 0.5 * self.height)
        for _ in range(rounds):
            point = self.transform(point)
            column = int((point.x - self.min_x) / self.width * (size - 1))
            row = int((point.y - self.min_y) / self.height * (size - 1))
            image[row][column] = 1
        return image


SPLINES = [
    Spline([Point(1.6, 0.3), Point(1.68, 0.3), Point(1.88, 0.52), Point(1.84, 1.0), Point(1.7, 1.3),
            Point(1.2, 1.33)], 3, [0, 0, 0, 1, 1, 2, 2, 2]),
    Spline([Point(0.34, 0.31), Point(0.5, 0.95), Point(0.71, 1.3), Point(1.2, 1.35)], 3, [0, 0, 0, 1, 1, 1]),
    Spline([Point(0.95, 0.42), Point(1.2, 0.43), Point(1.35, 0.44), Point(1.6, 0.3)], 3, [0, 0, 0, 1, 1, 1]),
]


def run(n):
    """Draw n points of the attractor on a raster of 200 x 200."""
    image = ChaosGame(SPLINES, 0.25, 1234).play(n, 200)
    hits = sum(sum(row) for row in image)
    if not 1 <= hits <= n:
        raise AssertionError(f"chaos_game({n}): {hits} pixels hit, expected 1 to {n}")
    digest = hits
    for row in image:
        for column, pixel in enumerate(row):
            if pixel:
                digest = (digest * 31 + column) % 1000003
    if digest != EXPECTED.get(n, digest):
        raise AssertionError(f"chaos_game({n}): got digest {digest}, expected {EXPECTED[n]}")
    return digest


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
