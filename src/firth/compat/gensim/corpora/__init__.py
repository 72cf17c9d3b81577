"""Room compat: gensim.corpora: Dictionary. The corpora of other formats are names that refuse to be used.

Tests: tests/compat/gensim/test_dictionary.py.
"""

from typing import Any

from firth.compat.gensim.corpora import dictionary
from firth.compat.gensim.corpora.dictionary import Dictionary
from firth.compat.gensim.refused import make_stand_in

_ADVICE = {
    "BleiCorpus": "gensim has it",
    "HashDictionary": "scikit-learn's HashingVectorizer does the same",
    "IndexedCorpus": "gensim has it",
    "LowCorpus": "gensim has it",
    "MalletCorpus": "gensim has it",
    "MmCorpus": "scipy.io.mmread and mmwrite read and write these files",
    "OpinosisCorpus": "gensim has it",
    "SvmLightCorpus": "scikit-learn's load_svmlight_file reads these files",
    "TextCorpus": "firth.encode_corpus reads files of text",
    "TextDirectoryCorpus": "firth.encode_corpus reads files of text",
    "UciCorpus": "gensim has it",
    "WikiCorpus": "gensim has it",
}


def __getattr__(name: str) -> Any:
    if name in _ADVICE:
        return make_stand_in(name, _ADVICE[name], __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["Dictionary", "dictionary"]
