"""Room estimators: common parts of the embedding estimators: parameters, training, and reading of X.

Tests: tests/estimators/test_sequence_embedder.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state

from firth.corpus.tables import read_table
from firth.errors import CorpusTypeError, ParameterError
from firth.training.run.advice import name_in_python, parameters_named
from firth.training.run.train import train
from firth.vectors.word_vectors import WordVectors

TRAINING_PARAMETERS = (
    "architecture",
    "loss",
    "dims",
    "window",
    "window_mode",
    "negatives",
    "subsample",
    "learning_rate",
    "min_count",
    "epochs",
    "threads",
    "deterministic",
)
"""Parameters that both embedding estimators pass to ``firth.train`` under the same name."""


class EmbeddingEstimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc, unused-ignore]
    """A transformer that trains word vectors in ``fit``, and whose rows are means of word vectors.

    Attributes
    ----------
    vectors_ : WordVectors
    """

    training: Mapping[str, Any] | None
    random_state: Any
    vectors_: WordVectors

    def _keep(self, parameters: Mapping[str, Any]) -> None:
        """Store the constructor's parameters unchanged, as scikit-learn requires."""
        for name in self._get_param_names():
            setattr(self, name, parameters[name])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.no_validation = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.vectors_.dims

    def _train(self, sequences: Any, **own: Any) -> Any:
        """Call ``firth.train`` with the parameters of this estimator, without progress; ``own`` are others of it."""
        parameters = {name: getattr(self, name) for name in TRAINING_PARAMETERS if hasattr(self, name)}
        others = dict(self.training or {})
        doubled = sorted(set(others) & {*parameters, *own, "seed"})
        if doubled:
            raise ParameterError(f"training must not have a parameter of the estimator itself, got {doubled[0]!r}")
        if "phrases" in others:
            raise ParameterError("training must not have phrases: transform would not join them; join the words before")
        if "seed" not in own:
            own["seed"] = self._seed()

        def name(parameter: str, value: object) -> str | None:
            assignment = name_in_python(parameter, value)
            return assignment if parameter in parameters else f"training={{{parameter!r}: {value!r}}}"

        with parameters_named(name):
            return train(sequences, **{"progress": False, **parameters, **own, **others})

    def _seed(self) -> int:
        """The seed of ``random_state``. A RandomState, and None, give another one at each call."""
        seed = self.random_state
        return int(seed if isinstance(seed, Integral) else check_random_state(seed).randint(2**31))


def refuse_string(X: object) -> None:
    if isinstance(X, (str, bytes)):
        raise CorpusTypeError("X must be an iterable, got a string; put it into a list: [text]")


def as_listed(X: Any) -> list[Any]:
    """The elements of a list, an array, a table or any other iterable, as Python objects.

    Raises
    ------
    CorpusTypeError, CorpusError
        ``firth.corpus.tables.read_table`` refuses X, or its elements have no order.
    """
    table = read_table(X, "X")
    if table is not None:
        return table.tolist() if isinstance(table, np.ndarray) else list(table)
    if isinstance(X, np.ndarray):
        return X.tolist()  # type: ignore[no-any-return]
    if not isinstance(X, Iterable):
        raise CorpusTypeError(f"X must be an iterable, got {type(X).__name__}")
    if isinstance(X, (Mapping, set, frozenset)):
        raise CorpusTypeError(f"X must be a list, got a {type(X).__name__}, which has no order or has pairs")
    return list(X)


__all__ = ["TRAINING_PARAMETERS", "EmbeddingEstimator", "as_listed", "refuse_string"]
