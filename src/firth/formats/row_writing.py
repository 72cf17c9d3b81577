"""Room formats: rows of vectors written through the native core, block by block on several threads.

Tests: tests/formats/test_rows.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import IO

from firth.errors import FormatError
from firth.formats.row_blocks import BINARY_BLOCK_BYTES, BLOCK_BYTES, Buffers, Lanes, block_of
from firth.formats.table import VectorTable
from firth.formats.target import WriteOptions, write_all
from firth.native import vector_text


def write_text_rows(
    stream: IO[bytes],
    table: VectorTable,
    options: WriteOptions,
    path: Path,
    *,
    separator: bytes = b" ",
    trailing: bool = False,
    has_words: bool = True,
) -> None:
    """Write every row; refuse a NaN or an infinity by its row."""

    def form(first: int, last: int, out: bytearray) -> int:
        words = ("\n".join(table.words[first:last]) + "\n").encode("utf-8") if has_words else None
        return vector_text.format_text_rows(block_of(table.matrix, first, last), words, separator, trailing, out)

    _write_blocks(stream, table, options, path, form, table.matrix.shape[1] * 12 + 16, BLOCK_BYTES)


def write_binary_rows(
    stream: IO[bytes], table: VectorTable, options: WriteOptions, path: Path, *, newline: bool
) -> None:
    """Write every row in binary; refuse a NaN or an infinity by its row."""

    def form(first: int, last: int, out: bytearray) -> int:
        words = ("\n".join(table.words[first:last]) + "\n").encode("utf-8")
        return vector_text.pack_binary_rows(block_of(table.matrix, first, last), words, newline, out)

    _write_blocks(stream, table, options, path, form, table.matrix.shape[1] * 4 + 16, BINARY_BLOCK_BYTES)


def _write_blocks(
    stream: IO[bytes],
    table: VectorTable,
    options: WriteOptions,
    path: Path,
    form: Callable[[int, int, bytearray], int],
    row_bytes: int,
    block_bytes: int,
) -> None:
    """Rows in blocks of about ``block_bytes``; ``row_bytes`` is what a row takes, about."""
    n_rows = len(table)
    step = max(1, block_bytes // row_bytes)
    buffers = Buffers(min(step, n_rows) * row_bytes)
    pending: deque[tuple[Future[int], int, bytearray]] = deque()

    def collect() -> None:
        future, first, out = pending.popleft()
        n_bytes = future.result()
        if n_bytes < 0:
            row = first - n_bytes
            raise FormatError(
                f"{path}: row {row}: the vector of {table.words[row - 1]!r} holds a NaN or an infinity; remove the word"
            )
        with memoryview(out) as view, view[:n_bytes] as part:
            write_all(stream, part)
        buffers.give(out)

    with Lanes(1 if n_rows <= step else options.n_threads) as pool:
        try:
            for first in range(0, n_rows, step):
                out = buffers.take()
                pending.append((pool.submit(form, first, min(n_rows, first + step), out), first, out))
                while len(pending) > options.n_threads:
                    collect()
            while pending:
                collect()
        finally:
            for future, _, _ in pending:
                future.cancel()


__all__ = ["write_binary_rows", "write_text_rows"]
