"""Room training: validates the user's start vectors, frozen words, sequence weights and noise distribution.

Tests: tests/training/test_train.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.vocabulary import Vocabulary
from firth.errors import ParameterError, UnknownWordError
from firth.formats.model_folder import is_model
from firth.formats.table import SubwordRows, validate_fasttext_rows
from firth.kernels.config import TrainingConfig
from firth.vectors.conversion import as_word_vectors
from firth.vectors.word_vectors import WordVectors

Words = Any  # a sequence of str or int, or an int array


@dataclass(frozen=True)
class StartVectors:
    """Words and their start vectors. Words outside the vocabulary are ignored.

    Attributes
    ----------
    words : sequence or None
        The word of each row. None: row i belongs to word i of the vocabulary.
    matrix : float32 array, (n, D)
    subwords : SubwordRows or None
        Rows of n-grams that belong to these vectors.
    """

    words: Words | None
    matrix: NDArray[np.float32]
    subwords: SubwordRows | None = None

    def rows_for(self, vocabulary: Vocabulary) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Word ids, and the row of ``matrix`` for each id.

        Raises
        ------
        ParameterError
            No word is in the vocabulary, or the number of rows differs from the number of words.
        """
        if self.words is None:
            if len(self.matrix) != len(vocabulary):
                raise ParameterError(
                    f"initial_vectors must have a row for each of the {len(vocabulary)} words if it is an array,"
                    f" got {len(self.matrix)}; give words with it: WordVectors or a mapping"
                )
            rows = np.arange(len(vocabulary))
            return rows, rows
        word_ids = vocabulary.look_up(self.words).astype(np.int64)
        rows = np.flatnonzero(word_ids >= 0)
        if not rows.size:
            raise ParameterError(
                f"initial_vectors must have a word in common with the vocabulary of {len(vocabulary)} words, got"
                f" {len(word_ids)} other words; is one of them lower-cased and the other not?"
            )
        return word_ids[rows], rows

    def vectors(self, rows: NDArray[np.int64]) -> WordVectors:
        """The vectors of some of the rows; their words are numbers where the rows are the vocabulary's own."""
        if self.words is None:
            return WordVectors(np.arange(len(rows)), self.matrix[rows])
        words = [self.words[row] for row in rows.tolist()]
        subwords = self.subwords
        if subwords is not None and subwords.word_rows is not None:
            subwords = replace(subwords, word_rows=subwords.word_rows[rows])
        return WordVectors(words, self.matrix[rows], None, subwords)


def follow_start(config: TrainingConfig, start: StartVectors | None) -> TrainingConfig:
    """The configuration with the buckets of start vectors that have n-grams, where it has none of its own.

    Raises
    ------
    ParameterError
        The start vectors have other n-grams, whose rows would be lost.
    """
    if start is None or start.subwords is None or not config.subwords:
        return config
    rules = start.subwords.rules
    for name in ("min_ngram", "max_ngram", "buckets"):
        wanted, given = getattr(rules, name), getattr(config, name)
        if given is not None and given != wanted:
            raise ParameterError(
                f"{name} must be {wanted}, as the n-grams of initial_vectors have it, got {given}; to start from these"
                " vectors without their n-grams, pass WordVectors(vectors.words, vectors.matrix)"
            )
    if rules.end_has_ngrams and "</s>" in start.words:  # type: ignore[operator]  # of strings: they have n-grams
        raise ParameterError(
            "initial_vectors must have n-grams by today's rules of fastText, got those of its layout of before July"
            " 2017, which cut </s>; leave this word out: vectors.without(['</s>'])"
        )
    return config.with_values(buckets=rules.buckets)


def read_start_vectors(initial_vectors: Any, dims: int) -> StartVectors | None:
    """Start vectors from WordVectors, a VectorTable, a mapping, a file, a model folder or an array (V, D).

    Raises
    ------
    ParameterError
        The vectors do not have ``dims`` dimensions, are not finite, or the value has another type.
    """
    if initial_vectors is None:
        return None
    words: Words | None
    subwords: SubwordRows | None = None
    if isinstance(initial_vectors, (str, os.PathLike)):
        initial_vectors = _read_file(Path(initial_vectors))
    if isinstance(initial_vectors, np.ndarray):
        words, matrix = None, initial_vectors
    else:
        vectors = as_word_vectors(initial_vectors, "initial_vectors")
        words, matrix, subwords = vectors.words, vectors.matrix, vectors.subword_rows
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise ParameterError(f"initial_vectors must be a matrix of numbers, got {matrix.dtype} of shape {matrix.shape}")
    if matrix.shape[1] != dims:
        raise ParameterError(
            f"initial_vectors must have dims={dims} numbers in a vector, got {matrix.shape[1]}; pass"
            f" dims={matrix.shape[1]} to train vectors of that size"
        )
    validate_fasttext_rows(subwords, "initial_vectors")
    matrix = matrix.astype(np.float32, copy=False)
    if not np.isfinite(matrix).all():
        first = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
        name = f"row {first}" if words is None else repr(words[first])
        raise ParameterError(f"initial_vectors must be finite, got NaN or infinity in the vector of {name}")
    return StartVectors(words, matrix, subwords)


