"""Room native: what Linux offers on processes and Python does not: who adopts orphans, who dies with a parent.

The grader's child process runs other people's functions and has to end whatever they start. Elsewhere than on Linux
every function does nothing and returns False.

Tests: tests/checking/test_process.py, tests/checking/test_hostile.py.
"""

from __future__ import annotations

import ctypes
import signal
import sys

# <linux/prctl.h>
_SET_DEATH_SIGNAL = 1
_SET_DUMPABLE = 4
_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> bool:
    """From now on, descendants of this process whose parent ends become its children, not init's."""
    return _control(_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> bool:
    """This process is killed when its parent ends, however the parent ends."""
    return _control(_SET_DEATH_SIGNAL, int(signal.SIGKILL))


def hide_memory() -> bool:
    """Other processes of this user cannot read this process's memory or its open files any more (root's can)."""
    return _control(_SET_DUMPABLE, 0)


def show_memory() -> bool:
    """Take ``hide_memory`` back, in a fork: a function may read its own /proc/self."""
    return _control(_SET_DUMPABLE, 1)


def _control(option: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    return bool(library.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero) == 0)
