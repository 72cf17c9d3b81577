"""Room compat: the course's gradient checker, which prints its verdict. firth.check_gradient returns a diagnosis."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from firth.errors import ParameterError, ShapeError
from firth.numerics.gradients import RowGradient

STEP = 1e-4  # "Do not change this!", says the course
TOLERANCE = 1e-5


def gradcheck_naive(f: Callable[[Any], tuple[Any, Any]], x: Any) -> None:
    """Check a gradient by central differences, coordinate by coordinate, and print the verdict.

        numerical = (f(x + h) - f(x - h)) / 2h,  h = 1e-4
        failed when |numerical - yours| / max(1, |numerical|, |yours|) > 1e-5

    Prints ``Gradient check passed!``, or ``Gradient check failed.`` with the first failing index and both gradients. As
    in the course, every evaluation starts with the same state of ``random``, and the state after the last evaluation
    remains. ``x`` is changed during the check and restored, even if ``f`` raises.

    Parameters
    ----------
    f : function of x, returning the cost and the gradient, which may be a RowGradient
    x : float array of any shape

    Raises
    ------
    ParameterError, ShapeError
        ``x`` is not an array of floats that can be changed by h, or the gradient has another shape.

    See Also
    --------
    firth.check_gradient : differences of higher order, every kind of randomness restored, and a diagnosis.
    """
    failure = first_failure(f, x)
    if failure is None:
        print("Gradient check passed!")
    else:
        print("Gradient check failed.")
        print(f"First gradient error found at index {failure[0]}")
        print(f"Your gradient: {failure[1]:f} \t Numerical gradient: {failure[2]:f}")


def first_failure(f: Callable[[Any], tuple[Any, Any]], x: Any) -> tuple[tuple[int, ...], float, float] | None:
    """The first index at which the check fails, and both gradients there; None if it passes."""
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        raise ParameterError(f"x must be an array of floats, got {type(x).__name__} {x!r}; use np.array(x, float)")
    state = random.getstate()
    gradient = f(x)[1]
    if isinstance(gradient, RowGradient):
        gradient = gradient.to_dense(len(x))
    gradient = np.asarray(gradient)
    if gradient.shape != x.shape:
        raise ShapeError(f"gradient must have the shape {x.shape} of x, got {gradient.shape}")
    for index in np.ndindex(x.shape):
        value = x[index]
        try:
            x[index] = value + STEP
            random.setstate(state)
            above = f(x)[0]
            x[index] = value - STEP
            random.setstate(state)
            below = f(x)[0]
        finally:
            x[index] = value
        numerical = float(np.squeeze(above - below)) / (2 * STEP)
        yours = float(gradient[index])
        difference = abs(numerical - yours) / max(1.0, abs(numerical), abs(yours))
        if not difference <= TOLERANCE:  # written so that NaN fails
            return index, yours, numerical
    return None
