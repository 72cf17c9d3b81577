"""Room kernels: allocates matrices, in memory or in files that are mapped into memory.

A file has no name: it is deleted as soon as it is made, and the system keeps its blocks until the last array of it is
gone. So a killed process leaves nothing, and nobody can take half a matrix for a whole one.

Tests: tests/training/test_matrices.py.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firth.base.storage import storage_error

Matrix = NDArray[np.float32]

BLOCK_ROWS = 1 << 14  # rows that are copied or read at once
_ITEM_BYTES = np.dtype(np.float32).itemsize
_ZEROS = bytes(1 << 20)


class MatrixMemory:
    """Where the matrices of a run are: in memory, or in files on the file system of a folder.

    Parameters
    ----------
    folder : Path or None
        None: memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._maps: list[mmap.mmap] = []

    @property
    def is_on_disk(self) -> bool:
        return self._folder is not None

    def allocate(self, n_rows: int, n_columns: int) -> Matrix:
        """Zeros at a page's border, for rows that are read in random order.

        Raises
        ------
        MemoryError, StorageError
            There is no space for the matrix.
        """
        n_bytes = max(1, n_rows * n_columns * _ITEM_BYTES)
        if self._folder is None:
            memory = _map_memory(n_rows, n_bytes)
            _advise(memory, "MADV_HUGEPAGE")
        else:
            memory = _map_file(self._folder, n_bytes)
            self._maps.append(memory)
            _advise(memory, "MADV_RANDOM")  # the system reads the page of a row, and no page beside it
        return _as_matrix(memory, n_rows, n_columns)

    def allocate_in_order(self, n_rows: int, n_columns: int) -> Matrix:
        """Zeros, for rows that are written and read in order.

        Raises
        ------
        MemoryError, StorageError
        """
        if self._folder is None:
            return np.zeros((n_rows, n_columns), np.float32)
        return _as_matrix(_map_file(self._folder, max(1, n_rows * n_columns * _ITEM_BYTES)), n_rows, n_columns)

    def copy(self, rows: Matrix) -> Matrix:
        """A copy of a matrix, without padding; on the disk if this memory is.

        Raises
        ------
        MemoryError, StorageError
        """
        if self._folder is None:
            return np.array(rows)
        copied = self.allocate_in_order(*rows.shape)
        with self.read_in_order():
            for first in range(0, len(rows), BLOCK_ROWS):
                copied[first : first + BLOCK_ROWS] = rows[first : first + BLOCK_ROWS]
        return copied

    @contextlib.contextmanager
    def read_in_order(self) -> Iterator[None]:
        """A context in which the system reads files ahead, because whole matrices are read or written."""
        for memory in self._maps:
            _advise(memory, "MADV_NORMAL")
        try:
            yield
        finally:
            for memory in self._maps:
                _advise(memory, "MADV_RANDOM")

    def release(self) -> None:
        """Forget the matrices, which training no longer changes: the system may read ahead in them."""
        for memory in self._maps:
            _advise(memory, "MADV_NORMAL")
        self._maps.clear()


def _advise(memory: mmap.mmap, name: str) -> None:
    if hasattr(mmap, name):
        memory.madvise(getattr(mmap, name))


def _as_matrix(memory: mmap.mmap, n_rows: int, n_columns: int) -> Matrix:
    return np.frombuffer(memory, np.float32, n_rows * n_columns).reshape(n_rows, n_columns)


def _map_memory(n_rows: int, n_bytes: int) -> mmap.mmap:
    try:
        return mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError(f"no memory for a matrix of {n_rows} rows, {n_bytes / 2**20:.0f} MB") from error


def _map_file(folder: Path, n_bytes: int) -> mmap.mmap:
    """Map a new file without a name. Its blocks are reserved, so a full disk is an error here and not a crash later."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            _reserve(file.fileno(), n_bytes)
            return mmap.mmap(file.fileno(), n_bytes, flags=mmap.MAP_SHARED)
    except OSError as error:
        raise storage_error(error, folder / "matrix") from error


def _reserve(descriptor: int, n_bytes: int) -> None:
    """Give a file its blocks on the disk, with zeros."""
    if hasattr(os, "posix_fallocate"):  # macOS has none
        try:
            os.posix_fallocate(descriptor, 0, n_bytes)
            return
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # the file system cannot do it
                raise
    for first in range(0, n_bytes, len(_ZEROS)):
        left = memoryview(_ZEROS)[: n_bytes - first]
        while left:
            left = left[os.write(descriptor, left) :]


__all__ = ["BLOCK_ROWS", "Matrix", "MatrixMemory"]
