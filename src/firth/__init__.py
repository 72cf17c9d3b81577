"""firth: vectors for words, and for anything in sequences, from the company that they keep.

The public names, each loaded when it is first used, so that ``import firth`` costs next to nothing. ``dir(firth)``
lists them; what is not listed is private and may change.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from firth._version import __version__ as __version__

if TYPE_CHECKING:
    from firth.classification.classifier import Classifier as Classifier
    from firth.corpus.encode import encode_corpus as encode_corpus
    from firth.corpus.encoded import EncodedCorpus as EncodedCorpus
    from firth.corpus.learning_phrases import learn_phrases as learn_phrases
    from firth.corpus.pairs import Pairs as Pairs
    from firth.corpus.phrases import Phrases as Phrases
    from firth.corpus.vocabulary import Vocabulary as Vocabulary
    from firth.corpus.walks import Walks as Walks
    from firth.errors import CorpusError as CorpusError
    from firth.errors import CorpusTypeError as CorpusTypeError
    from firth.errors import DivergenceError as DivergenceError
    from firth.errors import EncodingError as EncodingError
    from firth.errors import FirthError as FirthError
    from firth.errors import FormatError as FormatError
    from firth.errors import IdError as IdError
    from firth.errors import MissingExtraError as MissingExtraError
    from firth.errors import NativeError as NativeError
    from firth.errors import NothingLearnedWarning as NothingLearnedWarning
    from firth.errors import ParameterError as ParameterError
    from firth.errors import ShapeError as ShapeError
    from firth.errors import StorageError as StorageError
    from firth.errors import TrainingError as TrainingError
    from firth.errors import UnknownWordError as UnknownWordError
    from firth.formats.table import VectorTable as VectorTable
    from firth.kernels.config import TrainingConfig as TrainingConfig
    from firth.models.history import History as History
    from firth.models.loading import load as load
    from firth.models.model import Model as Model
    from firth.numerics.gradient_check import check_gradient as check_gradient
    from firth.training.loop.callbacks import Callback as Callback
    from firth.training.loop.callbacks import StopTraining as StopTraining
    from firth.training.loop.callbacks import TrainingState as TrainingState
    from firth.training.run.classifier import train_classifier as train_classifier
    from firth.training.run.documents import train_documents as train_documents
    from firth.training.run.finishing import UnsavedModelError as UnsavedModelError
    from firth.training.run.resume import resume as resume
    from firth.training.run.retraining import quantize_classifier as quantize_classifier
    from firth.training.run.train import train as train
    from firth.training.run.tuning import tune_classifier as tune_classifier
    from firth.vectors.evaluation import evaluate_analogies as evaluate_analogies
    from firth.vectors.evaluation import evaluate_word_pairs as evaluate_word_pairs
    from firth.vectors.files import read_vectors as read_vectors
    from firth.vectors.files import write_vectors as write_vectors
    from firth.vectors.word_vectors import WordVectors as WordVectors

# The names that each module gives to the public.
_PUBLIC: dict[str, tuple[str, ...]] = {
    "firth.classification.classifier": ("Classifier",),
    "firth.corpus.encode": ("encode_corpus",),
    "firth.corpus.encoded": ("EncodedCorpus",),
    "firth.corpus.learning_phrases": ("learn_phrases",),
    "firth.corpus.pairs": ("Pairs",),
    "firth.corpus.phrases": ("Phrases",),
    "firth.corpus.vocabulary": ("Vocabulary",),
    "firth.corpus.walks": ("Walks",),
    "firth.errors": (
        "CorpusError",
        "CorpusTypeError",
        "DivergenceError",
        "EncodingError",
        "FirthError",
        "FormatError",
        "IdError",
        "MissingExtraError",
        "NativeError",
        "NothingLearnedWarning",
        "ParameterError",
        "ShapeError",
        "StorageError",
        "TrainingError",
        "UnknownWordError",
    ),
    "firth.formats.table": ("VectorTable",),
    "firth.numerics.gradient_check": ("check_gradient",),
    "firth.training.loop.callbacks": ("Callback", "StopTraining", "TrainingState"),
    "firth.kernels.config": ("TrainingConfig",),
    "firth.models.history": ("History",),
    "firth.models.loading": ("load",),
    "firth.models.model": ("Model",),
    "firth.training.run.classifier": ("train_classifier",),
    "firth.training.run.documents": ("train_documents",),
    "firth.training.run.finishing": ("UnsavedModelError",),
    "firth.training.run.resume": ("resume",),
    "firth.training.run.retraining": ("quantize_classifier",),
    "firth.training.run.train": ("train",),
    "firth.training.run.tuning": ("tune_classifier",),
    "firth.vectors.evaluation": ("evaluate_analogies", "evaluate_word_pairs"),
    "firth.vectors.files": ("read_vectors", "write_vectors"),
    "firth.vectors.word_vectors": ("WordVectors",),
}
_HOMES = {name: module for module, names in _PUBLIC.items() for name in names}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        names = importlib.import_module("firth.base.other_names")
        raise names.missing_attribute("module 'firth'", name, names.MODULE_NAMES)
    value: object = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
