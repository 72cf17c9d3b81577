"""Room compat: gensim's names that firth does not have: they can be imported, and refuse when they are used.

A program that only imports such a name, or compares a class with it, runs. Making an object of it, or calling it, is an
error that names a replacement.

Tests: tests/compat/gensim/test_refused.py.
"""

from __future__ import annotations

import sys
import types
from typing import Any, NoReturn

from firth.errors import FirthError

_LDA = "scikit-learn's LatentDirichletAllocation is one"
_GENSIM = "gensim has it"
_SIMILARITIES = "firth.WordVectors.neighbors answers many queries in one pass"

# Names of gensim.models, and what to use instead.
ADVICE = {
    "PoincareModel": _GENSIM,
    "LdaModel": _LDA,
    "LdaMulticore": _LDA,
    "LdaSeqModel": _GENSIM,
    "LsiModel": "scikit-learn's TruncatedSVD does the same",
    "TfidfModel": "scikit-learn's TfidfTransformer, or firth.estimators.DocumentVectorizer(weighting='idf')",
    "CoherenceModel": _GENSIM,
    "Nmf": "scikit-learn's NMF is one",
    "EnsembleLda": _GENSIM,
    "HdpModel": _GENSIM,
    "RpModel": "scikit-learn's random_projection has it",
    "OkapiBM25Model": _GENSIM,
    "WordEmbeddingSimilarityIndex": _SIMILARITIES,
    "TranslationMatrix": "firth.vectors.align_spaces rotates one space onto another",
    "BackMappingTranslationMatrix": "firth.vectors.align_spaces rotates one space onto another",
}

# gensim's modules that firth does not have: every public name of them can be imported.
ABSENT_MODULES = {
    "corpora.mmcorpus": "scipy.io.mmread and mmwrite read and write these files",
    "corpora.textcorpus": "firth.encode_corpus reads files of text",
    "corpora.wikicorpus": _GENSIM,
    "downloader": "download the vectors, and read the file with firth.read_vectors(path)",
    "interfaces": _GENSIM,
    "models.bm25model": _GENSIM,
    "models.coherencemodel": _GENSIM,
    "models.ensemblelda": _GENSIM,
    "models.hdpmodel": _GENSIM,
    "models.ldamodel": _LDA,
    "models.ldamulticore": _LDA,
    "models.ldaseqmodel": _GENSIM,
    "models.lsimodel": ADVICE["LsiModel"],
    "models.nmf": ADVICE["Nmf"],
    "models.poincare": _GENSIM,
    "models.rpmodel": ADVICE["RpModel"],
    "models.tfidfmodel": ADVICE["TfidfModel"],
    "models.translation_matrix": ADVICE["TranslationMatrix"],
    "parsing.porter": "NLTK's PorterStemmer is one",
    "scripts": _GENSIM,
    "scripts.glove2word2vec": "KeyedVectors.load_word2vec_format(path, no_header=True) reads GloVe's files",
    "scripts.word2vec2tensor": "firth.write_vectors(path, vectors, 'projector') writes these files",
    "similarities": _SIMILARITIES,
    "similarities.annoy": _SIMILARITIES,
    "similarities.docsim": _SIMILARITIES,
    "similarities.nmslib": _SIMILARITIES,
    "similarities.termsim": _SIMILARITIES,
}


class NotInFirthError(FirthError, ImportError):
    """gensim has this name and firth does not; the message says what to use."""


class RemovedNameError(FirthError, AttributeError):
    """gensim 4 removed this name, or firth does not have it; the message says what to use."""


class _StandInType(type):
    """The type of stand-ins: a call of one and a look at its attributes are errors."""

    _advice: str

    def __call__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotInFirthError(_describe(cls))

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("__"):  # Python asks for these
            raise AttributeError(name)
        raise RemovedNameError(_describe(cls))


def _describe(stand_in: _StandInType) -> str:
    return f"{stand_in.__name__} is not in firth, for now; {stand_in._advice}"


class _AbsentModule(types.ModuleType):
    """A module of gensim's whose names are stand-ins."""

    def __init__(self, name: str, advice: str) -> None:
        super().__init__(name, f"Not in firth: {advice}.")
        self.__path__: list[str] = []  # a package, as some of these modules are
        self._advice = advice

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        made = make_stand_in(name, ADVICE.get(name, self._advice), self.__name__)
        setattr(self, name, made)
        return made


def make_stand_in(name: str, advice: str, module: str) -> type:
    """A class that can be imported, compared and inherited from; making an object of it is a `NotInFirthError`."""
    return _StandInType(name, (), {"_advice": advice, "__module__": module, "__doc__": f"Not in firth: {advice}."})


def stand_in_for(module: str, name: str) -> type:
    """The stand-in for a missing name of a module.

    Raises
    ------
    AttributeError
        gensim has no such name either, or a private one.
    """
    if name in ADVICE:
        return make_stand_in(name, ADVICE[name], module)
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


def install_absent_modules(package: str) -> None:
    """Put the modules that firth does not have below a package, for ``import`` statements."""
    for name, advice in ABSENT_MODULES.items():
        whole = f"{package}.{name}"
        module = sys.modules.setdefault(whole, _AbsentModule(whole, advice))
        parent, _, last = whole.rpartition(".")
        setattr(sys.modules[parent], last, module)


__all__ = [
    "ABSENT_MODULES",
    "ADVICE",
    "NotInFirthError",
    "RemovedNameError",
    "install_absent_modules",
    "make_stand_in",
    "stand_in_for",
]
