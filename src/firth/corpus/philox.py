"""Room corpus: the random generator Philox4x32-10 in NumPy, equal to the one in the native core.

Every random choice of firth comes from one of its words. A counter-based generator has no state: the same counter and
key give the same four 32-bit words [1]. So samples do not depend on the split of the work among threads, slices or
runs, and a checkpoint stores no state of a generator.

References
----------
[1] Salmon, Moraes, Dror, Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", SC11.

Tests: tests/kernels/test_plan.py.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


class Purpose(IntEnum):
    """The purpose of a draw. It is part of the counter, so draws for different purposes are independent."""

    TOKEN = 0
    NEGATIVES = 1
    INITIAL = 2
    HELDOUT = 3
    HELDOUT_NOISE = 4
    LABEL = 5
    ORDER = 6
    WALK = 7
    WALK_ORDER = 8


def philox4x32(counters: NDArray[np.uint32], key: tuple[int, int]) -> NDArray[np.uint32]:
    """Four random words for each counter.

    Parameters
    ----------
    counters : uint32 array, (..., 4)
    key : two ints below 2^32

    Returns
    -------
    words : uint32 array, (..., 4)
    """
    c0, c1, c2, c3 = (counters[..., word].astype(np.uint64) for word in range(4))
    k0, k1 = key
    for _ in range(_ROUNDS):
        p0, p1 = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (
            (p1 >> _HALF) ^ c1 ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> _HALF) ^ c3 ^ np.uint64(k1),
            p0 & _LOW,
        )
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def draw_blocks(
    seed: int,
    purpose: Purpose,
    epoch: ArrayLike,
    position: ArrayLike,
    draw: ArrayLike = 0,
    attempt: ArrayLike = 0,
) -> NDArray[np.uint32]:
    """Random words for firth's layout of the counter; the arguments broadcast.

    counter = (position mod 2^32, position / 2^32 | purpose 2^16 | attempt 2^24, epoch, draw); key = seed.

    Parameters
    ----------
    seed : int in [0, 2^64)
    purpose : Purpose
    epoch, position, draw, attempt : int or int array; positions below 2^48, attempts below 2^8, others below 2^32

    Returns
    -------
    words : uint32 array, (..., 4)
    """
    epochs, positions, draws, attempts = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.uint64) for value in (epoch, position, draw, attempt))
    )
    counters = np.stack(
        [
            positions & _LOW,
            ((positions >> _HALF) & np.uint64(0xFFFF)) | np.uint64(int(purpose) << 16) | (attempts << np.uint64(24)),
            epochs,
            draws,
        ],
        axis=-1,
    ).astype(np.uint32)
    return philox4x32(counters, (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF))
