"""Room estimators: every scikit-learn class. scikit-learn is imported at the first access to a name."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from firth.errors import MissingExtraError

if TYPE_CHECKING:
    from firth.estimators.document_vectorizer import DocumentVectorizer
    from firth.estimators.network import SigmoidNetworkClassifier
    from firth.estimators.node_embedder import NodeEmbedder
    from firth.estimators.paragraph_vectorizer import ParagraphVectorizer
    from firth.estimators.sequence_embedder import SequenceEmbedder
    from firth.estimators.text_classifier import TextClassifier

_MODULES = {
    "DocumentVectorizer": "firth.estimators.document_vectorizer",
    "NodeEmbedder": "firth.estimators.node_embedder",
    "ParagraphVectorizer": "firth.estimators.paragraph_vectorizer",
    "SigmoidNetworkClassifier": "firth.estimators.network",
    "SequenceEmbedder": "firth.estimators.sequence_embedder",
    "TextClassifier": "firth.estimators.text_classifier",
}
_EXTRA_PACKAGES = ("sklearn", "scipy", "joblib", "threadpoolctl")


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module(_MODULES[name]), name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _EXTRA_PACKAGES:
            raise
        raise MissingExtraError(
            f"firth.estimators.{name} needs scikit-learn, and {error.name} is not installed;"
            " run `pip install 'firth[sklearn]'`"
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})


__all__ = [
    "DocumentVectorizer",
    "NodeEmbedder",
    "ParagraphVectorizer",
    "SequenceEmbedder",
    "SigmoidNetworkClassifier",
    "TextClassifier",
]
