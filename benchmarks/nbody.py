"""Planets under gravity: stands for float arithmetic on list elements and object attributes."""

import math

DEFAULT_SIZE = 60000
QUICK_SIZE = 6000
HOT = ("advance",)

EXPECTED = {6000: -0.169064514, 60000: -0.169014744}


class Body:
    def __init__(self, position, velocity, mass):
        self.x, self.y, self.z = position
        self.vx, self.vy, self.vz = velocity
        self.mass = mass


def solar_system():
    day = 365.24
    solar_mass = 4 * math.pi * math.pi
    sun = Body((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), solar_mass)
    jupiter = Body((4.84143144246472090, -1.16032004402742839, -0.103622044471123109),
                   (0.00166007664274403694 * day, 0.00769901118419740425 * day,
                    -0.0000690460016972063023 * day), 0.000954791938424326609 * solar_mass)
    saturn = Body((8.34336671824457987, 4.12479856412430479, -0.403523417114321381),
                  (-0.00276742510726411879 * day, 0.00499852801234917238 * day,
                   0.0000230417297573763929 * day), 0.000285885980666130812 * solar_mass)
    uranus = Body((12.8943695621391310, -15.1111514016986312, -0.223307578892655734),
                  (0.00296460137564761618 * day, 0.00237847173959480950 * day,
                   -0.0000296589568540237556 * day), 0.0000436624404335156298 * solar_mass)
    neptune = Body((15.3796971148509165, -25.9193146099879641, 0.179258772950371181),
                   (0.00268067772490389322 * day, 0.00162824170038242295 * day,
                    -0.0000951592254519715870 * day), 0.0000515138902046611451 * solar_mass)
    return [sun, jupiter, saturn, uranus, neptune]


def offset_momentum(bodies):
    px = py = pz = 0.0
    for body in bodies:
        px += body.vx * body.mass
        py += body.vy * body.mass
        pz += body.vz * body.mass
    sun = bodies[0]
    sun.vx = -px / sun.mass
    sun.vy = -py / sun.mass
    sun.vz = -pz / sun.mass


def energy(bodies):
    total = 0.0
    for i, body in enumerate(bodies):
        total += 0.5 * body.mass * (body.vx * body.vx + body.vy * body.vy + body.vz * body.vz)
        for other in bodies[i + 1:]:
            dx = body.x - other.x
            dy = body.y - other.y
            dz = body.z - other.z
            total -= body.mass * other.mass / math.sqrt(dx * dx + dy * dy + dz * dz)
    return total


def advance(bodies, pairs, dt):
    for a, b in pairs:
        dx = a.x - b.x
        dy = a.y - b.y
        dz = a.z - b.z
        magnitude = dt * ((dx * dx + dy * dy + dz * dz) ** -1.5)
        force_a = a.mass * magnitude
        force_b = b.mass * magnitude
        a.vx -= dx * force_b
        a.vy -= dy * force_b
        a.vz -= dz * force_b
        b.vx += dx * force_a
        b.vy += dy * force_a
        b.vz += dz * force_a
    for body in bodies:
        body.x += dt * body.vx
        body.y += dt * body.vy
        body.z += dt * body.vz


def run(n):
    """Advance the outer planets n steps; the energy must be conserved."""
    bodies = solar_system()
    pairs = [(a, b) for i, a in enumerate(bodies) for b in bodies[i + 1:]]
    offset_momentum(bodies)
    before = energy(bodies)
    if abs(before - -0.169075164) > 1e-8:
        raise AssertionError(f"nbody({n}): initial energy {before}, expected -0.169075164")
    for _ in range(n):
        advance(bodies, pairs, 0.01)
    after = energy(bodies)
    if abs(after - EXPECTED.get(n, before)) > (2e-9 if n in EXPECTED else 1e-4):
        raise AssertionError(f"nbody({n}): final energy {after}, expected {EXPECTED.get(n, before)}")
    return round(after, 9)


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
