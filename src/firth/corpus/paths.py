"""Room corpus: paths and globs of corpora as users write them.

Tests: tests/corpus/test_sources.py.
"""

from __future__ import annotations

import glob
import os
import unicodedata
import warnings
from pathlib import Path

from firth.errors import CorpusError, CorpusWarning

_MAX_NAMED = 5  # files in a message


def same_name(path: str) -> Path | None:
    """The file whose name has the same letters in another Unicode form: ``é`` is one character, or two (macOS)."""
    folder, name = os.path.split(path)
    wanted = unicodedata.normalize("NFC", name)
    if name.isascii() or not os.path.isdir(folder or "."):
        return None
    found = [one for one in os.listdir(folder or ".") if unicodedata.normalize("NFC", one) == wanted]
    return Path(folder) / found[0] if len(found) == 1 else None


def escape_existing_folders(path: str) -> str:
    """Escape the names of existing folders in a glob: ``Set [a]/*`` matches the files in the folder ``Set [a]``."""
    parts = path.split(os.sep)
    for n_parts in range(len(parts) - 1, 0, -1):
        folder = os.sep.join(parts[:n_parts])
        if folder and os.path.isdir(folder):
            return os.sep.join([glob.escape(folder), *parts[n_parts:]])
    return path


def missing_message(path: str) -> str:
    if " " in path.strip() and len(path.split()) > 3:
        return f"{path[:60]!r} is not the path of a file; to pass a text itself use [text.split()]"
    if glob.has_magic(path):
        return f"{path}: no file matches"
    return f"{path}: no such file"


def path_exists(path: str) -> bool:
    try:
        pattern = escape_existing_folders(path)
        return os.path.exists(path) or bool(glob.has_magic(pattern) and glob.glob(pattern, recursive=True))
    except ValueError:  # the string has a NUL
        return False


def skip_empty(empty: list[str], n_files: int) -> None:
    """Tell which files are empty and left out; of files that are all empty, none is left.

    Raises
    ------
    CorpusError
        Every file is empty.
    """
    if not empty:
        return
    named = ", ".join(empty[:_MAX_NAMED]) + (f" and {len(empty) - _MAX_NAMED} more" if len(empty) > _MAX_NAMED else "")
    if len(empty) == n_files:
        raise CorpusError(f"{named} is empty" if n_files == 1 else f"all {n_files} files are empty: {named}")
    warnings.warn(f"{len(empty)} of {n_files} files are empty and left out: {named}", CorpusWarning, stacklevel=2)


__all__ = ["escape_existing_folders", "missing_message", "path_exists", "same_name", "skip_empty"]