def read_start_output_vectors(output_vectors: Any, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Check the output vectors to start from: finite numbers with the shape of the engine's output matrix.

    Raises
    ------
    ParameterError
    """
    matrix = np.asarray(output_vectors)
    if matrix.shape != shape or matrix.dtype.kind not in "fiu":
        raise ParameterError(
            f"initial_output_vectors must be a matrix of numbers of shape {shape}, a row for each output, got"
            f" {matrix.dtype} of shape {matrix.shape}"
        )
    if not np.isfinite(matrix).all():
        raise ParameterError("initial_output_vectors must be finite, got NaN or infinity")
    return matrix.astype(np.float32, copy=False)


def validate_freeze(freeze: Any, has_start_vectors: bool) -> None:
    """Check ``freeze`` as far as possible before the vocabulary is known.

    Raises
    ------
    ParameterError
    """
    if freeze is None or freeze is False or isinstance(freeze, np.ndarray):
        return
    if freeze is True:
        if not has_start_vectors:
            raise ParameterError("freeze=True must come with initial_vectors, whose words it freezes; got none")
        return
    if isinstance(freeze, (str, bytes)) or not isinstance(freeze, Iterable):
        raise ParameterError(f"freeze must be a list of words, got {freeze!r}; for one word: freeze=[{freeze!r}]")


def frozen_mask(
    freeze: Any, vocabulary: Vocabulary, start_word_ids: NDArray[np.int64] | None
) -> NDArray[np.bool_] | None:
    """bool (V,): the words whose input vectors do not change; None if there are none.

    Parameters
    ----------
    freeze : words, bool array (V,), True (all words with start vectors), False or None

    Raises
    ------
    UnknownWordError, ParameterError
    """
    if freeze is None or freeze is False:
        return None
    mask = np.zeros(len(vocabulary), np.bool_)
    if freeze is True:
        assert start_word_ids is not None
        mask[start_word_ids] = True
    elif isinstance(freeze, np.ndarray) and freeze.dtype == np.bool_:
        if freeze.shape != mask.shape:
            raise ParameterError(
                f"freeze must be an array of shape {mask.shape}, a value for each word, got {freeze.shape}"
            )
        mask[:] = freeze
    else:
        words = freeze.tolist() if isinstance(freeze, np.ndarray) else list(freeze)
        for word in words:
            try:
                mask[vocabulary.word_id(word)] = True
            except UnknownWordError as error:
                raise UnknownWordError(f"freeze must hold words of the vocabulary; {error}") from None
    return mask if mask.any() else None


def read_sequence_weights(sequence_weights: Any) -> NDArray[np.float32] | None:
    """float32 (n_sequences,): finite, not negative, not all zero.

    Raises
    ------
    ParameterError
    """
    if sequence_weights is None:
        return None
    try:
        weights = np.asarray(sequence_weights, dtype=np.float64)
    except (TypeError, ValueError):
        weights = np.empty((0, 0))
    if weights.ndim != 1:
        raise ParameterError("sequence_weights must be a list of numbers, one for each sequence (line) of the corpus")
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0) & (weights <= np.finfo(np.float32).max)))
    if wrong.size:
        raise ParameterError(
            f"sequence_weights must be finite and at least 0, got {weights[wrong[0]]:g} for sequence {int(wrong[0])}"
        )
    if not weights.any():
        raise ParameterError("sequence_weights must have a weight above 0, got none")
    return weights.astype(np.float32)


def validate_weight_count(weights: NDArray[np.float32] | None, n_sequences: int) -> None:
    """Raise ParameterError unless there is a weight for each sequence."""
    if weights is not None and len(weights) != n_sequences:
        raise ParameterError(
            f"sequence_weights must have a weight for each of the {n_sequences} sequences (lines, empty ones too) of"
            f" the corpus, got {len(weights)}"
        )


def noise_weights(noise_distribution: Any, vocabulary: Vocabulary) -> NDArray[np.float64] | None:
    """float64 (V,), sum 1: from a mapping of words to weights (others get 0), or an array in the vocabulary's order.

    Raises
    ------
    ParameterError, UnknownWordError
    """
    if noise_distribution is None:
        return None
    n_words = len(vocabulary)
    if isinstance(noise_distribution, Mapping):
        weights = np.zeros(n_words)
        for word, weight in noise_distribution.items():
            if word not in vocabulary:
                raise UnknownWordError(f"noise_distribution must hold words of the vocabulary, got {word!r}")
            weights[vocabulary.word_id(word)] = weight
    else:
        try:
            weights = np.array(noise_distribution, dtype=np.float64)
        except (TypeError, ValueError):
            raise ParameterError(
                "noise_distribution must be a mapping from word to weight, or an array of weights, got"
                f" {type(noise_distribution).__name__}"
            ) from None
        if weights.shape != (n_words,):
            raise ParameterError(
                f"noise_distribution must have a weight for each of the {n_words} words, got shape {weights.shape}"
            )
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if wrong.size:
        raise ParameterError(
            f"noise_distribution must be finite and at least 0, got {weights[wrong[0]]:g} for"
            f" {vocabulary.words[int(wrong[0])]!r}"
        )
    total = float(weights.sum())
    if not total > 0 or not np.isfinite(total):
        raise ParameterError(f"noise_distribution must have a finite sum above 0, got {total:g}")
    return weights / total


def _read_file(path: Path) -> Any:
    if path.is_dir() and is_model(path):
        from firth.models.model import load

        return load(path).vectors
    from firth.formats.registry import read_vectors

    return read_vectors(path)
