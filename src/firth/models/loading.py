"""Room models: ``firth.load``: opens a model folder of firth, or a classifier in a file of fastText.

Tests: tests/classification/test_classifier.py.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from firth.classification.classifier import Classifier, load_classifier
from firth.classification.folder import is_classifier_folder, read_folder
from firth.errors import FormatError
from firth.models.history import History
from firth.models.model import load as load_model


def load(path: str | os.PathLike[str]) -> Any:
    """Open a model: word vectors that firth trained, or a classifier of fastText.

    Arrays are mapped into memory if possible, so that many processes share a model. The files must not change while the
    model is in use. For word vectors of other programs, use `firth.read_vectors`.

    Parameters
    ----------
    path : path
        A folder that ``firth.train`` or ``firth.train_classifier`` wrote, or a supervised model of fastText, ``.bin``
        or ``.ftz``.

    Returns
    -------
    firth.Model or firth.Classifier
        A Classifier if ``path`` is a classifier, in a folder or a file; a Model if it is another folder.

    Raises
    ------
    StorageError
        The folder, or a file in it, is missing.
    FormatError
        The folder or file is not a model, or is damaged.

    Examples
    --------
    >>> import firth
    >>> firth.load("lid.176.ftz").predict("Wo ist der Bahnhof?").labels  # doctest: +SKIP
    ['de']
    """
    place = Path(path)
    if place.is_file():
        return load_classifier(place)
    if is_classifier_folder(place):
        return load_classifier_folder(place)
    return load_model(place)


def load_classifier_folder(folder: Path) -> Classifier:
    """Open a classifier that ``firth.train_classifier`` wrote to a folder.

    Raises
    ------
    StorageError, FormatError
    """
    model, history = read_folder(folder)
    try:
        return Classifier(model, history=None if history is None else History.from_json(history))
    except (FormatError, ValueError) as error:
        raise FormatError(f"{folder}: {error}") from None


__all__ = ["load"]
