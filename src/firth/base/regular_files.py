"""Room base: opening a file that a user names, and refusing what is no file: a pipe without a writer blocks for ever.

Every room that opens a model, a configuration, a manifest or vectors opens it here.
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


def open_regular(path: str | os.PathLike[str]) -> io.FileIO:
    """Open a regular file for reading, without a buffer.

    Raises
    ------
    StorageError
        The path names a folder, a pipe, a socket or a device; the message says which.
    OSError
        As ``open`` raises it: the caller knows what the file is for.
    """
    _validate_regular(path, os.stat(path).st_mode)  # to open some devices is to act on them
    # should a pipe take the file's place in between, O_NONBLOCK keeps its opening from waiting for a writer
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
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


def _validate_regular(path: str | os.PathLike[str], mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "a pipe or a device")
    what = "a file" if stat.S_ISDIR(mode) else "a regular file"
    advice = "" if stat.S_ISDIR(mode) else "; store its content in a file first"
    raise StorageError(f"{Path(path)} must be {what}, got {kind}{advice}")


__all__ = ["open_regular", "read_regular"]
