"""Room formats: reads rows of vectors with the native core, block by block on several threads, in bounded memory.

Besides the matrix, memory has only a few blocks. The matrix is allocated for the rows that the file can have; a larger
number in the file's header allocates nothing.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.format import count_trailing_numbers
from firth.formats.recognition import explain_piece, explain_row
from firth.formats.row_blocks import BINARY_BLOCK_BYTES, BLOCK_BYTES, Buffers, Lanes, block_of
from firth.formats.source import MAX_DIMS, MAX_WORD_BYTES, ByteSource, ReadOptions, VectorEncodingError, place
from firth.formats.table import SubwordRows, VectorTable
from firth.native import vector_text

_NUMBER_BYTES = 64  # largest mean length of a row's numbers; a double with all digits has 24 characters
_FIRST_ROWS_BYTES = 64 << 20  # first allocation of the matrix if the file's size is not known
_BLANK = b" \t\r\n"


class RowsRead(NamedTuple):
    """The rows of a file. ``words`` is empty if the rows have no words."""

    words: list[str]
    matrix: NDArray[np.float32]
    all_differ: bool  # True: all words are known to differ. False: words may repeat.


def parse_header(
    source: ByteSource,
    line: bytes,
    min_row_bytes: Callable[[int], int],
    look: Callable[[ByteSource], str] = lambda source: "",
) -> tuple[int, int]:
    """Read V and D from the first line, the header. A file that is too small for V rows of D numbers is an error.

    Parameters
    ----------
    min_row_bytes : function of D
        Returns the smallest size of a row in bytes.
    look : function of the source
        Returns a hint about the rows, which is added to the error.
    """
    pieces = line.removeprefix(b"\xef\xbb\xbf").split()
    if len(pieces) != 2 or not all(piece.isdigit() and len(piece) <= 18 for piece in pieces):
        source.fail(f"the first line must be the numbers of words and of dimensions, got {_shown(line)}", offset=0)
    n_rows, n_dims = (int(piece) for piece in pieces)
    if n_rows < 1:
        source.fail(f"the header must announce at least one row, got {n_rows}", offset=0)
    if not 1 <= n_dims <= MAX_DIMS:
        source.fail(f"the header must announce 1 to {MAX_DIMS} dimensions, got {n_dims}", offset=0)
    needed = n_rows * min_row_bytes(n_dims) - 1  # the last row may have no newline
    if source.remaining is not None and needed > source.remaining:
        source.fail(
            f"the header announces {n_rows} rows of {n_dims} dimensions, which take at least {needed} bytes;"
            f" {source.remaining} follow: the file is cut, or the header is wrong{look(source)}",
            offset=0,
        )
    return n_rows, n_dims


def read_text_rows(
    source: ByteSource,
    n_dims: int,
    options: ReadOptions,
    *,
    n_rows: int | None = None,
    has_words: bool = True,
    taken: bytes = b"",
) -> RowsRead:
    """Read the rows of a text file to its end, or the first ``options.limit`` rows.

    Parameters
    ----------
    n_rows : int or None
        The number of rows in the header. Fewer or more rows are an error. None: there is no header.
    has_words : bool
        Whether each row begins with a word.
    taken : bytes
        The first bytes of the rows, if they were read from the source before.
    """
    rows = _Rows(source, n_dims, options, n_rows)
    max_row_bytes = MAX_WORD_BYTES + n_dims * _NUMBER_BYTES
    pending: deque[tuple[Future[vector_text.BlockReport], _Block]] = deque()
    buffers = Buffers(BLOCK_BYTES if source.size is None else min(BLOCK_BYTES, source.size + 1))
    extra: int | None = None  # offset of the first row that the header does not announce

    def collect() -> None:
        future, block = pending.popleft()
        report = future.result()
        if report.error:
            _explain(source, n_dims, block, report, has_header=n_rows is not None)
        if block.words is not None:
            rows.add_words(block, block.words, report.words_bytes, report.n_rows, None)
            buffers.give(block.words)
        buffers.give(block.buffer)

    with Lanes(1 if _is_small(source) else options.n_threads) as pool:
        try:
            for buffer, n_bytes, offset in _line_blocks(source, taken, max_row_bytes, buffers):
                n_lines = buffer.count(b"\n", 0, n_bytes)
                first = rows.n_rows
                n_new = min(n_lines, rows.target - first)
                if not rows.has_room(n_new):
                    while pending:  # growing the matrix may move it in memory
                        collect()
                    rows.make_room(n_new, n_bytes / max(1, n_lines))
                matrix = rows.take(n_new)
                words = buffers.take() if has_words else None
                if words is not None and len(words) < n_bytes:
                    words.extend(bytes(n_bytes - len(words)))
                block = _Block(buffer, offset, first, words)
                future = pool.submit(
                    vector_text.parse_text_rows, buffer, 0, n_bytes, n_new, matrix, words, MAX_WORD_BYTES
                )
                pending.append((future, block))
                if n_new < n_lines:
                    if options.limit is None or rows.target < options.limit:
                        extra = offset + _nth_line(buffer, n_new)
                    break
                while len(pending) > options.n_threads:
                    collect()
            while pending:
                collect()
        finally:
            for future, _ in pending:  # after an error, no thread may write to freed buffers
                future.cancel()
    if extra is not None:
        source.fail(f"more rows follow than the {n_rows} that the header announces", row=rows.target + 1, offset=extra)
    return rows.finish(has_words)


def read_binary_rows(source: ByteSource, n_dims: int, options: ReadOptions, n_rows: int) -> RowsRead:
    """Read the rows of word2vec's binary file to its end, or the first ``options.limit`` rows.

    A thread reads blocks, others copy the numbers of earlier blocks, and this one finds rows and decodes words.
    """
    rows = _Rows(source, n_dims, options, n_rows)
    max_row_bytes = MAX_WORD_BYTES + 4 * n_dims + 2
    size = max(BINARY_BLOCK_BYTES, max_row_bytes)
    if source.size is not None:
        max_row_bytes, size = min(max_row_bytes, source.size), min(size, source.size + 1)
    # Each buffer begins with room for the rest of the previous block, which is less than a row.
    buffers = Buffers(max_row_bytes + size)
    pending: deque[tuple[Future[vector_text.BlockReport], _Block]] = deque()
    ahead: Future[tuple[bytearray, int]] | None = None
    position = source.offset  # offset in the file of the next read
    carry = b""

    def read_block(buffer: bytearray) -> tuple[bytearray, int]:
        with memoryview(buffer) as view, view[max_row_bytes : max_row_bytes + size] as part:
            return buffer, source.read_into(part)

    def collect() -> None:
        future, block = pending.popleft()
        report = future.result()
        if report.error:
            _explain(source, n_dims, block, report)
        buffers.give(block.buffer)

    with Lanes(1 if _is_small(source) else options.n_threads) as pool:
        try:
            while rows.n_rows < rows.target:
                buffer, n_read = ahead.result() if ahead is not None else read_block(buffers.take())
                # Bytes behind the last requested row are not checked, so another block is read only if it is needed.
                needs_more = rows.target - rows.n_rows > (len(carry) + n_read) // (4 * n_dims + 2) + 1
                ahead = pool.submit(read_block, buffers.take()) if needs_more and n_read == size else None
                start = max_row_bytes - len(carry)
                buffer[start:max_row_bytes] = carry
                filled = len(carry) + n_read
                block = _Block(buffer, position - len(carry), rows.n_rows, None, start)
                position += n_read
                words = buffers.take()
                report, starts = vector_text.scan_binary_rows(
                    buffer, start, filled, rows.target - rows.n_rows, n_dims, words, MAX_WORD_BYTES
                )
                n_new = report.n_rows
                rows.add_words(block, words, report.words_bytes, n_new, starts)
                buffers.give(words)
                carry = bytes(memoryview(buffer)[start + report.n_bytes : start + filled])
                if n_new:
                    if not rows.has_room(n_new):
                        while pending:
                            collect()
                        rows.make_room(n_new, report.n_bytes / n_new)
                    matrix = rows.take(n_new)
                    pending.append((pool.submit(vector_text.gather_binary_rows, buffer, start, starts, matrix), block))
                if report.error:
                    while pending:
                        collect()
                    _explain(source, n_dims, block, report)
                if n_read < size and rows.n_rows < rows.target:  # the file has ended
                    while pending:
                        collect()
                    rows.fail_cut(position - len(carry), len(carry))
                while len(pending) > options.n_threads:
                    collect()
            while pending:
                collect()
        finally:  # after an error, no thread may write to freed buffers
            if ahead is not None:
                ahead.cancel()
            for future, _ in pending:
                future.cancel()
    if rows.target == n_rows:
        tail = carry + (source.read(2) if len(carry) < 2 else b"")
        if tail not in (b"", b"\n"):
            source.fail(
                f"more bytes follow than the {n_rows} rows that the header announces: {_shown(tail[:16])}",
                offset=position - len(carry),
            )
    return rows.finish(has_words=True)


def finish_table(
    path: Path,
    words: list[str],
    matrix: NDArray[np.float32],
    counts: NDArray[np.int64] | None,
    options: ReadOptions,
    *,
    all_differ: bool = False,
    subwords: SubwordRows | None = None,
) -> VectorTable:
    """Make the table. A repeated word is an error; with ``options.duplicates == "first"``, its later rows are dropped.

    Parameters
    ----------
    all_differ : bool
        Whether all words are known to differ, as in `RowsRead`.
    subwords : SubwordRows or None
        Rows of n-grams. If it has word rows, they are the rows of all words of the file.

    Raises
    ------
    FormatError
        A word occurs twice (the message names both rows), or a count is negative.
    """
    if counts is not None and counts.size and counts.min() < 0:
        row = int(np.argmax(counts < 0))
        raise FormatError(f"{path}: row {row + 1}: a count must not be negative, got {int(counts[row])}")
    if not all_differ and len(set(words)) != len(words):
        first_rows: dict[str, int] = {}
        for row, word in enumerate(words):
            earlier = first_rows.setdefault(word, row)
            if earlier != row and options.duplicates == "error":
                cause = " after replacing its invalid bytes" if "\ufffd" in word else ""
                raise FormatError(
                    f"{path}: row {row + 1}: the word {word!r}{cause} is in row {earlier + 1} too; pass"
                    ' duplicates="first" to keep the first row of each word'
                )
        kept = np.fromiter(first_rows.values(), dtype=np.int64, count=len(first_rows))
        words, matrix = list(first_rows), matrix[kept]
        counts = None if counts is None else counts[kept]
        if subwords is not None and subwords.word_rows is not None:
            subwords = replace(subwords, word_rows=subwords.word_rows[kept])
    elif subwords is not None and subwords.word_rows is not None:
        subwords = replace(subwords, word_rows=subwords.word_rows[: len(words)])
    return VectorTable(words, matrix, counts, subwords)


def validate_finite(path: Path, matrix: NDArray[np.float32]) -> None:
    """Raise if the matrix has a NaN or an infinity, and name the row. Reads the matrix once, block by block."""
    step = max(1, BLOCK_BYTES // max(1, 4 * matrix.shape[1]))
    for first in range(0, len(matrix), step):
        row = vector_text.first_row_not_finite(block_of(matrix, first, first + step))
        if row is not None:
            raise FormatError(f"{path}: row {first + row + 1}: the vector must be finite, got a NaN or an infinity")


def decode_words(path: Path, parts: list[tuple[bytes, int]], options: ReadOptions) -> list[str]:
    """Decode words from (bytes, offset in the file). For formats whose words may have any character."""
    words: list[str] = []
    for row, (data, offset) in enumerate(parts, 1):
        try:
            words.append(data.decode(options.encoding, options.encoding_errors))
        except UnicodeDecodeError as error:
            _fail_decoding(path, options, row, offset + error.start, data)
    return words


@dataclass
class _Block:
    buffer: bytearray
    offset: int  # offset of the first byte in the file
    row: int  # number of the first row, from 0
    words: bytearray | None
    start: int = 0  # offset of the first byte in the buffer


def _is_small(source: ByteSource) -> bool:
    return source.size is not None and source.size < BLOCK_BYTES


class _Rows:
    """The matrix and the words that were read so far."""

    def __init__(self, source: ByteSource, n_dims: int, options: ReadOptions, n_rows: int | None) -> None:
        self._source = source
        self._options = options
        self._announced = n_rows
        self.target = min(
            n_rows if n_rows is not None else 1 << 62, options.limit if options.limit is not None else 1 << 62
        )
        # If the file's size is known, parse_header has compared the announced number with it.
        room = self.target if n_rows is not None and source.size is not None else 0
        self._matrix = np.empty((room, n_dims), dtype=np.float32)
        self._words: list[str] = []
        # If different words have different bytes, comparing hashes is a cheap way to see that no word repeats.
        utf8 = codecs.lookup(options.encoding).name == "utf-8" and options.encoding_errors == "strict"
        self._hashes: list[NDArray[np.uint64]] | None = [] if utf8 else None
        self.n_rows = 0

    def has_room(self, n_new: int) -> bool:
        return self.n_rows + n_new <= len(self._matrix)

    def make_room(self, n_new: int, row_bytes: float) -> None:
        n_dims = self._matrix.shape[1]
        needed = self.n_rows + n_new
        if self._source.remaining is not None:  # room for all rows that may follow; unused memory costs nothing
            room = needed + int(self._source.remaining / row_bytes * 1.05) + 1
        else:
            room = max(needed + needed // 2, _FIRST_ROWS_BYTES // (4 * n_dims))
        room = max(needed, min(room, self.target))
        if self.n_rows == 0:
            self._matrix = np.empty((room, n_dims), dtype=np.float32)
        else:
            self._matrix.resize((room, n_dims), refcheck=False)

    def take(self, n_new: int) -> NDArray[np.float32]:
        matrix = self._matrix[self.n_rows : self.n_rows + n_new]
        self.n_rows += n_new
        return matrix

    def add_words(
        self, block: _Block, words: bytearray, n_bytes: int, n_words: int, starts: NDArray[np.int64] | None
    ) -> None:
        """Append the words of a block, each followed by a newline. ``starts`` has the offset of each row's numbers."""
        if not n_words:
            return
        data = bytes(memoryview(words)[:n_bytes])
        try:
            text = data.decode(self._options.encoding, self._options.encoding_errors)
        except UnicodeDecodeError as error:
            index = data.count(b"\n", 0, error.start)
            word_start = data.rfind(b"\n", 0, error.start) + 1
            word = data[word_start : data.find(b"\n", word_start)]
            at = _nth_line(block.buffer, index) if starts is None else int(starts[index]) - 1 - len(word)
            row = block.row + index + 1
            _fail_decoding(self._source.path, self._options, row, block.offset + at + error.start - word_start, word)
        if starts is None and b"\r" in data:
            index = data.count(b"\n", 0, data.index(b"\r"))
            word = data.split(b"\n", index + 1)[index]
            self._source.fail(
                f"a word must not have a carriage return, got {_shown(word)}; if lines end in a carriage return alone,"
                " convert them: tr '\\r' '\\n' < FILE > NEW",
                row=block.row + index + 1,
                offset=block.offset + _nth_line(block.buffer, index),
            )
        found = text[:-1].split("\n")
        if len(found) != n_words:
            self._source.fail(f"the words must be text in {self._options.encoding}, got other bytes", row=block.row + 1)
        self._words.extend(found)
        if self._hashes is not None:
            self._hashes.append(vector_text.hash_words(words, n_bytes, n_words))

    def fail_cut(self, offset: int, n_left: int) -> NoReturn:
        tail = f", {n_left} bytes into the next" if n_left else ""
        self._source.fail(
            f"the header announces {self._announced} rows, the file ends after {self.n_rows}{tail}: the file is cut, or"
            " the header is wrong",
            row=self.n_rows + 1,
            offset=offset,
        )

    def finish(self, has_words: bool) -> RowsRead:
        if self._announced is not None and self.n_rows < self.target:
            self.fail_cut(self._source.offset, 0)
        if self.n_rows == 0:
            self._source.fail("the file must have at least one row, got none")
        if has_words and len(self._words) != self.n_rows:
            raise AssertionError(f"{len(self._words)} words for {self.n_rows} rows")
        if self.n_rows < len(self._matrix):
            self._matrix.resize((self.n_rows, self._matrix.shape[1]), refcheck=False)
        all_differ = bool(self._hashes) and not vector_text.may_repeat(np.concatenate(self._hashes or []))
        return RowsRead(self._words, self._matrix, all_differ)


