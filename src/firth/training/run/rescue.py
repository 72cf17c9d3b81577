"""Room training: what becomes of a model whose run was cut off, or that could not be saved where it was meant to be.

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
    from firth.models.model import Model

SAVING_ERRORS = (OSError, FirthError, MemoryError)


def save_cut_off(model: Model, output: Path) -> Path:
    """Save the model of a run that was cut off; its folder.

    A model that ``output`` holds is not replaced, as that model is finished: the new one is saved beside it.

    Raises
    ------
    One of SAVING_ERRORS
    """
    if (output / CONFIG_NAME).exists():
        return _save_in(output.absolute().parent, _name_for(model, output), model)
    model.save(output, overwrite=True)  # the folder was free, or may be overwritten, when the run began
    return output


def save_elsewhere(model: Model, wanted: Path) -> Path | None:
    """Save a model in the first place that takes it: beside ``wanted``, here, at home, in the temporary folder.

    Returns
    -------
    Path or None
        The new folder, of a name that was free; None where no place takes the model.
    """
    for parent in _places(wanted):
        with contextlib.suppress(*SAVING_ERRORS):
            return _save_in(parent, _name_for(model, wanted), model)
    return None


def attach(error: BaseException, model: Model, folder: Path | None, failure: str = "") -> None:
    """Give an exception the model of the run that it cut off, and the folder that holds it, or why none does."""
    error.partial_model = model  # type: ignore[attr-defined]
    error.partial_model_folder = folder  # type: ignore[attr-defined]
    error.partial_model_failure = failure  # type: ignore[attr-defined]


def attached_to(error: BaseException) -> tuple[Model | None, Path | None, str]:
    """What :func:`attach` gave an exception."""
    return (
        getattr(error, "partial_model", None),
        getattr(error, "partial_model_folder", None),
        getattr(error, "partial_model_failure", ""),
    )


def describe_cut_off(model: Model, folder: Path | None, failure: str = "") -> str:
    """What is left of a run that was cut off, in a sentence; before it, why the first folder did not take the model."""
    epochs = model.history.words_trained / max(model.corpus.n_tokens_read, 1)
    learned = f"what was learned in {epochs:,.2f} of {model.config.epochs:,} epochs"
    if model.history.stop_reason != "interrupted":
        learned = "the finished model"
    place = "in the exception's .partial_model alone" if folder is None else f"saved to {folder}"
    return f"{failure}; {learned} is {place}" if failure else f"{learned} is {place}"


def _places(wanted: Path) -> Iterator[Path]:
    """Folders that may take a model, the likeliest first; a place that cannot be found out is left out."""
    with contextlib.suppress(OSError):  # the working folder may be deleted
        yield wanted.absolute().parent
    with contextlib.suppress(OSError):
        yield Path.cwd()
    home = os.path.expanduser("~")
    if os.path.isabs(home):  # the user has one
        yield Path(home)
    with contextlib.suppress(OSError):  # no folder is writable
        yield Path(tempfile.gettempdir())


def _name_for(model: Model, wanted: Path) -> str:
    reason = "interrupted" if model.history.stop_reason == "interrupted" else "rescued"
    return f"{wanted.name or 'model'}-{reason}"


def _save_in(parent: Path, name: str, model: Model) -> Path:
    """Save a model in a new folder of ``parent``; the folder is gone again where that fails."""
    place = parent / name
    try:
        place.mkdir()
    except FileExistsError:
        place = parent / f"{name}-{secrets.token_hex(4)}"
        place.mkdir()
    try:
        model.save(place)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)  # made a moment ago, and nobody's but ours
        raise
    return place
