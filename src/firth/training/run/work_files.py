"""Room training: the names that a run writes into a work folder. Only files with these names are deleted.

A work folder belongs to firth if it has firth's mark (`firth.base.owned`) or the record of a run. A run writes files of
known names into it. Other files of the user are not touched, and symbolic links are never followed.

Tests: tests/training/test_work_folder.py.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from firth.base.files import is_real_file, is_real_folder
from firth.base.json_file import read_own_json
from firth.base.owned import MARK_NAME, TEMPORARY_NAME, find_leftovers, is_empty_mark, n_bytes_in, read_mark
from firth.corpus.encoded import CORPUS_FILES
from firth.errors import StorageError
from firth.formats.model_files import CONFIG_NAME, LEFTOVER, TENSOR_FILE
from firth.models.run_files import (
    ARRAY_NAMES,
    CHECKPOINT_NAME,
    CORPUS_NAME,
    HELDOUT_NAME,
    RUN_FORMAT,
    RUN_NAME,
    TEXT_NAME,
)

_CORPUS = re.compile("|".join(map(re.escape, CORPUS_FILES)))
_CHECKPOINT = re.compile(f"{re.escape(CONFIG_NAME)}|{TENSOR_FILE.pattern}|{LEFTOVER.pattern}")
_FOLDERS = {CORPUS_NAME: _CORPUS, HELDOUT_NAME: _CORPUS, TEXT_NAME: _CORPUS, CHECKPOINT_NAME: _CHECKPOINT}
_FILES = (RUN_NAME, f"{RUN_NAME}.tmp", *(f"{name}.npy" for name in ARRAY_NAMES))  # deleted in this order


def is_work_folder(folder: Path) -> bool:
    """Whether firth made the folder: it has a mark, or the record of a run."""
    if not is_real_folder(folder):
        return False
    if read_mark(folder) is not None:
        return True
    record = read_own_json(folder / RUN_NAME)
    return record is not None and record.get("format") == RUN_FORMAT


def validate_work_folder(folder: Path) -> None:
    """Refuse a folder that firth did not make. A missing or empty folder is valid.

    Raises
    ------
    StorageError
    """
    if not os.path.lexists(folder) or is_work_folder(folder):
        return
    if not is_real_folder(folder):
        what = "a symbolic link" if folder.is_symlink() else "a file"
        raise StorageError(f"{folder} must be a folder that firth made, got {what}; move it away, {_ELSE}")
    others = sorted(name for name in os.listdir(folder) if not is_empty_mark(folder / name))
    if others:
        raise StorageError(
            f"{folder} must be a folder that firth made, got one that holds {others[0]!r} and has no mark of firth's;"
            f" move it away, {_ELSE}"
        )


def empty_work_folder(folder: Path) -> None:
    """Delete what a run wrote into its work folder, except the mark.

    The record of the run is deleted first: if the process is killed meanwhile, the rest is not taken for a run.

    Raises
    ------
    OSError
    """
    for name in _FILES:
        _delete_file(folder / name)
    for name in _FOLDERS:
        discard(folder, name)
    _delete_temporary_folders(folder)


def delete_work_folder(folder: Path) -> None:
    """Delete what a run wrote; if nothing else is in the folder, delete the mark and the folder too.

    Raises
    ------
    OSError
    """
    empty_work_folder(folder)
    if set(os.listdir(folder)) <= {MARK_NAME}:
        _delete_file(folder / MARK_NAME)
        folder.rmdir()


def discard(work_folder: Path, name: str) -> None:
    """Delete what a run wrote into a subfolder of its work folder."""
    folder = work_folder / name
    if not is_real_folder(folder):
        return
    for entry in sorted(os.listdir(folder)):
        if _FOLDERS[name].fullmatch(entry):
            _delete_file(folder / entry)
    _delete_temporary_folders(folder)
    if not os.listdir(folder):
        folder.rmdir()


def validate_empty(folder: Path) -> None:
    """Refuse a work folder that has a file or folder with a name of firth that firth did not write.

    Raises
    ------
    StorageError
    """
    for name in (*_FOLDERS, *_FILES):
        if os.path.lexists(folder / name):
            raise StorageError(
                f"{folder / name} has files that firth did not write, or is a symbolic link; move it away, {_ELSE}"
            )


def saved_bytes(folder: Path) -> int:
    """Bytes that a run has written into its work folder, without its encoded corpora: checkpoints, arrays, record."""
    corpora = (CORPUS_NAME, HELDOUT_NAME, TEXT_NAME)
    return n_bytes_in(folder) - sum(n_bytes_in(folder / name) for name in corpora)


_ELSE = "or choose another output folder"


def _delete_file(path: Path) -> None:
    if is_real_file(path):
        path.unlink()


def _delete_temporary_folders(folder: Path) -> None:
    """Delete temporary folders of a killed process. The caller has the lock, so no other process writes there."""
    for leftover in find_leftovers(folder, TEMPORARY_NAME):
        shutil.rmtree(leftover.path)


__all__ = [
    "delete_work_folder",
    "discard",
    "empty_work_folder",
    "is_work_folder",
    "saved_bytes",
    "validate_empty",
    "validate_work_folder",
]
