"""Room checking: the processes that a checked function leaves behind are found and ended, in whatever session.

On Linux the grader's child process adopts its descendants' orphans (native/processes.py), so that none can leave its
tree. Elsewhere a descendant whose parent has ended, and which left its session, is out of reach.

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

PATIENCE_S = 5.0  # for processes that multiply while they are being stopped
HAS_PROC = Path("/proc/self/stat").exists()  # Linux
NEW_PROCESSES = 256  # that a function may start beside those of its user; root has no such limit


def end_descendants() -> None:
    """Stop every descendant of this process, so that none can start another, then kill and reap them."""
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
    """Processes below ``pid``, by their parents."""
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
    """Kill every process that was started with ``mark`` in its environment (Linux): what outlived its tree's root."""
    wanted = mark.encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # another user's process, or one that has just ended
            if wanted in path.read_bytes():
                _signal([int(path.parent.name)], signal.SIGKILL)


def count_processes() -> int:
    """Processes and threads of this user, as RLIMIT_NPROC counts them (Linux)."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == os.getuid():
                total += len(list((folder / "task").iterdir()))
    return total


def _has_no_children() -> bool:
    """Whether Linux says so; False where it has to be looked for."""
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    try:
        return not path.read_bytes().strip()
    except OSError:
        return False


def _processes() -> Iterator[tuple[int, int]]:
    """Each process with its parent. A process that has ended and awaits its parent's wait counts as ended."""
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
    """Wait for the children that have ended; whether there are others that have not."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return True
    return False
