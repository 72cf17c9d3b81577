"""Room training: the memory that the matrices of a run need, and what would fit if they do not.

Tests: tests/training/test_matrices.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firth.training.run.advice import Cure, describe_cures

ROW_FLOATS = 16  # rows are padded to 64 bytes inside the kernels
FLOAT_BYTES = 4
TABLE_BYTES = 64  # measured with 7 million words: 48 bytes, and the letters
PATH_BYTES = 5  # of a node in a word's path of the Huffman tree


@dataclass(frozen=True)
class MatrixSizes:
    """The sizes of the two matrices of a run, and of the copies of the vectors that the run keeps.

    Attributes
    ----------
    n_words : int
    word_rows : int
        Rows of each word, in both matrices together: 2, or 1 if the input matrix has the tags of documents alone.
    other_rows : int
        Rows of n-grams or of tags.
    composed_rows : int
        Rows of each word that only the model has: 1 with n-grams, whose sum is a vector of its own.
    dims : int
    copies : int
        Copies of the model's vectors, for checkpoints and for the best evaluation.
    table_bytes_per_word : float
        Memory of a word beside its rows: its letters, its count, and its parts of the tables of noise and subsampling.
    """

    n_words: int
    word_rows: int
    other_rows: int
    composed_rows: int
    dims: int
    copies: int
    table_bytes_per_word: float = TABLE_BYTES

    @property
    def matrices_bytes(self) -> int:
        """Bytes of both matrices, with their padding."""
        stride = -(-self.dims // ROW_FLOATS) * ROW_FLOATS
        return FLOAT_BYTES * (self.n_words * self.word_rows + self.other_rows) * stride

    @property
    def model_bytes(self) -> int:
        """Bytes of the model's vectors."""
        rows = self.n_words * (self.word_rows + self.composed_rows) + self.other_rows
        return FLOAT_BYTES * rows * self.dims

    @property
    def composed_bytes(self) -> int:
        """Bytes of the vectors that are sums of rows; they are made after training."""
        return FLOAT_BYTES * self.n_words * self.composed_rows * self.dims

    @property
    def total_bytes(self) -> int:
        """Bytes of the matrices, of the vectors that are made of them, and of all copies."""
        return self.matrices_bytes + self.composed_bytes + self.copies * self.model_bytes

    @property
    def table_bytes(self) -> int:
        """Memory of the words beside their rows."""
        return int(self.n_words * self.table_bytes_per_word)

    @property
    def memory_bytes(self) -> int:
        """The memory of the run, if the matrices are in memory."""
        return self.total_bytes + self.table_bytes

    def most_words(self, n_bytes: int) -> int:
        """The largest vocabulary with which the run fits into ``n_bytes`` of memory; at most ``n_words``."""
        fixed = replace(self, n_words=0).memory_bytes
        each = replace(self, n_words=1).total_bytes - fixed + self.table_bytes_per_word
        return max(0, min(self.n_words, int((n_bytes - fixed) / each)))

    def most_dims(self, n_bytes: int) -> int:
        """The largest multiple of 16 below ``dims`` with which it fits into ``n_bytes``; 0 if there is none."""
        dims = (self.dims - 1) // ROW_FLOATS * ROW_FLOATS
        while dims and replace(self, dims=dims).memory_bytes > n_bytes:
            dims -= ROW_FLOATS
        return dims


def table_bytes_per_word(n_words: int, has_tree: bool) -> float:
    """Memory of a word beside its rows, estimated."""
    return TABLE_BYTES + (PATH_BYTES * math.log2(max(2, n_words)) if has_tree else 0)


def describe_fits(
    sizes: MatrixSizes, counts: NDArray[np.int64], n_bytes: int, *, has_buckets: bool, n_free_bytes: int
) -> str:
    """Advice if the matrices do not fit into ``n_bytes`` of memory, with numbers that fit.

    Parameters
    ----------
    counts : int64 array, (V,)
    n_free_bytes : int
        Free bytes on the disk of the run; the disk is recommended only if the matrices fit there.
    """
    n_words, dims = sizes.most_words(n_bytes), sizes.most_dims(n_bytes)
    cures = []
    if n_words >= 2:
        # the words whose count is above that of the first word too many
        min_count = int(np.partition(counts, len(counts) - 1 - n_words)[len(counts) - 1 - n_words]) + 1
        n_kept = int(np.count_nonzero(counts >= min_count))
        if n_kept >= 2:
            cures.append(Cure(f"keep the {n_kept:,} words that are frequent enough", "min_count", min_count))
        else:
            cures.append(Cure("keep fewer words", "max_vocabulary", n_words))
    if dims:
        cures.append(Cure("lower dims", "dims", dims))
    if has_buckets:
        cures.append(Cure("lower buckets"))
    if sizes.total_bytes <= n_free_bytes:
        cures.append(Cure("map the matrices on the disk, which is slower", "matrices", "disk"))
    if not cures:
        cures.append(Cure("lower dims, raise min_count, or use a machine with more memory"))
    return describe_cures(cures)


__all__ = ["FLOAT_BYTES", "ROW_FLOATS", "TABLE_BYTES", "MatrixSizes", "describe_fits", "table_bytes_per_word"]
