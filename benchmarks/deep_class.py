"""Objects of a deep class hierarchy: stands for frameworks with `super()` chains and inherited attributes."""

DEFAULT_SIZE = 120000
QUICK_SIZE = 12000
HOT = ("Base.__init__", "Leaf.__init__", "Base.describe", "Leaf.describe", "Base.update", "Level3.update",
       "Leaf.update", "Base.area", "Leaf.kind", "drive")

EXPECTED = {12000: 3378000, 120000: 33780000}


class Base:
    scale = 2

    def __init__(self, name, width):
        self.name = name
        self.width = width
        self.updates = 0

    def describe(self):
        return 1

    def update(self, amount):
        self.updates += amount
        return self.updates

    def area(self):
        return self.width * self.scale

    @classmethod
    def kind(cls):
        return cls.scale


class Level1(Base):
    def __init__(self, name, width, height):
        super().__init__(name, width)
        self.height = height

    def describe(self):
        return super().describe() + 1


class Level2(Level1):
    def __init__(self, name, width, height, depth=1):
        super().__init__(name, width, height)
        self.depth = depth

    def describe(self):
        return super().describe() + 1


class Level3(Level2):
    def update(self, amount):
        return super().update(amount + 1)


class Level4(Level3):
    def describe(self):
        return super().describe() + 1


class Level5(Level4):
    scale = 3

    def describe(self):
        return super().describe() + 1


class Level6(Level5):
    def update(self, amount):
        return super().update(amount * 2)


class Leaf(Level6):
    def __init__(self, name, width):
        super().__init__(name, width, 4, depth=2)
        self.leaf = True

    def describe(self):
        return super().describe() + 1

    def update(self, amount):
        return super().update(amount - 1)

    @classmethod
    def kind(cls):
        return super().kind() + 1

    @property
    def volume(self):
        return self.area() * self.height * self.depth


def drive(n):
    total = 0
    for i in range(n):
        leaf = Leaf("leaf", i % 20)
        total += leaf.describe() + leaf.update(3) + leaf.update(i % 4)
        total += leaf.area() + leaf.volume + leaf.kind() + leaf.scale
    return total


def run(n):
    """Make n leaves and call the methods of each."""
    result = drive(n)
    expected = sum(6 + 5 + (5 + 2 * (i % 4 - 1) + 1) + 3 * (i % 20) * 9 + 4 + 3 for i in range(n))
    if result != EXPECTED.get(n, expected):
        raise AssertionError(f"deep_class({n}): got {result}, expected {EXPECTED.get(n, expected)}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
