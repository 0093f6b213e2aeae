"""Autograd on NumPy: a training loop of a small network, with a tape and an Adam optimiser written in Python."""

import autograd.numpy as np
import inputs
from autograd import grad
from autograd.misc.optimizers import adam

DEFAULT_SIZE = 370
PACKAGES = ("autograd", "numpy")


def _network(parameters, inputs_):
    for weights, bias in parameters[:-1]:
        inputs_ = np.tanh(np.dot(inputs_, weights) + bias)
    weights, bias = parameters[-1]
    return np.dot(inputs_, weights) + bias


def run(step, size):
    rng = inputs.generator(1)
    points = np.array([[rng.uniform(-1, 1) for _ in range(4)] for _ in range(32)])
    wanted = np.sin(points.sum(axis=1, keepdims=True) * 2)
    widths = (4, 8, 8, 1)
    parameters = [(np.array([[rng.gauss(0, 0.5) for _ in range(b)] for _ in range(a)]), np.zeros(b))
                  for a, b in zip(widths, widths[1:])]

    def loss(parameters, number):
        error = _network(parameters, points) - wanted
        decay = sum(np.sum(weights ** 2) for weights, _ in parameters)
        return np.mean(error ** 2) + 1e-4 * decay

    gradient = grad(loss)
    for i in range(size):
        parameters = adam(gradient, parameters, step_size=0.01, num_iters=20)
        step(float("%.6g" % loss(parameters, i)))