def _line_blocks(
    source: ByteSource, taken: bytes, max_row_bytes: int, buffers: Buffers
) -> Iterator[tuple[bytearray, int, int]]:
    """Yield blocks of complete lines: (buffer, bytes of lines, offset in the file). Drops blank lines at the end."""
    carry = taken
    while True:
        buffer = buffers.take()
        if len(buffer) <= len(carry):
            buffer.extend(bytes(2 * len(carry) + 64 - len(buffer)))
        buffer[: len(carry)] = carry
        offset = source.offset - len(carry)
        filled = len(carry)
        while True:
            with memoryview(buffer) as view:
                filled += source.read_into(view[filled:])
            ended = filled < len(buffer)
            # Blank lines are moved to the next block, until it is known whether another line follows.
            content = len(buffer[:filled].rstrip(_BLANK))
            cut = content if ended else buffer.rfind(b"\n", 0, filled)
            if ended or cut >= 0:
                break
            if filled > max_row_bytes:
                source.fail(f"a line must have at most {max_row_bytes} bytes, got a longer line", offset=offset)
            buffer.extend(bytes(len(buffer)))
        if ended:
            if content:
                if content == len(buffer):
                    buffer.extend(b"\n")
                buffer[content] = 10
                yield buffer, content + 1, offset
            return
        if content <= cut:  # only blank lines follow the last line with content
            cut = buffer.find(b"\n", content)
        if cut + 1 > filled or content == 0:
            source.fail(f"blank lines must have at most {filled} bytes together, got more", offset=offset)
        carry = bytes(memoryview(buffer)[cut + 1 : filled])
        yield buffer, cut + 1, offset


