"""Room base: MurmurHash3, its variant for 64-bit processors with a result of 128 bits, of many strings at once.

Source: Austin Appleby, MurmurHash3_x64_128, in the public domain, https://github.com/aappleby/smhasher
(src/MurmurHash3.cpp).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_C1, _C2 = np.uint64(0x87C37B91114253D5), np.uint64(0x4CF5AD432745937F)
_FIRST_MIX, _SECOND_MIX = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_FIVE, _FIRST_ADDED, _SECOND_ADDED = np.uint64(5), np.uint64(0x52DCE729), np.uint64(0x38495AB5)
_BLOCK = 16  # bytes
_Numbers = NDArray[np.uint64]


def murmur3_128(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], seed: int) -> _Numbers:
    """The two halves of the hash of each string ``data[starts[i]:ends[i]]``, uint64 (n, 2).

    Parameters
    ----------
    data : uint8 array
    starts, ends : int64 arrays, (n,)
    seed : int in [0, 2**32)
    """
    sizes = ends - starts
    padded = np.concatenate([data, np.zeros(_BLOCK, np.uint8)])
    first, second = np.full(len(starts), seed, np.uint64), np.full(len(starts), seed, np.uint64)
    for block in range(int(sizes.max(initial=0)) // _BLOCK):
        has = np.flatnonzero(sizes >= (block + 1) * _BLOCK)
        low, high = _read(padded, starts[has] + block * _BLOCK, np.full(len(has), _BLOCK))
        one = _rotate(first[has] ^ _mix_low(low), 27) + second[has]
        first[has] = one * _FIVE + _FIRST_ADDED
        second[has] = (_rotate(second[has] ^ _mix_high(high), 31) + first[has]) * _FIVE + _SECOND_ADDED
    rest = sizes % _BLOCK
    low, high = _read(padded, ends - rest, rest)  # of no bytes, zeros, which change nothing
    lengths = sizes.astype(np.uint64)
    first, second = first ^ _mix_low(low) ^ lengths, second ^ _mix_high(high) ^ lengths
    first = first + second
    second = second + first
    first, second = _finish(first), _finish(second)
    first = first + second
    return np.stack([first, second + first], axis=1)


def _read(padded: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> tuple[_Numbers, _Numbers]:
    """At most 16 bytes of each string as two little-endian numbers; zeros behind its last byte."""
    places = np.arange(_BLOCK)
    found = np.where(places < sizes[:, None], padded[starts[:, None] + places], 0).astype(np.uint8)
    numbers = found.reshape(-1).view("<u8").reshape(-1, 2).astype(np.uint64)
    return numbers[:, 0], numbers[:, 1]


def _mix_low(low: _Numbers) -> _Numbers:
    return _rotate(low * _C1, 31) * _C2


def _mix_high(high: _Numbers) -> _Numbers:
    return _rotate(high * _C2, 33) * _C1


def _rotate(numbers: _Numbers, bits: int) -> _Numbers:
    return (numbers << np.uint64(bits)) | (numbers >> np.uint64(64 - bits))


def _finish(numbers: _Numbers) -> _Numbers:
    shift = np.uint64(33)
    numbers = (numbers ^ (numbers >> shift)) * _FIRST_MIX
    numbers = (numbers ^ (numbers >> shift)) * _SECOND_MIX
    return numbers ^ (numbers >> shift)


__all__ = ["murmur3_128"]
