"""Room compat: fastText's Python module ``fasttext.FastText``: the class of models, and the functions that make one.

docs/fasttext.md lists every name. The file is long because fastText has one class with every method of a model, each
of which has its docstring here.

Tests: tests/compat/fasttext/test_fasttext.py.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from firth.base.values import as_bool
from firth.compat.fasttext import pybind
from firth.compat.fasttext.arguments import (
    SUPERVISED_NAMES,
    UNSUPERVISED_NAMES,
    args,
    loss_name,
    make_args,
    model_name,
    read_args,
    supervised_default,
    unsupervised_default,
)
from firth.compat.fasttext.meter import Meter
from firth.compat.fasttext.refused import RemovedNameError
from firth.compat.fasttext.rows import Rows
from firth.compat.fasttext.training import train_labels, train_words
from firth.errors import CorpusTypeError, ParameterError
from firth.formats.fasttext_model import FastTextModel

EOS = "</s>"
BOW = "<"
EOW = ">"
ARGUMENT_NAMES = (
    "lr",
    "dim",
    "ws",
    "epoch",
    "minCount",
    "minCountLabel",
    "minn",
    "maxn",
    "neg",
    "wordNgrams",
    "loss",
    "bucket",
    "thread",
    "lrUpdateRate",
    "t",
    "label",
    "verbose",
    "pretrainedVectors",
)
displayed_errors: dict[str, Any] = {}


class _Meter:
    """The curves of a classifier on a file; `_FastText.get_meter` makes one.

    Parameters
    ----------
    fasttext_model : _FastText
    meter : Meter
    """

    def __init__(self, fasttext_model: _FastText, meter: Meter) -> None:
        self.f = fasttext_model
        self.m = meter

    def score_vs_true(self, label: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """The scores of a label, rising, and 1 where the label is a true one; the score -1 is one that was missed."""
        pairs = self.m.score_vs_true(self._number(label))
        return pairs[:, 0], pairs[:, 1]

    def precision_recall_curve(self, label: str | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """Precision and recall at each score, of one label or of all."""
        points = self.m.curve(self._number(label))
        return points[:, 0], points[:, 1]

    def precision_at_recall(self, recall: float, label: str | None = None) -> float:
        """The best precision whose recall is at least ``recall``."""
        return self.m.precision_at_recall(recall, self._number(label))

    def recall_at_precision(self, precision: float, label: str | None = None) -> float:
        """The best recall whose precision is at least ``precision``."""
        return self.m.recall_at_precision(precision, self._number(label))

    def _number(self, label: str | None) -> int | None:
        if not label:
            return None
        number = self.f.get_label_id(label)
        if number < 0:
            raise ParameterError(f"label must be one of the model's labels, got {label!r}; model.labels has them")
        return number


class _FastText:
    """A model of fastText. `load_model`, `train_supervised` and `train_unsupervised` make one.

    Parameters
    ----------
    model_path : path or None
    args : args or None
        Each of the arguments becomes an attribute (``lr``, ``dim``, ...).

    Attributes
    ----------
    f : firth.compat.fasttext.pybind.fasttext
        fastText's C++ class as Python sees it.
    words, labels : list of str

    Examples
    --------
    >>> import os, tempfile
    >>> import firth.compat.fasttext as fasttext
    >>> path = os.path.join(tempfile.mkdtemp(), "meals.txt")
    >>> with open(path, "w") as file:
    ...     _ = file.write("__label__food sweet apple pie\\n__label__cars fast red car\\n" * 50)
    >>> model = fasttext.train_supervised(path, dim=8, epoch=20, thread=1, verbose=0)
    >>> labels, probabilities = model.predict("apple pie")
    >>> labels
    ('__label__food',)
    >>> model.get_word_vector("apple").shape
    (8,)
    >>> model.test(path)
    (100, 1.0, 1.0)
    """

    lr: float
    dim: int
    ws: int
    epoch: int
    minCount: int
    minCountLabel: int
    minn: int
    maxn: int
    neg: int
    wordNgrams: int
    loss: loss_name
    bucket: int
    thread: int
    lrUpdateRate: int
    t: float
    label: str
    verbose: int
    pretrainedVectors: str

    def __init__(self, model_path: str | os.PathLike[str] | None = None, args: args | None = None) -> None:
        self.f = pybind.fasttext()
        if model_path is not None:
            self.f.loadModel(model_path)
        self._words: list[str] | None = None
        self._labels: list[str] | None = None
        self.set_args(args)

    def set_args(self, args: args | None = None) -> None:
        """Make each argument an attribute; None changes nothing."""
        if args:
            for name in ARGUMENT_NAMES:
                setattr(self, name, getattr(args, name))

    def is_quantized(self) -> bool:
        """Whether the matrices are quantized."""
        return self.f.isQuant()

    def get_dimension(self) -> int:
        """D, the number of columns of a vector."""
        return self.f.getArgs().dim

    def get_word_vector(self, word: str) -> NDArray[np.float32]:
        """float32 (D,): the mean of the rows of a word and its n-grams; zeros where it has none."""
        return self.f.getWordVector(word)

    def get_sentence_vector(self, text: str) -> NDArray[np.float32]:
        """float32 (D,): of a classifier the mean of the text's rows; else the mean of the words' unit vectors.

        Raises
        ------
        ValueError
            The text has a newline.
        """
        return self.f.getSentenceVector(_as_line(text, "predict"))  # fastText's message says so here too

    def get_nearest_neighbors(
        self, word: str, k: int = 10, on_unicode_error: str = "strict"
    ) -> list[tuple[float, str]]:
        """Pairs of a cosine and a word, the largest cosine first; the word itself is left out."""
        return self.f.getNN(word, k, on_unicode_error)

    def get_analogies(
        self, wordA: str, wordB: str, wordC: str, k: int = 10, on_unicode_error: str = "strict"
    ) -> list[tuple[float, str]]:
        """Pairs of a cosine and a word: neighbours of ``wordA - wordB + wordC``, as unit vectors."""
        return self.f.getAnalogies(wordA, wordB, wordC, k, on_unicode_error)

    def get_word_id(self, word: str) -> int:
        """The row of a word; -1 where the word is unknown."""
        return self.f.getWordId(word)

    def get_label_id(self, label: str) -> int:
        """The number of a label; -1 where there is no such label."""
        return self.f.getLabelId(label)

    def get_subword_id(self, subword: str) -> int:
        """The row that the hash of an n-gram gives."""
        return self.f.getSubwordId(subword)

    def get_subwords(self, word: str, on_unicode_error: str = "strict") -> tuple[list[str], NDArray[np.int64]]:
        """The word, if it is known, with its n-grams; and their rows. Rows that pruning took are left out."""
        ngrams, rows = self.f.getSubwords(word, on_unicode_error)
        return ngrams, np.array(rows, np.int64)

    def get_input_vector(self, ind: int) -> NDArray[np.float32]:
        """float32 (D,): a row of the input matrix; IdError beyond its end."""
        return self.f.getInputVector(ind)

    def predict(self, text: Any, k: int = 1, threshold: float = 0.0, on_unicode_error: str = "strict") -> Any:
        """The most probable labels of a text, or of each text of a list.

        Parameters
        ----------
        text : str, or list of str
            One line each.
        k : int
            The most labels of a text; -1: all.
        threshold : float
            Less probable labels are left out.
        on_unicode_error : {"strict", "replace", "ignore"}
            Of labels whose bytes are not UTF-8.

        Returns
        -------
        labels, probabilities
            Of a text: a tuple of str and a float64 array. Of a list: a list of lists, and a list of float32 arrays.
            Labels begin with ``__label__``. A probability may exceed 1 by some 1e-5, as in fastText.

        Raises
        ------
        ValueError
            A text has a newline; the model has no labels; ``k`` is 0.
        TypeError
            A text is no string.
        """
        if type(text) is list:
            lines = [_as_line(entry, "predict") for entry in text]
            return self.f.multilinePredict(lines, k, threshold, on_unicode_error)
        predictions = self.f.predict(_as_line(text, "predict"), k, threshold, on_unicode_error)
        return tuple(label for _, label in predictions), np.array([probability for probability, _ in predictions])

    def get_input_matrix(self) -> NDArray[np.float32]:
        """float32 (n_rows, D): a copy of the input matrix; ValueError where it is quantized."""
        return self.f.getInputMatrix()

    def get_output_matrix(self) -> NDArray[np.float32]:
        """float32 (n_labels or n_words, D): a copy of the output matrix; ValueError where it is quantized."""
        return self.f.getOutputMatrix()

    def get_words(self, include_freq: bool = False, on_unicode_error: str = "strict") -> Any:
        """The words, the most frequent first; with ``include_freq`` a pair of them and an array of their counts."""
        words, counts = self.f.getVocab(on_unicode_error)
        return (words, np.array(counts, np.int64)) if include_freq else words

    def get_labels(self, include_freq: bool = False, on_unicode_error: str = "strict") -> Any:
        """The labels, the most frequent first; of a model of word vectors, the words."""
        if self.f.getArgs().model != model_name.supervised:
            return self.get_words(include_freq, on_unicode_error)
        labels, counts = self.f.getLabels(on_unicode_error)
        return (labels, np.array(counts, np.int64)) if include_freq else labels

    def get_line(self, text: Any, on_unicode_error: str = "strict") -> Any:
        """The words of a line, ``</s>`` at the end, and its labels that the model knows; of a list, two lists of lists.

        Raises
        ------
        ValueError
            A text has a newline.
        """
        if type(text) is list:
            return self.f.multilineGetLine([_as_line(entry, "get_line") for entry in text], on_unicode_error)
        return self.f.getLine(_as_line(text, "get_line"), on_unicode_error)

    def save_model(self, path: str | os.PathLike[str]) -> None:
        """Write the model as fastText's file; it appears whole or not at all, over a file that is there."""
        self.f.saveModel(path)

    def test(self, path: str | os.PathLike[str], k: int = 1, threshold: float = 0.0) -> tuple[int, float, float]:
        """The number of lines of a file that have a known label, precision at k and recall at k."""
        return self.f.test(path, k, threshold)

    def test_label(
        self, path: str | os.PathLike[str], k: int = 1, threshold: float = 0.0
    ) -> dict[str, dict[str, float]]:
        """For each label, its ``precision``, ``recall`` and ``f1score``; NaN where nothing was counted."""
        return self.f.testLabel(path, k, threshold)

    def get_meter(self, path: str | os.PathLike[str], k: int = -1) -> _Meter:
        """The curves of precision and recall on a file."""
        return _Meter(self, self.f.getMeter(path, k))

    def quantize(
        self,
        input: str | os.PathLike[str] | None = None,
        qout: bool = False,
        cutoff: int = 0,
        retrain: bool = False,
        epoch: int | None = None,
        lr: float | None = None,
        thread: int | None = None,
        verbose: int | None = None,
        dsub: int = 2,
        qnorm: bool = False,
    ) -> None:
        """Make the model small, in its place; see `firth.Classifier.quantize`.

        Parameters
        ----------
        input, epoch, lr, verbose
            Of ``retrain`` alone: the file to train on, and as for ``train_supervised``. None: those of the model, or
            of fastText where its file does not have them (``lr=0.05``).
        qout : bool
            Quantize the output matrix as well.
        cutoff : int
            Keep so many rows; 0: all.
        retrain : bool
            Train the rows that ``cutoff`` leaves again; see `firth.quantize_classifier`.
        thread : int or None
            None: the processors that this process may use.
        dsub : int
            Columns of a part.
        qnorm : bool
            Quantize the norms apart.

        Raises
        ------
        ValueError
            The model is no classifier or is quantized, or ``retrain`` is true and ``input`` is missing or has no line
            with a label of the model.
        """
        retraining = None
        if as_bool("retrain", retrain):
            if input is None:
                raise ParameterError("input must be the path of a file where retrain is True, got None")
            if not isinstance(input, str | os.PathLike):
                raise ParameterError(f"input must be the path of a file, got {type(input).__name__}")
            of_model = self.f.getArgs()
            retraining = dataclasses.replace(
                of_model,
                input=os.fspath(input),
                epoch=epoch or of_model.epoch,
                lr=lr or of_model.lr,
                verbose=of_model.verbose if verbose is None else verbose,
                thread=thread or of_model.thread,
                given=of_model.given | ({"thread"} if thread else set()),
            )
        self.f.quantize(cutoff, dsub, qnorm, qout, thread, retraining)
        self._words = self._labels = None

    def set_matrices(self, input_matrix: NDArray[Any], output_matrix: NDArray[Any]) -> None:
        """Replace both matrices; they must have the model's numbers of rows, and as many columns as each other."""
        self.f.setMatrices(np.asarray(input_matrix, np.float32), np.asarray(output_matrix, np.float32))

    @property
    def words(self) -> list[str]:
        """The words, the most frequent first."""
        if self._words is None:
            self._words = self.get_words()
        return self._words

    @property
    def labels(self) -> list[str]:
        """The labels, the most frequent first."""
        if self._labels is None:
            self._labels = self.get_labels()
        return self._labels

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        return self.get_word_vector(word)

    def __contains__(self, word: object) -> bool:
        if not isinstance(word, str):
            return False
        return 0 <= self.get_word_id(word) < self.f.rows.model.n_words


