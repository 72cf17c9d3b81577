"""Room training: the work folder of a run: corpus, checkpoints, and what resuming needs; one run at a time.

Tests: tests/training/test_work_folder.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.files import is_real_folder
from firth.base.json_file import describe_json, read_json_object
from firth.base.locks import FolderLock
from firth.base.owned import OwnedFolder, write_mark
from firth.base.storage import storage_error
from firth.errors import FormatError, StorageError
from firth.formats.model_folder import clean_model_folder, validate_model_destination
from firth.formats.target import sync_folder
from firth.models.run_files import (
    ARRAY_NAMES,
    CHECKPOINT_NAME,
    CORPUS_NAME,
    HELDOUT_NAME,
    RUN_FORMAT,
    RUN_NAME,
    WORK_NAME,
    resume_command,
)
from firth.training.loop.progress import ProgressDisplay
from firth.training.loop.signals import StopSignals
from firth.training.run.resumed import read_run_array, run_checksums, validate_checksums
from firth.training.run.work_files import (
    delete_work_folder,
    empty_work_folder,
    is_work_folder,
    validate_empty,
    validate_work_folder,
)

RUN_VERSION = 1


class Workspace:
    """The work folder of one run: ``.work`` in the output folder, else a temporary folder. It has a mark and a lock.

    :meth:`create` and :meth:`reopen` make the object. ``close`` releases the lock; ``remove`` also deletes the folder.
    """

    def __init__(self, folder: Path, output: Path | None, made_output: bool) -> None:
        self.folder = folder
        self.output = output
        self._made_output = made_output
        self._lock = _lock(folder)

    @classmethod
    def create(
        cls, output: str | os.PathLike[str] | None, overwrite: bool, config: Mapping[str, Any] | None = None
    ) -> Workspace:
        """Make an empty work folder, before any work is done.

        ``config`` is that of the model to save, as for ``validate_model_destination``. None: of word vectors.

        Raises
        ------
        StorageError
            The output folder has a model or an unfinished run and ``overwrite`` is false; firth did not make its
            ``.work``; another process trains into it; or it cannot be written.
        """
        if output is None:
            temporary = OwnedFolder.temporary("to train in, without an output folder")
            temporary.unlock()  # the workspace locks it; until then, the mark shows that the process is alive
            return cls(temporary.path, None, False)
        target = Path(output)
        validate_model_destination(target, overwrite, config or {"training": None})
        folder = target / WORK_NAME
        validate_work_folder(folder)
        if (folder / RUN_NAME).exists() and not overwrite:
            raise StorageError(
                f"{target} holds an unfinished run; continue it by firth.resume({str(target)!r}) or"
                f" `{resume_command(target)}`, or give overwrite=True"
            )
        made_output = not target.exists()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            workspace = cls(folder, target, made_output)
            try:
                workspace._empty()
            except BaseException:
                workspace.close()
                raise
        except StorageError:
            raise
        except OSError as error:
            raise storage_error(error, target) from error
        return workspace

    def _empty(self) -> None:
        """Delete the files of a killed or overwritten run, and no others; then mark the folder."""
        assert self.output is not None
        validate_work_folder(self.folder)  # again, because the lock is held only from here on
        if is_work_folder(self.folder):
            empty_work_folder(self.folder)
        clean_model_folder(self.output)
        validate_empty(self.folder)
        write_mark(self.folder, f"to train in, for the model in {self.output.absolute()}")

    @classmethod
    def reopen(cls, output: str | os.PathLike[str]) -> Workspace:
        """Open the work folder of an interrupted run.

        Raises
        ------
        StorageError
            There is no such folder, or another process is training in it.
        """
        target = Path(output)
        folder = target / WORK_NAME
        if not target.is_dir():
            what = "must be a folder, got a file" if target.exists() else "does not exist"
            raise StorageError(f"{target} {what}; give the folder that was passed as output")
        if not (folder / RUN_NAME).is_file():
            if (target / "config.json").exists():
                raise StorageError(
                    f"{target} holds a finished model and no unfinished run; firth.load() opens it, and"
                    " model.train_more() trains it on new text"
                )
            raise StorageError(
                f"{target} holds no checkpoint of a run; train with checkpoint_every= (`--checkpoint-every`), so that"
                " an interrupted run can be resumed"
            )
        if not is_real_folder(folder):
            raise StorageError(f"{folder} must be a folder, got a symbolic link; replace the link by its target")
        workspace = cls(folder, target, False)
        try:
            for saved in (target, workspace.checkpoint_folder):
                clean_model_folder(saved)
            if is_work_folder(folder):
                write_mark(folder, f"to train in, for the model in {target.absolute()}")
        except OSError as error:
            workspace.close()
            raise error if isinstance(error, StorageError) else storage_error(error, target) from error
        return workspace

    @property
    def is_run(self) -> bool:
        """Whether the folder has a run that can be resumed."""
        return (self.folder / RUN_NAME).exists()

    @property
    def corpus_folder(self) -> Path:
        return self.folder / CORPUS_NAME

    @property
    def heldout_folder(self) -> Path:
        return self.folder / HELDOUT_NAME

    @property
    def checkpoint_folder(self) -> Path:
        return self.folder / CHECKPOINT_NAME

    def write_run(self, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write what resuming needs besides corpus and checkpoint. The record is written last, and atomically."""
        unknown = set(arrays) - set(ARRAY_NAMES)
        if unknown:  # nothing would delete their files
            raise AssertionError(f"models/run_files.py must have the names of all arrays, got {sorted(unknown)} beside")
        for name, array in arrays.items():
            with open(self.folder / f"{name}.npy", "wb") as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        whole = {"format": RUN_FORMAT, "format_version": RUN_VERSION, **record, "arrays": sorted(arrays)}
        whole["checksums"] = run_checksums(record, arrays)
        temporary = self.folder / f"{RUN_NAME}.tmp"
        with open(temporary, "w", encoding="utf-8") as text:
            json.dump(whole, text, indent=2, ensure_ascii=False, allow_nan=False)
            text.flush()
            os.fsync(text.fileno())
        os.replace(temporary, self.folder / RUN_NAME)
        sync_folder(self.folder)

    def read_run(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Read what ``write_run`` wrote.

        Raises
        ------
        FormatError, StorageError
        """
        path = self.folder / RUN_NAME
        missing = f"{path} does not exist: the folder holds no run; start the run again"
        record = read_json_object(path, missing=missing, damaged="start the run again")
        if record.get("format") != RUN_FORMAT:
            raise FormatError(f'{path}: "format" must be {RUN_FORMAT!r}; start the run again')
        if record.get("format_version") != RUN_VERSION:
            raise FormatError(
                f'{path}: "format_version" must be {RUN_VERSION}, got'
                f" {describe_json(record.get('format_version'))}; use the version of firth that started the run"
            )
        names = record.get("arrays")
        if not isinstance(names, list) or not all(isinstance(name, str) and name.isidentifier() for name in names):
            raise FormatError(
                f'{path}: "arrays" must be a list of names, got {describe_json(names)}; start the run again'
            )
        arrays = {name: read_run_array(self.folder / f"{name}.npy") for name in names}
        validate_checksums(self.folder, record, arrays)
        return record, arrays

    def close(self) -> None:
        """Release the lock; the files stay on the disk."""
        self._lock.release()

    def remove(self) -> None:
        """Delete the work folder; also the output folder, if this object made it and it is empty.

        A forked child deletes nothing, because the folder belongs to its parent.
        """
        if not self._lock.is_ours:
            return
        if self.output is None:
            shutil.rmtree(self.folder, ignore_errors=True)  # what stays has a mark: a later run deletes it
        else:
            (self.folder / RUN_NAME).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # what stays has a mark: a later run deletes it
                delete_work_folder(self.folder)
        self.close()
        if self.output is not None and self._made_output:
            with contextlib.suppress(OSError):  # not empty: it holds the model
                self.output.rmdir()


@contextlib.contextmanager
def open_workspace(
    output: str | os.PathLike[str] | None,
    overwrite: bool,
    display: ProgressDisplay,
    config: Mapping[str, Any] | None = None,
) -> Iterator[tuple[Workspace, StopSignals]]:
    """A context with a work folder and signal handlers. It deletes the folder, unless its run can be resumed."""
    with StopSignals() as signals:
        workspace = Workspace.create(output, overwrite, config)
        try:
            with signals.at_once():
                yield workspace, signals
        finally:
            display.close()
            if workspace.is_run:
                workspace.close()
            else:
                workspace.remove()


def copy_file(source: Path, target: Path) -> None:
    """Make a hard link if the file system allows it, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)  # with its mode


def _lock(folder: Path) -> FolderLock:
    """Take the lock of a folder. It ends with the process, also if the process is killed."""
    try:
        return FolderLock(folder)
    except BlockingIOError:
        raise StorageError(
            f"another process is training into {folder.parent}; wait for it, or choose another folder"
        ) from None
