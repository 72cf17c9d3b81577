"""Room base: turns errors of the system in writing a file or a folder into messages that say what to do."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from firth.errors import StorageError

_FULL = "No space left"  # the words in messages of the native core


def storage_error(error: OSError, path: Path | None) -> StorageError:
    """The error to raise if ``path`` could not be written. Its message says that nothing was changed.

    Parameters
    ----------
    error : OSError
        A StorageError keeps its message; if the disk is full, the free space is added.
    path : Path or None
        The file or folder. None if only an outer caller knows it; that caller then makes the error again.
    """
    if isinstance(error, StorageError):
        text = str(error)
        is_full = _FULL in text and "; the disk is full" not in text and path is not None
        return type(error)(f"{text}; {_full_disk(path)}") if is_full else error
    if path is None:
        return StorageError(error.errno, error.strerror or str(error))
    advice = {
        errno.ENOSPC: _full_disk(path),
        errno.EDQUOT: "your disk quota is used up; free some space and try again, nothing was changed",
        errno.EFBIG: "the file would be larger than this process or file system allows; nothing was changed",
        errno.EROFS: "the file system is read-only; choose another folder",
        errno.EACCES: "no permission to write there; choose another folder",
        errno.EPERM: "no permission to write there; choose another folder",
        errno.ENOENT: f"the folder {path.parent} does not exist; make it first",
    }.get(error.errno or 0, error.strerror or str(error))
    return StorageError(error.errno, f"{path} cannot be written: {advice}")


def _full_disk(path: Path | None) -> str:
    return f"the disk is full{_free(path)}; free some space and try again, nothing was changed"


def _free(path: Path | None) -> str:
    for folder in () if path is None else (path, path.parent):
        try:
            return f" ({shutil.disk_usage(folder).free:,} bytes are free in {folder})"
        except OSError:  # the folder does not exist yet
            continue
    return ""


__all__ = ["storage_error"]
