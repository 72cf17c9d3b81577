"""Room vectors: functions of whole spaces: orthogonal Procrustes alignment, words that moved, principal components."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from firth.base.values import as_integer
from firth.errors import ParameterError, ShapeError
from firth.vectors.neighbors import Floats, Rows, rows_in_block, unit_rows
from firth.vectors.queries import Neighbor, Neighbors
from firth.vectors.word_vectors import WordVectors
from firth.vectors.words import Word


@dataclass(frozen=True)
class Alignment:
    """A rotation of one space onto another: ``vectors`` are the rotated vectors, v -> v R.

    ``rotation`` float64 (D, D) is orthogonal, so cosines within the space do not change. It was computed from
    ``n_shared`` shared words; their mean cosine after the rotation is ``mean_similarity``.
    """

    vectors: WordVectors
    rotation: Floats
    n_shared: int
    mean_similarity: float


@dataclass(frozen=True)
class Components:
    """Principal components of word vectors.

    ``coordinates`` float64 (n, C); ``components`` float64 (C, D), orthonormal rows whose entry of largest magnitude is
    positive; ``mean`` float64 (D,); ``explained`` float64 (C,), the share of the variance along each component.
    """

    coordinates: Floats
    components: Floats
    mean: Floats
    explained: Floats


def align_spaces(source: WordVectors, target: WordVectors, *, words: Iterable[Word] | int | None = None) -> Alignment:
    """Rotate ``source`` so that the shared words are as near as possible to their vectors in ``target``.

    R = argmin ||X R - Y||_F with R orthogonal: R = U W^T where X^T Y = U S W^T [1]. The rows of X and Y are the unit
    vectors of the shared words, as is usual in studies of word change [2]. There is no shift and no scaling.

    Parameters
    ----------
    source, target : WordVectors
        They must have equal dims.
    words : words, int or None
        The words that determine the rotation. A list: these words; both spaces must have all of them. An int: this many
        shared words, the first in the order of ``source``. None: all shared words.

    Raises
    ------
    ShapeError, ParameterError, UnknownWordError

    References
    ----------
    [1] Schönemann (1966), A generalized solution of the orthogonal Procrustes problem.
    [2] Hamilton, Leskovec, Jurafsky (2016), Diachronic Word Embeddings Reveal Statistical Laws of Semantic Change.
    """
    source_ids, target_ids = _shared_rows(source, target, words)
    product = np.zeros((source.dims, source.dims))
    step = rows_in_block(2 * source.dims)
    for start in range(0, len(source_ids), step):
        part = slice(start, start + step)
        product += _units(source, source_ids[part]).T @ _units(target, target_ids[part])
    left, _, right = np.linalg.svd(product)
    rotation = left @ right
    rotation_32 = rotation.astype(np.float32)

    def rotate(matrix: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        rotated = np.empty(matrix.shape, dtype=np.float32)
        for start in range(0, len(matrix), step):
            rotated[start : start + step] = matrix[start : start + step].astype(np.float32) @ rotation_32
        return rotated

    subwords = source.subword_rows
    if subwords is not None:  # the mean of rotated rows is the rotated mean
        word_rows = None if subwords.word_rows is None else rotate(subwords.word_rows)
        subwords = replace(subwords, ngram_rows=rotate(subwords.ngram_rows), word_rows=word_rows)
    words_of_source = source.words
    return Alignment(
        WordVectors(words_of_source, rotate(source.matrix), source.counts, subwords),
        np.asarray(rotation, dtype=np.float64),
        len(source_ids),
        float(np.sum(product * rotation) / len(source_ids)),
    )


def most_moved(
    before: WordVectors, after: WordVectors, *, words: Iterable[Word] | int | None = None, top: int | None = 10
) -> list[Neighbor]:
    """Shared words by ascending cosine between their vectors in two aligned spaces; words that moved most come first.

    Align first: ``most_moved(align_spaces(old, new).vectors, new)``.

    Parameters
    ----------
    before, after : WordVectors
    words : words, int or None
        The words to compare, as in `align_spaces`. Rare words move by chance; an int restricts to frequent words.
    top : int or None
        Number of words to return; None: all.
    """
    if top is not None:
        as_integer("top", top, minimum=1)
    before_ids, after_ids = _shared_rows(before, after, words)
    cosines = np.empty(len(before_ids))
    step = rows_in_block(2 * before.dims)
    for start in range(0, len(before_ids), step):
        part = slice(start, start + step)
        cosines[part] = np.einsum("ij,ij->i", _units(before, before_ids[part]), _units(after, after_ids[part]))
    order = np.argsort(cosines, kind="stable")[:top]
    names = before.words
    return Neighbors(Neighbor(_plain(names[int(before_ids[place])]), float(cosines[place])) for place in order.tolist())


def principal_components(
    vectors: WordVectors, words: Iterable[Word] | None = None, *, n_components: int = 2
) -> Components:
    """Principal components of the vectors of ``words`` (default: all), the eigenvectors of their D x D covariance.

    Reads the rows twice, in blocks. The matrix is not copied.

    Raises
    ------
    ParameterError
        There are fewer than two words, more components than dims, or vectors that are not finite.
    """
    as_integer("n_components", n_components, minimum=1)
    if n_components > vectors.dims:
        raise ParameterError(f"n_components must be at most the dims, {vectors.dims}, got {n_components}")
    word_ids = np.arange(len(vectors)) if words is None else vectors.word_ids(words)
    if len(word_ids) < 2:
        raise ParameterError(f"words must be at least 2, got {len(word_ids)}")
    step = rows_in_block(2 * vectors.dims)
    blocks = [word_ids[start : start + step] for start in range(0, len(word_ids), step)]
    mean = np.zeros(vectors.dims)
    for block in blocks:
        mean += vectors.matrix[block].astype(np.float64).sum(axis=0)
    mean /= len(word_ids)
    if not np.isfinite(mean).all():
        raise ParameterError("vectors must be finite for principal components, got NaN or infinity")
    covariance = np.zeros((vectors.dims, vectors.dims))
    for block in blocks:
        centered = vectors.matrix[block].astype(np.float64) - mean
        covariance += centered.T @ centered
    values, directions = np.linalg.eigh(covariance)
    components = directions[:, ::-1][:, :n_components].T
    largest = np.argmax(np.abs(components), axis=1)
    components = components * np.sign(components[np.arange(n_components), largest])[:, None]
    values = np.maximum(values[::-1], 0.0)
    total = values.sum()
    explained = values[:n_components] / total if total > 0 else np.zeros(n_components)
    coordinates = np.concatenate([(vectors.matrix[block].astype(np.float64) - mean) @ components.T for block in blocks])
    return Components(coordinates, np.ascontiguousarray(components), mean, explained)


def _shared_rows(first: WordVectors, second: WordVectors, words: Iterable[Word] | int | None) -> tuple[Rows, Rows]:
    if first.dims != second.dims:
        raise ShapeError(f"both spaces must have the same dims, got {first.dims} and {second.dims}")
    if words is None or isinstance(words, (int, np.integer)):
        if words is not None:
            as_integer("words", words, minimum=1)
        second_ids = second.word_ids(list(first), unknown="mark")
        first_ids = np.flatnonzero(second_ids >= 0)[: None if words is None else int(words)]
        second_ids = second_ids[first_ids]
    else:
        listed = list(words) if not isinstance(words, (str, bytes)) else words
        first_ids, second_ids = first.word_ids(listed), second.word_ids(listed)
    if not len(first_ids):
        raise ParameterError("both spaces must share words, got none in common")
    return first_ids, second_ids


def _units(vectors: WordVectors, rows: Rows) -> Floats:
    units = unit_rows(vectors.matrix[rows])
    bad = np.flatnonzero(~np.isfinite(units).all(axis=1))
    if bad.size:
        word = _plain(vectors.words[int(rows[bad[0]])])
        raise ParameterError(f"the vector of {word!r} must be finite, got NaN, infinity or over 1e30")
    return units


def _plain(word: str | np.integer[npt.NBitBase] | int) -> Word:
    return word if isinstance(word, str) else int(word)
