"""Room vectors: word vectors: look-up, neighbours, analogies, evaluation."""

from firth.vectors.evaluation import evaluate_analogies, evaluate_word_pairs
from firth.vectors.evaluation_lines import BadLines, LineCounts
from firth.vectors.evaluation_scores import AnalogyScore, AnalogySection, PairScore
from firth.vectors.pair_layout import PairLayout
from firth.vectors.plot import plot_words
from firth.vectors.spaces import Alignment, Components, align_spaces, most_moved, principal_components
from firth.vectors.texts import (
    common_component,
    idf_weights,
    sif_weights,
    text_vectors,
    without_component,
    word_movers_distance,
)
from firth.vectors.word_vectors import Neighbor, WordVectors
from firth.vectors.words import PackedWords

__all__ = [
    "Alignment",
    "AnalogyScore",
    "AnalogySection",
    "BadLines",
    "Components",
    "LineCounts",
    "Neighbor",
    "PackedWords",
    "PairLayout",
    "PairScore",
    "WordVectors",
    "align_spaces",
    "common_component",
    "evaluate_analogies",
    "evaluate_word_pairs",
    "idf_weights",
    "most_moved",
    "plot_words",
    "principal_components",
    "sif_weights",
    "text_vectors",
    "without_component",
    "word_movers_distance",
]
