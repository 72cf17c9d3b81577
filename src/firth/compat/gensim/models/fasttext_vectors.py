"""Room compat: gensim.models.fasttext.FastTextKeyedVectors: KeyedVectors whose words have n-grams.

`firth.compat.gensim.models.fasttext` has the class under gensim's name.

Tests: tests/compat/gensim/test_fasttext.py.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Iterable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from firth.base.ngrams import LONGEST_NGRAM, MAX_BUCKETS, NgramRules
from firth.base.values import as_integer
from firth.base.words import WordBuffer
from firth.compat.gensim.models.keyedvectors import (
    KEY_TYPES,
    REAL,
    VECTOR_CLASSES,
    KeyedVectors,
    prep_vectors,
    take_rows,
)
from firth.errors import FormatError, ParameterError, UnknownWordError
from firth.formats.gensim_native import GensimModel, NgramSettings
from firth.formats.table import SubwordRows
from firth.native.ngrams import Bags, make_unknown_bags
from firth.vectors.neighbors import unit_rows
from firth.vectors.word_vectors import WordVectors

logger = logging.getLogger("firth.compat.gensim.models.fasttext")

_NGRAM_NAMES = ("min_n", "max_n", "bucket")


class FastTextKeyedVectors(KeyedVectors):
    """Vectors of words and n-grams, with the interface of gensim 4: every word that has an n-gram has a vector.

    The vector of a word of the vocabulary is the mean of its own row and the rows of its n-grams; the vector of another
    word is the mean of the rows of its n-grams. ``word in wv`` is True for every string, as in gensim;
    ``wv.has_index_for(word)`` asks for the vocabulary.

    Parameters
    ----------
    vector_size : int
        D.
    min_n, max_n : int
        Lengths of n-grams, in characters. There are no n-grams if ``max_n`` is less than ``min_n``.
    bucket : int
        Rows that n-grams share, by their hash; 0: there are no n-grams.
    count : int
        Number of rows to allocate; ``add_vector`` fills them.
    dtype : dtype

    Attributes
    ----------
    vectors : float array, (V, D)
        The means. After a change of the other matrices, call ``adjust_vectors()``.
    vectors_vocab : float array, (V, D), or None
        The words' own rows. None: they are not known; ``vectors`` and unknown words can be asked for, not changed.
    vectors_ngrams : float array, (bucket, D), or None before ``resize_vectors``
        Another object that has ``shape``, and a row for a row number, can take its place: programs that compress
        vectors set such objects. The object is asked for one row at a time, and cannot be saved.
    compatible_hash : bool
        True: n-grams are hashed like fastText's.

    Raises
    ------
    ParameterError
    """

    _KIND = "FastTextKeyedVectors"

    def __init__(
        self, vector_size: int, min_n: int, max_n: int, bucket: int, count: int = 0, dtype: Any = np.float32
    ) -> None:
        super().__init__(vector_size, count, dtype)
        self.min_n = as_integer("min_n", min_n, minimum=0, maximum=MAX_BUCKETS)
        self.max_n = as_integer("max_n", max_n, minimum=0, maximum=LONGEST_NGRAM)
        self.bucket = as_integer("bucket", bucket, minimum=0, maximum=MAX_BUCKETS)
        self.vectors_vocab: NDArray[Any] | None = np.zeros((count, vector_size), dtype=dtype)
        self.vectors_ngrams: NDArray[Any] | None = None
        self.vectors_vocab_lockf = np.ones(1, REAL)
        self.vectors_ngrams_lockf = np.ones(1, REAL)
        self.compatible_hash = True
        self._buckets_word: list[NDArray[np.uint32]] | None = None

    @classmethod
    def load(cls, fname: str | os.PathLike[str], mmap: str | None = None) -> FastTextKeyedVectors:
        """Read a file of ``save``, or of gensim's ``save`` (3.8 to 4), of these vectors or of a FastText model."""
        return cast(FastTextKeyedVectors, super().load(fname, mmap))

    # ---- to and from firth

    def to_firth(self) -> WordVectors:
        """The vectors as ``firth.WordVectors`` with their n-grams, not copied."""
        subwords = self._subword_rows()
        if subwords is None:
            return super().to_firth()
        counts = self.expandos.get("count")
        words = [str(key) for key in self.index_to_key]
        return WordVectors(words, self.vectors, None if counts is None else counts.astype(np.int64), subwords)

    @classmethod
    def from_firth(cls, vectors: WordVectors) -> FastTextKeyedVectors:
        """Make FastTextKeyedVectors from firth's vectors that have n-grams. The matrices are copied."""
        subwords = vectors.subword_rows
        if subwords is None:
            raise ParameterError(
                "vectors must have n-grams, got vectors of whole words; KeyedVectors.from_firth has them"
            )
        rules, matrix = subwords.rules, np.asarray(vectors.matrix, REAL)
        own_rows = subwords.own_rows(pack_keys(list(vectors)), matrix)
        settings = NgramSettings(rules.min_ngram, rules.max_ngram, rules.buckets)
        return cls._from_parts(
            list(vectors), vectors.counts, settings, np.array(own_rows), np.array(subwords.ngram_rows)
        )

    @classmethod
    def _from_parts(
        cls,
        keys: list[Any],
        counts: NDArray[np.int64] | None,
        settings: NgramSettings,
        own_rows: NDArray[Any],
        ngram_rows: NDArray[Any] | None,
    ) -> FastTextKeyedVectors:
        """Vectors from rows, which are not copied; without n-grams where the settings leave none."""
        bucket = 0 if settings.rules() is None else settings.bucket
        made = cls(own_rows.shape[1], settings.min_n, settings.max_n, bucket, dtype=own_rows.dtype)
        made.index_to_key = keys
        made.key_to_index = {key: row for row, key in enumerate(keys)}
        made.next_index = len(keys)
        made.vectors_vocab = own_rows
        made.vectors_ngrams = ngram_rows if bucket else np.zeros((0, own_rows.shape[1]), own_rows.dtype)
        if counts is not None:
            made.expandos["count"] = np.array(counts, np.int64)
        made.adjust_vectors()
        return made

    # ---- n-grams

    def _rules(self) -> NgramRules | None:
        return NgramSettings(self.min_n, self.max_n, self.bucket).rules()

    def _subword_rows(self) -> SubwordRows | None:
        """The rows of n-grams; None if there are none."""
        rules = self._rules()
        if rules is None or self.vectors_ngrams is None:
            return None
        own_rows = (
            self.vectors_vocab if self.vectors_vocab is not None and len(self.vectors_vocab) == len(self) else None
        )
        return SubwordRows(rules, self.vectors_ngrams, own_rows)

    def known_own_rows(self) -> NDArray[Any]:
        """``vectors_vocab``; a ParameterError if it is None."""
        if self.vectors_vocab is None:
            raise ParameterError(
                "vectors_vocab must be an array of the words' own rows, got None: without them vectors cannot be"
                " trained on, added or computed again"
            )
        return self.vectors_vocab

    @property
    def buckets_word(self) -> list[NDArray[np.uint32]]:
        """For each word the buckets of its n-grams, a uint32 array (n,); computed when asked for."""
        if self._buckets_word is None:
            rules = self._rules()
            if rules is None:
                self._buckets_word = [np.zeros(0, np.uint32)] * len(self)
            else:
                bags = make_unknown_bags(pack_keys(self.index_to_key), 0, rules)
                self._buckets_word = np.split(bags.rows.astype(np.uint32), bags.offsets[1:-1]) if len(self) else []
        return self._buckets_word

    def recalc_char_ngram_buckets(self) -> None:
        """Forget ``buckets_word``, so that it is computed for the present words."""
        self._buckets_word = None

    def adjust_vectors(self) -> None:
        """Compute ``vectors`` from ``vectors_vocab`` and ``vectors_ngrams``."""
        own_rows, subwords = self.known_own_rows(), self._subword_rows()
        if subwords is None:
            self.vectors = own_rows
        else:
            self.vectors = subwords.known_vectors(pack_keys(self.index_to_key))
        self.norms = None

    def resize_vectors(self, seed: int | None = 0) -> None:
        """Extend the matrices to the words and buckets; new rows are drawn from U(-1/D, 1/D), as in gensim."""
        self.vectors_vocab = prep_vectors((len(self), self.vector_size), self.vectors_vocab, seed=seed)
        ngrams_seed = None if seed is None else seed + 1
        self.vectors_ngrams = prep_vectors((self.bucket, self.vector_size), self.vectors_ngrams, seed=ngrams_seed)
        self.allocate_vecattrs()
        self.recalc_char_ngram_buckets()
        self.adjust_vectors()

    def init_post_load(self, fb_vectors: NDArray[Any]) -> None:
        """Take the rows of words and of n-grams from one matrix, (V + bucket, D), as fastText's files have it."""
        if fb_vectors.shape != (len(self) + self.bucket, self.vector_size):
            raise ParameterError(
                f"fb_vectors must have shape {(len(self) + self.bucket, self.vector_size)}, a row for each word and"
                f" bucket, got {fb_vectors.shape}"
            )
        self.vectors_vocab, self.vectors_ngrams = np.array(fb_vectors[: len(self)]), np.array(fb_vectors[len(self) :])
        self.recalc_char_ngram_buckets()
        self.adjust_vectors()

    # ---- keys, rows, vectors

    def __contains__(self, key: object) -> bool:
        return self.has_index_for(key) or (isinstance(key, str) and self.bucket > 0)

    def get_vector(self, key: Any, norm: bool = False) -> NDArray[Any]:
        """The vector (D,) of a word, read-only, composed of n-grams if the word is not in the vocabulary.

        A word without an n-gram has the vector 0, with a warning in the log, as in gensim.

        Raises
        ------
        UnknownWordError
            There are no n-grams.
        """
        if self.has_index_for(key):
            return super().get_vector(key, norm)
        vector: NDArray[Any] = self._compose([key])[0]
        if norm:
            vector = unit_rows(vector[None, :])[0].astype(vector.dtype)
        vector.setflags(write=False)
        return vector

    def _vectors_of(self, keys: list[Any]) -> NDArray[Any]:
        rows = np.array([self._find(key) for key in keys], np.int64)
        known = rows >= 0
        if known.all():
            return take_rows(self.vectors, rows)
        vectors = np.empty((len(keys), self.vector_size), getattr(self.vectors, "dtype", REAL))
        vectors[known] = take_rows(self.vectors, rows[known])
        vectors[~known] = self._compose([keys[place] for place in np.flatnonzero(~known).tolist()])
        return vectors

    def _compose(self, keys: list[Any]) -> NDArray[np.float32]:
        """Vectors (n, D) of words that are not in the vocabulary."""
        rules = self._rules()
        ngram_rows: Any = self.vectors_ngrams
        for key in keys:
            if rules is None or ngram_rows is None or not isinstance(key, str):
                none = rules is None or ngram_rows is None
                reason = "there are no n-grams to compose a vector of" if none else "words are strings"
                raise UnknownWordError(f"Key {key!r:.60} not present: {reason}")
        assert rules is not None
        assert ngram_rows is not None
        if isinstance(ngram_rows, np.ndarray):
            words = [key.encode("utf-8", "surrogatepass") for key in keys]
            composed, sizes = SubwordRows(rules, ngram_rows).compose(words)
        else:
            composed, sizes = _compose_row_by_row(ngram_rows, make_unknown_bags(pack_keys(keys), 0, rules))
        for key, size in zip(keys, sizes.tolist(), strict=True):
            if not size:
                logger.warning("could not extract any ngrams from %r, returning origin vector", key)
        return composed.astype(REAL)

    def get_sentence_vector(self, sentence: Iterable[Any]) -> NDArray[Any]:
        """The mean of the unit vectors of words: ``get_mean_vector(sentence)``."""
        return self.get_mean_vector(list(sentence))

    def add_vector(self, key: Any, vector: Any) -> int:
        """As in KeyedVectors; the word's own row becomes such that the mean is the vector."""
        row = super().add_vector(key, vector)
        self._set_own_rows([row])
        return row

    def add_vectors(
        self, keys: Any, weights: Any, extras: dict[str, NDArray[Any]] | None = None, replace: bool = False
    ) -> None:
        """As in KeyedVectors; the words' own rows become such that the means are the vectors."""
        listed = [keys] if isinstance(keys, KEY_TYPES) else list(keys)
        n_before = len(self)
        super().add_vectors(listed, weights, extras, replace)
        rows = {self.key_to_index[key] for key in listed}
        self._set_own_rows(sorted(row for row in rows if replace or row >= n_before))

    def _set_own_rows(self, rows: list[int]) -> None:
        self.recalc_char_ngram_buckets()
        before = self.known_own_rows()
        grown = before
        if len(before) != len(self):
            grown = np.zeros((len(self), self.vector_size), before.dtype)
            grown[: len(before)] = before
            self.vectors_vocab = grown
        subwords = self._subword_rows()
        own_rows = self.vectors[rows]
        if subwords is not None:
            free = dataclasses.replace(subwords, word_rows=None)
            own_rows = free.own_rows(pack_keys([self.index_to_key[row] for row in rows]), own_rows)
        grown[rows] = own_rows

    def _reorder_rows(self, order: NDArray[np.int64]) -> None:
        super()._reorder_rows(order)
        if self.vectors_vocab is not None and len(self.vectors_vocab):
            self.vectors_vocab = self.vectors_vocab[order]
        self.recalc_char_ngram_buckets()

    def _clear_rows(self) -> None:
        super()._clear_rows()
        self.vectors_vocab, self.vectors_ngrams = np.zeros((0, self.vector_size), REAL), None

    # ---- files

    def _to_stored(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        state, tensors = super()._to_stored()
        if self.vectors_vocab is not None:
            del tensors["vectors"]  # computed from the rows
            tensors["vectors_vocab"] = self.vectors_vocab
        if self.vectors_ngrams is not None:
            tensors["vectors_ngrams"] = self.vectors_ngrams
        return {**state, **{name: int(getattr(self, name)) for name in _NGRAM_NAMES}}, tensors

    @classmethod
    def _from_stored(
        cls, state: dict[str, Any], tensors: dict[str, NDArray[Any]], fname: Any, mmap: str | None
    ) -> FastTextKeyedVectors:
        own_rows, ngram_rows = tensors.pop("vectors_vocab", None), tensors.pop("vectors_ngrams", None)
        numbers = [state.get(name) for name in _NGRAM_NAMES]
        rows = tensors.pop("vectors", None) if own_rows is None else own_rows
        if rows is None or not all(type(number) is int for number in numbers):
            raise FormatError(f"{fname}: the rows of words or the settings of n-grams are missing")
        try:
            min_n, max_n, bucket = cast("list[int]", numbers)
            made = cls(rows.shape[-1], min_n, max_n, bucket, dtype=rows.dtype)
        except ParameterError as error:
            raise FormatError(f"{fname}: the settings of n-grams are damaged: {error}") from None
        plain = KeyedVectors._from_stored(state, {**tensors, "vectors": rows}, fname, mmap)
        if ngram_rows is not None and ngram_rows.shape != (made.bucket, made.vector_size):
            raise FormatError(
                f"{fname}: vectors_ngrams must have shape {(made.bucket, made.vector_size)}, got {ngram_rows.shape}"
            )
        made.index_to_key, made.key_to_index = plain.index_to_key, plain.key_to_index
        made.expandos, made.next_index = plain.expandos, plain.next_index
        made.vectors_ngrams = ngram_rows if mmap or ngram_rows is None else np.array(ngram_rows)
        if own_rows is None:
            made.vectors, made.vectors_vocab = plain.vectors, None
        else:
            made.vectors_vocab = plain.vectors
            made.adjust_vectors()
        return made

    @classmethod
    def _from_saved(cls, saved: GensimModel) -> FastTextKeyedVectors:
        assert saved.ngrams is not None
        table = saved.table
        own_rows, ngram_rows = table.matrix, None
        if table.subwords is not None:
            assert table.subwords.word_rows is not None
            own_rows, ngram_rows = table.subwords.word_rows, _writable(table.subwords.ngram_rows)
        return cls._from_parts(list(table.words), table.counts, saved.ngrams, _writable(own_rows), ngram_rows)

    @classmethod
    def load_word2vec_format(cls, *args: Any, **kwargs: Any) -> KeyedVectors:
        """Refused: word2vec's files have no n-grams."""
        raise NotImplementedError(
            "word2vec's files have no n-grams: KeyedVectors.load_word2vec_format reads them, and load_facebook_vectors"
            " fastText's .bin files"
        )

    def intersect_word2vec_format(self, *args: Any, **kwargs: Any) -> None:
        """Refused: the vectors of words are means here, and would be computed again."""
        raise NotImplementedError(
            "intersect_word2vec_format must be called on the wv of Word2Vec: vectors of FastText are means of rows; use"
            " add_vectors(keys, vectors, replace=True)"
        )


def pack_keys(keys: list[Any]) -> WordBuffer:
    """The words as n-grams are cut from them."""
    return WordBuffer.pack(str(key).encode("utf-8", "surrogatepass") for key in keys)


def _compose_row_by_row(ngram_rows: Any, bags: Bags) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """`SubwordRows.compose` for rows in an object that is not an array and has rows by number."""
    sizes = np.diff(bags.offsets)
    sums = np.zeros((len(bags), ngram_rows.shape[1]))
    for word, size in enumerate(sizes.tolist()):
        for row in bags.rows[bags.offsets[word] :][:size].tolist():
            sums[word] += ngram_rows[row]
    return sums / np.maximum(sizes, 1)[:, None], sizes


def _writable(rows: NDArray[Any]) -> NDArray[Any]:
    return rows if rows.flags.writeable else np.array(rows)


VECTOR_CLASSES |= {"FastTextKeyedVectors": FastTextKeyedVectors, "FastText": FastTextKeyedVectors}

__all__ = ["FastTextKeyedVectors", "pack_keys"]
