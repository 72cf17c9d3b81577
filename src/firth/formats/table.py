"""Room formats: the table that every reader returns and every writer takes: words, vectors, perhaps counts and n-grams.

Tests: tests/formats/test_round_trip.py, tests/vectors/test_subwords.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.ngrams import NgramRules, character_ngrams, hash_ngram
from firth.base.words import WordBuffer
from firth.errors import ParameterError, ShapeError
from firth.native.ngrams import Bags, make_unknown_bags

_ROWS_AT_ONCE = 1 << 14  # of n-grams, whose float64 copies are in memory at a time


@dataclass(frozen=True, eq=False)
class SubwordRows:
    """The rows of n-grams, of which a word that is not in the vocabulary gets its vector: their mean.

    A word of the vocabulary is the mean of its own row and the rows of its n-grams; the table's matrix has that mean.

    Attributes
    ----------
    rules : NgramRules
    ngram_rows : float32 or float16 array, (rules.buckets, D)
        The row of an n-gram is its hash modulo the number of buckets. The array may be a read-only memory map.
    word_rows : float array, (V, D), or None
        The words' own rows, which training goes on from and files of fastText hold. None: they are not known; they
        follow from the vectors (:meth:`own_rows`) but for rounding.

    Raises
    ------
    ShapeError
    """

    rules: NgramRules
    ngram_rows: NDArray[Any]
    word_rows: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        for name, rows in (("ngram_rows", self.ngram_rows), ("word_rows", self.word_rows)):
            if rows is not None and (rows.ndim != 2 or rows.dtype not in (np.float32, np.float16)):
                raise ShapeError(f"{name} must be float32 or float16 in two dimensions, got {rows.dtype} {rows.shape}")
        if len(self.ngram_rows) != self.rules.buckets:
            raise ShapeError(
                f"ngram_rows must have a row for each of {self.rules.buckets} buckets, got {len(self.ngram_rows)}"
            )
        if self.word_rows is not None and self.word_rows.shape[1] != self.dims:
            raise ShapeError(f"word_rows must have {self.dims} columns as ngram_rows, got {self.word_rows.shape[1]}")

    def __repr__(self) -> str:
        return f"SubwordRows({self.rules.buckets} buckets, {self.dims} dims)"

    @property
    def dims(self) -> int:
        """D."""
        return int(self.ngram_rows.shape[1])

    def compose(self, words: Sequence[bytes]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The mean of the n-gram rows of each word, (n, D), and how many n-grams each has, (n,); of none, zeros."""
        sums, sizes = self._sum_ngrams(WordBuffer.pack(words))
        return sums / np.maximum(sizes, 1)[:, None], sizes

    def known_vectors(self, words: WordBuffer) -> NDArray[np.float32]:
        """The vectors of the vocabulary's words, float32 (V, D): means of their own rows and those of their n-grams.

        ``words`` may be the first words only.
        """
        assert self.word_rows is not None
        bags = make_unknown_bags(words, 0, self.rules)
        vectors = np.empty((len(words), self.dims), np.float32)
        for first in range(0, len(words), _ROWS_AT_ONCE):
            borders = bags.offsets[first : first + _ROWS_AT_ONCE + 1]
            sums = self._sum_bags(bags.rows[borders[0] : borders[-1]], borders - borders[0])
            own = self.word_rows[first : first + len(sums)]
            vectors[first : first + len(sums)] = (own + sums) / (1.0 + np.diff(borders))[:, None]
        return vectors

    def own_rows(self, words: WordBuffer, matrix: NDArray[Any]) -> NDArray[np.float32]:
        """The words' own rows, float32 (V, D): those that are known, or n times the vector less the rows of n-grams."""
        if self.word_rows is not None:
            return np.asarray(self.word_rows, dtype=np.float32)
        sums, sizes = self._sum_ngrams(words)
        return np.asarray(matrix * (1.0 + sizes)[:, None] - sums, dtype=np.float32)

    def bags(self, words: WordBuffer) -> Bags:
        """The rows of the n-grams of each word."""
        return make_unknown_bags(words, 0, self.rules)

    def ngrams(self, word: bytes) -> list[tuple[bytes, int]]:
        """The n-grams of a word, and the row of each."""
        ngrams = character_ngrams(word, self.rules)
        return [(ngram, hash_ngram(ngram) % self.rules.buckets) for ngram in ngrams]

    def _sum_ngrams(self, words: WordBuffer) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        bags = self.bags(words)
        return self._sum_bags(bags.rows, bags.offsets), np.diff(bags.offsets)

    def _sum_bags(self, members: NDArray[np.int32], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
        n_words = len(offsets) - 1
        sizes = np.diff(offsets)
        sums = np.zeros((n_words, self.dims))
        first = 0
        while first < n_words:
            fits = int(np.searchsorted(offsets, offsets[first] + _ROWS_AT_ONCE, side="right")) - 1
            last = min(n_words, max(first + 1, fits))
            rows = self.ngram_rows[members[offsets[first] : offsets[last]]].astype(np.float64)
            filled = first + np.flatnonzero(sizes[first:last])
            if len(filled):
                sums[filled] = np.add.reduceat(rows, offsets[filled] - offsets[first], axis=0)
            first = last
        return sums


@dataclass(frozen=True)
class VectorTable:
    """Words in the order of the file, and a matrix with one row for each word.

    Attributes
    ----------
    words : list of V str, all distinct
    matrix : float32 array, (V, D); may be a read-only memory map
    counts : int64 array, (V,), or None if the file has no counts
    subwords : SubwordRows, or None
        The n-grams of which other words get vectors, if the file has them.

    Raises
    ------
    ShapeError
        The lengths differ, or the matrix is not float32.
    """

    words: list[str]
    matrix: NDArray[np.float32]
    counts: NDArray[np.int64] | None = None
    subwords: SubwordRows | None = None

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

        if self.subwords is not None:
            validate_subwords(self.subwords, *self.matrix.shape)

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"VectorTable({len(self)} words, {self.matrix.shape[1]} dims)"


def validate_subwords(subwords: SubwordRows, n_words: int, n_dims: int) -> None:
    """Raise ShapeError where rows of n-grams do not fit a matrix of ``n_words`` rows and ``n_dims`` columns."""
    if subwords.dims != n_dims:
        raise ShapeError(f"subwords must have rows of {n_dims} columns as the matrix, got {subwords.dims}")
    if subwords.word_rows is not None and len(subwords.word_rows) != n_words:
        raise ShapeError(f"subwords must have a row for each of {n_words} words, got {len(subwords.word_rows)}")


def validate_fasttext_rows(subwords: SubwordRows | None, name: str) -> None:
    """Raise ParameterError where rows of n-grams are found otherwise than by fastText's hash."""
    if subwords is not None and type(subwords) is not SubwordRows:
        raise ParameterError(
            f"{name} must have n-grams with fastText's hash, got those of a floret table, which are read only; keep"
            " words of your own without them: firth.WordVectors(words, vectors[words])"
        )


__all__ = ["SubwordRows", "VectorTable", "validate_fasttext_rows", "validate_subwords"]
