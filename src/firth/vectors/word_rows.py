"""vectors: the words, the matrix whose rows they name and their counts, checked; what queries and edits read.

Tests: tests/vectors/test_word_vectors.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from firth.base.spellings import did_you_mean
from firth.base.values import is_integer, validate_choice
from firth.corpus.tables import read_table
from firth.errors import ParameterError, ShapeError, UnknownWordError
from firth.formats.table import SubwordRows, validate_subwords
from firth.vectors.mapping import RowPages
from firth.vectors.neighbors import Floats, Norms, Rows, compute_norms, unit_rows
from firth.vectors.words import IntegerWords, ListWords, PackedWords, Word, WordStore


class Subword(NamedTuple):
    """An n-gram of a word, with ``<`` and ``>`` where the word begins and ends, and its row.

    Rows are numbered as fastText numbers them: the words of the vocabulary first, then the buckets of n-grams. The
    first entry of a known word is the word itself.
    """

    ngram: str
    row: int


def validate_vocabulary(n_words: int, subwords: SubwordRows | None) -> None:
    """Raise ParameterError where every word has a vector, and none is listed that could be an answer."""
    if n_words == 0 and subwords is not None:
        raise ParameterError(
            "the vectors must have a vocabulary to find words in, got those of a floret table: every word has a vector"
            " there, and none is listed; list words of your own: firth.WordVectors(words, vectors[words])"
        )


class _UnknownWordMessage:
    """The message of an `UnknownWordError`, worked out only when somebody reads it."""

    def __init__(self, word: object, store: WordStore, subwords: SubwordRows | None = None) -> None:
        self._word = word
        self._store = store
        self._subwords = subwords
        self._text: str | None = None

    def __str__(self) -> str:
        if self._text is None:
            self._text = self._compose()
        return self._text

    __repr__ = __str__

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)

    def _compose(self) -> str:
        text = f"{self._word!r} is not in the vocabulary of {len(self._store)} words"
        if isinstance(self._store, IntegerWords):
            return text + "; its words are integers, and rows are reached through .matrix"
        if isinstance(self._word, bytes):
            return text + "; words are str: decode the bytes"
        if not isinstance(self._word, str):
            return text + "; words are str, and rows are reached through .matrix"
        if self._subwords is not None:
            text += f", and has no n-gram of {self._subwords.rules.min_ngram} characters or more to compose a vector of"
        return text + did_you_mean(self._store.suggest(self._word))


class WordRows:
    """What a `WordVectors` holds. It is not changed after it is made; the norms are computed at the first call.

    Attributes
    ----------
    store : WordStore
    matrix : float32 or float16 array, (V, D)
        Read-only, not copied.
    counts : int64 array, (V,), or None
    subwords : SubwordRows, or None
    pages : RowPages
        Lets go of the pages of a mapped matrix that single look-ups have read.

    Raises
    ------
    ShapeError, ParameterError
    """

    def __init__(
        self,
        words: object,
        matrix: npt.ArrayLike,
        counts: npt.ArrayLike | None,
        subwords: SubwordRows | None = None,
    ) -> None:
        self.store = _as_store(words)
        self.matrix = _as_matrix(matrix)
        n_words, n_dims = self.matrix.shape
        if len(self.store) != n_words:
            raise ShapeError(f"matrix must have a row for each of {len(self.store)} words, got {n_words} rows")
        if n_dims == 0:
            raise ShapeError("matrix must have at least 1 column, got 0")
        self.counts = None if counts is None else _as_counts(counts, n_words)
        if subwords is not None:
            validate_subwords(subwords, n_words, n_dims)
            if isinstance(self.store, IntegerWords) and n_words:
                raise ParameterError("words must be str where there are n-grams, got integers")
        self.subwords = subwords
        self.pages = RowPages(self.matrix)
        self._ngram_pages = None if subwords is None else RowPages(subwords.ngram_rows)
        self._norms: Norms | None = None

    def __len__(self) -> int:
        return len(self.store)

    @property
    def words(self) -> Sequence[Any]:
        """The words by row: a tuple of ``str``, a `PackedWords`, or an int64 array."""
        return cast(Sequence[Any], self.store.sequence())

    @property
    def dims(self) -> int:
        """D, the length of a vector."""
        return int(self.matrix.shape[1])

    def norms(self) -> Norms:
        """The norms of all rows; the first call reads the matrix."""
        if self._norms is None:
            self.pages.keep()
            self._norms = compute_norms(self.matrix)
        return self._norms

    def word_id(self, word: Word) -> int:
        """The row of a word; UnknownWordError, with near spellings, where there is none."""
        word_id = self.store.find(word)
        if word_id < 0:
            raise UnknownWordError(_UnknownWordMessage(word, self.store))
        return word_id

    def word_ids(self, words: Iterable[Word], unknown: Literal["error", "skip", "mark"] = "error") -> Rows:
        """The rows of words, int64; unknown ones raise, are left out, or are -1 with ``unknown="mark"``."""
        validate_choice("unknown", unknown, ("error", "skip", "mark"))
        listed = list_words(words)
        word_ids = self.store.find_all(listed)
        if unknown == "error" and (missing := np.flatnonzero(word_ids < 0)).size:
            raise UnknownWordError(_UnknownWordMessage(listed[int(missing[0])], self.store))
        return word_ids[word_ids >= 0] if unknown == "skip" else word_ids

    def copy_rows(self, word_ids: int | Rows) -> npt.NDArray[np.float32]:
        """float32 copies of rows."""
        rows = self.matrix[word_ids].astype(np.float32)
        self.pages.touched(1 if rows.ndim == 1 else len(rows))
        return cast("npt.NDArray[np.float32]", rows)

    def vectors_of(self, words: Sequence[object]) -> npt.NDArray[np.float32]:
        """The vectors of words, float32 (n, D): rows of the matrix, or composed of n-grams where there are any.

        Raises
        ------
        UnknownWordError
            A word that is not in the vocabulary and cannot be composed.
        """
        if self.subwords is None:
            if len(words) == 1:  # the usual case, quickly
                return self.copy_rows(self.word_id(cast(Word, words[0])))[None, :]
            return self.copy_rows(self.word_ids(cast("Sequence[Word]", words)))
        word_ids = self.store.find_all(words)
        rows = np.empty((len(words), self.dims), np.float32)
        known = word_ids >= 0
        rows[known] = self.copy_rows(word_ids[known])
        unknown = [words[place] for place in np.flatnonzero(~known).tolist()]
        composed, is_composed = self.compose(unknown)
        if not is_composed.all():
            raise self._unknown(unknown[int(np.argmin(is_composed))])
        rows[~known] = composed
        return rows

    def find_vector(self, word: object) -> npt.NDArray[np.float32] | None:
        """The vector of a word, float32 (D,), composed where it has to be; None where there is none."""
        word_id = self.store.find(word)
        if word_id >= 0:
            return self.copy_rows(word_id)
        composed, is_composed = self.compose([word])
        return composed[0] if is_composed[0] else None

    def compose(self, words: Sequence[object]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Vectors (n, D) made of n-grams alone, and which words have some; the others' rows are 0."""
        if self.subwords is None or not len(words):
            return np.zeros((len(words), self.dims), np.float32), np.zeros(len(words), bool)
        encoded = [word.encode("utf-8", "surrogatepass") if isinstance(word, str) else None for word in words]
        composed, sizes = self.subwords.compose([data or b"" for data in encoded])
        if self._ngram_pages is not None:
            self._ngram_pages.touched(int(sizes.sum()))
        if not np.isfinite(composed).all():
            bad = words[int(np.argmin(np.isfinite(composed).all(axis=1)))]
            raise ParameterError(f"the rows of the n-grams of {bad!r:.60} must be finite, got NaN or infinity")
        has_ngrams = (sizes > 0) & np.array([data is not None for data in encoded], bool)
        return np.where(has_ngrams[:, None], composed, 0).astype(np.float32), has_ngrams

    def list_subwords(self, word: object) -> list[Subword]:
        """The n-grams of a word and their rows: see ``WordVectors.subwords``."""
        if self.subwords is None:
            raise ParameterError("the vectors must have n-grams to list those of a word, got vectors without n-grams")
        if not isinstance(word, str):
            raise ParameterError(f"word must be a str, got {word!r:.60}")
        word_id = self.store.find(word)
        own = [Subword(word, word_id)] if word_id >= 0 else []
        ngrams = self.subwords.ngrams(word.encode("utf-8", "surrogatepass"))
        return own + [Subword(ngram.decode("utf-8", "surrogatepass"), len(self) + row) for ngram, row in ngrams]

    def units_of(self, words: Sequence[object]) -> Floats:
        """The unit vectors of words, composed where they have to be; ParameterError where one is not finite."""
        if self.subwords is None:
            return self.finite_units(self.word_ids(cast("Sequence[Word]", words)), words)
        return self._validated_units(unit_rows(self.vectors_of(words)), words)

    def finite_units(self, word_ids: Rows, words: Sequence[object]) -> Floats:
        """The unit vectors of rows; ParameterError, with the word, where a row is not finite."""
        units = unit_rows(self.matrix[word_ids])
        self.pages.touched(len(word_ids))
        return self._validated_units(units, words)

    def _unknown(self, word: object) -> UnknownWordError:
        return UnknownWordError(_UnknownWordMessage(word, self.store, self.subwords))

    @staticmethod
    def _validated_units(units: Floats, words: Sequence[object]) -> Floats:
        bad = np.flatnonzero(~np.isfinite(units).all(axis=1))
        if bad.size:
            raise ParameterError(f"the vector of {words[int(bad[0])]!r} must be finite, got NaN, infinity or over 1e30")
        return units


