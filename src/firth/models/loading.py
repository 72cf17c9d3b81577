"""Room models: ``firth.load``: opens whatever firth or another program saved: a model, a classifier, or vectors.

Tests: tests/classification/test_classifier.py.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from firth.classification.classifier import Classifier, load_classifier
from firth.classification.folder import is_classifier_folder, read_folder
from firth.errors import FormatError
from firth.formats.fasttext_model import is_classifier
from firth.formats.format import take_sample
from firth.formats.model_folder import read_config
from firth.models.gensim_models import is_gensim_documents, open_gensim_documents
from firth.models.history import History
from firth.models.model import CONFIG_KEYS
from firth.models.model import load as load_model
from firth.vectors.files import read_vectors


def load(path: str | os.PathLike[str]) -> Any:
    """Open a model, a classifier or word vectors, in a folder or a file.

    Arrays are mapped into memory if possible, so that many processes share a model. The files must not change while the
    model is in use.

    Parameters
    ----------
    path : path
        A folder that firth wrote, a supervised model of fastText (``.bin``, ``.ftz``), a Doc2Vec that gensim saved, or
        a file of word vectors in any format that ``firth.read_vectors`` reads.

    Returns
    -------
    firth.Model, firth.Classifier or firth.WordVectors
        A Model if the folder has one, or of gensim's Doc2Vec; a Classifier if the folder or the file is a classifier;
        WordVectors if there are vectors alone, without a record of training.

    Raises
    ------
    StorageError
        The folder, or a file in it, is missing.
    FormatError
        The folder or file is none of these, or is damaged.

    Examples
    --------
    >>> import firth
    >>> firth.load("lid.176.ftz").predict("Wo ist der Bahnhof?").labels  # doctest: +SKIP
    ['de']
    """
    place = Path(path)
    if is_classifier_folder(place):
        return open_classifier(place)
    if place.is_file():
        sample = take_sample(place)
        if is_classifier(sample.head):
            return open_classifier(place)
        return open_gensim_documents(place) if is_gensim_documents(sample) else read_vectors(place)
    if _has_vectors_alone(place):
        return read_vectors(place)
    return load_model(place)


def open_classifier(path: Path) -> Classifier:
    """Open a classifier, in a folder of firth or a file of fastText, for a caller that needs one.

    Raises
    ------
    StorageError
        The path is missing.
    FormatError
        There is no classifier at the path, or it is damaged.
    """
    if path.is_dir() and not is_classifier_folder(path):
        raise FormatError(f"{path}: the folder has no classifier; `firth classify train` makes one")
    return load_classifier_folder(path) if path.is_dir() else load_classifier(path)


def _has_vectors_alone(folder: Path) -> bool:
    """Whether a folder of firth has no part of a training record. `firth convert` and ``vectors.save`` write such."""
    return (folder / "config.json").exists() and not set(CONFIG_KEYS[1:]) & set(read_config(folder))


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


__all__ = ["load", "open_classifier"]
