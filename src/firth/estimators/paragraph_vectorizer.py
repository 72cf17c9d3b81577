"""Room estimators: paragraph vectors: ``fit`` learns them by PV-DBOW or PV-DM, ``transform`` infers them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from firth.base.values import as_integer
from firth.corpus.tokenizers import TokenizerLike
from firth.errors import CorpusError, ParameterError
from firth.estimators.embedding import as_listed, refuse_string
from firth.training.run.advice import name_in_python, parameters_named
from firth.training.run.documents import train_documents

_PASSED = (
    "method", "dm_input", "train_words", "lowercase", "tokenizer", "dims", "loss", "negatives", "subsample",
    "learning_rate", "min_count", "epochs", "threads", "deterministic",
)  # fmt: skip


class ParagraphVectorizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc, unused-ignore]
    """Vectors of documents by PV-DBOW or PV-DM (Le and Mikolov 2014).

    ``fit`` trains a row for each document by ``firth.train_documents``. ``transform`` infers rows by ``Model.infer``:
    the words' rows are frozen. ``fit_transform`` infers the documents of ``fit`` too, so that it equals
    ``fit(X).transform(X)``: rows of training and of test documents are then made alike, which classifiers need. In
    ``transform``, a document without a known word gets the zero vector; ``fit`` refuses such a document.

    Parameters
    ----------
    method : "dbow" (default) or "dm"
    dm_input : "mean" (default) or "sum"
    train_words : bool, default False
    lowercase : bool, default False
    tokenizer : callable from a text to its tokens, "whitespace", or None
        None splits texts at white space.
    dims, loss, negatives, subsample, learning_rate, min_count, epochs, threads, deterministic
        Parameters of ``firth.train_documents``; the default of ``deterministic`` is True here.
    infer_epochs : int or None
        Passes over each document in ``transform``. None: ``epochs``.
    training : mapping or None
        Other parameters of ``firth.train_documents``, by name.
    random_state : int, RandomState or None
        An integer is the seed of training and inference.

    Attributes
    ----------
    model_ : firth.Model
        ``model_.documents`` are the rows that training gave the documents of ``fit``.
    seed_ : int
    n_features_out_ : int
        D.

    Examples
    --------
    >>> from firth.estimators import ParagraphVectorizer
    >>> texts = ["the cat sat", "the dog sat", "a dog barked"] * 5
    >>> ParagraphVectorizer(dims=10, min_count=1, subsample=0, random_state=1).fit_transform(texts).shape
    (15, 10)
    """

    def __init__(
        self,
        method: str = "dbow",
        *,
        dm_input: str = "mean",
        train_words: bool = False,
        lowercase: bool = False,
        tokenizer: TokenizerLike | None = None,
        dims: int = 100,
        loss: str = "negative-sampling",
        negatives: int = 6,
        subsample: float = 1e-3,
        learning_rate: float | None = None,
        min_count: int = 5,
        epochs: int = 10,
        threads: int | None = None,
        deterministic: bool = True,
        infer_epochs: int | None = None,
        training: Mapping[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        self.method = method
        self.dm_input = dm_input
        self.train_words = train_words
        self.lowercase = lowercase
        self.tokenizer = tokenizer
        self.dims = dims
        self.loss = loss
        self.negatives = negatives
        self.subsample = subsample
        self.learning_rate = learning_rate
        self.min_count = min_count
        self.epochs = epochs
        self.threads = threads
        self.deterministic = deterministic
        self.infer_epochs = infer_epochs
        self.training = training
        self.random_state = random_state

    def fit(self, X: Iterable[Any], y: Any = None) -> ParagraphVectorizer:
        """Train a row for each document, and the rows that inference needs.

        Parameters
        ----------
        X : iterable of documents
            Texts, or lists of tokens; a column of these (pandas, Polars, Arrow).
        y : ignored

        Raises
        ------
        CorpusError
            A document has no word that occurs ``min_count`` times.
        ParameterError, CorpusTypeError
        """
        documents = self._documents(X)
        if not documents:
            raise CorpusError("X must have at least one document, got none")
        if self.infer_epochs is not None:  # transform would refuse it after training
            as_integer("infer_epochs", self.infer_epochs, minimum=1)
        given = {name: getattr(self, name) for name in _PASSED}
        others = dict(self.training or {})
        doubled = sorted(set(others) & {*given, "seed"})
        if doubled:
            raise ParameterError(f"training must not have a parameter of the estimator itself, got {doubled[0]!r}")
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(2**31)
        self.seed_ = int(seed)
        with parameters_named(name_in_python):
            self.model_ = train_documents(documents, seed=self.seed_, **{"progress": False, **given, **others})
        self.n_features_out_ = self.model_.vectors.dims
        return self

    def transform(self, X: Iterable[Any]) -> NDArray[np.float32]:
        """Infer the vectors of documents: float32 array, (n, D).

        Raises
        ------
        CorpusError, CorpusTypeError
            An element is not a document.
        """
        check_is_fitted(self, "model_")
        documents = self._documents(X)
        if not documents:
            return np.empty((0, self.n_features_out_), np.float32)
        vectors: NDArray[np.float32] = self.model_.infer(
            documents, epochs=self.infer_epochs, seed=self.seed_, threads=self.threads, tokenizer=self.tokenizer,
            empty="zero",
        )  # fmt: skip
        return vectors

    @property
    def _n_features_out(self) -> int:
        return self.n_features_out_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.no_validation = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    @staticmethod
    def _documents(X: Any) -> list[Any]:
        refuse_string(X)
        return as_listed(X)


__all__ = ["ParagraphVectorizer"]
