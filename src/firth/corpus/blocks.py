"""Room corpus: the bytes of text in blocks, from plain and compressed streams.

Tests: tests/corpus/test_sources.py.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from firth.base.compression import compression_of, import_zstandard
from firth.errors import CorpusError, CorpusTypeError

BLOCK_BYTES = 1 << 20  # bytes read from a stream at once

_ZSTD_BYTES = 1024  # compressed bytes for one call: zstd cannot bound its output, and 3 bytes can become 128 KiB


def read_blocks(handle: Any, name: str) -> Iterator[bytes]:
    """Yield the bytes of a binary stream in blocks, decompressed if its first bytes are of a compressed file."""
    first = handle.read(BLOCK_BYTES)
    if not isinstance(first, bytes):
        raise CorpusTypeError(f"{name} must be opened in binary mode")
    kind = compression_of(first)
    if kind is not None:
        yield from decompress(_Prefixed(first, handle), kind, name)
        return
    block = first
    while block:
        yield block
        block = handle.read(BLOCK_BYTES)


class _Prefixed(io.RawIOBase):
    """A stream that yields bytes already read from it first, and then the rest."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first, self._rest = first, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._first[: len(buffer)]
        if block:
            self._first = self._first[len(block) :]
        else:
            block = self._rest.read(len(buffer)) or b""
        buffer[: len(block)] = block
        return len(block)


def decompress(file: Any, kind: str, name: str) -> Iterator[bytes]:
    """Yield decompressed blocks of at most a few MiB; a truncated or damaged file raises CorpusError."""
    make, errors = _decompressor(kind)
    decompressor: Any = None
    n_members = 0
    data = b""
    try:
        while True:
            data = file.read(1 << 18)
            if not data:
                break
            pending = True
            while data or pending:
                if decompressor is None:
                    if not data or (n_members and kind == "gzip" and not data.strip(b"\0")):
                        break  # zeros after the last member are padding, as in gzip
                    decompressor = make()
                    n_members += 1
                out, data, pending, ended = decompressor(data)
                if out:
                    yield out
                if ended:
                    decompressor = None
    except errors as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise CorpusError(f"{name}: the {kind} data is damaged: {error}") from error
    if decompressor is not None:
        raise CorpusError(f"{name}: the {kind} data ends too early: the file was truncated")


_Step = Callable[[bytes], tuple[bytes, bytes, bool, bool]]


def _decompressor(kind: str) -> tuple[Callable[[], _Step], tuple[type[Exception], ...]]:
    """A function that makes a decompression step, and the exceptions that a step can raise.

    A step takes compressed data and returns (output, unused data, whether more output is pending without more data,
    whether the member ended). The output of a step is bounded, so a file of zeros cannot fill the memory.
    """
    if kind == "gzip":
        import zlib

        def make_gzip() -> _Step:
            state = zlib.decompressobj(wbits=31)

            def step(data: bytes) -> tuple[bytes, bytes, bool, bool]:
                out = state.decompress(data, BLOCK_BYTES)
                return out, state.unused_data if state.eof else state.unconsumed_tail, False, state.eof

            return step

        return make_gzip, (zlib.error,)
    if kind in ("bzip2", "xz"):
        import bz2
        import lzma

        def make_bounded() -> _Step:
            state: Any = bz2.BZ2Decompressor() if kind == "bzip2" else lzma.LZMADecompressor()

            def step(data: bytes) -> tuple[bytes, bytes, bool, bool]:
                out = state.decompress(data, BLOCK_BYTES)
                return out, state.unused_data if state.eof else b"", not (state.eof or state.needs_input), state.eof

            return step

        return make_bounded, (OSError, lzma.LZMAError, EOFError, ValueError)
    zstandard = import_zstandard("read")

    def make_zstd() -> _Step:
        state = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()

        def step(data: bytes) -> tuple[bytes, bytes, bool, bool]:
            given = data[:_ZSTD_BYTES]
            out = state.decompress(given)
            rest = state.unused_data + data[_ZSTD_BYTES:] if state.eof else data[_ZSTD_BYTES:]
            return out, rest, False, state.eof

        return step

    return make_zstd, (zstandard.ZstdError,)
