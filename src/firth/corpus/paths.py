"""Room corpus: paths and globs of corpora as users write them.

Tests: tests/corpus/test_sources.py.
"""

from __future__ import annotations

import glob
import os
import unicodedata
from pathlib import Path


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


__all__ = ["escape_existing_folders", "missing_message", "same_name"]
