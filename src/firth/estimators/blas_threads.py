"""Room estimators: one thread for NumPy's and SciPy's linear algebra where matrix products are small.

A BLAS library divides every product among threads that wait for each other in a busy loop. Where another program has a
core, each of hundreds of products a second waits for a thread that does not run: training took up to thirty times as
long. One thread also makes a result independent of the number of cores, since threads change the order of sums.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator
from typing import Any

import threadpoolctl

# Products from here on have all threads. On two cores with other work, four iterations with products of 2^35 operations
# (8,192 x 2,000 x 1,000, float32) took 17.6 s with one thread and 18.8 s with two; with 2^33 operations, 3.8 and 5.5 s.
MANY_OPERATIONS = 1 << 34

_is_limited = threading.Lock()


@functools.cache
def _libraries() -> Any:
    """The BLAS libraries of this process, found once: NumPy and SciPy are loaded by then."""
    return threadpoolctl.ThreadpoolController()


@contextlib.contextmanager
def limit_blas_threads(n_operations: int) -> Iterator[None]:
    """One BLAS thread inside, if the largest product has fewer than ``MANY_OPERATIONS`` multiplications and additions.

    The limit holds for the whole process. The thread that sets it lifts it; a thread that comes while it holds changes
    nothing, since it would take the limit for the state from before, and threadpoolctl obeys one thread at a time.
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
