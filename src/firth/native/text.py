"""Room native: the C++ side of counting and encoding text: counters, encoders, and the order of a vocabulary.

Tests: tests/corpus/test_text.py.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError, EncodingError
from firth.native.arrow import StringColumn
from firth.native.loader import library, raise_last_error, validate_status
from firth.native.stopping import run_stoppable

MAX_WORD_BYTES = 1 << 20  # as in text_count.cpp
DAMAGED_ROWS = "the Arrow data is damaged: a row is outside the data"
_INVALID_UTF8, _NUL_BYTE, _WORD_TOO_LONG, _DAMAGED_ROWS = 1, 2, 3, 4


class _ChunkReport(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int64)
        for name in ("n_tokens", "n_lines", "spool_offset", "problem", "problem_offset", "problem_byte")
    ]


class _SpooledChunk(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ("spool_offset", "n_tokens", "n_lines", "first_line")]


@dataclass(frozen=True)
class CountedChunk:
    """The position of a chunk of tokens in its counter's spool file.

    Layout: ``n_tokens`` ids (int32), then ``n_lines`` line ends (uint32: number of tokens before the line end).
    """

    spool_offset: int
    n_tokens: int
    n_lines: int


@functools.cache
def _functions() -> ctypes.CDLL:
    native = library()
    pointer, size, small = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
    prototypes: dict[str, list[type]] = {
        "firth_text_counter_new": [small, small, ctypes.POINTER(pointer)],
        "firth_text_counter_free": [pointer],
        "firth_text_count_range": [pointer, small, size, size, small, ctypes.POINTER(_ChunkReport)],
        "firth_text_begin": [pointer],
        "firth_text_feed": [pointer, pointer, size, small, ctypes.POINTER(_ChunkReport)],
        "firth_text_finish": [pointer, ctypes.POINTER(size), ctypes.POINTER(size)],
        "firth_text_merge_new": [pointer, size, pointer, pointer, pointer, pointer, ctypes.POINTER(pointer)],
        "firth_text_merge_free": [pointer],
        "firth_text_merge_work": [pointer],
        "firth_text_merge_sizes": [pointer, ctypes.POINTER(size), ctypes.POINTER(size)],
        "firth_text_encoder_new": [ctypes.POINTER(pointer)],
        "firth_text_encoder_free": [pointer],
        "firth_text_map_chunk": [
            pointer, small, ctypes.POINTER(_SpooledChunk), pointer, ctypes.c_uint64, ctypes.c_uint64, pointer,
        ],
        "firth_text_write_chunk": [pointer, pointer, pointer],
        "firth_text_uncount_heldout": [
            pointer, small, ctypes.POINTER(_SpooledChunk), pointer, ctypes.c_uint64, ctypes.c_uint64, pointer,
            ctypes.POINTER(size),
        ],
        "firth_text_rank": [pointer, pointer, pointer, size, pointer],
        "firth_text_find_repeated": [pointer, pointer, size],
        "firth_text_rows_bytes": [ctypes.POINTER(StringColumn), ctypes.POINTER(size)],
        "firth_text_join_rows": [ctypes.POINTER(StringColumn), pointer],
        "firth_text_feed_rows": [pointer, ctypes.POINTER(StringColumn), ctypes.POINTER(_ChunkReport)],
        "firth_text_join": [pointer, pointer, pointer, size, small, pointer, pointer],
    }  # fmt: skip
    for name, arguments in prototypes.items():
        function = getattr(native, name)
        function.argtypes = arguments
        function.restype = None if name.endswith("_free") else ctypes.c_int64
    return native


class TextCounter:
    """Counts the words of texts in one thread, and spools an id for each token to a file.

    Ids are given in the order of first occurrence. White space is that of ``bytes.split()``; ``\\n`` ends a line.

    Parameters
    ----------
    spool : file descriptor, written from its start
    validate : refuse words that are not UTF-8
    """

    def __init__(self, spool: int, *, validate: bool = True) -> None:
        self.spool = spool
        self.n_words = 0
        self.n_bytes = 0
        self._native = _functions()
        self._handle = ctypes.c_void_p()
        validate_status(self._native, self._native.firth_text_counter_new(spool, validate, ctypes.byref(self._handle)))

    def close(self) -> None:
        if self._handle:
            self._native.firth_text_counter_free(self._handle)
            self._handle = ctypes.c_void_p()

    def __enter__(self) -> TextCounter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def count_range(self, file: int, start: int, stop: int, *, is_last: bool, name: str) -> CountedChunk:
        """Count the words that start in the bytes [start, stop) of a file, and its line ends there.

        ``is_last``: ``stop`` is the end of the file. ``name`` is for messages.
        """
        report = _ChunkReport()
        status = self._native.firth_text_count_range(self._handle, file, start, stop, is_last, ctypes.byref(report))
        return self._counted(status, report, name)

    def begin_text(self) -> None:
        """Begin a text that is passed block by block."""
        validate_status(self._native, self._native.firth_text_begin(self._handle))

    def feed(self, block: bytes | NDArray[np.uint8], *, is_last: bool, name: str) -> CountedChunk:
        """Count one block of a text. A block may end inside a word or a character."""
        report = _ChunkReport()
        data = block if isinstance(block, bytes) else block.ctypes.data
        status = self._native.firth_text_feed(self._handle, data, len(block), is_last, ctypes.byref(report))
        return self._counted(status, report, name)

    def feed_rows(self, column: StringColumn, *, name: str) -> CountedChunk:
        """Count the rows of an Arrow column of strings, each as a line; a text of its own."""
        report = _ChunkReport()
        status = self._native.firth_text_feed_rows(self._handle, ctypes.byref(column), ctypes.byref(report))
        return self._counted(status, report, name)

    def finish(self) -> None:
        """End the reading. ``n_words`` and ``n_bytes`` are known after this call."""
        n_words, n_bytes = ctypes.c_int64(), ctypes.c_int64()
        status = self._native.firth_text_finish(self._handle, ctypes.byref(n_words), ctypes.byref(n_bytes))
        validate_status(self._native, status)
        self.n_words, self.n_bytes = n_words.value, n_bytes.value

    def _counted(self, status: int, report: _ChunkReport, name: str) -> CountedChunk:
        if report.problem == _INVALID_UTF8:
            raise EncodingError(
                f"{name}: byte 0x{report.problem_byte:02x} at offset {report.problem_offset:,} is not UTF-8; convert"
                ' the text (iconv -f latin1 -t utf-8), or pass encoding_errors="replace"'
            )
        if report.problem == _DAMAGED_ROWS:
            raise CorpusError(f"{name}: {DAMAGED_ROWS}")
        if report.problem == _NUL_BYTE:
            raise CorpusError(
                f"{name}: a NUL byte at offset {report.problem_offset:,}: this is binary data or UTF-16, not UTF-8 text"
            )
        if report.problem == _WORD_TOO_LONG:
            raise CorpusError(
                f"{name}: a word of more than {MAX_WORD_BYTES:,} bytes starts at offset {report.problem_offset:,}: this"
                " is not text with white space between its words"
            )
        if status < 0:
            try:
                raise_last_error(self._native, status)
            except OSError as error:
                raise type(error)(f"{name}: {error}") from None
        return CountedChunk(report.spool_offset, report.n_tokens, report.n_lines)


class TextMerge:
    """Merges the words of several finished counters into one list. The counters lose their words.

    The words of a single counter keep the order of first occurrence. The order of the words of several counters depends
    on the threads.

    Parameters
    ----------
    counters : finished counters, at least one

    Attributes
    ----------
    id_maps : for each counter an int32 array: the number in the list of each of its words
    """

    def __init__(self, counters: Sequence[TextCounter]) -> None:
        self._native = _functions()
        self._counters = list(counters)  # kept alive
        most_words = sum(counter.n_words for counter in counters)
        # Room for the case that no two counters share a word. Pages that are not written take no memory.
        self._text = np.empty(max(sum(counter.n_bytes for counter in counters), 1), np.uint8)
        self._offsets = np.empty(most_words + 1, np.int64)
        self._counts = np.empty(most_words, np.int64)
        self.id_maps = [np.empty(counter.n_words, np.int32) for counter in counters]
        self._handle = ctypes.c_void_p()
        n_counters = len(self._counters)
        status = self._native.firth_text_merge_new(
            (ctypes.c_void_p * n_counters)(*(counter._handle for counter in self._counters)),
            n_counters,
            (ctypes.c_void_p * n_counters)(*(id_map.ctypes.data for id_map in self.id_maps)),
            self._text.ctypes.data,
            self._offsets.ctypes.data,
            self._counts.ctypes.data,
            ctypes.byref(self._handle),
        )
        validate_status(self._native, status)

    def close(self) -> None:
        if self._handle:
            self._native.firth_text_merge_free(self._handle)
            self._handle = ctypes.c_void_p()

    def work(self) -> None:
        """Merge until nothing is left. Several threads may call this at the same time."""
        validate_status(self._native, self._native.firth_text_merge_work(self._handle))

    def words(self) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        """The merged words: their concatenated bytes, (n_words + 1,) offsets, (n_words,) counts."""
        n_words, n_bytes = ctypes.c_int64(), ctypes.c_int64()
        status = self._native.firth_text_merge_sizes(self._handle, ctypes.byref(n_words), ctypes.byref(n_bytes))
        validate_status(self._native, status)
        return self._text[: n_bytes.value], self._offsets[: n_words.value + 1], self._counts[: n_words.value]


class TextEncoder:
    """Maps spooled chunks to ids of a vocabulary and writes the ids to the files; each thread has an encoder."""

    def __init__(self, *, heldout_threshold: int = 0, seed: int = 0) -> None:
        self._native = _functions()
        self._threshold, self._seed = heldout_threshold, seed
        self._handle = ctypes.c_void_p()
        validate_status(self._native, self._native.firth_text_encoder_new(ctypes.byref(self._handle)))

    def close(self) -> None:
        if self._handle:
            self._native.firth_text_encoder_free(self._handle)
            self._handle = ctypes.c_void_p()

    def map_chunk(
        self, spool: int, chunk: CountedChunk, first_line: int, id_map: NDArray[np.int32]
    ) -> tuple[int, int, int]:
        """Map a chunk in memory: (training tokens kept, held-out tokens kept, held-out lines that end in it)."""
        sizes = (ctypes.c_int64 * 3)()
        where = _SpooledChunk(chunk.spool_offset, chunk.n_tokens, chunk.n_lines, first_line)
        status = self._native.firth_text_map_chunk(
            self._handle, spool, ctypes.byref(where), id_map.ctypes.data, self._threshold, self._seed, sizes
        )
        validate_status(self._native, status)
        return sizes[0], sizes[1], sizes[2]

    def write_chunk(self, files: Sequence[int], bases: Sequence[int]) -> None:
        """Write the chunk that was mapped last.

        ``files``: descriptors of ids, offsets, held-out ids, held-out offsets (-1 if there is no file).
        ``bases``: tokens and lines before this chunk, held-out tokens and lines before it.
        """
        native_files, native_bases = (ctypes.c_int32 * 4)(*files), (ctypes.c_int64 * 4)(*bases)
        validate_status(self._native, self._native.firth_text_write_chunk(self._handle, native_files, native_bases))

    def uncount_heldout(
        self, spool: int, chunk: CountedChunk, first_line: int, id_map: NDArray[np.int32], counts: NDArray[np.int64]
    ) -> tuple[int, int]:
        """Subtract held-out tokens from ``counts`` (in place): (tokens, held-out lines that end in the chunk)."""
        n_lines = ctypes.c_int64()
        where = _SpooledChunk(chunk.spool_offset, chunk.n_tokens, chunk.n_lines, first_line)
        n_tokens = self._native.firth_text_uncount_heldout(
            self._handle,
            spool,
            ctypes.byref(where),
            id_map.ctypes.data,
            self._threshold,
            self._seed,
            counts.ctypes.data,
            ctypes.byref(n_lines),
        )
        return validate_status(self._native, n_tokens), n_lines.value


def rank_words(
    text: NDArray[np.uint8], offsets: NDArray[np.int64], counts: NDArray[np.int64], word_ids: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Word ids sorted by falling count, ties by the bytes of the word (in UTF-8 the order of code points)."""
    ranked = np.array(word_ids, np.int64)
    native = _functions()
    run_stoppable(
        lambda: validate_status(
            native,
            native.firth_text_rank(
                text.ctypes.data, offsets.ctypes.data, counts.ctypes.data, len(ranked), ranked.ctypes.data
            ),
        )
    )
    return ranked


