"""vectors: words, rows and counts of vectors that are made of others: chosen, appended, merged, in another type.

Tests: tests/vectors/test_word_vectors.py.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from firth.base.values import validate_choice
from firth.errors import ParameterError, ShapeError
from firth.formats.table import SubwordRows
from firth.vectors.neighbors import Rows
from firth.vectors.word_rows import WordRows
from firth.vectors.words import IntegerWords, Word

Parts: TypeAlias = tuple[Any, npt.NDArray[Any], npt.NDArray[np.int64] | None, SubwordRows | None]
"""What a `WordVectors` is made of: words, matrix, counts, rows of n-grams."""


def take_rows(vectors: WordRows, rows: Rows | slice) -> Parts:
    """Choose rows, in the given order; a slice is not copied."""
    words: Any = vectors.words
    if isinstance(rows, slice) or isinstance(words, np.ndarray):
        chosen = words[rows]
    else:
        chosen = [vectors.store.word(row) for row in rows.tolist()]
    subwords = vectors.subwords
    if subwords is not None and subwords.word_rows is not None:
        subwords = dataclasses.replace(subwords, word_rows=subwords.word_rows[rows])
    return chosen, vectors.matrix[rows], None if vectors.counts is None else vectors.counts[rows], subwords


def append_words(
    vectors: WordRows, words: list[Word], rows: npt.ArrayLike, counts: npt.ArrayLike | None, *, replace: bool
) -> Parts:
    """Append new words and replace known words; see ``WordVectors.with_words``."""
    added = WordRows(words, np.atleast_2d(np.asarray(rows)), None if counts is None else np.atleast_1d(counts))
    if added.dims != vectors.dims:
        raise ShapeError(f"rows must have {vectors.dims} columns, got {added.dims}")
    if not bool(np.isfinite(added.matrix).all()):
        raise ParameterError("rows must be finite, got NaN or infinity")
    if counts is not None and vectors.counts is None:
        raise ParameterError("counts must not be given, these vectors have none")
    _validate_same_kind(vectors, added)
    word_ids = vectors.store.find_all(words)
    known = np.flatnonzero(word_ids >= 0)
    if known.size and not replace:
        raise ParameterError(f"words must be new unless replace=True, got {words[int(known[0])]!r}")
    new = np.flatnonzero(word_ids < 0)
    rows_added = convert_matrix(added.matrix, vectors.matrix.dtype)
    matrix = np.concatenate([vectors.matrix, rows_added[new]])
    matrix[word_ids[known]] = rows_added[known]
    all_counts = None
    if vectors.counts is not None:
        new_counts = np.zeros(len(words), np.int64) if added.counts is None else added.counts
        all_counts = np.concatenate([vectors.counts, new_counts[new]])
        if added.counts is not None:
            all_counts[word_ids[known]] = added.counts[known]
    all_words = [*_all_words(vectors), *(words[place] for place in new.tolist())]
    return all_words, matrix, all_counts, _without_word_rows(vectors.subwords)


def merge_rows(vectors: WordRows, other: WordRows, repeated: Literal["error", "first", "second", "mean"]) -> Parts:
    """Merge two sets of vectors; see ``WordVectors.merge``."""
    validate_choice("repeated", repeated, ("error", "first", "second", "mean"))
    if other.dims != vectors.dims:
        raise ShapeError(f"other must have {vectors.dims} dims, got {other.dims}")
    _validate_same_kind(vectors, other)
    listed = _all_words(other)
    word_ids = vectors.store.find_all(listed)
    known = np.flatnonzero(word_ids >= 0)
    if known.size and repeated == "error":
        raise ParameterError(
            f"other must share no words unless repeated is chosen, got {known.size} shared, "
            f"{listed[int(known[0])]!r} among them"
        )
    new = np.flatnonzero(word_ids < 0)
    dtype = np.promote_types(vectors.matrix.dtype, other.matrix.dtype)
    matrix = np.concatenate([vectors.matrix, other.matrix[new]], dtype=dtype)
    if repeated == "second":
        matrix[word_ids[known]] = other.matrix[known]
    elif repeated == "mean":
        ours = vectors.matrix[word_ids[known]].astype(np.float32)
        matrix[word_ids[known]] = (ours + other.matrix[known]) * np.float32(0.5)
    counts = None
    if vectors.counts is not None and other.counts is not None:
        counts = np.concatenate([vectors.counts, other.counts[new]])
        counts[word_ids[known]] += other.counts[known]
    all_words = [*_all_words(vectors), *(listed[place] for place in new.tolist())]
    return all_words, matrix, counts, _without_word_rows(vectors.subwords)


def convert_subwords(subwords: SubwordRows | None, dtype: np.dtype[Any]) -> SubwordRows | None:
    """Rows of n-grams as float32 or float16."""
    if subwords is None:
        return None
    word_rows = None if subwords.word_rows is None else convert_matrix(subwords.word_rows, dtype)
    return dataclasses.replace(subwords, ngram_rows=convert_matrix(subwords.ngram_rows, dtype), word_rows=word_rows)


def _without_word_rows(subwords: SubwordRows | None) -> SubwordRows | None:
    """The words' own rows follow from the matrix (`SubwordRows.own_rows`) where vectors were replaced or added."""
    return None if subwords is None else dataclasses.replace(subwords, word_rows=None)


def convert_matrix(matrix: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Convert the matrix to float32 or float16; raise ParameterError if a number is outside the range of float16."""
    if dtype not in (np.dtype(np.float32), np.dtype(np.float16)):
        raise ParameterError(f"dtype must be float32 or float16, got {dtype}")
    with np.errstate(over="ignore"):
        converted = matrix.astype(dtype)
    if dtype == np.float16 and bool((np.isinf(converted) & np.isfinite(matrix)).any()):
        raise ParameterError("matrix must stay below 65520 in size to be stored as float16, got a larger number")
    return converted


def _all_words(vectors: WordRows) -> list[Word]:
    words: Any = vectors.words
    return words.tolist() if isinstance(words, np.ndarray) else list(words)


def _validate_same_kind(vectors: WordRows, other: WordRows) -> None:
    ours, theirs = (isinstance(rows.store, IntegerWords) for rows in (vectors, other))
    if ours != theirs and len(vectors) and len(other):
        kinds = {True: "integers", False: "strings"}
        raise ParameterError(f"words must be {kinds[ours]} as these are, got {kinds[theirs]}")
