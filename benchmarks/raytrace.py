"""A ray tracer: stands for many small short-lived objects with arithmetic methods."""

import math

DEFAULT_SIZE = 200
QUICK_SIZE = 60
HOT = ("Vector.__add__", "Vector.__sub__", "Vector.scaled", "Vector.dot", "Vector.normalised", "Vector.reflected",
       "Sphere.distance", "Plane.distance", "Scene.nearest", "Scene.colour", "Scene.is_lit", "Scene.render")

EXPECTED = {60: 14608.56494, 200: 162437.462138}


class Vector:
    def __init__(self, x, y, z):
        self.x = x
        self.y = y
        self.z = z

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y, self.z + other.z)

    def __sub__(self, other):
        return Vector(self.x - other.x, self.y - other.y, self.z - other.z)

    def dot(self, other):
        return self.x * other.x + self.y * other.y + self.z * other.z

    def scaled(self, factor):
        return Vector(self.x * factor, self.y * factor, self.z * factor)

    def normalised(self):
        return self.scaled(1.0 / math.sqrt(self.dot(self)))

    def reflected(self, normal):
        return self - normal.scaled(2.0 * self.dot(normal))


class Ray:
    def __init__(self, origin, direction):
        self.origin = origin
        self.direction = direction

    def at(self, distance):
        return self.origin + self.direction.scaled(distance)


class Sphere:
    def __init__(self, centre, radius, colour, mirror):
        self.centre = centre
        self.radius = radius
        self.colour = colour
        self.mirror = mirror

    def distance(self, ray):
        to_centre = self.centre - ray.origin
        along = to_centre.dot(ray.direction)
        inside = self.radius * self.radius - to_centre.dot(to_centre) + along * along
        if inside < 0.0:
            return None
        distance = along - math.sqrt(inside)
        return distance if distance > 1e-6 else None

    def normal(self, point):
        return (point - self.centre).normalised()

    def colour_at(self, point):
        return self.colour


class Plane:
    """A horizontal chess board."""

    def __init__(self, height, colour, other_colour, mirror):
        self.height = height
        self.colour = colour
        self.other_colour = other_colour
        self.mirror = mirror

    def distance(self, ray):
        if abs(ray.direction.y) < 1e-9:
            return None
        distance = (self.height - ray.origin.y) / ray.direction.y
        return distance if distance > 1e-6 else None

    def normal(self, point):
        return Vector(0.0, 1.0, 0.0)

    def colour_at(self, point):
        if (math.floor(point.x) + math.floor(point.z)) % 2:
            return self.other_colour
        return self.colour


class Scene:
    def __init__(self):
        self.things = [
            Sphere(Vector(0.0, 0.5, 4.0), 1.0, Vector(1.0, 0.2, 0.2), 0.3),
            Sphere(Vector(1.7, 0.0, 3.0), 0.5, Vector(0.2, 1.0, 0.2), 0.5),
            Sphere(Vector(-1.5, 0.2, 3.5), 0.7, Vector(0.2, 0.2, 1.0), 0.0),
            Plane(-0.5, Vector(0.9, 0.9, 0.9), Vector(0.1, 0.1, 0.1), 0.1),
        ]
        self.light = Vector(5.0, 8.0, -3.0)
        self.sky = Vector(0.5, 0.7, 1.0)

    def nearest(self, ray):
        best = None
        best_distance = math.inf
        for thing in self.things:
            distance = thing.distance(ray)
            if distance is not None and distance < best_distance:
                best = thing
                best_distance = distance
        return best, best_distance

    def is_lit(self, point, to_light):
        ray = Ray(point, to_light)
        for thing in self.things:
            if thing.distance(ray) is not None:
                return False
        return True

    def colour(self, ray, depth):
        thing, distance = self.nearest(ray)
        if thing is None:
            return self.sky
        point = ray.at(distance)
        normal = thing.normal(point)
        to_light = (self.light - point).normalised()
        brightness = 0.2
        if self.is_lit(point, to_light):
            brightness += 0.8 * max(0.0, normal.dot(to_light))
        colour = thing.colour_at(point).scaled(brightness)
        if depth > 0 and thing.mirror > 0.0:
            mirrored = self.colour(Ray(point, ray.direction.reflected(normal)), depth - 1)
            colour = colour.scaled(1.0 - thing.mirror) + mirrored.scaled(thing.mirror)
        return colour

    def render(self, size):
        eye = Vector(0.0, 1.0, -1.0)
        rows = []
        for j in range(size):
            row = []
            for i in range(size):
                direction = Vector((i + 0.5) / size - 0.5, 0.5 - (j + 0.5) / size, 1.0).normalised()
                row.append(self.colour(Ray(eye, direction), 3))
            rows.append(row)
        return rows


def run(n):
    """Render an image of n x n pixels."""
    rows = Scene().render(n)
    total = 0.0
    for row in rows:
        for pixel in row:
            for part in (pixel.x, pixel.y, pixel.z):
                if not 0.0 <= part <= 1.0:
                    raise AssertionError(f"raytrace({n}): a colour is {part}, expected 0 to 1")
            total += pixel.x + 2.0 * pixel.y + 4.0 * pixel.z
    result = round(total, 6)
    if abs(result - EXPECTED.get(n, result)) > 2e-6:
        raise AssertionError(f"raytrace({n}): got {result}, expected {EXPECTED[n]}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