def find_repeated_word(text: NDArray[np.uint8], offsets: NDArray[np.int64]) -> int | None:
    """The number of a word that is equal to an earlier word; None if all words differ."""
    n_words = len(offsets) - 1
    native = _functions()
    found = run_stoppable(
        lambda: validate_status(native, native.firth_text_find_repeated(text.ctypes.data, offsets.ctypes.data, n_words))
    )
    return found if found < n_words else None


def join_words(
    text: NDArray[np.uint8], offsets: NDArray[np.int64], word_ids: NDArray[np.int64], separator: bytes = b""
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The concatenated bytes of the given words, which must be distinct, and the offset of each word.

    Each word is followed by the separator, which is one byte or empty.
    """
    word_ids = np.ascontiguousarray(word_ids, np.int64)
    joined = np.empty(max(len(text) + len(word_ids) * len(separator), 1), np.uint8)  # at most
    joined_offsets = np.empty(len(word_ids) + 1, np.int64)
    native = _functions()
    size = run_stoppable(
        lambda: validate_status(
            native,
            native.firth_text_join(
                text.ctypes.data,
                offsets.ctypes.data,
                word_ids.ctypes.data,
                len(word_ids),
                separator[0] if separator else -1,
                joined.ctypes.data,
                joined_offsets.ctypes.data,
            ),
        )
    )
    return joined[:size], joined_offsets


def join_rows(column: StringColumn) -> NDArray[np.uint8] | None:
    """The rows of an Arrow column of strings as lines; None if a row is outside the data.

    A line end inside a row becomes a space. A row without a value becomes an empty line.
    """
    n_bytes = ctypes.c_int64()
    native = _functions()
    validate_status(native, native.firth_text_rows_bytes(ctypes.byref(column), ctypes.byref(n_bytes)))
    if n_bytes.value < 0:
        return None
    joined = np.empty(n_bytes.value, np.uint8)
    validate_status(native, native.firth_text_join_rows(ctypes.byref(column), joined.ctypes.data))
    return joined
