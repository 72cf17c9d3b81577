"""Room compat: gensim's names on firth's parts: change ``gensim`` to ``firth.compat.gensim`` in an import line.

``models`` has gensim's modules ``word2vec``, ``keyedvectors`` and ``callbacks``; their classes are here as well.
docs/gensim.md tells, for every public name, what is the same, what is better and what is refused.
"""

from typing import Any

from firth.compat.gensim import models, utils
from firth.compat.gensim.models.callbacks import CallbackAny2Vec
from firth.compat.gensim.models.keyedvectors import KeyedVectors
from firth.compat.gensim.models.word2vec import BrownCorpus, LineSentence, PathLineSentences, Text8Corpus, Word2Vec
from firth.compat.gensim.refused import refuse


def __getattr__(name: str) -> Any:
    raise refuse(__name__, name)


__all__ = [
    "BrownCorpus",
    "CallbackAny2Vec",
    "KeyedVectors",
    "LineSentence",
    "PathLineSentences",
    "Text8Corpus",
    "Word2Vec",
    "models",
    "utils",
]
