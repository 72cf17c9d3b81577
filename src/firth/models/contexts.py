"""Room models: the contexts of a model of pairs, in the model's folder. Their vectors are its output vectors.

Tests: tests/training/test_pairs.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.json_file import as_object
from firth.corpus.documents import decode_names, encode_names
from firth.vectors.word_vectors import WordVectors


def encode_contexts(contexts: WordVectors, vectors: WordVectors) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The tensors and the record of a model's contexts, for its folder; their names only if they differ from words."""
    names: Any = contexts.words
    one_vocabulary = len(contexts) == len(vectors) and list(names) == list(vectors.words)
    tensors: dict[str, NDArray[Any]] = {}
    if not one_vocabulary:
        tensors |= encode_names(names if isinstance(names, np.ndarray) else tuple(names), "context")
    if contexts.counts is not None:
        tensors["context_counts"] = np.ascontiguousarray(contexts.counts)
    return tensors, {"contexts": {"one_vocabulary": one_vocabulary}}


def decode_contexts(
    config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], vectors: WordVectors
) -> WordVectors | None:
    """The contexts of a model's folder; None if it has none.

    Raises
    ------
    KeyError, ValueError, ParameterError, ShapeError
        The folder is damaged.
    """
    if "contexts" not in config:
        return None
    one_vocabulary = as_object(config["contexts"], "contexts")["one_vocabulary"]
    if type(one_vocabulary) is not bool:
        raise ValueError(f"contexts.one_vocabulary must be true or false, got {one_vocabulary!r}")
    matrix = tensors["output_vectors"]
    if matrix.ndim != 2 or matrix.shape[1] != vectors.dims:
        raise ValueError(f"output_vectors must have rows of {vectors.dims} numbers, got shape {matrix.shape}")
    names: Any = vectors.words if one_vocabulary else decode_names(tensors, "context")
    return WordVectors(names, matrix, tensors.get("context_counts"))


__all__ = ["decode_contexts", "encode_contexts"]
