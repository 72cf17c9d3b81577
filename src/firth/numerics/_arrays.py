"""Room numerics: what every public border here asks of its arguments: a float type, a shape, ids in range.

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
    """``value`` as an array of its own float type; integers and booleans become float64. Never a copy of floats."""
    array = np.asarray(value)
    if array.dtype.kind == "f":
        return array
    if array.dtype.kind in "iub":
        return array.astype(np.float64)
    raise ParameterError(f"{name} must hold real numbers, got dtype {array.dtype}")


def as_ids(name: str, value: ArrayLike, n_rows: int) -> IntArray:
    """``value`` as int64 ids, each of them in [0, n_rows)."""
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
    """``value`` as int64 counts, one dimension, none negative."""
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


def validate_dimensions(name: str, array: NDArray[Any], letters: str) -> None:
    """Raise ShapeError unless ``array`` has one dimension for each of the comma-separated size letters."""
    n_letters = len(letters.split(",")) if letters else 0
    if array.ndim != n_letters:
        comma = "," if n_letters == 1 else ""
        raise ShapeError(f"{name} must have the shape ({letters}{comma}), got {array.shape}")
