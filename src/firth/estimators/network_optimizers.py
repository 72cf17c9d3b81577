"""Room estimators: Adam and stochastic gradient descent with momentum, on packed parameters, in place.

Tests: tests/estimators/test_network.py.
"""

from __future__ import annotations

import math

import numpy as np

from firth.numerics._arrays import FloatArray


class Adam:
    """Adam on packed parameters, in place.

    m <- beta_1 m + (1 - beta_1) g,  v <- beta_2 v + (1 - beta_2) g^2,
    p <- p - rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)     [Kingma, Ba 2015, end of section 2]

    The moments are kept divided by 1 - beta, which spares two passes; the update makes up for it.
    """

    def __init__(self, parameters: FloatArray, rate: float, beta_1: float, beta_2: float, epsilon: float) -> None:
        # Python's floats: a NumPy scalar of float64 would widen float32 arrays.
        self.rate, self.beta_1 = float(rate), float(beta_1)
        self.beta_2, self.epsilon = float(beta_2), float(epsilon)
        self.first, self.second = np.zeros_like(parameters), np.zeros_like(parameters)
        self.step = np.empty_like(parameters)
        self.n_updates = 0

    def update(self, parameters: FloatArray, gradient: FloatArray) -> None:
        """One step; ``gradient`` is not changed."""
        self.n_updates += 1
        root = math.sqrt(1 - self.beta_2)
        rate = self.rate * math.sqrt(1 - self.beta_2**self.n_updates) / (1 - self.beta_1**self.n_updates)
        first, second, step = self.first, self.second, self.step
        np.multiply(first, self.beta_1, out=first)
        np.add(first, gradient, out=first)
        np.multiply(second, self.beta_2, out=second)
        np.multiply(gradient, gradient, out=step)
        np.add(second, step, out=second)
        np.sqrt(second, out=step)
        np.add(step, self.epsilon / root, out=step)
        np.divide(first, step, out=step)
        np.multiply(step, rate * (1 - self.beta_1) / root, out=step)
        np.subtract(parameters, step, out=parameters)


class MomentumSGD:
    """Stochastic gradient descent with momentum, Nesterov's or the plain one, in place.

    u <- momentum u - rate g;  p <- p + u, or with Nesterov's  p <- p + momentum u - rate g.
    """

    def __init__(self, parameters: FloatArray, rate: float, momentum: float, nesterov: bool) -> None:
        self.rate, self.momentum, self.nesterov = rate, momentum, nesterov
        self.velocity = np.zeros_like(parameters)
        self.step = np.empty_like(parameters)

    def update(self, parameters: FloatArray, gradient: FloatArray) -> None:
        """One step; ``gradient`` is not changed."""
        velocity, step = self.velocity, self.step
        np.multiply(gradient, float(self.rate), out=step)
        np.multiply(velocity, float(self.momentum), out=velocity)
        np.subtract(velocity, step, out=velocity)
        if self.nesterov:
            np.subtract(parameters, step, out=parameters)
            np.multiply(velocity, float(self.momentum), out=step)
            np.add(parameters, step, out=parameters)
        else:
            np.add(parameters, velocity, out=parameters)
