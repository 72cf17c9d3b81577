"""Room vectors: what training yields: look-up, neighbours, analogies, evaluation."""

from firth.vectors.word_vectors import Neighbor, WordVectors
from firth.vectors.words import PackedWords

__all__ = ["Neighbor", "PackedWords", "WordVectors"]
