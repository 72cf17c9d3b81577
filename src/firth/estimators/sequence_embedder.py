"""Room estimators: a transformer for vectors of the items of sequences (nodes on walks, products in baskets)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from firth.base.values import validate_choice
from firth.corpus.sources import tokens_of
from firth.corpus.tables import TextColumn, read_table
from firth.errors import CorpusTypeError, UnknownWordError
from firth.estimators.embedding import EmbeddingEstimator, as_listed, refuse_string
from firth.vectors.texts import text_vectors


class SequenceEmbedder(EmbeddingEstimator):
    """Learn a vector for each item from the items that occur near it in sequences.

    ``fit`` takes sequences of items, all strings or all integers: random walks, baskets, sessions, log lines.
    ``transform`` takes items or sequences. An item becomes its vector; a sequence becomes the mean of its items'
    vectors. So ``fit_transform`` returns a row for each sequence.

    Parameters
    ----------
    dims : int, default 100
    window : int, default 5
    window_mode : "dynamic" (default), "fixed" or "sequence"
        With ``"sequence"`` the whole sequence is context. Use it for baskets, which have no order.
    architecture : "skipgram" (default) or "cbow"
    loss : "negative-sampling" (default), "hierarchical-softmax" or "softmax"
    negatives : int, default 6
    subsample : float, default 1e-3
    learning_rate : float or None
    min_count : int, default 5
    epochs : int, default 5
    threads : int or None
    deterministic : bool, default True
        If True, the vectors do not depend on the number of threads. False is faster.
    training : mapping or None
        Other parameters of ``firth.train``, by name.
    unknown : "zero" (default) or "error"
        Treatment of an item that ``fit`` did not keep. With "zero" it is left out of means, and its own vector is zero;
        a sequence without known items becomes zero. With "error" it raises an error.
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

    unknown: str

    def __init__(
        self,
        dims: int = 100,
        *,
        window: int = 5,
        window_mode: str = "dynamic",
        architecture: str = "skipgram",
        loss: str = "negative-sampling",
        negatives: int = 6,
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
        self._keep(locals())

    def fit(self, X: Iterable[Sequence[Any]], y: Any = None) -> SequenceEmbedder:
        """Learn the vectors of all items.

        Parameters
        ----------
        X : iterable of sequences of items
            The sequences that ``firth.train`` accepts; also ``(ids, offsets)``, integer arrays (n, length), frames
            whose columns are all integers, and columns of lists.
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
        self.model_ = self._train(X)
        self.vectors_ = self.model_.vectors
        self.n_features_out_ = self.vectors_.dims
        return self

    def transform(self, X: Iterable[Any]) -> NDArray[np.float32]:
        """Vectors of items, or mean vectors of sequences: float32 array, (n, D).

        Parameters
        ----------
        X : iterable of items, or of sequences of items, n of them
            In a frame of integers each row is a sequence. A column of strings or integers is a column of items.

        Raises
        ------
        UnknownWordError
            An item is unknown and ``unknown="error"``.
        """
        check_is_fitted(self, "vectors_")
        refuse_string(X)
        items = [[item] if _is_item(item) else _listed_items(item, place) for place, item in enumerate(as_listed(X))]
        skip = "skip" if self.unknown == "zero" else "error"
        try:
            return text_vectors(self.vectors_, items, unknown=skip)  # type: ignore[arg-type]
        except UnknownWordError as error:
            raise UnknownWordError(f'{error}; unknown="zero" leaves unknown items out') from None


def _listed_items(sequence: Any, place: int) -> list[Any]:
    return list(tokens_of(sequence, place))


def _is_item(item: object) -> bool:
    return isinstance(item, (str, Integral))


__all__ = ["SequenceEmbedder"]
