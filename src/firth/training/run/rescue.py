"""Room training: saves the model of an interrupted run, or a model that could not be saved in its folder.

Tests: tests/cli/test_interrupt.py.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from firth.errors import FirthError
from firth.formats.model_files import CONFIG_NAME

if TYPE_CHECKING:
    from firth.classification.classifier import Classifier
    from firth.models.model import Model

SAVING_ERRORS = (OSError, FirthError, MemoryError)


def save_cut_off(model: Model | Classifier, output: Path) -> Path:
    """Save the model of an interrupted run; return its folder.

    A finished model in ``output`` is not replaced; the new model is saved beside it.

    Raises
    ------
    One of SAVING_ERRORS
    """
    if (output / CONFIG_NAME).exists() or output.is_file():
        return _save_in(output.absolute().parent, _name_for(model, output), model)
    model.save(output, overwrite=True)  # checked at the start: the folder is free, or may be overwritten
    return output


def save_elsewhere(model: Model | Classifier, wanted: Path) -> Path | None:
    """Save a model in the first folder in which it can be saved.

    The order is: beside ``wanted``, the working folder, the home folder, the folder for temporary files.

    Returns
    -------
    Path or None
        The new folder, with a name that was free; None if the model could not be saved in any folder.
    """
    for parent in _places(wanted):
        with contextlib.suppress(*SAVING_ERRORS):
            return _save_in(parent, _name_for(model, wanted), model)
    return None


def attach(error: BaseException, model: Model | Classifier, folder: Path | None, failure: str = "") -> None:
    """Attach to an exception the model of the interrupted run, and its folder or the reason why it has none."""
    error.partial_model = model  # type: ignore[attr-defined]
    error.partial_model_folder = folder  # type: ignore[attr-defined]
    error.partial_model_failure = failure  # type: ignore[attr-defined]


def attached_to(error: BaseException) -> tuple[Model | Classifier | None, Path | None, str]:
    """The values that :func:`attach` attached to an exception."""
    return (
        getattr(error, "partial_model", None),
        getattr(error, "partial_model_folder", None),
        getattr(error, "partial_model_failure", ""),
    )


def describe_cut_off(model: Model | Classifier, folder: Path | None, failure: str = "") -> str:
    """A sentence that says where the model of an interrupted run is; before it, why the first folder failed."""
    n_tokens, epochs = _size_of_run(model)
    done = model.history.words_trained / max(n_tokens, 1)
    learned = f"what was learned in {done:,.2f} of {epochs:,} epochs"
    if model.history.stop_reason != "interrupted":
        learned = "the finished model"
    place = "in the exception's .partial_model alone" if folder is None else f"saved to {folder}"
    return f"{failure}; {learned} is {place}" if failure else f"{learned} is {place}"


def _size_of_run(model: Model | Classifier) -> tuple[int, int]:
    """The words of an epoch, and the epochs that the run was to have."""
    from firth.models.model import Model

    if isinstance(model, Model):
        return model.corpus.n_tokens_read, model.config.epochs
    return model.model.n_tokens, model.model.arguments.epochs


def _places(wanted: Path) -> Iterator[Path]:
    """Folders in which a model may be saved, in order; folders whose path cannot be determined are left out."""
    with contextlib.suppress(OSError):  # the working folder may be deleted
        yield wanted.absolute().parent
    with contextlib.suppress(OSError):
        yield Path.cwd()
    home = os.path.expanduser("~")
    if os.path.isabs(home):  # the user has one
        yield Path(home)
    with contextlib.suppress(OSError):  # no folder is writable
        yield Path(tempfile.gettempdir())


def _name_for(model: Model | Classifier, wanted: Path) -> str:
    reason = "interrupted" if model.history.stop_reason == "interrupted" else "rescued"
    return f"{wanted.name or 'model'}-{reason}"


def _save_in(parent: Path, name: str, model: Model | Classifier) -> Path:
    """Save a model in a new folder in ``parent``; if saving fails, the folder is deleted."""
    place = parent / name
    try:
        place.mkdir()
    except FileExistsError:
        place = parent / f"{name}-{secrets.token_hex(4)}"
        place.mkdir()
    try:
        model.save(place)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)  # this function made the folder
        raise
    return place
