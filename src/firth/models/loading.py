"""Room models: ``firth.load``: a model folder of firth's, or a classifier's file of fastText's.

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
    """Open a model: word vectors that firth trained, or a classifier of fastText's.

    Nothing is copied that can be mapped into memory, so that many processes share a model: its files must stay as they
    are while it is in use. Word vectors of other programs are read by `firth.read_vectors`.

    Parameters
    ----------
    path : path
        A folder that ``firth.train`` or ``firth.train_classifier`` wrote; or a supervised model of fastText, ``.bin``
        or ``.ftz``.

    Returns
    -------
    firth.Model or firth.Classifier
        A classifier, in a folder or a file, gives a Classifier; another folder gives a Model.

    Raises
    ------
    StorageError
        It is missing, or a file in the folder is.
    FormatError
        It is no such model, or damaged.

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
