"""Room compat: the part of gensim.models that firth has."""

from typing import Any

from firth.compat.gensim.models import basemodel, callbacks, doc2vec, fasttext, keyedvectors, phrases, word2vec
from firth.compat.gensim.models.doc2vec import Doc2Vec, TaggedDocument
from firth.compat.gensim.models.fasttext import FastText
from firth.compat.gensim.models.keyedvectors import KeyedVectors
from firth.compat.gensim.models.phrases import FrozenPhrases, Phraser, Phrases
from firth.compat.gensim.models.word2vec import Word2Vec
from firth.compat.gensim.refused import stand_in_for


def __getattr__(name: str) -> Any:
    return stand_in_for(__name__, name)


__all__ = [
    "Doc2Vec",
    "FastText",
    "FrozenPhrases",
    "KeyedVectors",
    "Phraser",
    "Phrases",
    "TaggedDocument",
    "Word2Vec",
    "basemodel",
    "callbacks",
    "doc2vec",
    "fasttext",
    "keyedvectors",
    "phrases",
    "word2vec",
]