def gather_rows(matrix: npt.NDArray[Any], composed: npt.NDArray[np.float32] | None, word_ids: Rows) -> Floats:
    """float64 (n, D): rows of the matrix (V, D), and rows of ``composed`` for the ids from V on."""
    n_words, n_dims = matrix.shape
    is_known = word_ids < n_words
    if composed is None or bool(is_known.all()):
        return np.asarray(matrix[word_ids].astype(np.float64))
    rows = np.empty((len(word_ids), n_dims))
    rows[is_known] = matrix[word_ids[is_known]]
    rows[~is_known] = composed[word_ids[~is_known] - n_words]
    return rows


def list_words(words: Iterable[Word]) -> list[Word]:
    """Words that a user gave, as a list; one word that is no list is refused."""
    if isinstance(words, (str, bytes)) or not isinstance(words, Iterable):
        raise ParameterError(f"words must be a list of words, got {words!r}; put one word into a list")
    table = read_table(words, "words")
    if isinstance(table, np.ndarray) and table.ndim != 1:
        raise ParameterError(f"words must be a list or a column, got a table of shape {table.shape}")
    listed: Any = words if table is None else table
    return listed.tolist() if isinstance(listed, np.ndarray) else list(listed)


def _as_store(words: object) -> WordStore:
    if isinstance(words, PackedWords):
        return words
    if isinstance(words, (str, bytes)):
        raise ParameterError(f"words must be a sequence of words, got one {type(words).__name__}: {words!r:.60}")
    if isinstance(words, np.ndarray):
        if words.ndim != 1:
            raise ShapeError(f"words must be flat, got shape {words.shape}")
        if words.dtype.kind in "iu":
            if words.dtype == np.uint64 and words.size and words.max() > np.uint64(2**63 - 1):
                raise ParameterError(f"words must be below 2^63, got {words.max()}")
            return IntegerWords(words.astype(np.int64))
        words = words.tolist()
    if not isinstance(words, Iterable):
        raise ParameterError(f"words must be a sequence of words, got {type(words).__name__}")
    listed = list(words)
    if listed and all(is_integer(word) for word in listed):
        if any(not -(2**63) <= int(word) < 2**63 for word in listed):
            raise ParameterError("words must fit into 64 bits, got a larger integer")
        return IntegerWords(np.array(listed, dtype=np.int64))
    for word_id, word in enumerate(listed):
        if not isinstance(word, str):
            raise ParameterError(f"words must all be str, or all int, got {type(word).__name__} at row {word_id}")
    return ListWords(listed)


def _as_matrix(matrix: npt.ArrayLike) -> npt.NDArray[Any]:
    array = np.asarray(matrix)
    if array.ndim != 2:
        raise ShapeError(f"matrix must have two dimensions (words, dims), got shape {array.shape}")
    if array.dtype not in (np.float32, np.float16):
        if array.dtype.kind not in "fiu":
            raise ParameterError(f"matrix must hold real numbers, got {array.dtype}")
        array = array.astype(np.float32)
    array = array.view(np.ndarray)[:]  # a view of its own, so that the caller's array stays writable
    array.flags.writeable = False
    return array


def _as_counts(counts: npt.ArrayLike, n_words: int) -> npt.NDArray[np.int64]:
    array = np.asarray(counts)
    if array.shape != (n_words,):
        raise ShapeError(f"counts must have one number for each of {n_words} words, got shape {array.shape}")
    if array.dtype.kind not in "iu" and array.size:
        raise ParameterError(f"counts must be integers, got {array.dtype}")
    array = array.astype(np.int64, copy=False)[:]
    if array.size and int(array.min()) < 0:
        raise ParameterError(f"counts must be at least 0, got {int(array.min())}")
    array.flags.writeable = False
    return array