def tokenize(text: str) -> list[str]:
    """The words of a text, divided at fastText's white space; a newline is the word ``</s>``.

    Examples
    --------
    >>> from firth.compat.fasttext import tokenize
    >>> tokenize("two words\\n")
    ['two', 'words', '</s>']
    """
    return pybind.fasttext().tokenize(text)


def load_model(path: str | os.PathLike[str]) -> _FastText:
    """Open a file of fastText, ``.bin`` or ``.ftz``. Its dense matrices are mapped into memory.

    Raises
    ------
    ValueError
        The file cannot be opened (CannotOpenError), or is no model of fastText (FormatError).

    Examples
    --------
    >>> from firth.compat.fasttext import load_model
    >>> load_model("lid.176.ftz").predict("Wo ist der Bahnhof?")  # doctest: +SKIP
    (('__label__de',), array([0.99953026]))
    """
    return _FastText(model_path=path)


def train_supervised(*kargs: Any, **kwargs: Any) -> _FastText:
    """Train a classifier on the lines of a file, each with words that begin with ``__label__``.

    Parameters
    ----------
    input : path
        One text a line.
    lr : float, 0.1
    dim : int, 100
    epoch : int, 5
    minCount, minCountLabel : int, 1 and 0
        Words and labels seen less often are left out.
    minn, maxn : int, 0 and 0
        Lengths of character n-grams; 0: none.
    neg : int, 5
        Of ``loss="ns"``.
    wordNgrams : int, 1
    loss : {"softmax", "hs", "ns", "ova"}
    bucket : int
        Rows that n-grams share; left out, firth fits the number to the text (fastText takes 2,000,000).
    thread : int
        Left out, firth takes the processors that this process may use.
    label : str, "__label__"
    verbose : int, 2
        0: nothing is printed.
    pretrainedVectors : path
        Vectors to start from. A word that the text does not have keeps the given vector.
    seed : int, 0
    ws, t, lrUpdateRate
        No effect; a value other than the default gives a UserWarning.
    autotuneValidationFile, autotuneMetric, autotunePredictions, autotuneDuration, autotuneModelSize
        Refused.

    Returns
    -------
    _FastText

    Raises
    ------
    TypeError
        An argument has another name.
    ValueError
        The file cannot be opened, has no label, or a value is out of its range.

    Examples
    --------
    >>> import os, tempfile
    >>> from firth.compat.fasttext import train_supervised
    >>> path = os.path.join(tempfile.mkdtemp(), "meals.txt")
    >>> with open(path, "w") as file:
    ...     _ = file.write("__label__food sweet apple pie\\n__label__cars fast red car\\n" * 50)
    >>> train_supervised(input=path, dim=8, epoch=20, wordNgrams=2, verbose=0).labels
    ['__label__cars', '__label__food']
    """
    values, given = read_args(kargs, kwargs, SUPERVISED_NAMES, supervised_default)
    arguments = make_args(values, given)
    return _trained(train_labels(arguments), arguments)


