"""Room numerics: validation of the arguments of public functions: float type, shape, range of ids.

Tests: tests/numerics/test_losses.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import IdError, ParameterError, ShapeError

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.int64]

REDUCTIONS = ("sum", "mean")


def as_floats(name: str, value: ArrayLike) -> FloatArray:
    """Convert ``value`` to an array. Floats keep their type without a copy; integers and booleans become float64."""
    array = np.asarray(value)
    if array.dtype.kind == "f":
        return array
    if array.dtype.kind in "iub":
        return array.astype(np.float64)
    raise ParameterError(f"{name} must hold real numbers, got dtype {array.dtype}")


def as_ids(name: str, value: ArrayLike, n_rows: int) -> IntArray:
    """Convert ``value`` to int64 ids, each in [0, n_rows)."""
    array = np.asarray(value)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise ParameterError(f"{name} must hold integers, got dtype {array.dtype}")
    if array.size and (array.min() < 0 or array.max() >= n_rows):
        wrong = array[(array < 0) | (array >= n_rows)].flat[0]
        raise IdError(f"{name} must be in [0, {n_rows}), got {wrong}")
    return array.astype(np.int64, copy=False)


def as_counts(name: str, value: ArrayLike) -> IntArray:
    """Convert ``value`` to int64 counts, in one dimension, each at least 0."""
    array = np.asarray(value)
    if array.ndim != 1:
        raise ShapeError(f"{name} must have the shape (V,), got {array.shape}")
    if array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise ParameterError(f"{name} must hold integers, got dtype {array.dtype}")
    if array.size and array.min() < 0:
        raise ParameterError(f"{name} must not be negative, got {array.min()}")
    return array.astype(np.int64, copy=False)


def as_counts_or_weights(name: str, value: ArrayLike) -> FloatArray | IntArray:
    """Convert ``value`` to int64 counts, or to float64 sums of weights: finite numbers of at least 0, one dimension."""
    array = np.asarray(value)
    if array.dtype.kind != "f":
        return as_counts(name, array)
    validate_dimensions(name, array, "V")
    wrong = ~(np.isfinite(array) & (array >= 0))
    if wrong.any():
        raise ParameterError(f"{name} must be finite and not negative, got {array[wrong][0]}")
    return array.astype(np.float64, copy=False)


def validate_dimensions(name: str, array: NDArray[Any], letters: str) -> None:
    """Raise ShapeError unless ``array`` has one dimension for each of the comma-separated size letters."""
    n_letters = len(letters.split(",")) if letters else 0
    if array.ndim != n_letters:
        comma = "," if n_letters == 1 else ""
        raise ShapeError(f"{name} must have the shape ({letters}{comma}), got {array.shape}")
