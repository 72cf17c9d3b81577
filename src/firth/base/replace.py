"""Room base: writes a file completely or not at all, and keeps the mode and owner of a file that it replaces.

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
from firth.base.storage import storage_error
from firth.errors import StorageError

_ACCESS_LIST = "system.posix_acl_access"  # acl(5): the access list of the file


@contextlib.contextmanager
def replaced_file(path: str | os.PathLike[str], *, sync: bool = False) -> Iterator[io.FileIO]:
    """Yield a raw stream. If the block succeeds, its content becomes ``path``; otherwise nothing changes.

    The file is written in a marked folder next to the target (`firth.base.owned`) and renamed. If ``path`` is a
    symbolic link, its target is replaced. The new file gets the mode and access list of the old one, and its owner if
    this user may change the owner. A file that did not exist gets the permissions of the umask.

    Raises
    ------
    StorageError
        ``path`` is not a regular file.
    OSError
        ``path`` cannot be written.
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
    """Replace the content of a file by ``data``; see `replaced_file`."""
    with replaced_file(path) as file:
        write_all(file, data)


def regular_status(path: Path) -> os.stat_result | None:
    """The status of a regular file; None if there is no file.

    Raises
    ------
    StorageError
        The path is a folder, a pipe or a device.
    OSError
        The status cannot be read.
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


def validate_destination(path: Path, overwrite: bool) -> None:
    """Raise StorageError if the path exists and ``overwrite`` is false, if it is no file, or if no file can be there.

    Commands call it before they work, so that no result is lost.
    """
    try:
        status = regular_status(path)
        folder = os.path.dirname(os.path.realpath(path))
        if not os.path.isdir(folder):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise storage_error(error, path) from error
    if status is not None and not overwrite:
        raise StorageError(f"{path} exists; choose another name, or give overwrite=True")


def keep_permissions(descriptor: int, replaced: Path) -> None:
    """Give an open file the mode, access list and owner of the file that it will replace, if there is one.

    If the group cannot be set, the group's permissions become those of all others, so nobody gains access.
    """
    try:
        old = os.stat(replaced)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(old.st_mode):
        return
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        for owner in (old.st_uid, -1):  # root may set the owner; other users may set only one of their own groups
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
        mode &= 0o777  # without setuid and setgid bits, because the owner has changed
    access_list = _read_access_list(replaced) if group_is_kept else None
    if not group_is_kept or access_list is not None:  # with an access list, the group's bits are the mask of the list
        mode = mode & ~0o070 | (mode & 0o007) << 3
    try:
        os.fchmod(descriptor, mode)
    except OSError:  # a file system without modes; an error only if the new file would have more permissions
        if stat.S_IMODE(os.fstat(descriptor).st_mode) & ~mode:
            raise
    if access_list is not None:
        with contextlib.suppress(OSError):  # the mode set above remains, which gives access to fewer users, not more
            os.setxattr(descriptor, _ACCESS_LIST, access_list)


def _read_access_list(path: Path) -> bytes | None:
    if not hasattr(os, "getxattr"):
        return None
    try:
        return os.getxattr(path, _ACCESS_LIST)
    except OSError:  # there is no list, or the file system does not support lists
        return None


def create_file(path: Path) -> io.FileIO:
    """Create a file and open it for writing; an existing file or link of that name is an error."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0)
    return io.FileIO(os.open(path, flags, 0o666), "wb")


def sync_folder(folder: Path) -> None:
    """Sync ``folder``, so that renames in it survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)


def write_all(stream: Any, data: Any) -> None:
    """Write all bytes. A single write to a raw file may write only a part."""
    view = memoryview(data).cast("B")
    while len(view):
        view = view[stream.write(view) :]


__all__ = [
    "create_file",
    "keep_permissions",
    "regular_status",
    "replaced_file",
    "sync_folder",
    "validate_destination",
    "write_all",
    "write_file",
]