def train_unsupervised(*kargs: Any, **kwargs: Any) -> _FastText:
    """Train word vectors on a file of text, one sentence or paragraph a line.

    Parameters
    ----------
    input : path
    model : {"skipgram", "cbow"}
    lr : float, 0.05
    dim : int, 100
    ws : int, 5
        Words of context on each side.
    epoch : int, 5
    minCount : int, 5
    minn, maxn : int, 3 and 6
        Lengths of character n-grams; maxn=0: whole words.
    neg : int, 5
    loss : {"ns", "hs", "softmax", "ova"}
    bucket, thread, label, verbose, pretrainedVectors, seed
        As for `train_supervised`; words that begin with ``label`` are left out.
    t : float, 1e-4
        Threshold of frequency above which words are subsampled.
    wordNgrams, minCountLabel, lrUpdateRate
        No effect; a value other than the default gives a UserWarning.

    Returns
    -------
    _FastText

    Raises
    ------
    TypeError
        An argument has another name.
    ValueError
        The file cannot be opened, has too few words, or a value is out of its range.

    Examples
    --------
    >>> import os, tempfile
    >>> from firth.compat.fasttext import train_unsupervised
    >>> path = os.path.join(tempfile.mkdtemp(), "walks.txt")
    >>> with open(path, "w") as file:
    ...     _ = file.write("they walk and talk while walking and talking\\n" * 200)
    >>> model = train_unsupervised(path, dim=8, minCount=1, t=1.0, thread=1, verbose=0)
    >>> model["walks"].shape
    (8,)
    """
    values, given = read_args(kargs, kwargs, UNSUPERVISED_NAMES, unsupervised_default)
    if values["model"] == "supervised":
        raise ParameterError("model must be 'skipgram' or 'cbow', got 'supervised'; call train_supervised")
    arguments = make_args(values, given)
    return _trained(train_words(arguments), arguments)


