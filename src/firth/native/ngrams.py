"""Room native: the n-grams of many words at once: the hashes of the n-grams, and the bag of rows of each word.

base/ngrams.py defines the n-grams.

Tests: tests/base/test_ngrams.py.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firth.base.ngrams import MAX_BUCKETS, NgramRules
from firth.base.words import WordBuffer
from firth.errors import ParameterError
from firth.native.loader import library, validate_status
from firth.native.stopping import Team

_BYTES_A_CALL = 1 << 16  # bytes of words. It limits the memory of a call: one byte may begin 64 n-grams.
_MAX_ROWS = 2**31 - 1  # rows are int32


@dataclass(frozen=True)
class Bags:
    """Bags of rows of one matrix: bag i has the rows ``rows[offsets[i]:offsets[i + 1]]``.

    Attributes
    ----------
    offsets : int64 array, (n_bags + 1,)
        Non-decreasing, from 0.
    rows : int32 array, (offsets[-1],)
        Row numbers. A row that occurs twice in a bag counts twice.
    """

    offsets: NDArray[np.int64]
    rows: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.offsets) - 1


def hash_ngrams(
    words: WordBuffer, rules: NgramRules, *, n_threads: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Offsets (V + 1,) and hashes of the n-grams of all words: word i has ``hashes[offsets[i]:offsets[i + 1]]``."""
    parts = list(_each_part(words, rules, n_threads))
    offsets = np.zeros(len(words) + 1, np.int64)
    at = 0
    for first, starts, hashes in parts:
        offsets[first + 1 : first + len(starts)] = starts[1:] + at
        at += len(hashes)
    return offsets, np.concatenate([hashes for _, _, hashes in parts]) if parts else np.zeros(0, np.uint32)


def count_distinct_ngrams(words: WordBuffer, rules: NgramRules, *, n_threads: int = 1) -> int:
    """Number of distinct 32-bit hashes of the n-grams of all words."""
    return len(np.unique(hash_ngrams(words, rules, n_threads=n_threads)[1]))


def make_bags(words: WordBuffer, n_words: int, rules: NgramRules, *, n_threads: int = 1) -> Bags:
    """The bag of each word: the word's own row, then the rows of its n-grams.

    Parameters
    ----------
    words : WordBuffer
        The first words of the vocabulary. Word i has row i.
    n_words : int
        V, the number of words' rows in the matrix. Bucket b has row V + b.

    Raises
    ------
    ParameterError
        Words and buckets together are more rows than int32 can number.
    """
    validate_row_count(n_words, rules.buckets)
    starts, hashes = hash_ngrams(words, rules, n_threads=n_threads)
    offsets = starts + np.arange(len(words) + 1, dtype=np.int64)
    rows = np.empty(int(offsets[-1]), np.int32)
    is_ngram = np.ones(len(rows), bool)
    is_ngram[offsets[:-1]] = False
    rows[offsets[:-1]] = np.arange(len(words), dtype=np.int32)
    rows[is_ngram] = ngram_rows(hashes, n_words, rules)
    return Bags(offsets, rows)


def make_unknown_bags(words: WordBuffer, n_words: int, rules: NgramRules, *, n_threads: int = 1) -> Bags:
    """The bags of words that are not in the vocabulary: the rows of their n-grams. A bag may be empty."""
    validate_row_count(n_words, rules.buckets)
    starts, hashes = hash_ngrams(words, rules, n_threads=n_threads)
    return Bags(starts, ngram_rows(hashes, n_words, rules))


def ngram_rows(hashes: NDArray[np.uint32], n_words: int, rules: NgramRules) -> NDArray[np.int32]:
    """The rows of n-grams with these hashes: ``n_words + hash mod buckets``, int32."""
    return (hashes % np.uint32(rules.buckets) + np.uint32(n_words)).astype(np.int32)


def validate_row_count(n_words: int, buckets: int) -> None:
    """Raise ParameterError if words and buckets together are more rows than int32 can number."""
    if n_words + buckets > _MAX_ROWS:
        raise ParameterError(
            f"buckets must be at most {_MAX_ROWS - n_words} with {n_words} words, got {buckets}; row numbers have 32"
            " bits"
        )


def _each_part(
    words: WordBuffer, rules: NgramRules, n_threads: int
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.uint32]]]:
    """Yield, for each part of the words in order: its first word, its offsets from 0, and its hashes."""
    borders = _divide(words)
    results: list[tuple[NDArray[np.int64], NDArray[np.uint32]] | None] = [None] * (len(borders) - 1)
    coming = iter(range(len(results)))
    lock = threading.Lock()
    team = Team()

    def work() -> None:
        while not team.stop.is_set():
            with lock:
                part = next(coming, None)
            if part is None:
                return
            results[part] = _hash_part(words, borders[part], borders[part + 1], rules)

    team.run([work] * max(1, min(n_threads, len(results))))
    for first, result in zip(borders[:-1], results, strict=True):
        assert result is not None  # if a part failed, the team has raised
        yield first, *result


def _divide(words: WordBuffer) -> list[int]:
    """The borders of parts of the words. A part has one word, or at most _BYTES_A_CALL bytes and as many words."""
    borders = [0]
    while borders[-1] < len(words):
        first = borders[-1]
        fits = int(np.searchsorted(words.offsets, words.offsets[first] + _BYTES_A_CALL, side="right")) - 1
        borders.append(min(len(words), max(first + 1, min(fits, first + _BYTES_A_CALL))))
    return borders


def _hash_part(
    words: WordBuffer, first: int, last: int, rules: NgramRules
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    starts = np.empty(last - first + 1, np.int64)
    n_bytes = int(words.offsets[last] - words.offsets[first])
    # Each byte and the two brackets begin at most one n-gram of each length.
    hashes = np.empty((n_bytes + 2 * (last - first)) * (rules.max_ngram - rules.min_ngram + 1), np.uint32)
    core = _library()
    n_ngrams = validate_status(
        core,
        core.firth_ngrams_hash(
            words.word_bytes.ctypes.data,
            words.offsets.ctypes.data,
            first,
            last,
            rules.min_ngram,
            rules.max_ngram,
            int(rules.end_has_ngrams),
            starts.ctypes.data,
            hashes.ctypes.data,
        ),
    )
    return starts, hashes[:n_ngrams].copy()


@functools.cache
def _library() -> ctypes.CDLL:
    core = library()
    core.firth_ngrams_hash.restype = ctypes.c_int64
    core.firth_ngrams_hash.argtypes = [ctypes.c_void_p] * 2 + [ctypes.c_int64] * 5 + [ctypes.c_void_p] * 2
    return core


assert MAX_BUCKETS <= _MAX_ROWS

__all__ = [
    "Bags",
    "count_distinct_ngrams",
    "hash_ngrams",
    "make_bags",
    "make_unknown_bags",
    "ngram_rows",
    "validate_row_count",
]
