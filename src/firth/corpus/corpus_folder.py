"""Room corpus: the folder of an encoded corpus. An old corpus in it is kept until the new one is complete.

The new corpus is written into a marked folder inside (`firth.base.owned`). Its files are moved at the end, the manifest
last. During the move, the manifest in the folder says "unfinished". So if the process is killed then, the partial
corpus is not opened, and it is not mistaken for files of the user.

Tests: tests/corpus/test_encoded.py.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from firth.base.locks import FolderLock
from firth.base.owned import OwnedFolder
from firth.base.replace import keep_permissions, write_file
from firth.base.storage import storage_error
from firth.base.urls import refuse_url
from firth.corpus.encoded import CORPUS_FILES, FORMAT_NAME, FORMAT_VERSION, MANIFEST, read_format
from firth.errors import StorageError


@contextlib.contextmanager
def new_corpus(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder to write a corpus to. If the block succeeds, its files are moved into ``folder``.

    If the block raises, ``folder`` is not changed.

    Raises
    ------
    StorageError
        The folder cannot be written; or it has files with a corpus's names that firth did not write.
    """
    refuse_url(folder, "encode into a folder of this machine")
    made: list[Path] = []
    try:
        try:
            missing = folder
            while not missing.exists() and missing != missing.parent:
                made.append(missing)
                missing = missing.parent
            folder.mkdir(parents=True, exist_ok=True)
            _refuse_foreign_files(folder)
            owned = OwnedFolder.beside(folder / "corpus", f"to encode a corpus into {folder.resolve()}")
        except OSError as error:
            raise storage_error(error, folder) from error
        with owned:
            yield owned.path
            try:
                _move(owned.path, folder)
            except OSError as error:
                raise storage_error(error, folder) from error
    except BaseException:
        with contextlib.suppress(OSError):  # keep the folder if another program put files into it
            for path in made:
                path.rmdir()
        raise


def old_corpus_bytes(folder: Path) -> int:
    """Size in bytes of the encoded corpus in the folder; 0 if there is none."""
    sizes = (folder / name for name in CORPUS_FILES)
    return sum(path.stat().st_size for path in sizes if path.is_file())


def _refuse_foreign_files(folder: Path) -> None:
    present = [name for name in CORPUS_FILES if os.path.lexists(folder / name)]
    if present and read_format(folder) != FORMAT_NAME:
        raise StorageError(
            f"{folder} has {present[0]!r}, which is not part of a corpus that firth encoded, so it is not replaced;"
            " choose another folder, or move the file away"
        )
    for name in present:
        if (folder / name).is_dir():
            raise StorageError(f"{folder / name} must be a file, got a folder; choose another folder")


def _move(work: Path, folder: Path) -> None:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(FolderLock(folder))
        except BlockingIOError:
            raise StorageError(
                f"{folder} must not be in use, but another process encodes a corpus into it; choose another folder"
            ) from None
        _refuse_foreign_files(folder)
        unfinished = {"format": FORMAT_NAME, "version": FORMAT_VERSION, "unfinished": True}
        with open(work / MANIFEST, "rb") as manifest:
            keep_permissions(manifest.fileno(), folder / MANIFEST)
        write_file(folder / MANIFEST, json.dumps(unfinished).encode())
        for name in CORPUS_FILES:
            if name == MANIFEST:
                continue
            if not (work / name).exists():
                (folder / name).unlink(missing_ok=True)
                continue
            with open(work / name, "rb") as file:
                keep_permissions(file.fileno(), folder / name)
            os.replace(work / name, folder / name)
        os.replace(work / MANIFEST, folder / MANIFEST)


__all__ = ["new_corpus", "old_corpus_bytes"]
