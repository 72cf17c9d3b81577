"""Room base: opening a file that a user names, and refusing what is no file: a pipe without a writer blocks for ever.

Every room that opens a model, a configuration, a manifest or vectors opens it here.

Tests: tests/bad_files/test_bombs.py, tests/formats/test_permissions.py.
"""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

from firth.errors import StorageError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISSOCK, "a socket"),
)


def open_regular(path: str | os.PathLike[str], *, follow_links: bool = True) -> io.FileIO:
    """Open a regular file for reading, without a buffer.

    Parameters
    ----------
    path : str or path
    follow_links : bool
        Whether ``path`` may be a symbolic link to a file.

    Raises
    ------
    StorageError
        The path names a folder, a pipe, a socket or a device; the message says which.
    OSError
        As ``open`` raises it: the caller knows what the file is for.
    """
    # before the opening, as opening some devices has effects
    _validate_regular(path, os.stat(path, follow_symlinks=follow_links).st_mode)
    # O_NONBLOCK: if a pipe takes the file's place in between, opening the pipe does not wait for a writer
    links = 0 if follow_links else os.O_NOFOLLOW
    descriptor = os.open(path, os.O_RDONLY | links | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _validate_regular(path, os.fstat(descriptor).st_mode)
        return io.FileIO(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: str | os.PathLike[str], max_bytes: int | None = None) -> bytes:
    """The bytes of a regular file, at most ``max_bytes`` of them; errors are those of :func:`open_regular`."""
    with open_regular(path) as file, io.BufferedReader(file) as buffered:
        return buffered.read(-1 if max_bytes is None else max_bytes)


def read_own_file(path: Path, max_bytes: int) -> bytes | None:
    """The first bytes of a regular file that firth may have written; None where there is none, or for a symbolic link.

    None also means that the file cannot be read.
    """
    try:
        with open_regular(path, follow_links=False) as file, io.BufferedReader(file) as buffered:
            return buffered.read(max_bytes)
    except OSError:
        return None


def is_real_folder(path: Path) -> bool:
    """A folder, and no symbolic link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def is_real_file(path: Path) -> bool:
    """A regular file, and no symbolic link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _validate_regular(path: str | os.PathLike[str], mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "a pipe or a device")
    what = "a file" if stat.S_ISDIR(mode) else "a regular file"
    advice = "" if stat.S_ISDIR(mode) else "; store its content in a file first"
    raise StorageError(f"{Path(path)} must be {what}, got {kind}{advice}")


__all__ = ["is_real_file", "is_real_folder", "open_regular", "read_own_file", "read_regular"]
