"""Room vectors: limits the memory of a mapped matrix of which only single rows are read.

Tests: tests/vectors/test_memory.py.
"""

from __future__ import annotations

import contextlib
import mmap

import numpy as np
import numpy.typing as npt

_ROWS_BETWEEN_RELEASES = 4  # reading a row maps its whole page-cache folio: up to 2 MiB on Linux 6.x


class RowPages:
    """Releases, every few rows, the pages that look-ups of single rows mapped into the process.

    It acts only on a read-only mapping of a file, whose pages remain in the page cache and return by a soft fault. For
    any other matrix it does nothing. After the whole matrix was read, no page is released.
    """

    def __init__(self, matrix: npt.NDArray[np.generic]) -> None:
        self._mapping = _find_mapping(matrix)
        self._n_touched = 0

    def __reduce__(self) -> tuple[type[RowPages], tuple[npt.NDArray[np.generic]]]:
        return RowPages, (np.zeros(0),)  # after unpickling, the matrix is not a mapping

    def touched(self, n_rows: int) -> None:
        """Call after ``n_rows`` rows were read."""
        if self._mapping is None:
            return
        self._n_touched += n_rows
        if self._n_touched >= _ROWS_BETWEEN_RELEASES:
            self._n_touched = 0
            # madvise is only advice: if the system ignores it, the pages stay longer
            with contextlib.suppress(OSError, ValueError):
                self._mapping.madvise(mmap.MADV_DONTNEED)

    def keep(self) -> None:
        """Call before all rows are read."""
        self._mapping = None


def _find_mapping(array: object) -> mmap.mmap | None:
    if not hasattr(mmap, "MADV_DONTNEED"):
        return None
    while array is not None:
        if isinstance(array, np.memmap):
            mapping = getattr(array, "_mmap", None)
            return mapping if array.mode == "r" and isinstance(mapping, mmap.mmap) else None
        array = getattr(array, "base", None)
    return None
