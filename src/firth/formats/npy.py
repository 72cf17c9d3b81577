"""Room formats: reads NumPy's ``.npy`` arrays inside other formats. Refuses pickles; checks sizes before allocating.

Grammar
-------
::

    npy    = "\\x93NUMPY" major minor length header data
    length = uint16 (major 1) or uint32 (major 2, 3), little-endian
    header = "{'descr': '" code "', 'fortran_order': " ("True" | "False") ", 'shape': (" numbers "), }" spaces newline
    data   = the array's bytes, to the end of the file

Source: NumPy, "NEP 1: A simple file format for NumPy arrays" and numpy.lib.format. The header is a Python
literal. It is not evaluated; a regular expression matches the one form that NumPy writes.

Tests: tests/formats/test_round_trip.py.
"""

from __future__ import annotations

import contextlib
import errno
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from firth.base.files import open_regular
from firth.errors import FirthError, FormatError, StorageError
from firth.formats.source import MAX_INFLATION, max_inflated_bytes

_MAGIC = b"\x93NUMPY"
_MAX_HEADER_BYTES = 1 << 16
_HEADER = re.compile(
    r"\{\s*'descr':\s*(?:'([<>|=]?[a-zA-Z]\d{0,9})'|(.{1,200}?)),\s*'fortran_order':\s*(True|False),"
    r"\s*'shape':\s*\(([0-9, L]{0,400})\),?\s*\}\s*",
    re.DOTALL,
)
_READ_BYTES = 1 << 22


