"""Room base: a file that appears whole or not at all, with the mode and the owner of the file that it replaces.

Tests: tests/formats/test_permissions.py.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firth.base.owned import OwnedFolder
from firth.errors import StorageError

_ACCESS_LIST = "system.posix_acl_access"  # acl(5): who else may read the file


@contextlib.contextmanager
def replaced_file(path: str | os.PathLike[str], *, sync: bool = False) -> Iterator[io.FileIO]:
    """A raw stream whose content becomes ``path`` when the block ends well; otherwise nothing changes.

    The file is written in a marked folder beside its place (`firth.base.owned`) and renamed. A symbolic link keeps
    pointing at the file that is replaced. The new file has the mode, the access list and, where this user may give
    files away, the owner of the old one; a file that is new has what the umask leaves.

    Raises
    ------
    StorageError
        ``path`` is no regular file.
    OSError
        It cannot be written.
    """
    regular_status(Path(path))
    place = Path(os.path.realpath(path))
    with OwnedFolder.beside(place, f"to write {place.name}") as folder:
        temporary = folder.path / "content"
        raw = create_file(temporary)
        with raw:
            yield raw
            if sync:
                os.fsync(raw.fileno())
            keep_permissions(raw.fileno(), place)
        os.replace(temporary, place)
        if sync:
            sync_folder(place.parent)


def write_file(path: str | os.PathLike[str], data: Any) -> None:
    """Replace a file by these bytes: see `replaced_file`."""
    with replaced_file(path) as file:
        write_all(file, data)


def regular_status(path: Path) -> os.stat_result | None:
    """The status of a regular file, None where there is no file.

    Raises
    ------
    StorageError
        It is a folder, a pipe or a device.
    OSError
        It cannot be looked at.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise StorageError(f"{path} must be a file to be replaced, got a folder")
    if not stat.S_ISREG(status.st_mode):
        raise StorageError(f"{path} must be a regular file, got a pipe or a device; write to a file and copy it there")
    return status


def keep_permissions(descriptor: int, replaced: Path) -> None:
    """Give an open file the mode, access list and owner of the file that it is going to replace, if there is one.

    Where the group cannot be given, the new group may do what everybody may: the file is opened to nobody.
    """
    try:
        old = os.stat(replaced)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(old.st_mode):
        return
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        for owner in (old.st_uid, -1):  # root may give the owner too, others at most a group of their own
            try:
                os.fchown(descriptor, owner, old.st_gid)
            except OSError as error:
                if error.errno not in (errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
                    raise
            else:
                break
    mode = stat.S_IMODE(old.st_mode)
    given = os.fstat(descriptor)
    group_is_kept = given.st_gid == old.st_gid
    if not group_is_kept or given.st_uid != old.st_uid:
        mode &= 0o777  # no file runs with the rights of a user who did not say so
    access_list = _read_access_list(replaced) if group_is_kept else None
    if not group_is_kept or access_list is not None:  # with a list, the group's bits are the list's mask
        mode = mode & ~0o070 | (mode & 0o007) << 3
    try:
        os.fchmod(descriptor, mode)
    except OSError:  # a file system without modes: an error only where more could be done to the new file
        if stat.S_IMODE(os.fstat(descriptor).st_mode) & ~mode:
            raise
    if access_list is not None:
        with contextlib.suppress(OSError):  # the mode from above holds: fewer may read the file, never more
            os.setxattr(descriptor, _ACCESS_LIST, access_list)


def _read_access_list(path: Path) -> bytes | None:
    if not hasattr(os, "getxattr"):
        return None
    try:
        return os.getxattr(path, _ACCESS_LIST)
    except OSError:  # there is none, or the file system knows no such lists
        return None


def create_file(path: Path) -> io.FileIO:
    """A new file, open for writing; one that exists, or a link of that name, is an error."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0)
    return io.FileIO(os.open(path, flags, 0o666), "wb")


def sync_folder(folder: Path) -> None:
    """Make renames in ``folder`` last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems without it, as some network ones
            raise
    finally:
        os.close(descriptor)


def write_all(stream: Any, data: Any) -> None:
    """Write every byte: a raw file may take fewer than it is offered."""
    view = memoryview(data).cast("B")
    while len(view):
        view = view[stream.write(view) :]


__all__ = [
    "create_file",
    "keep_permissions",
    "regular_status",
    "replaced_file",
    "sync_folder",
    "write_all",
    "write_file",
]
