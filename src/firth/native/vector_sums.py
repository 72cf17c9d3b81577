"""Room native: ctypes declaration of the core's sums of rows, for vectors of texts (native/cpp/vectors/sums.cpp).

Tests: tests/vectors/test_texts.py.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.native.loader import library, validate_status
from firth.native.stopping import run_stoppable

_FEW_TOKENS = 1 << 16  # take milliseconds: not worth a thread of their own


def sum_rows(
    matrix: NDArray[np.float32],
    token_ids: NDArray[np.int64],
    borders: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    *,
    normalize: bool,
) -> tuple[NDArray[np.float64], int | None]:
    """For each text the weighted sum of its tokens' rows, (n_texts, D); and the first token whose row is not finite.

    Parameters
    ----------
    matrix : float32 array, (n_rows, D)
        The elements of a row must lie side by side; rows may be apart.
    token_ids : int64 array, (n_tokens,), in [0, n_rows)
    borders : int64 array, (n_texts + 1,), rising from 0 to n_tokens
    weights : float64 array, (n_tokens,), or None: every weight is 1
    normalize : bool
        Divide each row by its length first; a row of length 0 stays 0.
    """
    n_rows, n_dims = matrix.shape
    token_ids, borders = (np.ascontiguousarray(array, np.int64) for array in (token_ids, borders))
    weights = None if weights is None else np.ascontiguousarray(weights, np.float64)
    n_tokens, n_texts = len(token_ids), len(borders) - 1
    row_step, step = matrix.strides if matrix.size else (4 * n_dims, 4)  # an empty array has any strides
    if matrix.dtype != np.float32 or step != 4 or row_step < 0 or row_step % 4:
        raise ValueError(f"matrix must be float32 with the elements of a row side by side, got {matrix.dtype}")
    if borders[0] != 0 or borders[-1] != n_tokens or np.any(borders[1:] < borders[:-1]):
        raise ValueError(f"borders must rise from 0 to {n_tokens}")
    if weights is not None and len(weights) != n_tokens:
        raise ValueError(f"weights must be {n_tokens}, got {len(weights)}")
    sums = np.empty((n_texts, n_dims))
    core, function = library(), _function()

    def call() -> int:
        status = function(
            matrix.ctypes.data,
            row_step // 4,
            n_rows,
            n_dims,
            token_ids.ctypes.data,
            borders.ctypes.data,
            n_texts,
            None if weights is None else weights.ctypes.data,
            int(normalize),
            sums.ctypes.data,
        )
        return validate_status(core, status)

    first_bad = call() if n_tokens <= _FEW_TOKENS else run_stoppable(call)
    return sums, None if first_bad == n_tokens else first_bad


@functools.cache
def _function() -> Any:
    function = library().firth_vectors_sum_rows
    pointer, size = ctypes.c_void_p, ctypes.c_int64
    function.argtypes = [pointer, size, size, size, pointer, pointer, size, pointer, size, pointer]
    function.restype = size
    return function


__all__ = ["sum_rows"]
