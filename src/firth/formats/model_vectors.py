"""Room formats: firth's model folder as a format of vectors: words, input vectors, counts and rows of n-grams.

Tests: tests/formats/test_model_folder.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.words import pack_words, unpack_words
from firth.errors import FormatError
from firth.formats.format import Format, Sample
from firth.formats.model_folder import read_model_folder, write_model_folder
from firth.formats.rows import finish_table, validate_finite
from firth.formats.source import ReadOptions
from firth.formats.subword_tensors import decode_subwords, encode_subwords
from firth.formats.table import VectorTable
from firth.formats.target import WriteOptions


def words_of(tensors: Mapping[str, NDArray[Any]], folder: str | os.PathLike[str]) -> list[str] | NDArray[np.int64]:
    """The words of a model: strings, or integers.

    Raises
    ------
    FormatError
    """
    if "word_ids" in tensors:
        word_ids = tensors["word_ids"]
        if word_ids.dtype != np.int64 or word_ids.ndim != 1:
            raise FormatError(f"{folder}: word_ids must be int64 (V,), got {word_ids.dtype} {word_ids.shape}")
        return np.array(word_ids)
    for name, dtype in (("words", np.uint8), ("word_offsets", np.int64)):
        if name not in tensors or tensors[name].dtype != dtype or tensors[name].ndim != 1:
            raise FormatError(f"{folder}: the model must have {name} of type {np.dtype(dtype)} in one dimension")
    try:
        return unpack_words(tensors["words"], tensors["word_offsets"])
    except ValueError as error:
        raise FormatError(f"{folder}: its words are damaged: {error}") from None


def read_table(folder: Path, options: ReadOptions) -> VectorTable:
    """Words, input vectors and counts of a model folder; float32 vectors stay mapped, float16 ones are widened.

    Every number is looked at, as in other formats: a checksum vouches for the writer's bytes, not for the numbers.
    """
    config, tensors = read_model_folder(folder)
    words = words_of(tensors, folder)
    names = words if isinstance(words, list) else [str(word_id) for word_id in words.tolist()]
    matrix = tensors.get("input_vectors")
    if matrix is None or matrix.ndim != 2 or matrix.dtype.kind != "f" or len(matrix) != len(names):
        found = "none" if matrix is None else f"{matrix.dtype} {matrix.shape}"
        raise FormatError(f"{folder}: input_vectors must be floats of shape ({len(names)}, dimensions), got {found}")
    counts = tensors.get("counts")
    if counts is not None and (counts.dtype != np.int64 or counts.shape != (len(names),)):
        raise FormatError(f"{folder}: counts must be int64 ({len(names)},), got {counts.dtype} {counts.shape}")
    subwords = decode_subwords(config, tensors, len(names), matrix.shape[1], folder)
    rows = slice(options.limit)
    with np.errstate(over="ignore"):  # what float32 cannot hold is refused below
        matrix = np.asarray(matrix[rows], dtype=np.float32)
    validate_finite(folder, matrix)
    return finish_table(
        folder,
        names[rows],
        matrix,
        None if counts is None else np.array(counts[rows]),
        options,
        subwords=subwords,
    )


def write_table(folder: Path, table: VectorTable, options: WriteOptions) -> None:
    """A model folder of vectors alone, without the training configuration that `firth.train` would record."""
    validate_finite(folder, table.matrix)
    packed, offsets = pack_words(table.words)
    tensors: dict[str, NDArray[Any]] = {
        "input_vectors": np.ascontiguousarray(table.matrix),
        "words": packed,
        "word_offsets": offsets,
    }
    if table.counts is not None:
        tensors["counts"] = np.ascontiguousarray(table.counts)
    n_words, n_dims = table.matrix.shape
    subword_tensors, subword_config = encode_subwords(table.subwords)
    config = {"kind": "vectors", "n_words": n_words, "dims": n_dims, **subword_config}
    write_model_folder(folder, tensors | subword_tensors, config, options.overwrite, storage=options.storage)


def _looks_like(sample: Sample) -> bool:
    return sample.is_folder


FORMAT = Format("firth", "firth's model folder: config.json and safetensors", (), _looks_like, read_table, write_table)

__all__ = ["FORMAT", "read_table", "words_of", "write_table"]
