"""Room native: the core's functions for vector files, declared by ctypes: text rows, binary rows, fastText's vectors.

Tests: tests/formats/test_numbers.py.
"""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.native.loader import library, validate_status
from firth.native.stopping import run_stoppable

ROW_TOO_FEW = 1
ROW_TOO_MANY = 2
ROW_NO_NUMBER = 3
ROW_NOT_FINITE = 4
ROW_NO_WORD = 5
ROW_LONG_WORD = 6
ROW_BREAK_IN_WORD = 7

_NOT_FINITE_ROW = 1000  # the writers return -(row + 1000)
_SIZE = ctypes.c_int64
_POINTER = ctypes.c_void_p
_SIGNATURES: dict[str, list[Any]] = {
    "firth_vectors_parse_text": [_POINTER, _SIZE, _SIZE, _SIZE, _SIZE, _SIZE, _POINTER, _POINTER, _POINTER],
    "firth_vectors_text_capacity": [_SIZE, _SIZE, _SIZE],
    "firth_vectors_format_text": [_POINTER, _SIZE, _SIZE, ctypes.c_char_p, _SIZE, _SIZE, _SIZE, _POINTER],
    "firth_vectors_scan_binary": [_POINTER, _SIZE, _SIZE, _SIZE, _SIZE, _POINTER, _POINTER, _POINTER],
    "firth_vectors_gather_binary": [_POINTER, _POINTER, _SIZE, _SIZE, _POINTER, _POINTER],
    "firth_vectors_pack_binary": [_POINTER, _SIZE, _SIZE, ctypes.c_char_p, _SIZE, _SIZE, _POINTER],
    "firth_vectors_first_not_finite": [_POINTER, _SIZE, _SIZE],
    "firth_vectors_hash_words": [_POINTER, _SIZE, _SIZE, _POINTER],
    "firth_vectors_may_repeat": [_POINTER, _SIZE],
    "firth_vectors_fasttext": [_POINTER, _POINTER, _SIZE, _SIZE, _POINTER, *[_SIZE] * 7, _POINTER],
}


@dataclass(frozen=True)
class BlockReport:
    """The result of reading or scanning a block of rows; cpp/vectors/rows.hpp explains the fields."""

    error: int
    row: int
    offset: int
    length: int
    detail: int
    n_rows: int
    n_bytes: int
    words_bytes: int


def parse_text_rows(
    block: bytearray,
    start: int,
    n_bytes: int,
    n_rows: int,
    matrix: NDArray[np.float32],
    words: bytearray | None,
    max_word_bytes: int,
) -> BlockReport:
    """Read ``n_rows`` rows of ``block[start : start + n_bytes]``, which ends with a newline, into ``matrix`` (rows, D).

    Words go into ``words`` (at least ``n_bytes`` long), each followed by a newline; None: the rows have no words.
    """
    report = np.zeros(8, dtype=np.int64)
    address = _address(block)
    core = _library()
    validate_status(
        core,
        core.firth_vectors_parse_text(
            address + start,
            n_bytes,
            n_rows,
            matrix.shape[1],
            int(words is not None),
            max_word_bytes,
            _checked(matrix, n_rows),
            None if words is None else _address(words),
            report.ctypes.data,
        ),
    )
    return BlockReport(*report.tolist())


