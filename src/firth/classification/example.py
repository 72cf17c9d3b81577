"""Room classification: a classifier of seven words, made without training, for the examples of docstrings and tests.

Tests: tests/classification/test_docs.py.
"""

from __future__ import annotations

import numpy as np

from firth.base.words import WordBuffer
from firth.classification.classifier import Classifier
from firth.formats.fasttext_model import FastTextArguments, FastTextModel

_WORDS = {"</s>": 0.0, "the": 0.0, "apple": 2.0, "sweet": 1.0, "pie": 3.0, "car": -3.0, "fast": -2.0}


def tiny_classifier() -> Classifier:
    """A classifier with the labels food and cars. The row of a word is one number, positive for words of food.

    Examples
    --------
    >>> tiny_classifier()
    Classifier(2 labels, 7 words, 1 dims, softmax)
    >>> tiny_classifier().predict("the car").labels
    ['cars']
    """
    arguments = FastTextArguments(
        dims=1,
        window=5,
        epochs=5,
        min_count=1,
        negatives=5,
        word_ngrams=1,
        loss=3,
        model=3,
        buckets=0,
        min_chars=0,
        max_chars=0,
        rate_interval=100,
        subsample=1e-4,
    )
    entries = [word.encode() for word in _WORDS] + [b"__label__food", b"__label__cars"]
    return Classifier(
        FastTextModel(
            arguments,
            WordBuffer.pack(entries),
            np.array([*range(20, 20 - len(_WORDS), -1), 6, 5], dtype=np.int64),
            len(_WORDS),
            200,
            None,
            np.array(list(_WORDS.values()), dtype=np.float32)[:, None],
            np.array([[1.5], [-1.5]], dtype=np.float32),
        )
    )


__all__ = ["tiny_classifier"]
