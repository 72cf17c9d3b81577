"""Room vectors: what training yields: look-up, neighbours, analogies, evaluation."""

from firth.vectors.evaluation import (
    AnalogyScore,
    AnalogySection,
    PairScore,
    evaluate_analogies,
    evaluate_word_pairs,
)
from firth.vectors.word_vectors import Neighbor, WordVectors
from firth.vectors.words import PackedWords

__all__ = [
    "AnalogyScore",
    "AnalogySection",
    "Neighbor",
    "PackedWords",
    "PairScore",
    "WordVectors",
    "evaluate_analogies",
    "evaluate_word_pairs",
]