def scan_binary_rows(
    block: bytearray, start: int, n_bytes: int, max_rows: int, n_dims: int, words: bytearray, max_word_bytes: int
) -> tuple[BlockReport, NDArray[np.int64]]:
    """Find the complete rows of ``block[start : start + n_bytes]``.

    Returns a report, and the offset of each row's numbers. The words go into ``words``, each followed by a newline.
    """
    report = np.zeros(8, dtype=np.int64)
    starts = np.empty(min(max_rows, n_bytes // (4 * n_dims) + 1), dtype=np.int64)
    core = _library()
    validate_status(
        core,
        core.firth_vectors_scan_binary(
            _address(block) + start,
            n_bytes,
            len(starts),
            n_dims,
            max_word_bytes,
            starts.ctypes.data,
            _address(words),
            report.ctypes.data,
        ),
    )
    found = BlockReport(*report.tolist())
    return found, starts[: found.n_rows]


def gather_binary_rows(
    block: bytearray, start: int, starts: NDArray[np.int64], matrix: NDArray[np.float32]
) -> BlockReport:
    """Copy the rows that the scan found. The report has the first row with a NaN or an infinity."""
    report = np.zeros(8, dtype=np.int64)
    core = _library()
    validate_status(
        core,
        core.firth_vectors_gather_binary(
            _address(block) + start,
            starts.ctypes.data,
            len(starts),
            matrix.shape[1],
            _checked(matrix, len(starts)),
            report.ctypes.data,
        ),
    )
    return BlockReport(*report.tolist())


def format_text_rows(
    matrix: NDArray[np.float32], words: bytes | None, separator: bytes, trailing: bool, out: bytearray
) -> int:
    """Write rows as text into ``out``, which grows as needed.

    Returns the number of bytes written, or -(row + 1) for the first row with a NaN or an infinity.
    """
    n_rows, n_dims = matrix.shape
    core = _library()
    n_words_bytes = len(words) if words is not None else 0
    _grow(out, core.firth_vectors_text_capacity(n_rows, n_dims, n_words_bytes))
    status = core.firth_vectors_format_text(
        _checked(matrix, n_rows), n_rows, n_dims, words, n_words_bytes, separator[0], int(trailing), _address(out)
    )
    return _row_or_status(core, status)


def pack_binary_rows(matrix: NDArray[np.float32], words: bytes, newline: bool, out: bytearray) -> int:
    """Write rows in word2vec's binary format; otherwise like `format_text_rows`."""
    n_rows, n_dims = matrix.shape
    core = _library()
    _grow(out, len(words) + n_rows * (4 * n_dims + 2))
    status = core.firth_vectors_pack_binary(
        _checked(matrix, n_rows), n_rows, n_dims, words, len(words), int(newline), _address(out)
    )
    return _row_or_status(core, status)


def first_row_not_finite(matrix: NDArray[np.float32]) -> int | None:
    """The first row that has a NaN or an infinity, or None."""
    n_rows, n_dims = matrix.shape
    row = _library().firth_vectors_first_not_finite(_checked(matrix, n_rows), n_rows, n_dims)
    return None if row < 0 else int(row)


def hash_words(words: bytearray, n_bytes: int, n_words: int) -> NDArray[np.uint64]:
    """Hashes of ``n_words`` words in ``words[:n_bytes]``, each followed by a newline. Only `may_repeat` uses them."""
    if n_bytes > len(words):
        raise ValueError(f"n_bytes must be at most {len(words)}, the length of words, got {n_bytes}")
    hashes = np.empty(n_words, dtype=np.uint64)
    core = _library()
    validate_status(core, core.firth_vectors_hash_words(_address(words), n_bytes, n_words, hashes.ctypes.data))
    return hashes


def may_repeat(hashes: NDArray[np.uint64]) -> bool:
    """Whether two words may be equal. False if all hashes differ: then all words differ."""
    hashes = np.ascontiguousarray(hashes, dtype=np.uint64)
    core = _library()
    return run_stoppable(
        lambda: bool(validate_status(core, core.firth_vectors_may_repeat(hashes.ctypes.data, len(hashes))))
    )


def compute_fasttext_vectors(
    words: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    first: int,
    last: int,
    input_rows: NDArray[np.uint8],
    n_input_rows: int,
    *,
    n_vocabulary: int,
    n_buckets: int,
    min_chars: int,
    max_chars: int,
    end_has_ngrams: bool,
    out: NDArray[np.float32],
) -> None:
    """Write the vectors of the words [first, last) into ``out``: the mean of a word's row and its n-grams' rows.

    ``input_rows`` are the bytes of the input matrix.
    """
    n_dims = out.shape[1]
    if len(input_rows) != n_input_rows * n_dims * 4 or len(offsets) <= last or offsets[last] > len(words):
        raise ValueError(
            f"input_rows must have {n_input_rows * n_dims * 4} bytes, and offsets must have entry {last} within"
            f" {len(words)} bytes of words, got {len(input_rows)} bytes and {len(offsets)} offsets"
        )
    core = _library()
    validate_status(
        core,
        core.firth_vectors_fasttext(
            words.ctypes.data,
            offsets.ctypes.data,
            first,
            last,
            input_rows.ctypes.data,
            n_input_rows,
            n_dims,
            n_vocabulary,
            n_buckets,
            min_chars,
            max_chars,
            int(end_has_ngrams),
            _checked(out, last - first),
        ),
    )


@functools.cache
def _library() -> ctypes.CDLL:
    core = library()
    for name, argtypes in _SIGNATURES.items():
        function = getattr(core, name)
        function.restype = ctypes.c_int64
        function.argtypes = argtypes
    return core


def _address(buffer: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer)) if buffer else 0


def _checked(matrix: NDArray[np.float32], n_rows: int) -> int:
    if matrix.dtype != np.float32 or not matrix.flags.c_contiguous or matrix.shape[0] < n_rows:
        raise ValueError(f"matrix must be contiguous float32 of at least {n_rows} rows, got {matrix.shape}")
    return int(matrix.ctypes.data)


def _grow(out: bytearray, n_bytes: int) -> None:
    if len(out) < n_bytes:
        out.extend(bytes(n_bytes - len(out)))


def _row_or_status(core: ctypes.CDLL, status: int) -> int:
    if status <= -_NOT_FINITE_ROW:
        return status + _NOT_FINITE_ROW - 1
    return validate_status(core, status)


__all__ = [
    "BlockReport",
    "compute_fasttext_vectors",
    "first_row_not_finite",
    "format_text_rows",
    "gather_binary_rows",
    "hash_words",
    "may_repeat",
    "pack_binary_rows",
    "parse_text_rows",
    "scan_binary_rows",
]
