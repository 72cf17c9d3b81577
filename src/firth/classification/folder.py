"""Room classification: a classifier as a model folder: ``config.json`` and one safetensors file, neither with code.

Of the n-grams' rows, the folder has the rows that are not zeros, and their buckets. No text had the other buckets.

Tests: tests/training/test_train_classifier.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth._version import __version__
from firth.base.json_file import as_object
from firth.base.words import WordBuffer
from firth.errors import FormatError, ParameterError, ShapeError
from firth.formats.fasttext_model import (
    LOSSES,
    MAX_NGRAM_CHARS,
    MAX_WORD_NGRAMS,
    SUPERVISED,
    FastTextArguments,
    FastTextModel,
    QuantizedMatrix,
)
from firth.formats.model_folder import read_config, read_model_folder, write_model_folder

KIND = "classifier"
CONFIG_VERSION = 1
_MAX_BUCKETS = 1 << 30
_BLOCK_ROWS = 1 << 14


def is_classifier_folder(path: Path) -> bool:
    """Whether a folder has a classifier that learned its own vectors."""
    return path.is_dir() and (path / "config.json").exists() and read_config(path).get("kind") == KIND


def write_folder(path: Path, model: FastTextModel, history: Mapping[str, Any] | None, overwrite: bool) -> None:
    """Write a model to a folder. A quantized model is an error.

    Raises
    ------
    StorageError, ParameterError
    """
    matrix, outputs = model.input_matrix, model.output_matrix
    if isinstance(matrix, QuantizedMatrix) or isinstance(outputs, QuantizedMatrix) or model.kept_ngrams is not None:
        raise ParameterError(
            "a quantized classifier must be saved as one file, got a folder; give a path that ends in .ftz"
        )
    buckets = _used_buckets(matrix[model.n_words :])
    tensors: dict[str, NDArray[Any]] = {
        "words": model.entries.word_bytes,
        "word_offsets": model.entries.offsets,
        "counts": np.ascontiguousarray(model.counts, dtype=np.int64),
        "buckets": buckets,
        "input_vectors": np.concatenate([matrix[: model.n_words], matrix[model.n_words + buckets]]),
        "output_vectors": np.ascontiguousarray(outputs),
    }
    arguments = {**asdict(model.arguments), "loss": LOSSES[model.arguments.loss]}
    config = {
        "kind": KIND,
        "classifier_version": CONFIG_VERSION,
        "firth_version": __version__,
        "n_words": model.n_words,
        "n_tokens": model.n_tokens,
        "arguments": arguments,
        "history": history,
    }
    write_model_folder(path, tensors, config, overwrite)


def read_folder(path: Path) -> tuple[FastTextModel, Mapping[str, Any] | None]:
    """The model in a folder, and the record of its training run.

    Raises
    ------
    StorageError, FormatError
    """
    config, tensors = read_model_folder(path, check_numbers=True)
    try:
        return _parse(config, tensors)
    except (KeyError, TypeError, ValueError, ParameterError, ShapeError) as error:
        what = f"{error} is missing" if type(error) is KeyError else str(error)
        raise FormatError(f"{path}: not a complete classifier of firth: {what}") from None


def _parse(
    config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]
) -> tuple[FastTextModel, Mapping[str, Any] | None]:
    if config["kind"] != KIND or config["classifier_version"] != CONFIG_VERSION:
        raise ValueError(
            f"kind and classifier_version must be {KIND!r} and {CONFIG_VERSION}, got {config['kind']!r} and"
            f" {config['classifier_version']!r}"
        )
    arguments = _parse_arguments(as_object(config["arguments"], "arguments"))
    entries = WordBuffer(np.asarray(tensors["words"]), np.asarray(tensors["word_offsets"]))
    n_words, n_tokens = _number(config, "n_words"), _number(config, "n_tokens")
    n_labels = len(entries) - n_words
    counts, buckets = np.asarray(tensors["counts"]), np.asarray(tensors["buckets"])
    if n_labels < 1 or counts.shape != (len(entries),) or counts.dtype != np.int64 or bool(np.any(counts < 0)):
        raise ValueError(
            f"counts must be {len(entries)} int64 numbers of at least 0, at least one of them of a label, got"
            f" {counts.dtype} of shape {counts.shape}, {n_labels} of labels"
        )
    if buckets.ndim != 1 or buckets.dtype != np.int64 or bool(np.any((buckets < 0) | (buckets >= arguments.buckets))):
        raise ValueError(f"buckets must be numbers in [0, {arguments.buckets})")
    stored, outputs = np.asarray(tensors["input_vectors"]), np.asarray(tensors["output_vectors"])
    shapes = (n_words + len(buckets), arguments.dims), (n_labels, arguments.dims)
    if (stored.shape, outputs.shape) != shapes or {stored.dtype, outputs.dtype} != {np.dtype(np.float32)}:
        raise ValueError(
            f"input_vectors and output_vectors must be float32 of shapes {shapes}, got {stored.dtype} {stored.shape}"
            f" and {outputs.dtype} {outputs.shape}"
        )
    matrix = stored
    if arguments.buckets:
        matrix = np.zeros((n_words + arguments.buckets, arguments.dims), np.float32)
        matrix[:n_words] = stored[:n_words]
        matrix[n_words + buckets] = stored[n_words:]
    history = config["history"]
    return (
        FastTextModel(arguments, entries, counts, n_words, n_tokens, None, matrix, outputs),
        None if history is None else as_object(history, "history"),
    )


def _parse_arguments(values: Mapping[str, Any]) -> FastTextArguments:
    names = {field.name for field in fields(FastTextArguments)}
    if set(values) != names:
        raise ValueError(f"arguments must be {', '.join(sorted(names))}, got {', '.join(sorted(values))}")
    codes = {name: code for code, name in LOSSES.items()}
    if values["loss"] not in codes:
        raise ValueError(f"loss must be one of {', '.join(codes)}, got {values['loss']!r}")
    numbers = {name: _number(values, name) for name in names - {"loss", "subsample"}}
    arguments = FastTextArguments(**numbers, loss=codes[values["loss"]], subsample=float(values["subsample"]))
    limits = {
        "dims": (1, 1 << 20),
        "word_ngrams": (0, MAX_WORD_NGRAMS),
        "min_chars": (0, MAX_NGRAM_CHARS),
        "max_chars": (0, MAX_NGRAM_CHARS),
        "buckets": (1 if arguments.has_ngrams else 0, _MAX_BUCKETS),
        "model": (SUPERVISED, SUPERVISED),
    }
    for name, (least, most) in limits.items():
        if not least <= numbers[name] <= most:
            raise ValueError(f"{name} must lie in {least} to {most}, got {numbers[name]}")
    return arguments


def _number(values: Mapping[str, Any], name: str) -> int:
    value = values[name]
    if type(value) is not int or value < 0:
        raise ValueError(f"{name} must be a whole number of at least 0, got {value!r}")
    return value


def _used_buckets(rows: NDArray[np.float32]) -> NDArray[np.int64]:
    blocks = range(0, len(rows), _BLOCK_ROWS)
    found = [first + np.flatnonzero(rows[first : first + _BLOCK_ROWS].any(axis=1)) for first in blocks]
    return np.concatenate([np.empty(0, np.int64), *found]).astype(np.int64)


__all__ = ["KIND", "is_classifier_folder", "read_folder", "write_folder"]
