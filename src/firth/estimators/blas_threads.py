"""Room estimators: limits NumPy's and SciPy's linear algebra to one thread if matrix products are small.

A BLAS library divides every product among threads that wait for each other in a busy loop. If another program uses a
core, each product waits for a thread that does not run: with hundreds of products a second, training took up to thirty
times as long. One thread also makes the result independent of the number of cores, which changes the order of sums.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator
from typing import Any

import threadpoolctl

# Products of this size and larger use all threads. On two cores with other work, four iterations with products of 2^35
# operations (8,192 x 2,000 x 1,000, float32) took 17.6 s with one thread and 18.8 s with two; with 2^33 operations, 3.8
# and 5.5 s.
MANY_OPERATIONS = 1 << 34

_is_limited = threading.Lock()


@functools.cache
def _libraries() -> Any:
    """The BLAS libraries of this process. They are searched once, when NumPy and SciPy are already loaded."""
    return threadpoolctl.ThreadpoolController()


@contextlib.contextmanager
def limit_blas_threads(n_operations: int) -> Iterator[None]:
    """Limit BLAS to one thread in the block, if the largest product has fewer than ``MANY_OPERATIONS`` operations.

    An operation is a multiplication or an addition. The limit applies to the whole process. Only the thread that set it
    removes it. Another thread that enters in the meantime changes nothing: it would save the limit as the earlier state
    and restore it later.
    """
    if n_operations >= MANY_OPERATIONS or not _is_limited.acquire(blocking=False):
        yield
        return
    try:
        with _libraries().limit(limits=1, user_api="blas"):
            yield
    finally:
        _is_limited.release()


__all__ = ["MANY_OPERATIONS", "limit_blas_threads"]
