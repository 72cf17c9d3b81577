"""Room compat: fastText's names, implemented with firth: import ``firth.compat.fasttext`` instead of ``fasttext``.

docs/fasttext.md lists every public name and says whether it is the same, better or refused.
"""

from firth.compat.fasttext import FastText, util
from firth.compat.fasttext.FastText import (
    BOW,
    EOS,
    EOW,
    cbow,
    load_model,
    skipgram,
    supervised,
    tokenize,
    train_supervised,
    train_unsupervised,
)

__all__ = [
    "BOW",
    "EOS",
    "EOW",
    "FastText",
    "cbow",
    "load_model",
    "skipgram",
    "supervised",
    "tokenize",
    "train_supervised",
    "train_unsupervised",
    "util",
]
