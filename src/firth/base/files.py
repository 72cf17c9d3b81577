"""Room base: opens files named by users; refuses pipes, devices and folders. A pipe without a writer would block.

Every room uses it to open a model, a configuration, a manifest or vectors.

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
        The path is a folder, a pipe, a socket or a device; the message says which.
    OSError
        The error of ``open``. The caller makes a message from it.
    """
    # checked before opening, because opening some devices has effects
    _validate_regular(path, os.stat(path, follow_symlinks=follow_links).st_mode)
    # O_NONBLOCK: if a pipe replaces the file meanwhile, opening the pipe does not wait for a writer
    links = 0 if follow_links else os.O_NOFOLLOW
    descriptor = os.open(path, os.O_RDONLY | links | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _validate_regular(path, os.fstat(descriptor).st_mode)
        return io.FileIO(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: str | os.PathLike[str], max_bytes: int | None = None) -> bytes:
    """Read at most ``max_bytes`` bytes of a regular file; see :func:`open_regular` for the errors."""
    with open_regular(path) as file, io.BufferedReader(file) as buffered:
        return buffered.read(-1 if max_bytes is None else max_bytes)


def read_own_file(path: Path, max_bytes: int) -> bytes | None:
    """The first bytes of a regular file that firth may have written.

    None if there is no such file, if it is a symbolic link, or if it cannot be read.
    """
    try:
        with open_regular(path, follow_links=False) as file, io.BufferedReader(file) as buffered:
            return buffered.read(max_bytes)
    except OSError:
        return None


def is_real_folder(path: Path) -> bool:
    """Whether a path is a folder and not a symbolic link."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def is_real_file(path: Path) -> bool:
    """Whether a path is a regular file and not a symbolic link."""
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
