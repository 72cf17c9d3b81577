"""Room base: the resources of the machine that this process may use.

Tests: tests/base/test_values.py, tests/training/test_train.py.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def available_processors() -> int:
    """Number of processors that this process may use: of its affinity if the system reports it, else of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write on the folder's file system."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def available_memory_bytes() -> int | None:
    """Memory that this process may still take, swap included; None where the system does not tell."""
    found: list[int] = []
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        found.append(1024 * sum(int(lines[name].split()[0]) for name in ("MemAvailable", "SwapFree") if name in lines))
    with contextlib.suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())  # "max", no number, where there is no limit
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        used = int((group / "memory.current").read_text()) - int(statistics.get("file", 0))
        found.append(max(0, limit - used))
    return min(found, default=None)


__all__ = ["available_memory_bytes", "available_processors", "free_bytes"]
