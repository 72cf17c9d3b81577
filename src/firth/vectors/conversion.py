"""Room vectors: converts objects with words and vectors to `WordVectors`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from firth.errors import ParameterError, ShapeError
from firth.formats.registry import read_vectors
from firth.vectors.word_vectors import WordVectors


def as_word_vectors(vectors: Any, name: str = "vectors") -> WordVectors:
    """Convert WordVectors, a VectorTable, a mapping from word to vector, or a path that firth reads to `WordVectors`.

    Parameters
    ----------
    vectors : WordVectors, mapping, str, path, or any object with ``words`` and ``matrix``
    name : str
        Name of the parameter, for messages.

    Raises
    ------
    ParameterError, ShapeError
        The object is none of these, or the number of words differs from the number of vectors.
    FormatError, StorageError
        A file cannot be read.
    """
    if isinstance(vectors, WordVectors):
        return vectors
    if isinstance(vectors, (str, os.PathLike)):
        vectors = read_vectors(vectors)
    if isinstance(vectors, Mapping):
        return _from_mapping(vectors, name)
    if hasattr(vectors, "words") and hasattr(vectors, "matrix"):
        return WordVectors(
            vectors.words, vectors.matrix, getattr(vectors, "counts", None), getattr(vectors, "subwords", None)
        )
    raise ParameterError(
        f"{name} must be WordVectors, a mapping from word to vector, or the path of vectors or of a model, got"
        f" {type(vectors).__name__}"
    )


def _from_mapping(vectors: Mapping[Any, Any], name: str) -> WordVectors:
    if not vectors:
        raise ParameterError(f"{name} must have at least one word, got an empty mapping")
    words = list(vectors)
    rows = [np.asarray(row) for row in vectors.values()]
    for word, row in zip(words, rows, strict=True):
        if row.ndim != 1 or row.shape != rows[0].shape:
            raise ShapeError(
                f"{name} must have vectors of one length, got shape {rows[0].shape} for {words[0]!r} and {row.shape}"
                f" for {word!r}"
            )
    return WordVectors(words, np.stack(rows))


__all__ = ["as_word_vectors"]
