"""Room native: the core's functions for fastText's classifiers, declared by ctypes, and an open classifier.

Tests: tests/classification/test_predictions.py.
"""

from __future__ import annotations

import ctypes
import functools
import threading
import weakref
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.base.words import WordBuffer
from firth.errors import NativeError
from firth.native.loader import library, validate_status
from firth.native.stopping import Team, run_stoppable

BLOCK_TEXTS = 1024  # of one native call: a millisecond or more
_SIZE = ctypes.c_int64
_POINTER = ctypes.c_void_p


class MatrixParts(NamedTuple):
    """A matrix for native code: rows of floats, or codes and their centroids.

    `StoredMatrix` in native/cpp/classify/model.hpp is the same struct in C++.

    Attributes
    ----------
    n_rows : int
    rows : float32 array, (n_rows, n_dims), or None
        None for a quantized matrix. The array need not be aligned.
    codes : uint8 array, (n_rows, n_parts), or None
        The number of the centroid of each part of a row.
    centroids : float32 array, (n_dims * 256,), or None
    part_dims : int
        Columns of a part.
    norm_codes : uint8 array, (n_rows,), or None
        The number of each row's norm in ``norms``. None: rows are stored with their norms.
    norms : float32 array, (256,), or None
    """

    n_rows: int
    rows: NDArray[np.float32] | None = None
    codes: NDArray[np.uint8] | None = None
    centroids: NDArray[np.float32] | None = None
    part_dims: int = 1
    norm_codes: NDArray[np.uint8] | None = None
    norms: NDArray[np.float32] | None = None


class _StoredMatrix(ctypes.Structure):
    _fields_ = [
        ("rows", _POINTER),
        ("n_rows", _SIZE),
        ("codes", _POINTER),
        ("centroids", _POINTER),
        ("part_dims", _SIZE),
        ("norm_codes", _POINTER),
        ("norms", _POINTER),
    ]


class _StoredClassifier(ctypes.Structure):
    _fields_ = [
        ("entries", _POINTER),
        ("offsets", _POINTER),
        ("n_words", _SIZE),
        ("n_labels", _SIZE),
        ("label_counts", _POINTER),
        ("n_dims", _SIZE),
        ("word_ngrams", _SIZE),
        ("min_chars", _SIZE),
        ("max_chars", _SIZE),
        ("n_buckets", _SIZE),
        ("loss", _SIZE),
        ("kept", _POINTER),
        ("n_kept", _SIZE),
        ("input", _StoredMatrix),
        ("output", _StoredMatrix),
    ]


