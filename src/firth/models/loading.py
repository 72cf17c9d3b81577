"""Room models: ``firth.load``: opens a model folder of firth, or a classifier in a file of fastText.

Tests: tests/classification/test_classifier.py.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from firth.classification.classifier import load_classifier
from firth.models.model import load as load_model


def load(path: str | os.PathLike[str]) -> Any:
    """Open a model: word vectors that firth trained, or a classifier of fastText.

    Arrays are mapped into memory if possible, so that many processes share a model. The files must not change while the
    model is in use. For word vectors of other programs, use `firth.read_vectors`.

    Parameters
    ----------
    path : path
        A folder that ``firth.train`` wrote, or a supervised model of fastText, ``.bin`` or ``.ftz``.

    Returns
    -------
    firth.Model or firth.Classifier
        A Model if ``path`` is a folder, a Classifier if it is a file.

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
    if Path(path).is_file():
        return load_classifier(path)
    return load_model(path)


__all__ = ["load"]
