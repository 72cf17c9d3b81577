"""Room native: ctypes declarations of the core's product quantization.

Tests: tests/classification/test_quantization.py.
"""

from __future__ import annotations

import ctypes
import functools

import numpy as np
from numpy.typing import NDArray

from firth.native.loader import library, validate_status

N_CENTROIDS = 256
_SIZE = ctypes.c_int64
_POINTER = ctypes.c_void_p


def train_centroids(points: NDArray[np.float32], centroids: NDArray[np.float32], n_rounds: int) -> None:
    """Move ``centroids`` (256, d), which hold starting points, to means of the nearest of ``points`` (n, d)."""
    n_points, n_dims = points.shape
    if centroids.shape != (N_CENTROIDS, n_dims) or not (points.flags.c_contiguous and centroids.flags.c_contiguous):
        raise ValueError("points and centroids must be contiguous, of as many columns, and the centroids 256")
    core = _library()
    validate_status(
        core, core.firth_quantize_train(points.ctypes.data, n_points, n_dims, n_rounds, centroids.ctypes.data)
    )


def assign_codes(
    rows: NDArray[np.float32],
    first: int,
    norms: NDArray[np.float32] | None,
    centroids: NDArray[np.float32],
    codes: NDArray[np.uint8],
    part: int,
) -> None:
    """Fill column ``part`` of ``codes`` with the centroids nearest to the columns from ``first`` on of each row."""
    n_rows, stride = rows.shape
    n_dims = centroids.shape[1]
    if not rows.flags.c_contiguous or first + n_dims > stride or len(codes) != n_rows or not codes.flags.c_contiguous:
        raise ValueError("rows must be contiguous, have the columns of the part, and a code each")
    core = _library()
    validate_status(
        core,
        core.firth_quantize_assign(
            rows.ctypes.data,
            n_rows,
            stride,
            first,
            n_dims,
            None if norms is None else norms.ctypes.data,
            centroids.ctypes.data,
            codes.ctypes.data + part,
            codes.shape[1],
        ),
    )


@functools.cache
def _library() -> ctypes.CDLL:
    core = library()
    for name, argtypes in {
        "firth_quantize_train": [_POINTER, _SIZE, _SIZE, _SIZE, _POINTER],
        "firth_quantize_assign": [_POINTER, *[_SIZE] * 4, *[_POINTER] * 3, _SIZE],
    }.items():
        function = getattr(core, name)
        function.restype = _SIZE
        function.argtypes = argtypes
    return core


__all__ = ["N_CENTROIDS", "assign_codes", "train_centroids"]
