"""Room training: finds what killed runs left, and deletes what firth certainly wrote; for ``firth clean``.

Tests: tests/cli/test_clean.py.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from firth.base.files import is_real_folder
from firth.base.locks import FolderLock
from firth.base.owned import (
    SYSTEM_TEMPORARY_NAME,
    TEMPORARY_NAME,
    Leftover,
    delete_leftover,
    find_leftovers,
    n_bytes_in,
)
from firth.errors import FormatError, StorageError
from firth.formats.model_files import CONFIG_NAME, LEFTOVER
from firth.formats.model_files import find_leftovers as find_model_leftovers
from firth.formats.model_folder import read_config
from firth.models.run_files import RUN_NAME, WORK_NAME, resume_command
from firth.training.run.work_files import delete_work_folder, is_work_folder


@dataclass(frozen=True)
class Found:
    """A file or folder that a killed process left, or that looks like one.

    Attributes
    ----------
    path : Path
    kind : str
        ``"temporary"``, ``"work-folder"``, ``"unfinished-run"``, ``"tensors"`` or ``"half-written"``.
    n_bytes : int
    kept_because : str or None
        Why it is not deleted; None: it may be deleted.
    leftover : Leftover or None
        Given for the kind ``"temporary"``.
    """

    path: Path
    kind: str
    n_bytes: int
    kept_because: str | None
    leftover: Leftover | None = None


def find(folder: Path | None, *, unfinished_runs: bool = False) -> list[Found]:
    """Find what killed runs left.

    Parameters
    ----------
    folder : Path or None
        The output folder of a training, of an encoded corpus, or of other files. None: the system's folder for
        temporary files. Folders inside it are not searched, except ``.work``.
    unfinished_runs : bool
        Whether runs that could be resumed may be deleted too.

    Raises
    ------
    StorageError
        The folder does not exist or cannot be read.
    """
    place = Path(tempfile.gettempdir()) if folder is None else folder
    try:
        os.listdir(place)
    except NotADirectoryError:
        raise StorageError(f"FOLDER must be a folder, got the file {place}") from None
    except OSError as error:
        raise StorageError(error.errno, f"{place} cannot be read: {error.strerror}") from error
    if folder is None:
        return list(_find_temporary(place, SYSTEM_TEMPORARY_NAME))
    found = list(_find_temporary(place, TEMPORARY_NAME))
    found += _find_work_folder(place / WORK_NAME, unfinished_runs)
    found += _find_in_model(place, unfinished_runs)
    return found


def delete(found: Found) -> None:
    """Delete a result of `find`, unless another process has used it since.

    Raises
    ------
    OSError
    """
    if found.kept_because is not None:
        raise StorageError(f"{found.path} is kept: {found.kept_because}")
    if found.leftover is not None:
        delete_leftover(found.leftover)
        return
    if found.kind in ("tensors", "half-written"):
        folder = found.path.parent
        with FolderLock(folder):
            if found.path in find_model_leftovers(folder, _named_tensors(folder)):
                found.path.unlink()
        return
    with FolderLock(found.path, follow_links=False):
        if not is_work_folder(found.path) or (found.path / RUN_NAME).exists() != (found.kind == "unfinished-run"):
            raise StorageError("another run has used it since")
        delete_work_folder(found.path)


def _find_temporary(place: Path, name: re.Pattern[str]) -> Iterator[Found]:
    for leftover in find_leftovers(place, name):
        yield Found(leftover.path, "temporary", n_bytes_in(leftover.path), leftover.kept_because, leftover)


def _find_work_folder(work: Path, unfinished_runs: bool) -> Iterator[Found]:
    if not os.path.lexists(work):
        return
    if not is_real_folder(work):
        yield Found(work, "work-folder", n_bytes_in(work), "it is not a folder that firth made")
        return
    kind = "unfinished-run" if (work / RUN_NAME).exists() else "work-folder"
    reason = None
    if not is_work_folder(work):
        reason = "it has no mark of firth"
    elif kind == "unfinished-run" and not unfinished_runs:
        reason = f"`{resume_command(work.parent)}` continues it; --unfinished-runs deletes it"
    try:
        with FolderLock(work, follow_links=False):
            pass
    except BlockingIOError:
        reason = "a process is training in it"
    yield Found(work, kind, n_bytes_in(work), reason)


def _find_in_model(folder: Path, unfinished_runs: bool) -> Iterator[Found]:
    try:
        named = _named_tensors(folder)
    except FormatError:  # firth did not write the config.json, so it wrote no other file there
        return
    busy = None
    try:
        with FolderLock(folder):
            pass
    except BlockingIOError:
        busy = "a process is saving into the folder"
    for path in find_model_leftovers(folder, named):
        kind = "half-written" if LEFTOVER.fullmatch(path.name) else "tensors"
        reason = busy
        if kind == "tensors" and named is None and not unfinished_runs:
            reason = f"{CONFIG_NAME} is missing, so it may be the rest of a model; --unfinished-runs deletes it"
        yield Found(path, kind, n_bytes_in(path), reason)


def _named_tensors(folder: Path) -> str | None:
    if not (folder / CONFIG_NAME).exists():
        return None
    return str(read_config(folder)["tensors"]["file"])


__all__ = ["Found", "delete", "find"]
