"""Room formats: the table that every reader returns and every writer takes: words, vectors, and optional counts.

Tests: tests/formats/test_round_trip.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firth.errors import ShapeError


@dataclass(frozen=True)
class VectorTable:
    """Words in the order of the file, and a matrix with one row for each word.

    Attributes
    ----------
    words : list of V str, all distinct
    matrix : float32 array, (V, D); may be a read-only memory map
    counts : int64 array, (V,), or None if the file has no counts

    Raises
    ------
    ShapeError
        The lengths differ, or the matrix is not float32.
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


__all__ = ["VectorTable"]
