"""Room native: ctypes declarations of the core's part for fastText's files: the entries of their dictionary.

Tests: tests/formats/test_fasttext_model.py.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firth.base.words import WordBuffer
from firth.native.loader import library, validate_status

FAULT_NONE, FAULT_CUT, FAULT_KIND, FAULT_EMPTY = range(4)  # native/cpp/vectors/fasttext_dictionary.cpp
_SIZE = ctypes.c_int64
_POINTER = ctypes.c_void_p


@dataclass(frozen=True, eq=False)
class DictionaryScan:
    """What a dictionary's bytes gave.

    Attributes
    ----------
    fault : int
        One of the constants above; only without a fault are the arrays filled.
    row : int
        The faulty entry, from 0.
    offset : int
        Where the faulty entry begins; without a fault, where the dictionary's entries end.
    detail : int
        The type that a faulty entry has.
    entries : WordBuffer
    starts, counts : int64 arrays, (n_entries,)
    """

    fault: int
    row: int
    offset: int
    detail: int
    entries: WordBuffer
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]


def scan_dictionary(data: mmap.mmap, at: int, n_entries: int, n_words: int, max_word_bytes: int) -> DictionaryScan:
    """Find and gather ``n_entries`` entries, ``n_words`` of them words, from byte ``at`` of a file on."""
    view = np.frombuffer(data, dtype=np.uint8)
    starts, ends, counts = (np.empty(n_entries, dtype=np.int64) for _ in range(3))
    report = np.zeros(5, dtype=np.int64)
    core = _library()
    validate_status(
        core,
        core.firth_fasttext_scan(
            view.ctypes.data,
            len(view),
            at,
            n_entries,
            n_words,
            max_word_bytes,
            starts.ctypes.data,
            ends.ctypes.data,
            counts.ctypes.data,
            report.ctypes.data,
        ),
    )
    fault, row, offset, detail, n_bytes = report.tolist()
    if fault != FAULT_NONE:
        return DictionaryScan(fault, row, offset, detail, WordBuffer.pack([]), starts[:0], counts[:0])
    words, offsets = np.empty(n_bytes, dtype=np.uint8), np.empty(n_entries + 1, dtype=np.int64)
    validate_status(
        core,
        core.firth_fasttext_gather(
            view.ctypes.data,
            starts.ctypes.data,
            ends.ctypes.data,
            n_entries,
            words.ctypes.data,
            offsets.ctypes.data,
        ),
    )
    return DictionaryScan(fault, row, offset, detail, WordBuffer(words, offsets), starts, counts)


@functools.cache
def _library() -> ctypes.CDLL:
    core = library()
    for name, argtypes in {
        "firth_fasttext_scan": [_POINTER, *[_SIZE] * 5, *[_POINTER] * 4],
        "firth_fasttext_gather": [_POINTER, _POINTER, _POINTER, _SIZE, _POINTER, _POINTER],
    }.items():
        function = getattr(core, name)
        function.restype = ctypes.c_int64
        function.argtypes = argtypes
    return core


__all__ = ["FAULT_CUT", "FAULT_EMPTY", "FAULT_KIND", "FAULT_NONE", "DictionaryScan", "scan_dictionary"]