class NativeClassifier:
    """A classifier that native code has prepared for prediction.

    The object keeps the arrays alive and does not check them. Its native memory is freed with the object.

    Parameters
    ----------
    entries : WordBuffer
        Words, then labels.
    n_words : int
    label_counts : int64 array, (n_labels,)
    kept_ngrams : int32 array, (P, 2), or None
        Bucket and row of each n-gram that pruning kept; row 0 follows the words' rows. None: not pruned.
    input_parts, output_parts : MatrixParts
    loss : int
        fastText's number of the loss.
    """

    def __init__(
        self,
        entries: WordBuffer,
        n_words: int,
        label_counts: NDArray[np.int64],
        kept_ngrams: NDArray[np.int32] | None,
        input_parts: MatrixParts,
        output_parts: MatrixParts,
        *,
        n_dims: int,
        word_ngrams: int,
        min_chars: int,
        max_chars: int,
        n_buckets: int,
        loss: int,
    ) -> None:
        core = _library()
        self._core = core
        counts = np.require(label_counts, np.int64, ["C", "ALIGNED"])
        kept = None if kept_ngrams is None else np.require(kept_ngrams, np.int32, ["C", "ALIGNED"])
        self._alive = (entries, counts, kept, input_parts, output_parts)
        stored = _StoredClassifier(
            entries.word_bytes.ctypes.data,
            entries.offsets.ctypes.data,
            n_words,
            len(counts),
            counts.ctypes.data,
            n_dims,
            word_ngrams,
            min_chars,
            max_chars,
            n_buckets,
            loss,
            None if kept is None else kept.ctypes.data,
            -1 if kept is None else len(kept),
            _stored(input_parts),
            _stored(output_parts),
        )
        handle = _POINTER()
        run_stoppable(
            lambda: validate_status(core, core.firth_classify_open(ctypes.byref(stored), ctypes.byref(handle)))
        )
        self._handle = handle
        # Not called at exit: a daemon thread may still predict then. The process frees the memory when it ends.
        weakref.finalize(self, core.firth_classify_close, handle).atexit = False

    def predict(
        self, texts: Sequence[str | bytes], k: int, threshold: float, n_threads: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Label ids and probabilities, (n_texts, k), computed by several threads.

        If a text has fewer than k labels, its row ends in ids of -1 and probabilities of 0. A newline in a text is
        white space.
        """
        n_texts = len(texts)
        ids, probabilities = np.empty((n_texts, k), dtype=np.int32), np.empty((n_texts, k), dtype=np.float32)
        n_threads = max(1, min(n_threads, -(-n_texts // BLOCK_TEXTS)))
        firsts = iter(range(0, n_texts, BLOCK_TEXTS))
        lock = threading.Lock()
        team = Team()

        def work() -> None:
            while not team.stop.is_set():
                with lock:
                    first = next(firsts, None)
                if first is None:
                    return
                block = slice(first, min(n_texts, first + BLOCK_TEXTS))
                self._predict_into(texts[block], k, threshold, ids[block], probabilities[block])

        if n_texts <= BLOCK_TEXTS:  # one block ends soon, and starting a thread costs more time than a few texts
            work()
        else:
            team.run([work] * n_threads)
        return ids, probabilities

    def find_rows(self, text: bytes) -> NDArray[np.int32]:
        """The input rows whose mean is the vector of one text, in fastText's order. Repeated rows are repeated."""
        rows = np.empty(max(16, 8 * len(text)), dtype=np.int32)
        while True:
            n_rows = validate_status(
                self._core,
                self._core.firth_classify_rows(self._handle, text, len(text), rows.ctypes.data, len(rows)),
            )
            if n_rows <= len(rows):
                return rows[:n_rows].copy()
            rows = np.empty(n_rows, dtype=np.int32)

    def find_all_rows(self, texts: Sequence[bytes]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The input rows of many texts, concatenated: text i has ``rows[offsets[i]:offsets[i + 1]]``."""
        parts: list[NDArray[np.int32]] = []
        offsets = np.zeros(len(texts) + 1, dtype=np.int64)
        n_rows = 0

        def work() -> None:
            nonlocal n_rows
            for first in range(0, len(texts), BLOCK_TEXTS):
                block = texts[first : first + BLOCK_TEXTS]
                found, borders = self._find_block_rows(block)
                parts.append(found)
                offsets[first : first + len(block) + 1] = n_rows + borders
                n_rows += len(found)

        run_stoppable(work)
        return np.concatenate(parts) if parts else np.empty(0, np.int32), offsets

    def _find_block_rows(self, texts: Sequence[bytes]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        joined = join_texts(texts)
        if joined.count(b"\n") != len(texts) - 1:
            joined = _join_lines(texts)
        rows, offsets = np.empty(4 * len(joined) + 16, np.int32), np.empty(len(texts) + 1, np.int64)
        while True:
            n_rows = validate_status(
                self._core,
                self._core.firth_classify_all_rows(
                    self._handle,
                    joined,
                    len(joined),
                    len(texts),
                    rows.ctypes.data,
                    len(rows),
                    offsets.ctypes.data,
                ),
            )
            if n_rows <= len(rows):
                return rows[:n_rows].copy(), offsets
            rows = np.empty(n_rows, np.int32)

    def _predict_into(
        self,
        texts: Sequence[str | bytes],
        k: int,
        threshold: float,
        ids: NDArray[np.int32],
        probabilities: NDArray[np.float32],
    ) -> None:
        joined = join_texts(texts)
        if self._predict_joined(joined, k, threshold, ids, probabilities) != len(texts):
            self._predict_joined(_join_lines(texts), k, threshold, ids, probabilities)

    def _predict_joined(
        self, joined: bytes, k: int, threshold: float, ids: NDArray[np.int32], probabilities: NDArray[np.float32]
    ) -> int:
        """Predict as many texts as ``ids`` has rows; return how many there are by the newlines."""
        return validate_status(
            self._core,
            self._core.firth_classify_predict(
                self._handle,
                joined,
                len(joined),
                len(ids),
                k,
                threshold,
                ids.ctypes.data,
                probabilities.ctypes.data,
            ),
        )


def join_texts(texts: Sequence[str | bytes]) -> bytes:
    """Texts in UTF-8 with a newline between each two; a text may have newlines of its own.

    Raises
    ------
    UnicodeEncodeError
        A string has a lone surrogate.
    """
    try:
        return "\n".join(texts).encode()  # type: ignore[arg-type]
    except TypeError:
        return b"\n".join(_encoded(text) for text in texts)


def _join_lines(texts: Sequence[str | bytes]) -> bytes:
    """The same; newlines in a text become spaces."""
    return b"\n".join(_encoded(text).replace(b"\n", b" ") for text in texts)


def _encoded(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _stored(matrix: MatrixParts) -> _StoredMatrix:
    arrays = (matrix.rows, matrix.codes, matrix.centroids, matrix.norm_codes, matrix.norms)
    if any(array is not None and not array.flags.c_contiguous for array in arrays):
        raise ValueError("the arrays of a matrix must be contiguous")
    rows, codes, centroids, norm_codes, norms = (None if array is None else array.ctypes.data for array in arrays)
    return _StoredMatrix(rows, matrix.n_rows, codes, centroids, matrix.part_dims, norm_codes, norms)


@functools.cache
def _library() -> ctypes.CDLL:
    core = library()
    for name, argtypes in {
        "firth_classify_stored_bytes": [],
        "firth_classify_open": [_POINTER, _POINTER],
        "firth_classify_predict": [
            _POINTER,
            ctypes.c_char_p,
            _SIZE,
            _SIZE,
            _SIZE,
            ctypes.c_float,
            _POINTER,
            _POINTER,
        ],
        "firth_classify_all_rows": [_POINTER, ctypes.c_char_p, _SIZE, _SIZE, _POINTER, _SIZE, _POINTER],
        "firth_classify_rows": [_POINTER, ctypes.c_char_p, _SIZE, _POINTER, _SIZE],
    }.items():
        function = getattr(core, name)
        function.restype = _SIZE
        function.argtypes = argtypes
    core.firth_classify_close.restype = None
    core.firth_classify_close.argtypes = [_POINTER]
    if core.firth_classify_stored_bytes() != ctypes.sizeof(_StoredClassifier):
        raise NativeError(
            "the classifier struct of the native library must have the size that this Python code declares, got"
            " another size; reinstall firth"
        )
    return core


__all__ = ["BLOCK_TEXTS", "MatrixParts", "NativeClassifier", "join_texts"]
