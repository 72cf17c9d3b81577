"""Room formats: reads a file as a stream of decompressed bytes; its errors name the row and the byte.

Every reader uses `ByteSource`. It never maps the file, because a mapped file that shrinks kills the process. It never
reads more than was requested. It counts the bytes, for the messages of errors. Compression is recognised by content,
not by name: gzip (RFC 1952), bzip2, xz, and Zstandard (RFC 8878) with the extra ``zstd``.

Tests: tests/bad_files/test_bombs.py.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import mmap
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn, TypeVar, cast

from firth.base.compression import compression_of, import_zstandard
from firth.base.files import open_regular
from firth.base.machine import available_processors
from firth.base.urls import refuse_url
from firth.base.values import as_integer, validate_choice
from firth.errors import EncodingError, FormatError, ParameterError, StorageError

MAX_DIMS = 1 << 20  # far above all published vectors; it bounds the memory for one row
MAX_WORD_BYTES = 1 << 16
MAX_HEADER_BYTES = 256
# Published vectors compress to a third or a half. A file that expands a hundredfold was made to exhaust memory.
MAX_INFLATION = 100
FREE_INFLATION_BYTES = (
    32 << 20
)  # below this size the ratio is not checked: a short file of one repeated row is harmless
_DISK_RESERVE = 64 << 20  # free space in the temporary folder that decompression leaves to other programs
_XZ_MEMORY = 256 << 20  # xz -9 needs 65 MiB to decompress; a header may ask for 4 GiB

Result = TypeVar("Result")
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)


@dataclass(frozen=True)
class ReadOptions:
    """The options of reading, for every format. See `firth.formats.registry.read_vectors`."""

    encoding: str = "utf-8"
    encoding_errors: str = "strict"
    duplicates: str = "error"
    limit: int | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        validate_choice("encoding_errors", self.encoding_errors, ("strict", "replace"))
        validate_choice("duplicates", self.duplicates, ("error", "first"))
        if self.limit is not None and self.limit < 1:
            raise ParameterError(f"limit must be at least 1, got {self.limit}; leave it out to read every row")
        if self.threads is not None:
            as_integer("threads", self.threads, minimum=1)
        try:
            ascii_compatible = "\n 0".encode(self.encoding) == b"\n 0"
        except LookupError:
            raise ParameterError(f"encoding must be an encoding that Python knows, got {self.encoding!r}") from None
        if not ascii_compatible:
            raise ParameterError(
                f"encoding must be an extension of ASCII, got {self.encoding!r}; convert the file to UTF-8"
            )

    @property
    def n_threads(self) -> int:
        return self.threads if self.threads is not None else available_processors()


class ByteSource:
    """The bytes of one regular file from the start, decompressed.

    Attributes
    ----------
    path : Path
    compression : str
        ``"none"``, ``"gzip"``, ``"bzip2"``, ``"xz"`` or ``"zstd"``.
    size : int or None
        Size in bytes; None for a compressed file, whose size is known only after reading it.
    offset : int
        Number of bytes read so far, counted after decompression.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        raw = _open(path)
        try:
            # the first bytes, for the magic number; not by peek of a buffered reader, which may return fewer
            head = raw.read(16)
            raw.seek(0)
            self.compression = compression_of(head) or "none"
            self.file_size = os.fstat(raw.fileno()).st_size
            self.size = self.file_size if self.compression == "none" else None
            self._stream = _decompressed(raw, self.compression)
        except BaseException:
            raw.close()
            raise
        self._raw = raw

    def __enter__(self) -> ByteSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stream.close()
        self._raw.close()

    def descriptor(self) -> int:
        """The descriptor of the file on disk (not decompressed), for mapping."""
        return self._raw.fileno()

    @property
    def remaining(self) -> int | None:
        """Number of bytes not read yet; None if the file is compressed."""
        return None if self.size is None else max(0, self.size - self.offset)

    def read(self, n_bytes: int) -> bytes:
        """The next ``n_bytes``, fewer only at the end of the file."""
        parts: list[bytes] = []
        while n_bytes > 0:
            part = self._guarded(self._stream.read, min(n_bytes, 1 << 24))
            if not part:
                break
            parts.append(part)
            n_bytes -= len(part)
            self._advance(len(part))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_into(self, view: memoryview) -> int:
        """Fill ``view``; returns the number of bytes, smaller than its length only at the end of the file."""
        filled = 0
        while filled < len(view):
            n_bytes = self._guarded(self._stream.readinto, view[filled:])  # type: ignore[attr-defined]
            if not n_bytes:
                break
            filled += n_bytes
            self._advance(n_bytes)
        return filled

    def read_line(self, max_bytes: int, what: str) -> bytes:
        """The next line with its newline (which the file's last line may lack)."""
        start = self.offset
        line = self._guarded(self._stream.readline, max_bytes + 1)
        self._advance(len(line))
        if len(line) > max_bytes:
            self.fail(f"{what} is longer than {max_bytes} bytes", offset=start)
        return line

    def at_end(self) -> bool:
        """Whether no byte is left. If a byte is left it is consumed, so call this last."""
        return not self.read(1)

    def fail(self, message: str, *, row: int | None = None, offset: int | None = None) -> NoReturn:
        """Raise FormatError naming the file, the row (from 1) and the byte (from 0)."""
        raise FormatError(f"{self.path}: {place(row, offset)}{message}")

    def _advance(self, n_bytes: int) -> None:
        self.offset += n_bytes
        if self.size is None and self.offset > max_inflated_bytes(self.file_size):
            raise FormatError(
                f"{self.path}: {self.file_size} bytes of {self.compression} expand to more than {self.offset} bytes,"
                f" over {MAX_INFLATION} times as many, as vectors never do; if you trust the file, decompress it first"
            )

    def _guarded(self, read: Callable[..., Result], *arguments: object) -> Result:
        try:
            return read(*arguments)
        except _DAMAGED as error:
            self._damaged(error)
        except OSError as error:
            if (
                error.errno is None
            ):  # no number: bz2 and gzip report damage in this way; errors of the system have a number
                self._damaged(error)
            raise StorageError(error.errno, f"{self.path} cannot be read: {error.strerror}") from error
        except Exception as error:
            if type(error).__module__.startswith("zstandard"):
                self._damaged(error)
            raise

    def _damaged(self, error: Exception) -> NoReturn:
        raise FormatError(
            f"{self.path}: the {self.compression} stream is damaged or truncated after {self.offset} decompressed bytes"
            f" ({error}); fetch the file again"
        ) from error


