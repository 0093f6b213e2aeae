"""What is in registers when an object is released whose end runs code: nothing of it may change."""

from support import differential

NOISY = """
        class Noisy:
            def __init__(self, k): self.k = k
            def __del__(self):
                x, y = self.k * 1.25, self.k + 0.5
                for i in range(20): x, y = x * y % 7.0, y + x * 0.5
                log.append(x + y)
        log = []
"""


def test_doubles():
    differential(NOISY + """
        def f(n, a, b):
            s, t, u, v, w = a * 1.5, b * 2.5, a + b, a - b, a * b
            o = Noisy(0)
            for i in range(n):
                o = Noisy(i)
                s, t, u, v, w = s + t * 0.5, t + u * 0.25, u - v, v + w * 0.125, w + i
            o = None
            result, log[:] = list(log), []
            return s, t, u, v, w, result
    """, [(0, 1.0, 2.0), (9, 1.5, -2.25)])


def test_no_doubles():
    differential(NOISY + """
        def f(n, a, b):
            s, t, u, v, w = a, b, a + b, a - b, a ^ b
            o = Noisy(0)
            for i in range(n):
                o = Noisy(i)
                s, t, u, v, w = s + t, t ^ u, u - v, v + (w & 255), w + i
            o = None
            result, log[:] = list(log), []
            return s, t, u, v, w, result
    """, [(0, 1, 2), (9, 1 << 40, -3)])
