"""Room training: from the rows that a run trains to word vectors, and back: with n-grams, means of bags of rows.

Tests: tests/training/test_subwords.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.vocabulary import Vocabulary
from firth.errors import ParameterError
from firth.formats.table import SubwordRows
from firth.kernels.config import TrainingConfig
from firth.kernels.matrices import MatrixMemory
from firth.kernels.subwords import WordBags, pack_vocabulary
from firth.native.vector_text import compute_fasttext_vectors
from firth.vectors.word_vectors import WordVectors
from firth.vectors.words import PackedWords

Matrix = NDArray[np.float32]

MANY_WORDS = 1_000_000  # from this number on, a model's words are packed


def make_bags(vocabulary: Vocabulary, config: TrainingConfig) -> WordBags | None:
    """The bags of a run's vocabulary; None where words are rows.

    Raises
    ------
    ParameterError
        Words that are ids have no n-grams.
    """
    if not config.subwords:
        return None
    return WordBags.build(pack_vocabulary(string_words(vocabulary)), config)


def vector_words(vocabulary: Vocabulary) -> Any:
    """The words of a run's vectors: a tuple of str, integers, or packed words if there are a million or more.

    The strings of ten million words and a dict of them take 1.7 GB, and many seconds.
    """
    if vocabulary.words_are_ids or len(vocabulary) < MANY_WORDS:
        return vocabulary.words
    packed = vocabulary.packed()
    return PackedWords(packed.word_bytes, packed.offsets)


def string_words(vocabulary: Vocabulary) -> list[str]:
    """The words, which n-grams are cut from; ParameterError where they are ids."""
    if vocabulary.words_are_ids:
        raise ParameterError("subwords must be False where words are ids, got True: an id has no characters")
    return list(map(str, vocabulary.words))


def make_word_vectors(vocabulary: Vocabulary, bags: WordBags | None, rows: Matrix, memory: MatrixMemory) -> WordVectors:
    """Word vectors of the input matrix of a run, (V, D), or (V + buckets, D) with n-grams.

    Vectors that are computed here are in ``memory``.
    """
    if bags is None:
        return WordVectors(vector_words(vocabulary), rows, vocabulary.counts)
    n_words, rules = len(vocabulary), bags.rules
    rows = np.ascontiguousarray(rows)
    matrix = memory.allocate_in_order(n_words, rows.shape[1])
    compute_fasttext_vectors(
        bags.words.word_bytes,
        bags.words.offsets,
        0,
        n_words,
        rows.reshape(-1).view(np.uint8),
        len(rows),
        n_vocabulary=n_words,
        n_buckets=rules.buckets,
        min_chars=rules.min_ngram,
        max_chars=rules.max_ngram,
        end_has_ngrams=rules.end_has_ngrams,
        out=matrix,
    )
    return WordVectors(
        vector_words(vocabulary), matrix, vocabulary.counts, SubwordRows(rules, rows[n_words:], rows[:n_words])
    )


def put_start_rows(rows: Matrix, bags: WordBags | None, word_ids: NDArray[np.int64], start: WordVectors) -> None:
    """Put start vectors into the input matrix of a run, in place.

    With n-grams of the same rules on both sides, their rows are taken over. Else the n-grams' rows stay as they are,
    and the row of a word becomes n times its vector less the rows of its n-grams, so that its bag begins at the vector.

    Parameters
    ----------
    rows : float32 array, (V, D) or (V + buckets, D)
    word_ids : int array, (n,)
    start : WordVectors
        Of these n words, in this order.
    """
    subwords = start.subword_rows
    if bags is None:
        rows[word_ids] = start.matrix
        return
    if subwords is not None and replace(subwords.rules, end_has_ngrams=False) == bags.rules:
        rows[len(bags.words) :] = subwords.ngram_rows
        rows[word_ids] = subwords.own_rows(pack_vocabulary(map(str, start.words)), start.matrix)
        return
    offsets, members = bags.bags.offsets, bags.bags.rows
    for word_id, vector in zip(word_ids.tolist(), start.matrix, strict=True):
        others = members[offsets[word_id] + 1 : offsets[word_id + 1]]
        rows[word_id] = (len(others) + 1) * vector.astype(np.float64) - rows[others].sum(axis=0, dtype=np.float64)


__all__ = ["make_bags", "make_word_vectors", "put_start_rows", "string_words", "vector_words"]
