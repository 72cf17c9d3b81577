"""Room formats: writes supervised models in fastText's format; `firth.formats.fasttext_model` has the grammar."""

from __future__ import annotations

import struct
from dataclasses import astuple
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.fasttext_model import (
    MAGIC,
    N_CENTROIDS,
    VERSIONS,
    FastTextModel,
    Matrix,
    QuantizedMatrix,
)
from firth.formats.target import whole_file, write_all

_BLOCK_ENTRIES = 1 << 14
_BLOCK_BYTES = 1 << 24
_MAX_CODES = 2**31 - 1  # the number of codes is an int32 in the file


def write_classifier(path: Path, model: FastTextModel, *, overwrite: bool = False) -> None:
    """Write a supervised model. If writing fails, no partial file is left.

    The content of the file says whether the model is quantized (fastText's ``.ftz``) or not (``.bin``); the name of the
    file does not matter.

    Raises
    ------
    StorageError
        The path exists, or cannot be written.
    FormatError
        A word or label has a byte of 0, which ends words in the file; or a quantized matrix has 2^31 codes or more.
    """
    if bool((model.entries.word_bytes == 0).any()):
        raise FormatError(f"{path}: a word or label in fastText's format must not have a byte of 0; rename it")
    for matrix in (model.input_matrix, model.output_matrix):
        if isinstance(matrix, QuantizedMatrix) and matrix.codes.size > _MAX_CODES:
            raise FormatError(
                f"{path}: a quantized matrix in fastText's format must have at most {_MAX_CODES} codes, got"
                f" {matrix.codes.size}; prune the model (--cutoff), or give larger parts (--part-dims)"
            )
    with whole_file(path, overwrite=overwrite, compress=False) as stream:
        write_all(stream, struct.pack("<2i", MAGIC, VERSIONS[-1]))
        write_all(stream, struct.pack("<12id", *astuple(model.arguments)))
        _write_dictionary(stream, model)
        for matrix in (model.input_matrix, model.output_matrix):
            _write_matrix(stream, matrix)


def _write_dictionary(stream: IO[bytes], model: FastTextModel) -> None:
    kept = model.kept_ngrams
    sizes = (len(model.entries), model.n_words, model.n_labels, model.n_tokens, -1 if kept is None else len(kept))
    write_all(stream, struct.pack("<3i2q", *sizes))
    block: list[bytes] = []
    for number, (entry, count) in enumerate(zip(model.entries.all_encoded(), model.counts.tolist(), strict=True)):
        block.append(entry + struct.pack("<xqb", count, number >= model.n_words))
        if len(block) == _BLOCK_ENTRIES:
            write_all(stream, b"".join(block))
            block.clear()
    write_all(stream, b"".join(block))
    if kept is not None:
        write_all(stream, kept.astype("<i4").tobytes())


def _write_matrix(stream: IO[bytes], matrix: Matrix) -> None:
    n_rows, n_dims = matrix.shape
    if not isinstance(matrix, QuantizedMatrix):
        write_all(stream, struct.pack("<B2q", 0, n_rows, n_dims))
        step = max(1, _BLOCK_BYTES // (4 * n_dims))
        for first in range(0, n_rows, step):
            write_all(stream, matrix[first : first + step].astype("<f4").tobytes())
        return
    has_norms = matrix.norm_codes is not None and matrix.norms is not None
    write_all(stream, struct.pack("<2B2qi", 1, has_norms, n_rows, n_dims, matrix.codes.size))
    write_all(stream, matrix.codes.tobytes())
    _write_quantizer(stream, n_dims, matrix.part_dims, matrix.centroids)
    if matrix.norm_codes is not None and matrix.norms is not None:
        write_all(stream, matrix.norm_codes.tobytes())
        _write_quantizer(stream, 1, 1, matrix.norms)


def _write_quantizer(stream: IO[bytes], n_dims: int, part_dims: int, centroids: NDArray[np.float32]) -> None:
    n_parts = -(-n_dims // part_dims)
    assert centroids.size == n_dims * N_CENTROIDS
    write_all(stream, struct.pack("<4i", n_dims, n_parts, part_dims, n_dims - (n_parts - 1) * part_dims))
    write_all(stream, centroids.astype("<f4").tobytes())


__all__ = ["write_classifier"]
