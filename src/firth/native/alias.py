"""Room native: ctypes declaration of the core's alias table (native/cpp/plan/alias.cpp).

Tests: tests/kernels/test_plan.py.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.native.loader import library, validate_status
from firth.native.stopping import run_stoppable


def make_alias_table(weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Thresholds and aliases of a distribution: ``firth.numerics.build_alias_table``, to the bit.

    Parameters
    ----------
    weights : float64 array, (V,), valid for ``build_alias_table``
    """
    weights = np.ascontiguousarray(weights, np.float64)
    n_words = len(weights)
    shares = weights / weights.sum() * n_words
    thresholds, aliases = np.empty(n_words), np.empty(n_words, np.int32)
    core, function = library(), _function()
    addresses = [array.ctypes.data for array in (weights, shares, thresholds, aliases)]
    run_stoppable(
        lambda: validate_status(
            core, function(addresses[0], addresses[1], n_words, int(np.argmax(weights)), addresses[2], addresses[3])
        )
    )
    return thresholds, aliases


@functools.cache
def _function() -> Any:
    function = library().firth_alias_table
    pointer, size = ctypes.c_void_p, ctypes.c_int64
    function.argtypes = [pointer, pointer, size, size, pointer, pointer]
    function.restype = size
    return function


__all__ = ["make_alias_table"]
