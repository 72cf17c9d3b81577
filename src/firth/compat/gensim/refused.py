"""Room compat: gensim's names that firth does not have, each with a replacement.

Tests: tests/compat/gensim/test_keyedvectors.py.
"""

from __future__ import annotations

from firth.errors import FirthError

ADVICE = {
    "Doc2Vec": "firth.estimators.DocumentVectorizer makes vectors of documents from those of their words",
    "TaggedDocument": "firth.estimators.DocumentVectorizer makes vectors of documents from those of their words",
    "FastText": "Word2Vec trains whole words; vectors of fastText's own files are read by firth.read_vectors",
    "PoincareModel": "gensim has it",
    "LdaModel": "scikit-learn's LatentDirichletAllocation is one",
    "LdaMulticore": "scikit-learn's LatentDirichletAllocation is one",
    "LsiModel": "scikit-learn's TruncatedSVD does the same",
    "TfidfModel": "scikit-learn's TfidfTransformer, or firth.estimators.DocumentVectorizer(weighting='idf')",
    "CoherenceModel": "gensim has it",
    "Nmf": "scikit-learn's NMF is one",
    "EnsembleLda": "gensim has it",
    "HdpModel": "gensim has it",
    "RpModel": "scikit-learn's random_projection has it",
    "OkapiBM25Model": "gensim has it",
    "WordEmbeddingSimilarityIndex": "firth.WordVectors.neighbors answers many queries in one pass",
    "translation_matrix": "firth.vectors.align_spaces rotates one space onto another",
}


class NotInFirthError(FirthError, ImportError):
    """gensim has this name and firth does not; the message says what to use."""


class RemovedNameError(FirthError, AttributeError):
    """gensim 4 removed this name; the message says what to use."""


def refuse(module: str, name: str) -> NotInFirthError | AttributeError:
    """The error for a missing name of a module; ``from module import name`` shows only an ImportError's message."""
    if name in ADVICE:
        return NotInFirthError(f"{name} is not in firth, for now; {ADVICE[name]}")
    return AttributeError(f"module {module!r} has no attribute {name!r}")


__all__ = ["ADVICE", "NotInFirthError", "RemovedNameError", "refuse"]