@dataclass(frozen=True)
class ArrayHeader:
    """The header before the bytes of an array."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool
    n_header_bytes: int

    @property
    def n_bytes(self) -> int:
        n_bytes = self.dtype.itemsize
        for size in self.shape:
            n_bytes *= size
        return n_bytes


def read_array_header(read: Callable[[int], bytes], what: str, kinds: str) -> ArrayHeader:
    """Read the header of an array whose kind of dtype is one of ``kinds`` (``f`` floats, ``i``, ``u``, ``U``, ``S``).

    Parameters
    ----------
    read : function of a number of bytes
        Returns the next bytes; fewer only at the end of the file.
    what : str
        Name of the file and the array, for the error.

    Raises
    ------
    FormatError
    """

    def fail(message: str) -> NoReturn:
        raise FormatError(f"{what}: {message}")

    magic = read(8)
    if magic[:6] != _MAGIC or len(magic) < 8 or magic[6] not in (1, 2, 3):
        fail("no NumPy array: the magic number and the version are missing")
    n_length = 2 if magic[6] == 1 else 4
    length = int.from_bytes(read(n_length), "little")
    if length > _MAX_HEADER_BYTES:
        fail(f"the header must have fewer than {_MAX_HEADER_BYTES} bytes, as NumPy writes it, got {length}")
    header = read(length)
    if len(header) < length:
        fail("the file ends inside the array's header")
    match = _HEADER.fullmatch(header.decode("latin-1"))
    if match is None:
        fail(f"the array's header must have descr, fortran_order and shape, got {header[:120]!r}")
    code, other, order, sizes = match.groups()
    if other is not None or "O" in code:
        fail(f"its type {other or code!r:.100} is not plain; Python objects and structures are not read from arrays")
    try:
        dtype = np.dtype(code)
        shape = tuple(int(size.strip().rstrip("L")) for size in sizes.split(",") if size.strip())
    except (TypeError, ValueError):
        fail(f"the array's header must have a NumPy type and a shape, got {header[:120]!r}")
    if dtype.kind not in kinds or dtype.itemsize == 0:
        fail(f"its type {code!r} is not among those that firth reads here")
    if len(shape) > 2 or any(size >= 1 << 50 for size in shape):
        fail(f"its shape {shape} is not among those that firth reads here")
    return ArrayHeader(dtype, shape, order == "True", 8 + n_length + length)


def read_array_data(
    read: Callable[[int], bytes], header: ArrayHeader, what: str, n_rows: int | None = None
) -> NDArray[Any]:
    """Read an array, or its first ``n_rows`` rows. The caller has compared the array's size with the file's size.

    Raises
    ------
    FormatError
    """
    shape = header.shape
    if n_rows is not None and shape and not header.fortran_order:
        shape = (min(n_rows, shape[0]), *shape[1:])
    try:
        array = np.empty(shape, dtype=header.dtype, order="F" if header.fortran_order else "C")
    except (MemoryError, ValueError):
        raise FormatError(f"{what}: an array of shape {shape} does not fit in memory") from None
    flat = array.reshape(-1, order="A").view(np.uint8)
    filled = 0
    while filled < len(flat):
        data = read(min(_READ_BYTES, len(flat) - filled))
        if not data:
            raise FormatError(f"{what}: the file ends {len(flat) - filled} bytes before the end of the array")
        flat[filled : filled + len(data)] = np.frombuffer(data, dtype=np.uint8)
        filled += len(data)
    return array if n_rows is None else array[:n_rows]


@contextlib.contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive of arrays. Any damage raises FormatError, in place of the many exceptions of `zipfile`.

    Raises
    ------
    FormatError, StorageError
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(cast("IO[bytes]", file)) as archive:
            yield archive
    except FirthError:
        raise
    except OSError as error:
        if error.errno != errno.EINVAL:  # EINVAL: an offset before the start of the file, which is damage too
            raise StorageError(error.errno, f"{path} cannot be read: {error.strerror}") from error
        raise FormatError(f"{path}: the zip archive is damaged: an offset is outside the archive") from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        ValueError,
        LookupError,
        OverflowError,
        RuntimeError,  # includes NotImplementedError
    ) as error:
        raise FormatError(f"{path}: the zip archive is damaged: {error}") from None


def open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> IO[bytes]:
    """Open an array in an archive. Refuses an array whose stated size is impossible for the bytes of the archive.

    Raises
    ------
    FormatError
    """
    what = f"{path}: {info.filename}"
    if info.flag_bits & 1:
        raise FormatError(f"{what}: encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FormatError(
            f"{what}: the compression must be none or deflate, as NumPy writes it, got method {info.compress_type}"
        )
    size = path.stat().st_size
    if info.compress_size > size or (info.compress_type == zipfile.ZIP_STORED and info.file_size > info.compress_size):
        raise FormatError(f"{what}: announces {info.file_size} bytes, which {size} bytes of archive cannot hold")
    if info.file_size > max_inflated_bytes(info.compress_size):
        raise FormatError(
            f"{what}: announces {info.file_size} bytes in {info.compress_size} compressed ones, over {MAX_INFLATION}"
            " times as many, as vectors never do; if you trust the file, save it without compression (numpy.savez)"
        )
    return archive.open(info)


def as_vectors(array: NDArray[Any], what: str) -> NDArray[np.float32]:
    """Convert a matrix to contiguous float32.

    Raises
    ------
    FormatError
        The array does not have two dimensions.
    """
    if array.ndim != 2 or 0 in array.shape:
        raise FormatError(f"{what}: the vectors must have two dimensions, got the shape {array.shape}")
    if array.dtype == np.float32 and array.flags.c_contiguous and array.dtype.isnative:
        return array
    with np.errstate(over="ignore", invalid="ignore"):  # infinities are refused later, with their row
        return np.ascontiguousarray(array, dtype=np.float32)


def as_counts(array: NDArray[Any], what: str) -> NDArray[np.int64]:
    """Convert counts to int64. `firth.formats.rows.finish_table` refuses negative counts, with their row.

    Raises
    ------
    FormatError
        A count is 2^63 or more.
    """
    if array.dtype.kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise FormatError(f"{what}: a count must be below 2^63, got {int(array.max())}")
    return array.astype(np.int64)


def validate_size(header: ArrayHeader, n_bytes: int, what: str | Path) -> None:
    """Refuse an array whose size in bytes differs from ``n_bytes``, before it is allocated."""
    if header.n_bytes + header.n_header_bytes != n_bytes:
        raise FormatError(
            f"{what}: an array of shape {header.shape} and type {header.dtype} takes"
            f" {header.n_bytes + header.n_header_bytes} bytes with its header, there are {n_bytes}"
        )


__all__ = [
    "ArrayHeader",
    "as_counts",
    "as_vectors",
    "open_member",
    "opened_zip",
    "read_array_data",
    "read_array_header",
    "validate_size",
]
