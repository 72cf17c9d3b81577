"""Room estimators: document vectors: mean, idf or SIF of word vectors, which are given or trained in ``fit``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from firth.base.values import validate_choice
from firth.corpus.learning_phrases import PhraseSettings, learn_phrases
from firth.corpus.phrases import Phrases
from firth.corpus.tables import is_missing, validated_tokens
from firth.corpus.tokenizers import TokenizerLike, TokenizerRecord, resolve_tokenizer
from firth.errors import CorpusError, CorpusTypeError, ParameterError
from firth.estimators.embedding import EmbeddingEstimator, as_listed, refuse_string
from firth.formats.model_folder import is_model
from firth.models.model import Model, load
from firth.training.run.options import parse_phrases
from firth.vectors.conversion import as_word_vectors
from firth.vectors.texts import common_component, idf_weights, text_vectors
from firth.vectors.word_vectors import WordVectors

WEIGHTINGS = ("mean", "idf", "sif")


class DocumentVectorizer(EmbeddingEstimator):
    """Vectors of documents: the weighted mean of their words' vectors.

    v(t) = sum_i w(t_i) v(t_i) / n(t)

    n is the number of known tokens for ``"sif"``, else sum_i w(t_i). The weights are w = 1 for ``"mean"``;
    w = 1 + ln((1 + n) / (1 + n(w))) over the documents of ``fit`` for ``"idf"``; and w = a / (a + p(w)) for ``"sif"``
    [1]. p is computed from the counts of the vectors, or of the documents of ``fit`` if the vectors have no counts.
    ``"sif"`` then removes the common component of the documents of ``fit``. A document without a known word gets the
    zero vector.

    Parameters
    ----------
    vectors : WordVectors, mapping from word to vector, path of a file or model folder, or None
        None: vectors are trained on the documents of ``fit``.
    weighting : "mean" (default), "idf" or "sif"
    phrases : Phrases, path of a table, number of passes, or None
        Words that are joined to one token in every document. A number: ``fit`` learns the table from its documents by
        that many passes of ``firth.learn_phrases``. None: those of the model, if ``vectors`` is the path of a model
        folder; with ``model.vectors`` give ``model.phrases``.
    normalize_words : bool, default False
        Whether the words' vectors are scaled to length 1 first.
    lowercase : bool, default False
    tokenizer : as in ``firth.train``, or None
        None: that of the model, if ``vectors`` is the path of a model folder; with ``model.vectors`` give the tokenizer
        again. Otherwise None splits at white space like ``str.split``; "whitespace" splits only at ASCII white space
        like ``firth.train``. Documents that are lists of tokens are not tokenized.
    dims, window, architecture, loss, negatives, subsample, learning_rate, min_count, epochs, threads, deterministic
        Parameters of ``firth.train``, used if ``vectors`` is None; the default of ``deterministic`` is True here.
    training : mapping or None
        Other parameters of ``firth.train``, by name.
    random_state : int, RandomState or None
        An integer is the seed of ``firth.train``.

    Attributes
    ----------
    vectors_ : WordVectors
    phrases_ : Phrases or None
    weights_ : float64 array, (V,), with ``weighting="idf"``
    common_component_ : float64 array, (D,), with ``weighting="sif"``
    model_ : firth.Model, if ``fit`` trained the vectors
    n_features_out_ : int
        D.

    References
    ----------
    [1] Arora, Liang, Ma (2017), A Simple but Tough-to-Beat Baseline for Sentence Embeddings, algorithm 1.

    Examples
    --------
    >>> from firth.estimators import DocumentVectorizer
    >>> texts = ["the cat sat", "the dog sat", "a dog barked"] * 5
    >>> DocumentVectorizer(dims=10, subsample=0, epochs=20, random_state=1).fit_transform(texts).shape
    (15, 10)
    """

    vectors: Any
    weighting: str
    phrases: Any
    normalize_words: bool
    lowercase: bool
    tokenizer: TokenizerLike | None

    def __init__(
        self,
        vectors: Any = None,
        *,
        weighting: str = "mean",
        phrases: Any = None,
        normalize_words: bool = False,
        lowercase: bool = False,
        tokenizer: TokenizerLike | None = None,
        dims: int = 100,
        window: int = 5,
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
        random_state: Any = None,
    ) -> None:
        self._keep(locals())

    def fit(self, X: Iterable[Any], y: Any = None) -> DocumentVectorizer:
        """Train the word vectors if none are given; compute the weights of the words.

        Parameters
        ----------
        X : iterable of documents
            Texts, or lists of tokens; a column of these (pandas, Polars, Arrow), a frame with one such column, or a
            string array (n, 1).
        y : ignored

        Raises
        ------
        ParameterError, CorpusError, CorpusTypeError
        """
        self._fit(X)
        return self

    def fit_transform(self, X: Iterable[Any], y: Any = None) -> NDArray[np.float32]:
        """Equal to ``fit(X).transform(X)``, but documents are tokenized only once."""
        return self._vectors_of(self._fit(X))

    def transform(self, X: Iterable[Any]) -> NDArray[np.float32]:
        """The vectors of documents, float32 array, (n, D). Unknown words are left out.

        Raises
        ------
        CorpusTypeError
            An element is not a document.
        """
        check_is_fitted(self, "vectors_")
        return self._vectors_of(self._join(self._tokenize(X)))

    def _fit(self, X: Iterable[Any]) -> list[list[str]]:
        validate_choice("weighting", self.weighting, WEIGHTINGS)
        model = _model_of_folder(self.vectors)
        self.tokenizer_record_ = TokenizerRecord() if model is None else model.tokenizer
        documents = self._tokenize(X)
        if not documents:
            raise CorpusError("X must have at least one document, got none")
        choice = model.phrases if model is not None and self.phrases is None else parse_phrases(self.phrases)
        for name in ("model_", "weights_", "common_component_"):
            if hasattr(self, name):
                delattr(self, name)
        if isinstance(choice, PhraseSettings):
            choice = learn_phrases(documents, passes=choice.passes, threads=self.threads)
        self.phrases_ = choice
        if self.vectors is None:
            self.model_ = self._train(documents, phrases=choice)
            self.vectors_ = self.model_.vectors
        else:
            self.vectors_ = as_word_vectors(self.vectors)
            if choice is not None:
                _validate_joined_words(choice, self.vectors_)
        documents = self._join(documents)
        self.n_features_out_ = self.vectors_.dims
        if self.weighting == "idf":
            self.weights_ = idf_weights(self.vectors_, documents)
        elif self.weighting == "sif":
            if self.vectors_.counts is None:
                self.vectors_ = _with_counts(self.vectors_, documents)
            self.common_component_ = common_component(self._weighted_means(documents, remove=False))
        return documents

    def _vectors_of(self, documents: list[list[str]]) -> NDArray[np.float32]:
        if not documents:
            return np.empty((0, self.vectors_.dims), np.float32)
        return self._weighted_means(documents, remove=True)

    def _weighted_means(self, documents: list[list[str]], *, remove: bool) -> NDArray[np.float32]:
        return text_vectors(
            self.vectors_,
            documents,
            weighting=self.weighting,  # type: ignore[arg-type]
            weights=self.weights_ if self.weighting == "idf" else None,
            normalize_words=self.normalize_words,
            remove_component=self.common_component_ if remove and self.weighting == "sif" else False,
        )

    def _join(self, documents: list[list[str]]) -> list[list[str]]:
        return documents if self.phrases_ is None else [self.phrases_.join(document) for document in documents]

    def _tokenize(self, X: Iterable[Any]) -> list[list[str]]:
        refuse_string(X)
        tokenizer = resolve_tokenizer(self.tokenizer)
        is_own = tokenizer is None
        documents: list[list[str]] = []
        for row, document in enumerate(as_listed(X)):
            if isinstance(document, str):
                text = document.lower() if self.lowercase else document
                if is_own:  # needed for texts alone, and restored once
                    tokenizer, is_own = self.tokenizer_record_.restore(), False
                documents.append(text.split() if tokenizer is None else list(validated_tokens(tokenizer(text), text)))
            elif isinstance(document, (list, tuple, np.ndarray)) and all(isinstance(token, str) for token in document):
                documents.append([token.lower() for token in document] if self.lowercase else list(document))
            elif is_missing(document):
                raise CorpusError(f"X must have a document in every row, got {document!r} in row {row}")
            else:
                raise CorpusTypeError(
                    f"a document must be a string or a list of strings, got {document!r:.60} in row {row}"
                )
        return documents


def _model_of_folder(vectors: Any) -> Model | None:
    """The model in a folder, for its phrases and its tokenizer; None unless ``vectors`` is the path of its folder."""
    if not isinstance(vectors, (str, os.PathLike)) or not os.path.isdir(vectors) or not is_model(Path(vectors)):
        return None
    return load(vectors)


def _validate_joined_words(phrases: Phrases, vectors: WordVectors) -> None:
    """Raise ParameterError if the vectors have no word that the phrases become: joining would lose every phrase."""
    joined = phrases.joined_words
    if any(word in vectors for word in joined):
        return
    raise ParameterError(
        f"phrases must become words of the vectors, got {len(joined):,} joined words, such as {joined[0]!r}, of which"
        f" none is among the {len(vectors):,} words; compare the delimiter, {phrases.delimiter!r}, with that of the"
        " vectors' words, or leave phrases out"
    )


def _with_counts(vectors: WordVectors, documents: list[list[str]]) -> WordVectors:
    counts = np.zeros(len(vectors), np.int64)
    for document in documents:
        np.add.at(counts, vectors.word_ids(document, unknown="skip"), 1)
    words: Any = vectors.words
    return WordVectors(words, vectors.matrix, counts, vectors.subword_rows)


__all__ = ["DocumentVectorizer"]
