"""vectors: words of an evaluation file that are not in the vocabulary: their vectors, made of n-grams.

Tests: tests/vectors/test_subwords.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firth.vectors.queries import validate_composing
from firth.vectors.question_files import Question
from firth.vectors.word_vectors import WordVectors


@dataclass(frozen=True)
class Composed:
    """Words that are not in the vocabulary: a row for each, numbered from V on, and their vectors."""

    rows_of: dict[str, list[int]]
    matrix: npt.NDArray[np.float32]

    @classmethod
    def nothing(cls, vectors: WordVectors) -> Composed:
        return cls({}, np.zeros((0, vectors.dims), np.float32))


def words_of_questions(questions: Sequence[Question]) -> Iterator[str]:
    """The words that questions give: all but the answers."""
    return (word for question in questions for word in question[:3])


def compose_unknown(
    vectors: WordVectors, rows_of: Mapping[str, object], spelled_of: Mapping[str, str], fold_case: bool
) -> Composed:
    """Vectors of the words without a row, of their n-grams: as they are spelled, in lower case where case is folded."""
    validate_composing(vectors.subword_rows)
    names = [name for name in spelled_of if name not in rows_of]
    spelled = [spelled_of[name].lower() if fold_case else spelled_of[name] for name in names]
    matrix, has_ngrams = vectors.compose(spelled)
    composed = [names[place] for place in np.flatnonzero(has_ngrams).tolist()]
    return Composed({name: [len(vectors) + place] for place, name in enumerate(composed)}, matrix[has_ngrams])
