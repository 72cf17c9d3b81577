"""Room base: Python's collector of cyclic garbage, paused while many objects are made at once.

A full collection visits every object of the program. Python starts one whenever the number of objects has grown by a
quarter, so that a large result costs several of them, and none finds garbage: new lists of strings are in no cycle.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """A context without collections of cyclic garbage, for short work that makes many lists.

    The collector is one for all threads: it is paused for all, and if it was off already it stays off.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


__all__ = ["collector_paused"]
