"""Room base: firth's temporary folders: marked as firth's, locked while in use, deleted if a killed process left them.

A user may have a folder of any name, so the name proves nothing. Each temporary folder of firth has a file, the mark,
with the process that made the folder. The mark is written after the lock is taken. So a process that sees a mark and
gets the lock knows that no other process uses the folder. Symbolic links are never followed.

Tests: tests/training/test_work_folder.py.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from firth.base.files import is_real_file, is_real_folder
from firth.base.json_file import read_own_json
from firth.base.locks import FolderLock
from firth.errors import StorageError

MARK_NAME = "firth-work.json"
MARK_FORMAT = "firth-work"
MARK_VERSION = 1
TEMPORARY_NAME = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")  # beside what is written, as .vectors.txt.0123456789ab.tmp
SYSTEM_TEMPORARY_NAME = re.compile(r"firth-[0-9a-f]{12}")  # in the system's folder for temporary files
_OLD_S = 60  # age in seconds from which an empty folder without a mark is deleted; writing the mark takes a millisecond
_MAX_NAME = 50  # characters, of at most 4 bytes each: with what is added, less than the 255 bytes that a name may have


@dataclass(frozen=True)
class Mark:
    """The contents of a folder's mark.

    Attributes
    ----------
    purpose : str
        The purpose of the folder.
    host, boot : str
        The machine, and an id of its last start; ``boot`` is empty if the system has no such id.
    process_space : str
        The process namespace of ``pid``; empty if the system has none.
    pid : int
    started : str
        Start time of the process, in ticks of the system; empty if unknown.
    inode : int
        The inode of the folder. In a copy of the folder it differs.
    """

    purpose: str
    host: str
    boot: str
    process_space: str
    pid: int
    started: str
    inode: int

    @property
    def is_of_this_machine(self) -> bool:
        return (bool(self.boot) and self.boot == _boot()) or self.host == socket.gethostname()

    def process_lives(self) -> bool | None:
        """Whether the process that made the folder still exists; None if this process cannot find out."""
        if not self.is_of_this_machine:
            return None
        if self.boot != _boot():
            return False  # the machine was restarted
        if self.process_space != _process_space():
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # the process exists and belongs to another user
            pass
        return not self.started or _start_of(self.pid) in (
            "",
            self.started,
        )  # another start time: the number was given to another process


@dataclass(frozen=True)
class Leftover:
    """A folder with firth's mark, and the reason why it must be kept; None means that it can be deleted."""

    path: Path
    mark: Mark
    kept_because: str | None


def write_mark(folder: Path, purpose: str) -> None:
    """Write firth's mark into a folder, which must be locked already."""
    record = {
        "format": MARK_FORMAT,
        "format_version": MARK_VERSION,
        "purpose": purpose,
        "note": "firth made this folder and deletes what it wrote here",
        "host": socket.gethostname(),
        "boot": _boot(),
        "process_space": _process_space(),
        "pid": os.getpid(),
        "started": _start_of(os.getpid()),
        "inode": os.stat(folder).st_ino,
    }
    path = folder / MARK_NAME
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(record, file, indent=2)


def read_mark(folder: Path) -> Mark | None:
    """The mark of a folder; None if the folder has no mark of firth, or is a symbolic link."""
    record = read_own_json(folder / MARK_NAME)
    if record is None or not is_real_folder(folder) or record.get("format") != MARK_FORMAT:
        return None
    if record.get("format_version") != MARK_VERSION:
        return None
    kinds: dict[str, type] = dict.fromkeys(("purpose", "host", "boot", "process_space", "started"), str)
    kinds |= {"pid": int, "inode": int}
    if not all(type(record.get(name)) is kind for name, kind in kinds.items()) or record["pid"] < 1:
        return None
    return Mark(**{name: record[name] for name in kinds})


def is_empty_mark(path: Path) -> bool:
    """Whether the mark is empty, because a process was killed between making the folder and writing the mark."""
    return path.name == MARK_NAME and is_real_file(path) and not os.lstat(path).st_size


class OwnedFolder:
    """A new folder with a mark and a lock. As a context manager, it is deleted at the end with all its contents.

    Parameters
    ----------
    path : Path
        The path must not exist; its parent must exist.
    purpose : str
        The purpose that is written to the mark.
    """

    def __init__(self, path: Path, purpose: str) -> None:
        self.path = path
        os.mkdir(path, 0o700)
        try:
            self._lock = FolderLock(path, follow_links=False)
            write_mark(path, purpose)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)  # the first error is the one to report
            raise

    @classmethod
    def beside(cls, path: Path, purpose: str) -> OwnedFolder:
        """Make a folder next to ``path``, to rename files from it. Folders of dead processes are deleted."""
        delete_leftovers(path.parent, TEMPORARY_NAME)
        name = path.name[:_MAX_NAME]
        return cls(path.parent / f".{name}.{secrets.token_hex(6)}.tmp", purpose)

    @classmethod
    def temporary(cls, purpose: str) -> OwnedFolder:
        """Make a folder in the system's temporary folder. This user's folders of dead processes are deleted.

        Raises
        ------
        StorageError
        """
        try:
            place = Path(tempfile.gettempdir())
            delete_leftovers(place, SYSTEM_TEMPORARY_NAME)
            return cls(place / f"firth-{secrets.token_hex(6)}", purpose)
        except OSError as error:
            raise StorageError(
                error.errno,
                f"no folder for temporary files can be made ({error.strerror or error}); set TMPDIR to one on a disk"
                " with free space",
            ) from error

    def __enter__(self) -> OwnedFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def remove(self) -> None:
        """Delete the folder. If this fails, the folder keeps its mark, and a later run deletes it.

        Does nothing in a forked child, because the folder belongs to its parent.
        """
        if not self._lock.is_ours:
            return
        shutil.rmtree(self.path, ignore_errors=True)
        self.unlock()

    def unlock(self) -> None:
        """Release the lock; the folder is kept."""
        self._lock.release()


