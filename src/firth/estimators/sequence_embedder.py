"""Room estimators: vectors of the items of sequences (nodes on walks, products in baskets) as a transformer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from firth.base.values import validate_choice
from firth.corpus.sources import tokens_of
from firth.corpus.tables import TextColumn, read_table
from firth.errors import CorpusTypeError, ParameterError, UnknownWordError
from firth.training.advice import name_in_python, parameters_named
from firth.training.run import train
from firth.vectors.texts import text_vectors
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
"""What both embedding estimators pass on to ``firth.train`` under the same name."""


class SequenceEmbedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc, unused-ignore]
    """Learn a vector for each item from the company that it keeps in sequences.

    ``fit`` takes sequences of items, all strings or all integers: random walks, baskets, sessions, log lines.
    ``transform`` takes items, or sequences of items: an item becomes its vector, a sequence the mean of its items'
    vectors, so that ``fit_transform`` gives a row for each sequence.

    Parameters
    ----------
    dims : int, default 100
    window : int, default 5
    window_mode : "dynamic" (default), "fixed" or "sequence"
        ``"sequence"``: all of the sequence is context, for baskets, which have no order.
    architecture : "skipgram" (default) or "cbow"
    loss : "negative-sampling" (default), "hierarchical-softmax" or "softmax"
    negatives : int, default 5
    subsample : float, default 1e-3
    learning_rate : float or None
    min_count : int, default 5
    epochs : int, default 5
    threads : int or None
    deterministic : bool, default True
        The same vectors from any number of threads; False is faster.
    training : mapping or None
        Other parameters of ``firth.train``, by name.
    unknown : "zero" (default) or "error"
        An item that ``fit`` has not kept: left out of a mean (without any known item the row is zero), or refused.
    random_state : int, RandomState or None
        An integer is the seed of ``firth.train``.

    Attributes
    ----------
    vectors_ : WordVectors
    model_ : firth.Model
    n_features_out_ : int
        D.

    Examples
    --------
    >>> from firth.estimators import SequenceEmbedder
    >>> walks = [["a", "b", "c", "b"], ["c", "b", "a", "b"]] * 10
    >>> embedder = SequenceEmbedder(dims=8, subsample=0, epochs=20, random_state=1).fit(walks)
    >>> embedder.transform(["a", "c"]).shape, embedder.transform(walks).shape
    ((2, 8), (20, 8))
    """

    vectors_: WordVectors

    def __init__(
        self,
        dims: int = 100,
        *,
        window: int = 5,
        window_mode: str = "dynamic",
        architecture: str = "skipgram",
        loss: str = "negative-sampling",
        negatives: int = 5,
        subsample: float = 1e-3,
        learning_rate: float | None = None,
        min_count: int = 5,
        epochs: int = 5,
        threads: int | None = None,
        deterministic: bool = True,
        training: Mapping[str, Any] | None = None,
        unknown: str = "zero",
        random_state: Any = None,
    ) -> None:
        self.dims = dims
        self.window = window
        self.window_mode = window_mode
        self.architecture = architecture
        self.loss = loss
        self.negatives = negatives
        self.subsample = subsample
        self.learning_rate = learning_rate
        self.min_count = min_count
        self.epochs = epochs
        self.threads = threads
        self.deterministic = deterministic
        self.training = training
        self.unknown = unknown
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.no_validation = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def fit(self, X: Iterable[Sequence[Any]], y: Any = None) -> SequenceEmbedder:
        """Learn the vectors of all items.

        Parameters
        ----------
        X : iterable of sequences of items
            As ``firth.train`` takes them; ``(ids, offsets)``, integer arrays (n, length), frames whose columns are all
            integers and columns of lists too.
        y : ignored

        Raises
        ------
        ParameterError, CorpusError, CorpusTypeError
        """
        validate_choice("unknown", self.unknown, ("zero", "error"))
        refuse_string(X)
        table = read_table(X, "X")
        if isinstance(table, TextColumn):
            raise CorpusTypeError(
                "X must be sequences of items, got a column of texts; pass [text.split() for text in X], or use"
                " DocumentVectorizer"
            )
        self.model_ = train_estimator(self, X)
        self.vectors_ = self.model_.vectors
        self.n_features_out_ = self.vectors_.dims
        return self

    def transform(self, X: Iterable[Any]) -> NDArray[np.float32]:
        """Vectors of items, means of sequences: float32 array, (n, D).

        Parameters
        ----------
        X : iterable of items, or of sequences of items, n of them
            In a frame of integers each row is a sequence; a column of strings or integers is items.

        Raises
        ------
        UnknownWordError
            An unknown item, with ``unknown="error"``.
        """
        check_is_fitted(self, "vectors_")
        refuse_string(X)
        items = [[item] if _is_item(item) else _listed_items(item, place) for place, item in enumerate(as_listed(X))]
        skip = "skip" if self.unknown == "zero" else "error"
        try:
            return text_vectors(self.vectors_, items, unknown=skip)  # type: ignore[arg-type]
        except UnknownWordError as error:
            raise UnknownWordError(f'{error}; unknown="zero" leaves unknown items out') from None

    @property
    def _n_features_out(self) -> int:
        return self.vectors_.dims


def train_estimator(estimator: Any, sequences: Any) -> Any:
    """``firth.train`` with the parameters of an estimator; nothing is shown."""
    parameters = {name: getattr(estimator, name) for name in TRAINING_PARAMETERS if hasattr(estimator, name)}
    others = dict(estimator.training or {})
    doubled = sorted(set(others) & {*parameters, "seed"})
    if doubled:
        raise ParameterError(f"training must hold no parameter of the estimator's own, got {doubled[0]!r} in it")
    seed = estimator.random_state
    if not isinstance(seed, Integral):
        seed = check_random_state(seed).randint(2**31)

    def name(parameter: str, value: object) -> str | None:
        assignment = name_in_python(parameter, value)
        return assignment if parameter in parameters else f"training={{{parameter!r}: {value!r}}}"

    with parameters_named(name):
        return train(sequences, seed=int(seed), **{"progress": False, **parameters, **others})


def refuse_string(X: object) -> None:
    if isinstance(X, (str, bytes)):
        raise CorpusTypeError("X must be an iterable, got a string; put it into a list: [text]")


def as_listed(X: Any) -> list[Any]:
    """The elements of a list, an array, a table or any other iterable, as Python objects.

    Raises
    ------
    CorpusTypeError, CorpusError
        ``firth.corpus.tables.read_table`` refuses it, or it has no elements in an order.
    """
    table = read_table(X, "X")
    if table is not None:
        return table.tolist() if isinstance(table, np.ndarray) else list(table)
    if isinstance(X, np.ndarray):
        return X.tolist()  # type: ignore[no-any-return]
    if not isinstance(X, Iterable):
        raise CorpusTypeError(f"X must be an iterable, got {type(X).__name__}")
    if isinstance(X, (Mapping, set, frozenset)):
        raise CorpusTypeError(f"X must be a list, got a {type(X).__name__}, which has no order or holds pairs")
    return list(X)


def _listed_items(sequence: Any, place: int) -> list[Any]:
    return list(tokens_of(sequence, place))


def _is_item(item: object) -> bool:
    return isinstance(item, (str, Integral))


__all__ = ["SequenceEmbedder"]
