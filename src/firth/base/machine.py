"""Room base: what the machine lets this process use."""

from __future__ import annotations

import os


def available_processors() -> int:
    """Number of processors that this process may use: its affinity where the system tells it, else the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


__all__ = ["available_processors"]
