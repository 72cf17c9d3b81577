"""Room checking: finds and ends the processes that a checked function started, in any session.

On Linux the grader's child process adopts orphaned descendants (native/processes.py), so no process can leave its tree.
On other systems, a process cannot be found if its parent has ended and it has left its session.

Tests: tests/checking/test_process.py.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

PATIENCE_S = 5.0  # time limit for stopping processes that start new processes meanwhile
HAS_PROC = Path("/proc/self/stat").exists()  # Linux
NEW_PROCESSES = 256  # number of processes that a function may start in addition to the user's; root has no such limit


def end_descendants() -> None:
    """Stop all descendants of this process, so that they cannot start processes; then kill and reap them."""
    if _has_no_children():
        return
    deadline = time.monotonic() + PATIENCE_S
    stopped: set[int] = set()
    while time.monotonic() < deadline:
        fresh = [pid for pid in list_descendants(os.getpid()) if pid not in stopped]
        if not fresh:
            break
        _signal(fresh, signal.SIGSTOP)
        stopped.update(fresh)
    while time.monotonic() < deadline:
        remaining = list_descendants(os.getpid())
        _signal(remaining, signal.SIGKILL)
        if not _reap() and not remaining:
            return
        time.sleep(0.001)


def list_descendants(pid: int) -> list[int]:
    """All descendants of the process ``pid``, found by the parents of processes."""
    children: dict[int, list[int]] = {}
    for process, parent in _processes():
        children.setdefault(parent, []).append(process)
    found: list[int] = []
    pending = list(children.get(pid, []))
    while pending:
        process = pending.pop()
        found.append(process)
        pending.extend(children.get(process, []))
    return found


def end_marked(mark: str) -> None:
    """Kill every process with ``mark`` in its environment (Linux): processes that outlived the root of their tree."""
    wanted = mark.encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # the process belongs to another user, or has just ended
            if wanted in path.read_bytes():
                _signal([int(path.parent.name)], signal.SIGKILL)


def count_processes() -> int:
    """Number of processes and threads of this user, as counted for RLIMIT_NPROC (Linux)."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == os.getuid():
                total += len(list((folder / "task").iterdir()))
    return total


def _has_no_children() -> bool:
    """Whether Linux reports that there are no children; False if the system has no such report."""
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    try:
        return not path.read_bytes().strip()
    except OSError:
        return False


def _processes() -> Iterator[tuple[int, int]]:
    """Yield each process with its parent. A zombie (ended, but not waited for) is left out."""
    if HAS_PROC:
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    fields = Path("/proc", name, "stat").read_bytes().rpartition(b")")[2].split()
                    if fields[0] != b"Z":
                        yield int(name), int(fields[1])
        return
    listing = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, check=False, text=True)
    for line in listing.stdout.splitlines():
        process, parent = line.split()
        yield int(process), int(parent)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _reap() -> bool:
    """Reap the children that have ended; returns whether other children are still running."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return True
    return False
