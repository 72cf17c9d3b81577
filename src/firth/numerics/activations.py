"""Room numerics: sigmoid, softmax, their logarithms and the sigmoid's derivative, numerically stable at every input."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from firth.errors import ParameterError, ShapeError
from firth.numerics._arrays import FloatArray, as_floats


def sigmoid(x: ArrayLike) -> Any:
    """The logistic function, elementwise.

    s(x) = 1 / (1 + exp(-x)), evaluated as exp(x) / (1 + exp(x)) if x < 0. So no exponential overflows, and small values
    have full precision.

    Parameters
    ----------
    x : float array of any shape, or a scalar
        Integers are taken as float64. Not modified.

    Returns
    -------
    float array of the same shape and float type; a NumPy scalar for a scalar

    Raises
    ------
    ParameterError
        ``x`` is not real numbers.
    """
    array = as_floats("x", x)
    decay = _exp_of_minus_magnitude(array)
    return _like(array, np.where(array >= 0, 1, decay) / (1 + decay))


def log_sigmoid(x: ArrayLike) -> Any:
    """The logarithm of the logistic function, elementwise, never -inf at a finite input.

    log s(x) = min(x, 0) - log(1 + exp(-|x|)). For example, log s(-1000) is -1000.

    See :func:`sigmoid` for parameters and returns.
    """
    array = as_floats("x", x)
    decay = _exp_of_minus_magnitude(array)
    return _like(array, np.minimum(array, 0) - np.log1p(decay))


def sigmoid_gradient(value: ArrayLike) -> Any:
    """The derivative of the logistic function, computed from its *value*, elementwise.

    With v = s(x): ds/dx = v (1 - v). The function does not apply the sigmoid: pass ``sigmoid(x)``, not ``x``.

    Parameters
    ----------
    value : float array of any shape, or a scalar
        Values of the sigmoid. Not modified.

    Returns
    -------
    float array of the same shape and float type; a NumPy scalar for a scalar
    """
    array = as_floats("value", value)
    return _like(array, array * (1 - array))


def softmax(x: ArrayLike, axis: int = -1) -> Any:
    """Probabilities from logits along one axis.

    softmax(x)_i = exp(x_i - m) / sum_j exp(x_j - m), m = max_j x_j. The shift by m avoids overflow and does not change
    the result.

    Parameters
    ----------
    x : float array of any shape, or a scalar (one class: 1.0)
        Integers are taken as float64. Not modified. A logit of -inf is a class of probability zero.
    axis : int
        The axis of the classes.

    Returns
    -------
    float array of the same shape and float type, summing to one along ``axis``

    Raises
    ------
    ParameterError, ShapeError
        ``x`` is not real numbers; or ``x`` has no such axis, or no class along it.
    """
    array = as_floats("x", x)
    if array.ndim == 0:
        return _like(array, np.ones_like(array))
    work = _shifted(array, axis)
    with np.errstate(under="ignore"):
        np.exp(work, out=work)
        work /= work.sum(axis=axis, keepdims=True)
    return _like(array, work)


def log_softmax(x: ArrayLike, axis: int = -1) -> Any:
    """Log-probabilities from logits along one axis, finite wherever the logits are.

    log softmax(x)_i = x_i - m - log(1 + sum_{j != a} exp(x_j - m)), m = x_a = max_j x_j. The sum is without its largest
    term and uses log1p, so a log-probability close to zero has full precision.

    See :func:`softmax` for parameters, returns and errors.
    """
    array = as_floats("x", x)
    if array.ndim == 0:
        return _like(array, np.zeros_like(array))
    work = _shifted(array, axis)
    with np.errstate(under="ignore"):
        powers = np.exp(work)
        largest = np.expand_dims(np.argmax(array, axis=axis), axis)
        np.put_along_axis(powers, largest, 0, axis=axis)
        work -= np.log1p(powers.sum(axis=axis, keepdims=True))
    return _like(array, work)


def _exp_of_minus_magnitude(array: FloatArray) -> FloatArray:
    with np.errstate(under="ignore"):
        decay: FloatArray = np.exp(-np.abs(array.astype(_work_type(array), copy=False)))
    return decay


def _shifted(array: FloatArray, axis: int) -> FloatArray:
    """A copy of the logits minus their maximum along ``axis``."""
    if not isinstance(axis, (int, np.integer)):
        raise ParameterError(f"axis must be an integer, got {axis!r}")
    if not -array.ndim <= axis < array.ndim:
        raise ShapeError(f"axis must be in [{-array.ndim}, {array.ndim}) for the shape {array.shape}, got {axis}")
    if array.shape[axis] == 0:
        raise ShapeError(f"x must have at least one class along axis {axis}, got the shape {array.shape}")
    work = array.astype(_work_type(array), copy=True)
    with np.errstate(
        over="ignore"
    ):  # for 1e308 and -1e308 the difference is -inf and the probability 0, which is correct
        work -= work.max(axis=axis, keepdims=True)
    return work


def _work_type(array: FloatArray) -> np.dtype[Any]:
    """The float type of the computation: float32 for float16, because 1 + exp(-|x|) would lose half of the bits."""
    return np.promote_types(array.dtype, np.float32)


def _like(array: FloatArray, result: FloatArray) -> Any:
    """Convert ``result`` to the float type of ``array``; to a scalar if ``array`` is a scalar."""
    with np.errstate(under="ignore"):
        return result.astype(array.dtype, copy=False)[()]
