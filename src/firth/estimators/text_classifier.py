"""Room estimators: classifies texts: a network on given word vectors, or a classifier that learns its own vectors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from firth.base.json_file import describe_json
from firth.base.values import is_integer
from firth.base.words import pack_words
from firth.classification.classifier import Classifier
from firth.classification.config import FIELDS
from firth.corpus.tables import is_missing, rows_of
from firth.errors import CorpusError, CorpusTypeError, FormatError, ParameterError, ShapeError
from firth.estimators.network import SigmoidNetworkClassifier
from firth.estimators.own_vectors import fit_own, join_tokens, predict_own
from firth.formats.model_folder import read_model_folder, write_model_folder
from firth.formats.model_vectors import words_of
from firth.numerics.network import NetworkSizes
from firth.vectors.texts import sum_rows
from firth.vectors.word_vectors import WordVectors

KIND = "text-classifier"
# Of the mode with vectors: on SST and on the cooking questions, softmax regression is as good as a network with 100
# hidden units, or better, and takes a third of the time (docs/classifier.md).
DEFAULT_HIDDEN, DEFAULT_L2 = 0, 1e-3
CONFIG_VERSION = 1

Text = str | Sequence[str]


class TextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc, unused-ignore]
    """Classify texts by word vectors, which are given or are learned with the labels.

    With ``vectors``, a network is trained on features of the texts. The features of a text are the mean of the vectors
    of its known words, over all occurrences. They are standardised with the mean and the standard deviation of the
    training texts. A text without a known word gets zeros, the standardised features of the average training text. Its
    prediction rests on no word; :meth:`count_known` finds such texts.

    Without ``vectors``, ``firth.train_classifier`` learns rows of words and n-grams with the labels. The estimator has
    its parameters. Labels may be of any type that can be the key of a dict; predictions have the same type. A list,
    tuple or set of labels gives a text several labels.

    The class follows scikit-learn's rules: ``clone``, ``get_params``, pipelines and parameter searches work.

    Parameters
    ----------
    vectors : WordVectors or None
        Vectors whose words are strings. The model stores the vectors. None: vectors are learned.
    network : SigmoidNetworkClassifier, optional
        With ``vectors``: the network to train. The default is ``SigmoidNetworkClassifier(0, l2=1e-3)``, softmax
        regression: docs/classifier.md has the measurements.
    lowercase : bool
        Whether texts are converted to lower case before words are looked up.
    loss, dims, word_ngrams, min_ngram, max_ngram, buckets, min_count, learning_rate, epochs, negatives, threads, seed,
    deterministic, progress
        Without ``vectors``: as for ``firth.train_classifier``.

    Attributes
    ----------
    classes : list
        The labels. With ``vectors`` they are strings, or integers if the labels of :meth:`fit` were integers.
    classes_ : array
        The labels; only without ``vectors``.
    classifier_ : firth.Classifier
        The trained classifier; only without ``vectors``. Its labels are indices into ``classes_``.

    Raises
    ------
    ParameterError
        The vectors' words are integers, or ``network`` is given without ``vectors``.

    Examples
    --------
    >>> from firth.estimators import TextClassifier
    >>> texts = ["sweet apple pie", "apple cake", "fast red car", "a car on the road"] * 25
    >>> model = TextClassifier(dims=8, epochs=20, threads=1).fit(texts, [True, True, False, False] * 25)
    >>> model.predict(["sweet cake", "red car"])
    [True, False]
    """

    def __init__(
        self,
        vectors: WordVectors | None = None,
        network: SigmoidNetworkClassifier | None = None,
        *,
        lowercase: bool = False,
        loss: str = "softmax",
        dims: int = 100,
        word_ngrams: int = 1,
        min_ngram: int = 0,
        max_ngram: int = 0,
        buckets: int | None = None,
        min_count: int = 1,
        learning_rate: float = 0.1,
        epochs: int = 5,
        negatives: int = 5,
        threads: int | None = None,
        seed: int = 1,
        deterministic: bool = False,
        progress: bool = False,
    ) -> None:
        if vectors is None and network is not None:
            raise ParameterError("network must come with vectors, got a network alone; leave it out, or give vectors")
        words: Any = None if vectors is None else vectors.words
        if isinstance(words, np.ndarray):
            raise ParameterError("vectors must have words that are strings, got integers, which texts do not have")
        self.vectors = vectors
        if network is None and vectors is not None:
            network = SigmoidNetworkClassifier(DEFAULT_HIDDEN, l2=DEFAULT_L2)
        self.network = network
        self.lowercase = lowercase
        self.loss = loss
        self.dims = dims
        self.word_ngrams = word_ngrams
        self.min_ngram = min_ngram
        self.max_ngram = max_ngram
        self.buckets = buckets
        self.min_count = min_count
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.negatives = negatives
        self.threads = threads
        self.seed = seed
        self.deterministic = deterministic
        self.progress = progress
        if vectors is not None:
            self._center = np.zeros(vectors.dims, np.float32)
            self._scale = np.ones(vectors.dims, np.float32)

    @property
    def classes(self) -> list[Any]:
        if self.vectors is None:
            self._own_classifier()
            return self.classes_.tolist()  # type: ignore[no-any-return]
        return self._fitted().classes_.tolist()  # type: ignore[no-any-return]

    def fit(
        self, texts: Iterable[Text], labels: Iterable[str | int], weights: ArrayLike | None = None
    ) -> TextClassifier:
        """Train the network on the mean vectors of the texts. Without ``vectors``, learn the rows of words and labels.

        Parameters
        ----------
        texts : iterable of str or of lists of tokens, n of them
            Strings are split at white space. Also a column of texts or lists (pandas, Polars, Arrow), a frame with one
            such column, or a string array (n, 1).
        labels : iterable of str or of int, or a column of these, n of them
            Integers stay integers in ``classes`` and in the result of :meth:`predict`.
        weights : float array, (n,), optional
            Factor of each text's loss; only with ``vectors``.

        Raises
        ------
        CorpusError
            There is no text, or no text has a known word.
        ParameterError
            There is only one class, or the numbers of texts and labels differ.
        """
        if self.vectors is None:
            if weights is not None:
                raise ParameterError(
                    "weights must come with vectors, got weights for a classifier that learns vectors; leave them out"
                )
            joined = join_tokens(_read_texts(texts), self.lowercase)
            parameters = {name: getattr(self, name) for name in (*FIELDS, "progress")}
            self.classifier_, self.classes_ = fit_own(joined, labels, parameters)
            return self
        names = _read_labels(labels)
        means, n_known = self._means(texts)
        if len(means) != len(names):
            raise ParameterError(f"labels must have one label for each of the {len(means)} texts, got {len(names)}")
        if not len(means):
            raise CorpusError("texts must have at least one text, got none")
        known = n_known > 0
        if not known.any():
            raise CorpusError(
                f"no word of {len(means)} texts is in the vectors ({len(self.vectors)} words);"
                " give lowercase=True, or other vectors"
            )
        self._center = means[known].mean(axis=0, dtype=np.float64).astype(np.float32)
        deviations = means[known].std(axis=0, dtype=np.float64)
        self._scale = np.where(deviations > 0, deviations, 1).astype(np.float32)
        assert self.network is not None
        self.network.fit(self._standardised(means, n_known), names, sample_weight=weights)
        return self

    def predict_proba(self, texts: Iterable[Text]) -> NDArray[np.floating[Any]]:
        """Probabilities, (n, C), in the order of ``classes``; finite for every text.

        With ``loss="one-vs-all"`` or ``"negative-sampling"`` the probabilities of a text do not sum to 1.
        """
        if self.vectors is None:
            return predict_own(self._own_classifier(), join_tokens(_read_texts(texts), self.lowercase))
        network = self._fitted()
        means, n_known = self._means(texts)
        if not len(means):
            return np.empty((0, len(network.classes_)), np.float32)
        return network.predict_proba(self._standardised(means, n_known))

    def predict(self, texts: Iterable[Text]) -> list[Any]:
        """The most probable class of each text."""
        classes = self.classes
        return [classes[best] for best in self.predict_proba(texts).argmax(axis=1)]

    def count_known(self, texts: Iterable[Text]) -> NDArray[np.int64]:
        """Number of words of each text that have a vector, (n,).

        Without ``vectors``, the number of words and n-grams of each text that have a row.
        """
        if self.vectors is None:
            classifier = self._own_classifier()
            joined = join_tokens(_read_texts(texts), self.lowercase)
            end = len(classifier.find_rows(""))
            return np.array([len(classifier.find_rows(text)) - end for text in joined], np.int64)
        return np.array([(ids >= 0).sum() for ids in map(self._word_ids, _read_texts(texts))], np.int64)

    def features(self, texts: Iterable[Text]) -> NDArray[np.float32]:
        """The input of the network, (n, D): standardised means, zeros for a text without a known word.

        Raises
        ------
        ParameterError
            There is no network: the vectors were learned with the labels.
        """
        self._need_vectors("features")
        return self._standardised(*self._means(texts))

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Save vectors, scaling and network as ``config.json`` and one safetensors file. Neither has code.

        Raises
        ------
        StorageError
            The folder is not empty and ``overwrite`` is False.
        ParameterError
            The vectors were learned with the labels: save ``classifier_``, whose labels are numbers of ``classes_``.
        """
        vectors = self._need_vectors("save")
        network = self._fitted()
        packed, offsets = pack_words(list(vectors.words))
        tensors: dict[str, NDArray[Any]] = {
            "input_vectors": np.ascontiguousarray(vectors.matrix),
            "words": packed,
            "word_offsets": offsets,
            "parameters": np.ascontiguousarray(network.parameters_),
            "feature_mean": self._center,
            "feature_scale": self._scale,
        }
        settings = {name: value for name, value in network.get_params().items() if _is_plain(value)}
        settings.pop("progress", None)
        config = {
            "kind": KIND,
            "classifier_version": CONFIG_VERSION,
            "classes": self.classes,
            "n_hidden": network.sizes_.n_hidden,
            "lowercase": self.lowercase,
            "network": settings,
            "loss_curve": network.loss_curve_,
        }
        write_model_folder(folder, tensors, config, overwrite)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> TextClassifier:
        """Load a classifier that :meth:`save` wrote.

        Raises
        ------
        StorageError, FormatError
        """
        config, tensors = read_model_folder(folder, check_numbers=True)
        if config.get("kind") != KIND:
            raise FormatError(
                f"{folder}: kind must be {KIND!r}, got {config.get('kind')!r}; give a folder of `firth classify train`"
            )
        if config.get("classifier_version") != CONFIG_VERSION:
            raise FormatError(
                f"{folder}: classifier_version must be {CONFIG_VERSION}, got {config.get('classifier_version')!r}"
            )
        classes, n_hidden, lowercase = config.get("classes"), config.get("n_hidden"), config.get("lowercase")
        if not isinstance(classes, list) or len(set(map(str, classes))) != len(classes) or len(classes) < 2:
            raise FormatError(f"{folder}: classes must be a list of two or more different names")
        if not (all(isinstance(name, str) for name in classes) or all(type(name) is int for name in classes)):
            raise FormatError(f"{folder}: classes must be all strings or all integers, got {classes!r:.60}")
        if not all(isinstance(name, str) or -(1 << 63) <= name < 1 << 63 for name in classes):
            raise FormatError(f"{folder}: classes must fit in 64 bits if they are integers")
        if type(n_hidden) is not int or n_hidden < 0 or not isinstance(lowercase, bool):
            raise FormatError(f"{folder}: n_hidden and lowercase must be a whole number and a boolean")
        needed = {"input_vectors": 2, "parameters": 1, "feature_mean": 1, "feature_scale": 1}
        for name, n_axes in needed.items():
            if name not in tensors or tensors[name].ndim != n_axes or tensors[name].dtype.kind != "f":
                raise FormatError(f"{folder}: the model must have {name}, floats with {n_axes} axes")
        words = words_of(tensors, folder)
        try:
            vectors = WordVectors(words, tensors["input_vectors"])
            model = cls(vectors, lowercase=lowercase)
        except (ShapeError, ParameterError) as error:
            raise FormatError(f"{folder}: {error}") from None
        sizes = NetworkSizes(vectors.dims, n_hidden, len(classes))
        shapes = {"parameters": sizes.n_parameters, "feature_mean": sizes.n_inputs, "feature_scale": sizes.n_inputs}
        for name, length in shapes.items():
            if tensors[name].shape != (length,) or not np.isfinite(tensors[name]).all():
                raise FormatError(f"{folder}: {name} must be {length} finite numbers, got {tensors[name].shape}")
        model._center = np.array(tensors["feature_mean"], np.float32)
        model._scale = np.array(tensors["feature_scale"], np.float32)
        network = model._given_network()
        settings = config.get("network")
        if not isinstance(settings, dict):
            raise FormatError(f"{folder}: network must be an object of settings, got {settings!r}")
        known = network.get_params()
        network.set_params(**{name: value for name, value in settings.items() if name in known})
        network.classes_ = np.array(classes)
        network.sizes_, network.n_features_in_ = sizes, sizes.n_inputs
        network.parameters_ = np.array(tensors["parameters"])
        loss_curve = config.get("loss_curve", [])
        if not isinstance(loss_curve, list) or not all(type(loss) in (int, float) for loss in loss_curve):
            raise FormatError(f"{folder}: loss_curve must be a list of numbers, got {describe_json(loss_curve)}")
        network.loss_curve_ = [float(loss) for loss in loss_curve]
        return model

    def _fitted(self) -> SigmoidNetworkClassifier:
        network = self._given_network()
        if not hasattr(network, "parameters_"):
            raise ParameterError("the classifier must be fitted or loaded first; call fit, or TextClassifier.load")
        return network

    def _given_network(self) -> SigmoidNetworkClassifier:
        assert self.network is not None
        return self.network

    def _own_classifier(self) -> Classifier:
        if not hasattr(self, "classifier_"):
            raise ParameterError("the classifier must be fitted first; call fit")
        return self.classifier_

    def _need_vectors(self, method: str) -> WordVectors:
        if self.vectors is None:
            raise ParameterError(
                f"{method} must be called on a classifier with given vectors, got a classifier that learns vectors;"
                " use its classifier_"
            )
        return self.vectors

    def _word_ids(self, text: Text) -> NDArray[np.int64]:
        if isinstance(text, str):
            tokens: Sequence[str] = (text.lower() if self.lowercase else text).split()
        elif isinstance(text, (list, tuple)) and all(isinstance(token, str) for token in text):
            tokens = [token.lower() for token in text] if self.lowercase else text
        else:
            raise CorpusTypeError(f"a text must be a string or a list of strings, got {type(text).__name__}")
        return np.asarray(self._need_vectors("predict").word_ids(tokens, unknown="mark"), np.int64)

    def _means(self, texts: Iterable[Text]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The mean vector of each text's known words, and the number of known words. Without one, the mean is 0."""
        known_ids = [ids[ids >= 0] for ids in map(self._word_ids, _read_texts(texts))]
        n_known = np.array([len(ids) for ids in known_ids], np.int64)
        word_ids = np.concatenate(known_ids) if known_ids else np.empty(0, np.int64)
        sums = sum_rows(self._need_vectors("predict"), word_ids, np.concatenate([[0], np.cumsum(n_known)]))
        return (sums / np.maximum(n_known, 1)[:, None]).astype(np.float32), n_known

    def _standardised(self, means: NDArray[np.float32], n_known: NDArray[np.int64]) -> NDArray[np.float32]:
        features = (means - self._center) / self._scale
        features[n_known == 0] = 0
        return np.asarray(features, np.float32)


def _read_texts(texts: Any) -> Iterable[Any]:
    """An iterable over texts or lists of tokens; for a table, over its rows."""
    if isinstance(texts, (str, bytes)):
        raise CorpusTypeError("texts must be an iterable of texts, got a string; pass [text]")
    rows = rows_of(texts, "texts")
    if isinstance(rows, (Mapping, set, frozenset)):
        raise CorpusTypeError(f"texts must be a list of texts, got a {type(rows).__name__}, which has no order")
    return rows.tolist() if isinstance(rows, np.ndarray) else cast("Iterable[Any]", rows)


def _read_labels(labels: Any) -> NDArray[Any]:
    """The labels as an array of strings, or of integers if all labels are integers."""
    rows = rows_of(labels, "labels")
    if isinstance(rows, np.ndarray) and rows.ndim == 2 and rows.shape[1] == 1:
        rows = rows[:, 0]
    listed = rows.tolist() if isinstance(rows, np.ndarray) else list(rows)
    for row, label in enumerate(listed):
        if is_missing(label):
            raise CorpusError(f"labels must have a value in every row, got {label!r} in row {row} (counted from 0)")
        if isinstance(label, (list, tuple, dict)):
            raise CorpusTypeError(f"labels must be strings or integers, got {label!r:.60} in row {row}")
    if listed and all(is_integer(label) for label in listed):
        return np.array(listed, np.int64)
    return np.array([str(label) for label in listed])


def _is_plain(value: object) -> bool:
    """Whether JSON can store a setting. Other settings (a RandomState, class weights by label) are left out."""
    return value is None or isinstance(value, (bool, int, float, str))


__all__ = ["TextClassifier"]
