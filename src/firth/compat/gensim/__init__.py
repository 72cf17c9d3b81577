"""Room compat: gensim's names, implemented with firth. To use it, import ``firth.compat.gensim`` instead of ``gensim``.

``models`` has gensim's modules ``word2vec``, ``keyedvectors``, ``phrases`` and ``callbacks``. Their classes are here.
docs/gensim.md lists every public name and says whether it is the same, better or refused.
"""

from typing import Any

from firth.compat.gensim import models, utils
from firth.compat.gensim.models.callbacks import CallbackAny2Vec
from firth.compat.gensim.models.keyedvectors import KeyedVectors
from firth.compat.gensim.models.phrases import FrozenPhrases, Phraser, Phrases
from firth.compat.gensim.models.word2vec import BrownCorpus, LineSentence, PathLineSentences, Text8Corpus, Word2Vec
from firth.compat.gensim.refused import refuse


def __getattr__(name: str) -> Any:
    raise refuse(__name__, name)


__all__ = [
    "BrownCorpus",
    "CallbackAny2Vec",
    "FrozenPhrases",
    "KeyedVectors",
    "LineSentence",
    "PathLineSentences",
    "Phraser",
    "Phrases",
    "Text8Corpus",
    "Word2Vec",
    "models",
    "utils",
]
