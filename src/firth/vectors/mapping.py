"""vectors: a mapped matrix of which single rows are read: keep the pages of the others out of the process.

Tests: tests/vectors/test_memory.py.
"""

from __future__ import annotations

import contextlib
import mmap

import numpy as np
import numpy.typing as npt

_ROWS_BETWEEN_RELEASES = 4  # a touched row maps its whole page-cache folio: up to 2 MiB on Linux 6.x


class RowPages:
    """The pages that look-ups of single rows map in, given back every few rows.

    Only for a read-only mapping of a file, where the pages stay in the page cache and come back by a soft fault; for
    any other matrix nothing is done. Once the whole matrix is read, its pages stay.
    """

    def __init__(self, matrix: npt.NDArray[np.generic]) -> None:
        self._mapping = _find_mapping(matrix)
        self._n_touched = 0

    def __reduce__(self) -> tuple[type[RowPages], tuple[npt.NDArray[np.generic]]]:
        return RowPages, (np.zeros(0),)  # a pickled matrix is no mapping

    def touched(self, n_rows: int) -> None:
        """Tell that so many rows were read."""
        if self._mapping is None:
            return
        self._n_touched += n_rows
        if self._n_touched >= _ROWS_BETWEEN_RELEASES:
            self._n_touched = 0
            # advice: where the system does not take it, the pages only stay longer
            with contextlib.suppress(OSError, ValueError):
                self._mapping.madvise(mmap.MADV_DONTNEED)

    def keep(self) -> None:
        """Tell that all rows are going to be read."""
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