def _nth_line(buffer: bytearray, index: int) -> int:
    position = 0
    for _ in range(index):
        position = buffer.index(b"\n", position) + 1
    return position


def _fail_decoding(path: Path, options: ReadOptions, row: int, offset: int, word: bytes) -> NoReturn:
    raise VectorEncodingError(
        f"{path}: {place(row, offset)}the word {_shown(word)} is not valid {options.encoding.upper()};"
        ' pass encoding_errors="replace" to read the word with U+FFFD, or pass the encoding'
    )


def _explain(
    source: ByteSource, n_dims: int, block: _Block, report: vector_text.BlockReport, *, has_header: bool = True
) -> NoReturn:
    at = block.start + report.offset
    whole_piece = bytes(block.buffer[at : at + report.length])
    piece = _shown(whole_piece)
    hint, widths = "", ""
    if report.error in (vector_text.ROW_NO_NUMBER, vector_text.ROW_NOT_FINITE):
        hint = explain_piece(whole_piece)
    elif report.error == vector_text.ROW_TOO_FEW:
        hint = explain_row(whole_piece)
        widths = f"; the header announces {n_dims} dimensions" if has_header and not hint else ""
    elif report.error == vector_text.ROW_TOO_MANY:
        row = bytes(block.buffer[block.buffer.rfind(b"\n", block.start, at) + 1 : block.buffer.find(b"\n", at)])
        named = f"the header announces {n_dims} dimensions" if has_header else f"other rows have {n_dims}"
        widths = f"; the row has {count_trailing_numbers(row)} numbers, {named}"
    message = {
        vector_text.ROW_TOO_FEW: f"{n_dims} numbers must follow the word, got {max(0, report.detail)} in {piece}",
        vector_text.ROW_TOO_MANY: f"{n_dims} numbers must follow the word, got more, from {piece} on",
        vector_text.ROW_NO_NUMBER: f"dimension {report.detail} of {n_dims} must be a number, got {piece}",
        vector_text.ROW_NOT_FINITE: f"dimension {report.detail} of {n_dims} must be a finite float32"
        + (f", got {piece}" if report.length else ", got a NaN or an infinity"),
        vector_text.ROW_NO_WORD: "a row must begin with a word, got none; remove the row",
        vector_text.ROW_LONG_WORD: f"a word must have at most {MAX_WORD_BYTES} bytes, got more, from {piece} on",
        vector_text.ROW_BREAK_IN_WORD: f"a word must not have a line break, got {piece}; the dimensions may be wrong",
    }[report.error]
    source.fail(
        message + widths + (f", {hint}" if hint else ""),
        row=block.row + report.row + 1,
        offset=block.offset + report.offset,
    )


def _shown(data: bytes) -> str:
    text = data[:60].decode("utf-8", "backslashreplace")
    return repr(text) + ("..." if len(data) > 60 else "")


__all__ = [
    "decode_words",
    "finish_table",
    "parse_header",
    "read_binary_rows",
    "read_text_rows",
    "validate_finite",
]
