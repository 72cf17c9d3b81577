"""Room formats: blocks of rows: their sizes, the threads that take them, the buffers that they are in.

Tests: tests/formats/test_rows.py.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 4 << 20
BINARY_BLOCK_BYTES = 2 << 20  # rows that are only moved: larger blocks leave the caches in between
Result = TypeVar("Result")


class Lanes:
    """Threads to hand blocks to; with one, work is done at once, as a small file is not worth a thread."""

    def __init__(self, n_threads: int) -> None:
        self._pool = ThreadPoolExecutor(n_threads, "firth-rows") if n_threads > 1 else None

    def __enter__(self) -> Lanes:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def submit(self, function: Callable[..., Result], *arguments: object) -> Future[Result]:
        if self._pool is not None:
            return self._pool.submit(function, *arguments)
        future: Future[Result] = Future()
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return future


class Buffers:
    """Byte buffers used again and again, as fresh ones cost page faults."""

    def __init__(self, size: int) -> None:
        self._size = max(64, size)
        self._free: list[bytearray] = []

    def take(self) -> bytearray:
        return self._free.pop() if self._free else bytearray(self._size)

    def give(self, buffer: bytearray) -> None:
        self._free.append(buffer)


def block_of(matrix: NDArray[np.float32], first: int, last: int) -> NDArray[np.float32]:
    """Some rows of a matrix as the native core takes them."""
    return np.ascontiguousarray(matrix[first:last], dtype=np.float32)
