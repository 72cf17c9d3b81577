"""Room models: ``firth.load``: a model folder of firth's, or a classifier's file of fastText's.

Tests: tests/classification/test_classifier.py.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from firth.classification.classifier import load_classifier
from firth.models.model import load as load_model


def load(path: str | os.PathLike[str]) -> Any:
    """Open a model: word vectors that firth trained, or a classifier of fastText's.

    Nothing is copied that can be mapped into memory, so that many processes share a model: its files must stay as they
    are while it is in use. Word vectors of other programs are read by `firth.read_vectors`.

    Parameters
    ----------
    path : path
        A folder that ``firth.train`` wrote; or a supervised model of fastText, ``.bin`` or ``.ftz``.

    Returns
    -------
    firth.Model or firth.Classifier
        A folder gives a Model, a file a Classifier.

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
    if Path(path).is_file():
        return load_classifier(path)
    return load_model(path)


__all__ = ["load"]
