"""Room compat: the part of gensim.models that firth has."""

from typing import Any

from firth.compat.gensim.models import basemodel, callbacks, keyedvectors, phrases, word2vec
from firth.compat.gensim.models.keyedvectors import KeyedVectors
from firth.compat.gensim.models.phrases import FrozenPhrases, Phraser, Phrases
from firth.compat.gensim.models.word2vec import Word2Vec
from firth.compat.gensim.refused import refuse


def __getattr__(name: str) -> Any:
    raise refuse(__name__, name)


__all__ = [
    "FrozenPhrases",
    "KeyedVectors",
    "Phraser",
    "Phrases",
    "Word2Vec",
    "basemodel",
    "callbacks",
    "keyedvectors",
    "phrases",
    "word2vec",
]
