"""Room estimators: the part of TextClassifier that learns its own vectors: labels of any type, by train_classifier.

Tests: tests/estimators/test_text_classifier.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.classification.classifier import Classifier
from firth.corpus.tables import is_missing, rows_of
from firth.errors import CorpusError, CorpusTypeError, ParameterError
from firth.training.run.classifier import train_classifier

_SEVERAL = (list, tuple, set, frozenset)


def read_any_labels(labels: Any) -> tuple[list[list[int]], NDArray[Any]]:
    """The numbers of each text's labels, and the labels, sorted if they have an order.

    A label is any value that can be the key of a dict. A list, tuple or set is several labels.

    Raises
    ------
    CorpusError
        A label is missing.
    CorpusTypeError
    """
    rows = rows_of(labels, "labels")
    if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
        raise CorpusTypeError(f"labels must be a list with an entry for each text, got {type(labels).__name__}")
    array = rows if isinstance(rows, np.ndarray) else None
    if array is not None and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    listed = list(rows) if array is None else array.tolist()
    numbers: dict[Any, int] = {}
    found: list[list[int]] = []
    for position, entry in enumerate(listed):
        several = list(entry) if isinstance(entry, _SEVERAL) else [entry]
        if not several or any(is_missing(label) for label in several):
            raise CorpusError(f"labels must have a value for each text, got {entry!r} at position {position}")
        try:
            found.append([numbers.setdefault(label, len(numbers)) for label in several])
        except TypeError:
            raise CorpusTypeError(f"a label must be hashable, got {entry!r:.60} at position {position}") from None
    names = list(numbers)
    try:
        order = sorted(range(len(names)), key=names.__getitem__)
    except TypeError:  # labels of several types have no order, so they stay in the order of the texts
        order = list(range(len(names)))
    class_of = {number: index for index, number in enumerate(order)}
    classes = np.empty(len(names), object if array is None else array.dtype)
    classes[:] = [names[number] for number in order]
    return [[class_of[number] for number in own] for own in found], classes


def join_tokens(texts: Iterable[Any], lowercase: bool) -> list[str]:
    """Texts as strings. A list of tokens is joined by spaces.

    Raises
    ------
    CorpusTypeError
    """
    joined: list[str] = []
    for text in texts:
        if isinstance(text, (list, tuple)) and all(isinstance(token, str) for token in text):
            text = " ".join(text)
        if not isinstance(text, str):
            raise CorpusTypeError(f"a text must be a string or a list of strings, got {type(text).__name__}")
        joined.append(text.lower() if lowercase else text)
    return joined


def fit_own(texts: list[str], labels: Any, parameters: Mapping[str, Any]) -> tuple[Classifier, NDArray[Any]]:
    """Train a classifier whose labels are ``"0"``, ``"1"``, ...; returns it and the label of each number."""
    numbers, classes = read_any_labels(labels)
    if len(texts) != len(numbers):
        raise ParameterError(f"labels must have one label for each of the {len(texts)} texts, got {len(numbers)}")
    if len(classes) < 2:
        raise ParameterError(f"labels must have at least two classes, got {classes.tolist()!r:.60}")
    names = [[str(number) for number in own] for own in numbers]
    return train_classifier(texts, names, **parameters), classes


def predict_own(classifier: Classifier, texts: list[str]) -> NDArray[np.float32]:
    """Probabilities, (n, C), in the order of the labels' numbers. A text without a row gets 1 / C for each label."""
    n_classes = len(classifier.labels)
    probabilities = np.zeros((len(texts), n_classes), np.float32)
    if not texts:
        return probabilities
    ids, found = classifier.predict_ids(texts, None)
    columns = np.array([int(name) for name in classifier.labels])
    rows, ranks = np.nonzero(ids >= 0)
    probabilities[rows, columns[ids[rows, ranks]]] = np.minimum(found[rows, ranks], 1)
    probabilities[(ids < 0).all(axis=1)] = 1 / n_classes
    return probabilities


__all__ = ["fit_own", "join_tokens", "predict_own", "read_any_labels"]
