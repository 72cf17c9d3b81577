"""Room compat: gensim.parsing.preprocessing: `strip_tags`. Its other filters are names that refuse to be used.

Tests: tests/compat/gensim/test_utils.py.
"""

from __future__ import annotations

import re
from typing import Any

from firth.compat.gensim.refused import make_stand_in
from firth.compat.gensim.utils import to_unicode

_TAG = re.compile(r"<[^>]+>")
_ADVICE = {
    "STOPWORDS": "NLTK and scikit-learn have lists",
    "preprocess_string": "firth.compat.gensim.utils.simple_preprocess splits and lower-cases",
    "preprocess_documents": "firth.compat.gensim.utils.simple_preprocess splits and lower-cases",
    "remove_stopwords": "NLTK and scikit-learn have lists",
    "stem_text": "NLTK's PorterStemmer is one",
    "strip_punctuation": "str.translate does it",
    "strip_numeric": "re.sub does it",
    "strip_non_alphanum": "re.sub does it",
    "strip_multiple_whitespaces": "' '.join(text.split()) does it",
    "strip_short": "a list comprehension does it",
}


def strip_tags(s: str | bytes) -> str:
    """Text without marks between ``<`` and ``>``, such as those of HTML."""
    return _TAG.sub("", to_unicode(s))


def __getattr__(name: str) -> Any:
    if name in _ADVICE:
        return make_stand_in(name, _ADVICE[name], __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["strip_tags"]
