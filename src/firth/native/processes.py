"""Room native: Linux functions for processes that Python lacks: adopt orphans, end with the parent, hide memory.

The grader's child process runs functions of others and must end the processes that they start. On systems other than
Linux every function does nothing and returns False.

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
    """Make this process the parent of descendants whose parent ends, instead of init."""
    return _control(_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> bool:
    """Let the system kill this process when its parent ends, also if the parent is killed."""
    return _control(_SET_DEATH_SIGNAL, int(signal.SIGKILL))


def hide_memory() -> bool:
    """Prevent other processes of this user, except root, from reading this process's memory and open files."""
    return _control(_SET_DUMPABLE, 0)


def show_memory() -> bool:
    """Undo ``hide_memory`` in a forked process, because a function may read /proc/self."""
    return _control(_SET_DUMPABLE, 1)


def _control(option: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    return bool(library.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero) == 0)