def cbow(*kargs: Any, **kwargs: Any) -> NoReturn:
    """Refused, as in fastText: ``train_unsupervised(model="cbow")``."""
    raise RemovedNameError("cbow is not supported any more; call train_unsupervised(..., model='cbow')")


def skipgram(*kargs: Any, **kwargs: Any) -> NoReturn:
    """Refused, as in fastText: ``train_unsupervised(model="skipgram")``."""
    raise RemovedNameError("skipgram is not supported any more; call train_unsupervised(..., model='skipgram')")


def supervised(*kargs: Any, **kwargs: Any) -> NoReturn:
    """Refused, as in fastText: ``train_supervised``."""
    raise RemovedNameError("supervised is not supported any more; call train_supervised(...)")


def _trained(model: FastTextModel, arguments: args) -> _FastText:
    arguments.bucket = model.arguments.buckets
    found = _FastText(args=arguments)
    found.f.setRows(Rows(model, arguments.label.encode()), arguments)
    return found


def _as_line(text: object, caller: str) -> str:
    """The text with a newline behind it, which fastText's models take for the word ``</s>``."""
    if not isinstance(text, str):
        raise CorpusTypeError(f"text must be a string, or a list of strings, got {type(text).__name__}")
    if "\n" in text:
        raise ParameterError(f"{caller} processes one line at a time (remove '\\n')")
    return text + "\n"


__all__ = [
    "BOW",
    "EOS",
    "EOW",
    "args",
    "cbow",
    "load_model",
    "loss_name",
    "model_name",
    "read_args",
    "skipgram",
    "supervised",
    "supervised_default",
    "tokenize",
    "train_supervised",
    "train_unsupervised",
    "unsupervised_default",
]
