"""Room compat: gensim's names, implemented with firth. To use it, import ``firth.compat.gensim`` instead of ``gensim``.

``models`` has gensim's modules ``word2vec``, ``fasttext``, ``doc2vec``, ``keyedvectors``, ``phrases`` and
``callbacks``; their classes are also here. ``corpora`` has ``Dictionary``. docs/gensim.md lists every public name and
says whether it is the same, better or refused.
"""

from typing import Any

from firth.compat.gensim import corpora, matutils, models, parsing, test, utils
from firth.compat.gensim.models.callbacks import CallbackAny2Vec
from firth.compat.gensim.models.doc2vec import Doc2Vec, TaggedDocument
from firth.compat.gensim.models.fasttext import FastText
from firth.compat.gensim.models.keyedvectors import KeyedVectors
from firth.compat.gensim.models.phrases import FrozenPhrases, Phraser, Phrases
from firth.compat.gensim.models.word2vec import BrownCorpus, LineSentence, PathLineSentences, Text8Corpus, Word2Vec
from firth.compat.gensim.refused import install_absent_modules, stand_in_for

__version__ = "4.4.0"  # the gensim whose names these are; programs compare it

install_absent_modules(__name__)


def __getattr__(name: str) -> Any:
    return stand_in_for(__name__, name)


__all__ = [
    "BrownCorpus",
    "CallbackAny2Vec",
    "Doc2Vec",
    "FastText",
    "FrozenPhrases",
    "KeyedVectors",
    "LineSentence",
    "PathLineSentences",
    "Phraser",
    "Phrases",
    "TaggedDocument",
    "Text8Corpus",
    "Word2Vec",
    "corpora",
    "matutils",
    "models",
    "parsing",
    "test",
    "utils",
]
