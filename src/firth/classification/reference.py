"""Room classification: the twin of native prediction: finds a text's rows in Python, and predicts in float64.

Tests: tests/classification/test_predictions.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from firth.base.ngrams import END_OF_SENTENCE, NgramRules, character_ngrams, hash_ngram
from firth.formats.fasttext_model import LOSSES, FastTextModel, dense_matrix
from firth.numerics.labels import compute_label_probabilities

WORD_NGRAM_FACTOR = 116049371  # fastText, Dictionary::addWordNgrams
_WHITE = re.compile(rb"[ \n\r\t\v\f\0]+")
_LABEL_PREFIX = b"__label__"


def find_rows(
    model: FastTextModel, text: bytes, *, ids: Mapping[bytes, int] | None = None, has_end: bool = True
) -> list[int]:
    """The input rows whose mean is the vector of a text, in fastText's order.

    Each word gives its own row, if the word is known, then the rows of its character n-grams. The last word is
    ``</s>``. Then, for each word, the n-grams of words that begin with this word give their rows. Labels give no rows.

    ``ids`` are the numbers of the entries, if the caller has them. With ``has_end=False`` no newline ends the text, so
    ``</s>`` is not its last word.

    Source: fastText, ``Dictionary::getLine``, ``addSubwords``, ``addWordNgrams`` and ``pushHash``.
    """
    arguments = model.arguments
    if ids is None:
        ids = {entry: number for number, entry in enumerate(model.entries.all_encoded())}
    rules = None
    if arguments.max_chars >= max(1, arguments.min_chars):
        rules = NgramRules(max(1, arguments.min_chars), arguments.max_chars, arguments.buckets)
    kept = None if model.kept_ngrams is None else dict(model.kept_ngrams.tolist())
    rows: list[int] = []
    hashes: list[int] = []

    def push(hashed: int) -> None:
        bucket = hashed % arguments.buckets
        if kept is None:
            rows.append(model.n_words + bucket)
        elif bucket in kept:
            rows.append(model.n_words + kept[bucket])

    words = [word for word in _WHITE.split(text) if word]
    if END_OF_SENTENCE in words:
        words, has_end = words[: words.index(END_OF_SENTENCE)], True
    for word in [*words, END_OF_SENTENCE] if has_end else words:
        number = ids.get(word)
        if number is None and word.startswith(_LABEL_PREFIX):
            continue
        if number is not None and number >= model.n_words:
            continue
        hashes.append(hash_ngram(word))
        if number is not None:
            rows.append(number)
        if rules is not None:
            for ngram in character_ngrams(word, rules):
                push(hash_ngram(ngram))
    signed = [hashed - (1 << 32) if hashed >> 31 else hashed for hashed in hashes]
    for first in range(len(signed)):
        value = signed[first]
        for later in signed[first + 1 : first + max(1, arguments.word_ngrams)]:
            value = (value * WORD_NGRAM_FACTOR + later) % (1 << 64)
            push(value)
    return rows


def predict_all(model: FastTextModel, text: bytes) -> NDArray[np.float64] | None:
    """The probabilities of all labels by fastText's formulas, in float64. None for a text without a row."""
    rows = find_rows(model, text)
    if not rows:
        return None
    hidden = dense_matrix(model.input_matrix)[rows].astype(np.float64).mean(axis=0)
    return compute_label_probabilities(
        hidden,
        dense_matrix(model.output_matrix),
        LOSSES[model.arguments.loss],
        model.label_counts,
        like_fasttext=True,
    )


__all__ = ["find_rows", "predict_all"]