class VectorEncodingError(FormatError, EncodingError):
    """The bytes of a word are invalid in the requested encoding. Both a FormatError and an EncodingError."""


def place(row: int | None, offset: int | None) -> str:
    """The text ``row 3 (byte 120): ``, without the parts that are None."""
    if row is not None and offset is not None:
        return f"row {row} (byte {offset}): "
    if row is not None:
        return f"row {row}: "
    return f"byte {offset}: " if offset is not None else ""


@contextlib.contextmanager
def mapped(source: ByteSource) -> Iterator[mmap.mmap]:
    """Map the whole content, read-only, for formats that need to seek. A compressed file is first decompressed to disk.

    A mapped file that shrinks kills the process, so only formats that cannot be streamed use a map.
    """
    if source.size == 0:
        source.fail("the file is empty")
    if source.size is not None:
        data = mmap.mmap(source.descriptor(), 0, access=mmap.ACCESS_READ)
    else:
        with _spooled(source) as spool:
            if not spool.tell():
                source.fail("the file is empty")
            data = mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        yield data
    finally:
        with contextlib.suppress(BufferError):  # an array still uses the map, which is closed when the array is freed
            data.close()


def max_inflated_bytes(n_packed: int) -> int:
    """Largest number of bytes to which ``n_packed`` compressed bytes may expand."""
    return max(FREE_INFLATION_BYTES, MAX_INFLATION * n_packed)


def _spooled(source: ByteSource) -> IO[bytes]:
    """Decompress the rest of a source to an unnamed temporary file on disk; fails if the disk would become full."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free - _DISK_RESERVE
    spool = cast("IO[bytes]", tempfile.TemporaryFile(prefix="firth-"))  # noqa: SIM115  the caller closes it
    try:
        n_bytes = source.file_size  # a lower bound of the decompressed size, about
        while n_bytes <= free and (block := source.read(1 << 22)):
            n_bytes = max(n_bytes, source.offset)
            spool.write(block)
        if n_bytes > free:
            raise StorageError(
                f"{source.path} must be decompressed to {folder}, which needs more than the {max(0, free) >> 20} MiB"
                " that may be used there; free some space, set TMPDIR to another folder, or decompress the file"
            )
        spool.flush()
    except BaseException as error:
        spool.close()
        if isinstance(error, OSError) and not isinstance(error, StorageError):
            raise StorageError(
                error.errno, f"{source.path} cannot be decompressed to {folder}: {error.strerror}"
            ) from error
        raise
    return spool


def _open(path: Path) -> io.FileIO:
    try:
        return open_regular(path)
    except StorageError:
        raise
    except FileNotFoundError:
        refuse_url(path, "download the file first")
        raise StorageError(f"{path} does not exist; give the path of a vector file or of a model folder") from None
    except OSError as error:
        raise StorageError(error.errno, f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a NUL in the path
        raise StorageError(f"{path} cannot be read: {error}") from error


def _decompressed(raw: io.FileIO, compression: str) -> IO[bytes]:
    if compression == "gzip":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
    if compression == "bzip2":
        return cast("IO[bytes]", bz2.BZ2File(raw))
    if compression == "xz":
        return cast("IO[bytes]", io.BufferedReader(_XzReader(raw), 1 << 16))
    if compression == "zstd":
        zstandard = import_zstandard("read")
        # the window bounds the decompressor's memory: 128 MiB is the command line tool's own limit
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(raw, read_across_frames=True)
        return cast("IO[bytes]", io.BufferedReader(reader, 1 << 16))
    return cast("IO[bytes]", io.BufferedReader(raw, 1 << 16))


class _XzReader(io.RawIOBase):
    """Reads concatenated xz streams like `lzma.LZMAFile`, but with a limit on the decompressor's memory."""

    def __init__(self, raw: io.FileIO) -> None:
        self._raw = raw
        self._decompressor = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ended:
            if self._decompressor.eof:
                rest = self._decompressor.unused_data.lstrip(b"\0") or self._raw.read(1 << 16).lstrip(b"\0")
                if not rest:
                    self._ended = True
                    break
                self._decompressor = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
                data = self._decompressor.decompress(rest, len(buffer))
            elif self._decompressor.needs_input:
                block = self._raw.read(1 << 16)
                if not block:
                    raise EOFError("the xz stream has no end marker")
                data = self._decompressor.decompress(block, len(buffer))
            else:
                data = self._decompressor.decompress(b"", len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
        return 0
