"""Room compat: the p-value of a correlation, which gensim's evaluation returns too.

Tests: tests/compat/gensim/test_keyedvectors.py.
"""

from __future__ import annotations

import math
from typing import NamedTuple

MAX_STEPS = 300
TOLERANCE = 1e-14


class Correlation(NamedTuple):
    """A correlation coefficient, and its two-sided p-value for the hypothesis of no correlation."""

    statistic: float
    pvalue: float


def with_pvalue(coefficient: float, n_pairs: int) -> Correlation:
    """A correlation coefficient with its p-value; NaN for fewer than three pairs.

    Without correlation, t = r sqrt((n - 2) / (1 - r^2)) has Student's distribution with n - 2 degrees of freedom. So
    p = I_{1 - r^2}((n - 2) / 2, 1 / 2), where I is the regularized incomplete beta function.
    """
    if math.isnan(coefficient) or n_pairs < 3:
        return Correlation(coefficient, math.nan)
    return Correlation(coefficient, incomplete_beta((n_pairs - 2) / 2, 0.5, 1 - coefficient**2))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b), by its continued fraction (Abramowitz and Stegun 26.5.8), evaluated by Lentz's method."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    fraction, upper, lower = 1.0, 1.0, 0.0
    for step in range(MAX_STEPS):
        m = step // 2
        if step == 0:
            term = 1.0
        elif step % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        lower = 1 / (1 + term * lower)
        upper = 1 + term / upper
        fraction *= upper * lower
        if abs(1 - upper * lower) < TOLERANCE:
            break
    return front * (fraction - 1) / a


__all__ = ["Correlation", "incomplete_beta", "with_pvalue"]
