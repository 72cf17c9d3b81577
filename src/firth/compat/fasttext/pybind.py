"""Room compat: the object that a fastText model has in its attribute ``f``: fastText's C++ class as Python sees it.

Programs call it where they want answers without the checks of `firth.compat.fasttext.FastText._FastText`.

Tests: tests/compat/fasttext/test_fasttext.py.
"""

from __future__ import annotations

import dataclasses
import math
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.values import as_bool, as_integer
from firth.classification.quantization import quantize_model
from firth.compat.fasttext.arguments import args, model_name
from firth.compat.fasttext.meter import Meter
from firth.compat.fasttext.refused import CannotOpenError, NotPossibleError
from firth.compat.fasttext.rows import Rows, read_lines, tokenize
from firth.compat.fasttext.training import open_text, quantize_again
from firth.errors import CorpusTypeError, EncodingError, ParameterError, StorageError
from firth.formats.fasttext_any import read_any_model
from firth.formats.fasttext_model import QuantizedMatrix
from firth.formats.fasttext_writer import write_classifier

Vector = NDArray[np.float32]


class fasttext:  # fastText's name
    """A model, by the names of fastText's C++ class. Texts of ``predict`` end in a newline, as its callers give them.

    Examples
    --------
    >>> from firth.compat.fasttext.FastText import _FastText
    >>> _FastText().f.tokenize("two words")
    ['two', 'words']
    """

    def __init__(self) -> None:
        self._rows: Rows | None = None
        self._args = args()

    @property
    def rows(self) -> Rows:
        """The rows of the model.

        Raises
        ------
        NotPossibleError
            No model is loaded or trained.
        """
        if self._rows is None:
            raise NotPossibleError("the model must be loaded or trained first, got an empty one; call load_model(path)")
        return self._rows

    def setRows(self, rows: Rows, arguments: args) -> None:
        """Take a trained model and the arguments that it was trained with."""
        self._rows, self._args = rows, arguments

    def loadModel(self, path: str | os.PathLike[str]) -> None:
        """Read a file of fastText; see `firth.compat.fasttext.FastText.load_model`."""
        try:
            model = read_any_model(Path(path))
        except StorageError as error:
            raise CannotOpenError(f"{path} cannot be opened for loading: {error}") from error
        self._rows, self._args = Rows(model), args.of_file(model.arguments)

    def saveModel(self, path: str | os.PathLike[str]) -> None:
        """Write a file of fastText, over one that is there."""
        try:
            write_classifier(Path(path), self.rows.model, overwrite=True)
        except StorageError as error:
            raise CannotOpenError(f"{path} cannot be opened for saving: {error}") from error

    def getArgs(self) -> args:
        """The arguments of training, or of the model's file."""
        return self._args

    def isQuant(self) -> bool:
        """Whether the matrices are quantized."""
        return self._rows is not None and self._rows.is_quantized

    def tokenize(self, text: str) -> list[str]:
        """The words of a text; a newline is the word ``</s>``."""
        return [decode(token, "strict") for token in tokenize(encode(text, "text"))]

    def predict(
        self, text: str, k: int = 1, threshold: float = 0.0, on_unicode_error: str = "strict"
    ) -> list[tuple[float, str]]:
        """Pairs of a probability and a label, the most probable first."""
        labels, probabilities = self.multilinePredict([text], k, threshold, on_unicode_error)
        return list(zip(probabilities[0].tolist(), labels[0], strict=True))

    def multilinePredict(
        self, lines: list[str], k: int = 1, threshold: float = 0.0, on_unicode_error: str = "strict"
    ) -> tuple[list[list[str]], list[NDArray[np.float32]]]:
        """The labels of each line, and a float32 array for each."""
        k, threshold = as_integer("k", k), _as_threshold(threshold)
        rows = self.rows
        ids, probabilities = rows.predict([_one_line(line) for line in lines], k, threshold)
        used = {
            label: decode(rows.entries[rows.model.n_words + label], on_unicode_error)
            for label in set(ids[ids >= 0].tolist())
        }
        counts = (ids >= 0).sum(axis=1).tolist()
        names = [[used[label] for label in row[:count]] for row, count in zip(ids.tolist(), counts, strict=True)]
        return names, [row[:count].copy() for row, count in zip(probabilities, counts, strict=True)]

    def getMeter(self, path: str | os.PathLike[str], k: int = -1) -> Meter:
        """The scores of a file, with the curves."""
        return self._measure(path, k, 0.0, keeps_scores=True)

    def test(self, path: str | os.PathLike[str], k: int = 1, threshold: float = 0.0) -> tuple[int, float, float]:
        """The number of lines with a known label, precision and recall."""
        meter = self._measure(path, k, threshold)
        return meter.n_examples, meter.precision(), meter.recall()

    def testLabel(
        self, path: str | os.PathLike[str], k: int = 1, threshold: float = 0.0
    ) -> dict[str, dict[str, float]]:
        """Precision, recall and F1 of each label."""
        meter = self._measure(path, k, threshold)
        return {
            label: {
                "precision": meter.precision(number),
                "recall": meter.recall(number),
                "f1score": meter.f1_score(number),
            }
            for number, label in enumerate(self.getLabels("strict")[0])
        }

    def _measure(self, path: str | os.PathLike[str], k: int, threshold: float, *, keeps_scores: bool = False) -> Meter:
        k = as_integer("k", k)
        _ = self.rows.classifier  # refuses a model of word vectors before the file is opened
        meter = Meter(self.rows, k, _as_threshold(threshold), keeps_scores=keeps_scores)
        with open_text(path, "path") as file:
            meter.add_lines(read_lines(file))
        return meter

    def getVocab(self, on_unicode_error: str = "strict") -> tuple[list[str], list[int]]:
        """The words, and their counts."""
        model = self.rows.model
        words = [decode(word, on_unicode_error) for word in self.rows.entries[: model.n_words]]
        return words, model.counts[: model.n_words].tolist()

    def getLabels(self, on_unicode_error: str = "strict") -> tuple[list[str], list[int]]:
        """The labels, and their counts."""
        model = self.rows.model
        labels = [decode(label, on_unicode_error) for label in self.rows.entries[model.n_words :]]
        return labels, model.label_counts.tolist()

    def getWordId(self, word: str) -> int:
        """The row of a word, or -1."""
        return self.rows.word_id(encode(word, "word"))

    def getLabelId(self, label: str) -> int:
        """The number of a label, or -1."""
        return self.rows.label_id(encode(label, "label"))

    def getSubwordId(self, subword: str) -> int:
        """The row that the hash of an n-gram gives."""
        return self.rows.row_of_ngram(encode(subword, "subword"))

    def getSubwords(self, word: str, on_unicode_error: str = "strict") -> tuple[list[str], list[int]]:
        """The word, if it is known, and its n-grams; then the rows. Pruned n-grams have no row."""
        found = self.rows.subwords(encode(word, "word"))
        rows = [row for _, row in found if row is not None]
        return [decode(ngram, on_unicode_error) for ngram, _ in found], rows

    def getWordVector(self, word: str) -> Vector:
        """float32 (D,): the mean of the rows of a word and its n-grams."""
        return self.rows.word_vector(encode(word, "word"))

    def getSentenceVector(self, text: str) -> Vector:
        """float32 (D,): of a classifier the mean of the line's rows; else the mean of the words' unit vectors."""
        return self.rows.sentence_vector(_one_line(text))

    def getInputVector(self, ind: int) -> Vector:
        """float32 (D,): a row of the input matrix."""
        return self.rows.row(as_integer("ind", ind))

    def getInputMatrix(self) -> NDArray[np.float32]:
        """float32 (n_rows, D): a copy."""
        return self._dense("input", self.rows.model.input_matrix)

    def getOutputMatrix(self) -> NDArray[np.float32]:
        """float32 (n_labels or n_words, D): a copy."""
        return self._dense("output", self.rows.model.output_matrix)

    def _dense(self, name: str, matrix: Any) -> NDArray[np.float32]:
        if self.isQuant() or isinstance(matrix, QuantizedMatrix):
            raise NotPossibleError(
                f"the {name} matrix must not be quantized to be given out, got a quantized one; take the model that it"
                " was made from"
            )
        return np.array(matrix, np.float32)

    def setMatrices(self, input_matrix: NDArray[np.float32], output_matrix: NDArray[np.float32]) -> None:
        """Replace both matrices."""
        self._rows = self.rows.with_matrices(input_matrix, output_matrix)
        self._args.dim = self._rows.dims

    def getLine(self, text: str, on_unicode_error: str = "strict") -> tuple[list[str], list[str]]:
        """The words of a line, ``</s>`` at its end, and its labels that the model knows."""
        words, labels = self.rows.split_line(_one_line(text))
        return [decode(word, on_unicode_error) for word in words], [decode(label, on_unicode_error) for label in labels]

    def multilineGetLine(
        self, lines: list[str], on_unicode_error: str = "strict"
    ) -> tuple[list[list[str]], list[list[str]]]:
        """The words of each line, and the labels of each."""
        found = [self.getLine(line, on_unicode_error) for line in lines]
        return [words for words, _ in found], [labels for _, labels in found]

    def getNN(self, word: str, k: int = 10, on_unicode_error: str = "strict") -> list[tuple[float, str]]:
        """Pairs of a cosine and a word."""
        found = self.rows.nearest(encode(word, "word"), as_integer("k", k, minimum=1))
        return [(cosine, decode(neighbor, on_unicode_error)) for cosine, neighbor in found]

    def getAnalogies(
        self, first: str, second: str, third: str, k: int = 10, on_unicode_error: str = "strict"
    ) -> list[tuple[float, str]]:
        """Pairs of a cosine and a word: neighbours of ``first - second + third``."""
        words = encode(first, "word"), encode(second, "word"), encode(third, "word")
        found = self.rows.analogies(words, as_integer("k", k, minimum=1))
        return [(cosine, decode(neighbor, on_unicode_error)) for cosine, neighbor in found]

    def quantize(
        self,
        cutoff: int,
        part_dims: int,
        norms: bool,
        output: bool,
        threads: int | None,
        retraining: args | None = None,
    ) -> None:
        """Quantize the model in its place; see `firth.Classifier.quantize`.

        With ``retraining``, the arguments of another training, the rows that are left are trained again. If
        ``cutoff`` prunes no row, this has no effect, as in fastText, and there is a UserWarning.
        """
        rows = self.rows
        if self._args.model != model_name.supervised:
            raise NotPossibleError("the model must be supervised to be quantized, got a model of word vectors")
        cutoff, part_dims = as_integer("cutoff", cutoff, minimum=0), as_integer("dsub", part_dims, minimum=1)
        norms, output = as_bool("qnorm", norms), as_bool("qout", output)
        n_rows = rows.model.input_matrix.shape[0]
        prunes = 0 < cutoff < n_rows
        if retraining is not None and not prunes and not rows.is_quantized:
            warnings.warn(
                f"retrain has no effect: cutoff must be from 1 to {n_rows - 1:,}, fewer rows than the model has, got"
                f" {cutoff}",
                UserWarning,
                stacklevel=3,
            )
        if retraining is not None and prunes:
            asked = dataclasses.replace(retraining, cutoff=cutoff, dsub=part_dims, qnorm=norms, qout=output)
            asked = dataclasses.replace(asked, label=rows.label_prefix.decode())
            changed = quantize_again(rows.model, asked)
            self._args = dataclasses.replace(self._args, epoch=asked.epoch, lr=asked.lr)
        else:
            changed = quantize_model(
                rows.model,
                cutoff=cutoff or None,
                norms=norms,
                part_dims=min(part_dims, rows.dims),
                output=output,
                threads=threads,
            )
        self._rows = Rows(changed, rows.label_prefix)


def encode(text: str, name: str) -> bytes:
    """The bytes of a string.

    Raises
    ------
    CorpusTypeError, EncodingError
    """
    if not isinstance(text, str):
        raise CorpusTypeError(f"{name} must be a string, got {type(text).__name__}; decode bytes first")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise EncodingError(
            f"{name} must be valid Unicode, got a lone surrogate at character {error.start}; replace it"
        ) from None


def decode(data: bytes, errors: str) -> str:
    """The string of bytes; UnicodeDecodeError where they are not UTF-8 and ``errors`` is ``"strict"``."""
    return data.decode("utf-8", errors)


def _one_line(text: str) -> bytes:
    """What fastText reads of a text: the part up to the first newline, with it."""
    line, newline, _ = encode(text, "text").partition(b"\n")
    return line + newline


def _as_threshold(threshold: float) -> float:
    try:
        value = float(threshold)
    except (TypeError, ValueError):
        raise ParameterError(f"threshold must be a number, got {threshold!r}") from None
    if math.isnan(value):
        raise ParameterError("threshold must be a number, got NaN")
    return float(np.float32(value))


__all__ = ["decode", "encode", "fasttext"]
