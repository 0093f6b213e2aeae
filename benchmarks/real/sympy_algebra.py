"""SymPy: expanding, factoring, differentiating, integrating, solving and simplifying."""

import inputs
from sympy import Matrix, Poly, diff, exp, expand, factor, integrate, series, simplify, sin, solve, sqrt, symbols, trigsimp

DEFAULT_SIZE = 500
QUICK = True
PACKAGES = ("sympy", "mpmath")


def run(step, size):
    x, y, z = symbols("x y z")
    for i in range(size):
        rng = inputs.generator(i)
        a, b, c = (rng.randint(1, 9) for _ in range(3))
        kind = i % 5
        if kind == 0:
            result = factor(expand((x + a * y) ** 3 * (b * x - y + z) ** 2))
        elif kind == 1:
            result = diff(exp(a * x) * sin(b * x ** 2 + y) / (x + c), x, 2).subs(y, b)
        elif kind == 2:
            result = integrate(expand((a * x ** 2 + b) * (x - c) ** 2) + a * sin(b * x), x)
        elif kind == 3:
            result = [solve(x ** 2 - (a + b) * x + a * b, x), Matrix([[a, x, 1], [b, 1, y], [z, c, 2]]).det(),
                      Poly(x ** 4 - a * x ** 2 + b, x).gcd(Poly(x ** 2 - c, x)).as_expr()]
        else:
            result = [simplify((x ** 2 - a ** 2) / (x - a) + sqrt(b ** 2)), trigsimp(sin(x) ** 2 * a + (1 - sin(x) ** 2) * a),
                      series(exp(a * x) / (1 + b * x), x, 0, 4)]
        step(str(result))
