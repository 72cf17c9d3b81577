"""Room base: the resources of the machine that this process may use.

Tests: tests/base/test_machine.py, tests/training/test_train.py.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
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


def is_in_memory(folder: Path) -> bool:
    """Whether the folder's file system is in memory, as ``/dev/shm`` and many a ``/tmp`` are; False if unknown."""
    device = os.stat(folder).st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    with contextlib.suppress(OSError, IndexError):  # Linux's proc(5): the device, and after a hyphen the type
        for line in (_PROCESSES / "self/mountinfo").read_text().splitlines():
            if line.split()[2] == name:
                return line.partition(" - ")[2].split()[0] in ("tmpfs", "ramfs")
    return False


def available_memory_bytes() -> int | None:
    """Memory that this process may still take, swap included; None where the system does not tell.

    The least of the machine's free memory and of what each control group of the process has left; a container has a
    control group. Pages of files count as free, because the system drops them when memory is needed.
    """
    found: list[int] = []
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = dict(line.split(":", 1) for line in (_PROCESSES / "meminfo").read_text().splitlines())
        found.append(1024 * sum(int(lines[name].split()[0]) for name in ("MemAvailable", "SwapFree") if name in lines))
    for folder, names in _memory_groups():
        with contextlib.suppress(OSError, ValueError):  # "max" is no number; a version 1 group has other names
            limit, used = (int((folder / name).read_text()) for name in names[:2])
            statistics = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            found.append(max(0, limit - used + int(statistics.get(names[2], 0))))
    return min(found, default=None)


def _memory_groups() -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """The control groups of this process with a limit of memory, and the names of limit, use and file pages in them.

    A group is limited by the groups above it too. Source: Linux's documentation, admin-guide/cgroup-v2 and
    admin-guide/cgroup-v1/memory.
    """
    paths = {"": "/", "memory": "/"}  # of version 2, and of the controller of version 1
    with contextlib.suppress(OSError, ValueError):
        for line in (_PROCESSES / "self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            paths |= dict.fromkeys(controllers.split(","), path)
    for controller, names in (("", _VERSION_2), ("memory", _VERSION_1)):
        top = _GROUPS / controller
        folder = top / paths[controller].lstrip("/")
        yield from ((group, names) for group in (folder, *folder.parents) if group == top or top in group.parents)


_PROCESSES, _GROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_VERSION_2 = ("memory.max", "memory.current", "file")
_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache")

__all__ = ["available_memory_bytes", "available_processors", "free_bytes", "is_in_memory"]
