"""Room formats: what every reader returns and every writer takes: words, their vectors, and perhaps their counts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firth.errors import ShapeError


@dataclass(frozen=True)
class VectorTable:
    """Words in the order of the file, one row of the matrix each.

    Attributes
    ----------
    words : list of str, V of them, all different
    matrix : float32 array, (V, D); may be a read-only memory map
    counts : int64 array, (V,), or None where the file has none

    Raises
    ------
    ShapeError
        The three do not fit each other, or the matrix is not float32.
    """

    words: list[str]
    matrix: NDArray[np.float32]
    counts: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2 or self.matrix.dtype != np.float32:
            raise ShapeError(
                f"matrix must be float32 of shape (words, dimensions), got {self.matrix.dtype} {self.matrix.shape}"
            )
        if self.matrix.shape[0] != len(self.words):
            raise ShapeError(f"matrix must have one row a word, got {self.matrix.shape[0]} for {len(self.words)} words")
        if self.counts is not None and (self.counts.shape != (len(self.words),) or self.counts.dtype != np.int64):
            raise ShapeError(
                f"counts must be int64 of shape ({len(self.words)},), got {self.counts.dtype} {self.counts.shape}"
            )

    def __len__(self) -> int:
        return len(self.words)


def pack_words(words: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Words as one run of UTF-8 bytes and V+1 offsets: word i is bytes[offsets[i]:offsets[i + 1]].

    Raises
    ------
    UnicodeEncodeError
        A word holds a lone surrogate, which UTF-8 cannot express.
    """
    encoded = [word.encode("utf-8") for word in words]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded)), out=offsets[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets


def unpack_words(packed: NDArray[np.uint8], offsets: NDArray[np.int64]) -> list[str]:
    """The words that `pack_words` packed.

    Raises
    ------
    ValueError
        Offsets that do not rise from 0 to the number of bytes; bytes that are not UTF-8 (UnicodeDecodeError).
    """
    data = np.asarray(packed, dtype=np.uint8).tobytes()
    bounds = np.asarray(offsets, dtype=np.int64)
    if bounds.ndim != 1 or len(bounds) == 0 or bounds[0] != 0 or bounds[-1] != len(data) or np.any(np.diff(bounds) < 0):
        raise ValueError(f"word offsets must rise from 0 to {len(data)}, the number of bytes")
    ends = bounds.tolist()
    if data.isascii():
        text = data.decode("ascii")
        return [text[start:end] for start, end in itertools.pairwise(ends)]
    return [data[start:end].decode("utf-8") for start, end in itertools.pairwise(ends)]


__all__ = ["VectorTable", "pack_words", "unpack_words"]