def find_leftovers(parent: Path, name: re.Pattern[str]) -> Iterator[Leftover]:
    """Yield the folders in ``parent`` that have firth's mark, belong to this user, and match the pattern of names."""
    for path in _list(parent, name):
        mark = read_mark(path)
        if mark is None:
            continue
        try:
            status = os.lstat(path)
        except FileNotFoundError:  # its own process, or another one that cleans, has deleted it
            continue
        if status.st_uid == os.geteuid() and status.st_ino == mark.inode:
            with _claimed(path, mark) as kept_because:
                pass
            yield Leftover(path, mark, kept_because)


def delete_leftovers(parent: Path, name: re.Pattern[str]) -> None:
    """Delete folders in ``parent`` that have firth's mark and whose process has ended.

    If a process was killed before it wrote the mark, its folder is empty. It is deleted too if it is a minute old.
    """
    for leftover in find_leftovers(parent, name):
        if leftover.kept_because is None:
            with contextlib.suppress(OSError):  # it was deleted meanwhile, or this user may not delete it
                delete_leftover(leftover)
    for path in _list(parent, name):
        with contextlib.suppress(OSError):  # the same reasons, or the folder is not empty
            status = os.lstat(path)
            is_old = time.time() - status.st_mtime > _OLD_S
            if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and is_old:
                if is_empty_mark(path / MARK_NAME):
                    os.unlink(path / MARK_NAME)
                os.rmdir(path)


def _list(parent: Path, name: re.Pattern[str]) -> list[Path]:
    try:
        return [parent / entry for entry in sorted(os.listdir(parent)) if name.fullmatch(entry)]
    except OSError:  # a folder that cannot be listed cannot be cleaned; writing into it raises its own error
        return []


def delete_leftover(leftover: Leftover) -> None:
    """Delete a folder that `find_leftovers` found, unless another process locked it meanwhile.

    Raises
    ------
    OSError
    """
    mark = read_mark(leftover.path)
    if mark != leftover.mark or os.lstat(leftover.path).st_ino != mark.inode:
        raise FileNotFoundError(errno.ENOENT, f"{leftover.path} was changed meanwhile")
    with _claimed(leftover.path, mark) as kept_because:
        if kept_because is not None:
            raise BlockingIOError(errno.EWOULDBLOCK, kept_because)
        shutil.rmtree(leftover.path)


def n_bytes_in(path: Path) -> int:
    """Size in bytes of a file, or of all files in a folder. Links are not followed."""
    with contextlib.suppress(OSError):  # a file deleted meanwhile counts 0 bytes
        if is_real_folder(path):
            return sum(n_bytes_in(path / name) for name in os.listdir(path))
        return os.lstat(path).st_size
    return 0


@contextlib.contextmanager
def _claimed(folder: Path, mark: Mark) -> Iterator[str | None]:
    """Hold the folder's lock; yields None if the process that made the folder has ended, else the reason for doubt."""
    try:
        lock = FolderLock(folder, follow_links=False)
    except BlockingIOError:
        yield f"process {mark.pid} is at work in it"
        return
    except OSError as error:
        yield f"it cannot be opened: {error.strerror}"
        return
    with lock:
        lives = mark.process_lives()
        if not mark.is_of_this_machine:
            yield f"it was made on the machine {mark.host}; run `firth clean` there"
        elif lives:
            yield f"process {mark.pid}, which made it, has not ended"
        elif not lock.is_held and lives is None:
            yield f"process {mark.pid} may be at work in it: the file system has no locks"
        else:
            yield None


def _boot() -> str:
    return _read_system("/proc/sys/kernel/random/boot_id")


def _process_space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _start_of(pid: int) -> str:
    """Field 22 of proc(5)'s /proc/PID/stat; the second one, the command, may have spaces and parentheses in it."""
    fields = _read_system(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else ""


def _read_system(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, ValueError):
        return ""


__all__ = [
    "MARK_NAME",
    "SYSTEM_TEMPORARY_NAME",
    "TEMPORARY_NAME",
    "Leftover",
    "Mark",
    "OwnedFolder",
    "delete_leftover",
    "delete_leftovers",
    "find_leftovers",
    "is_empty_mark",
    "n_bytes_in",
    "read_mark",
    "write_mark",
]
