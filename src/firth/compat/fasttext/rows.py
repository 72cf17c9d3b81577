"""Room compat: what fastText answers from a model's rows: ids, n-grams, vectors, neighbours, tokens of a line.

Vectors are sums in float32 in fastText's order, so that printed digits agree with those of fastText.

Tests: tests/compat/fasttext/test_models.py.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from firth.base.ngrams import END_OF_SENTENCE, NgramRules, character_ngrams, hash_ngram
from firth.base.words import WordBuffer
from firth.classification.classifier import Classifier
from firth.classification.reference import find_rows
from firth.compat.fasttext.refused import NotPossibleError
from firth.errors import FormatError, IdError, ParameterError, ShapeError
from firth.formats.fasttext_model import LOSSES, SUPERVISED, FastTextModel, QuantizedMatrix, dense_matrix
from firth.native.ngrams import make_unknown_bags
from firth.numerics.labels import compute_label_probabilities

Vector = NDArray[np.float32]

ALL = -1  # fastText's k for all labels
NORM_FLOOR = 1e-8  # fastText, FastText::getAnalogies and getNN
_WHITE = re.compile(rb"[ \n\r\t\v\f\0]+")
_MAX_LINES, _MAX_ANSWERS = 1 << 14, 1 << 22
_BLOCK_WORDS = 1 << 9  # whose rows of n-grams are in memory at a time


class Rows:
    """A model of fastText, and the answers that come from its rows. The model is not changed after it is made.

    Parameters
    ----------
    model : FastTextModel
    label_prefix : bytes
        Words of a line that begin so are labels, where the dictionary does not have them.
    """

    def __init__(self, model: FastTextModel, label_prefix: bytes = b"__label__") -> None:
        self.model = model
        self.label_prefix = label_prefix
        arguments = model.arguments
        shortest = max(1, arguments.min_chars)
        self.rules = (
            NgramRules(shortest, arguments.max_chars, arguments.buckets)
            if arguments.max_chars >= shortest and arguments.buckets > 0
            else None
        )
        self.is_supervised = arguments.model == SUPERVISED
        self.is_quantized = isinstance(model.input_matrix, QuantizedMatrix)

    @property
    def dims(self) -> int:
        return self.model.arguments.dims

    @cached_property
    def entries(self) -> list[bytes]:
        """The words, then the labels."""
        return list(self.model.entries.all_encoded())

    @cached_property
    def ids(self) -> dict[bytes, int]:
        return {entry: number for number, entry in enumerate(self.entries)}

    @cached_property
    def classifier(self) -> Classifier:
        """Predicts labels.

        Raises
        ------
        NotPossibleError
            The model is one of word vectors.
        """
        if not self.is_supervised:
            raise NotPossibleError("the model must be supervised to predict labels, got a model of word vectors")
        return Classifier(self.model)

    @cached_property
    def _kept(self) -> dict[int, int] | None:
        kept = self.model.kept_ngrams
        return None if kept is None else dict(kept.tolist())

    def row_of_ngram(self, ngram: bytes) -> int:
        """The row that an n-gram's hash gives, whether the model keeps it or not.

        Raises
        ------
        NotPossibleError
            The model has no buckets.
        """
        if self.model.arguments.buckets == 0:
            raise NotPossibleError("the model must have buckets of n-grams to number one, got a model without n-grams")
        return self.model.n_words + hash_ngram(ngram) % self.model.arguments.buckets

    def word_id(self, word: bytes) -> int:
        """The number of a word; -1 where the word is unknown. A label has the number of its entry, as in fastText."""
        return self.ids.get(word, -1)

    def label_id(self, label: bytes) -> int:
        """The number of a label; -1 where there is no such label."""
        return max(-1, self.ids.get(label, -1) - self.model.n_words)

    def subwords(self, word: bytes) -> list[tuple[bytes, int | None]]:
        """The word itself, if it is known, and its n-grams, each with its row; None where pruning took the row."""
        number = self.ids.get(word, -1)
        found: list[tuple[bytes, int | None]] = []
        if 0 <= number < self.model.n_words:
            found.append((word, number))
        if self.rules is None:
            return found
        for ngram in character_ngrams(word, self.rules):
            row: int | None = self.row_of_ngram(ngram)
            if self._kept is not None and row is not None:
                place = self._kept.get(row - self.model.n_words)
                row = None if place is None else self.model.n_words + place
            found.append((ngram, row))
        return found

    def row(self, number: int) -> Vector:
        """float32 (D,): a row of the input matrix.

        Raises
        ------
        IdError
        """
        matrix = self.model.input_matrix
        n_rows = matrix.shape[0]
        if not 0 <= number < n_rows:
            raise IdError(f"ind must lie in 0 to {n_rows - 1}, the rows of the input matrix, got {number}")
        return self._gather([number]).reshape(-1)

    def mean(self, rows: list[int]) -> Vector:
        """float32 (D,): the mean of rows; zeros of none."""
        if not rows:
            return np.zeros(self.dims, np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            return _validated(_sum_rows(self._gather(rows)) * np.float32(1.0 / len(rows)))

    def word_vector(self, word: bytes) -> Vector:
        """float32 (D,): the mean of the rows of a word and its n-grams; zeros where it has none."""
        return self.mean([row for _, row in self.subwords(word) if row is not None])

    def line_rows(self, line: bytes) -> list[int]:
        """The rows of a line; ``</s>`` is a word of it where it ends in a newline, or has the word itself."""
        if line.endswith(b"\n"):
            rows: list[int] = self.classifier.find_rows(line).tolist()
            return rows
        return find_rows(self.model, line, ids=self.ids, has_end=False)

    def sentence_vector(self, line: bytes) -> Vector:
        """float32 (D,): of a classifier, the mean of the line's rows; else the mean of the words' unit vectors."""
        if self.is_supervised:
            return self.mean(self.line_rows(line))
        total, n_words = np.zeros(self.dims, np.float32), 0
        for word in line.split():
            vector = self.word_vector(word)
            norm = _norm(vector)
            if norm > 0:
                total += vector * np.float32(1.0 / norm)
                n_words += 1
        return total * np.float32(1.0 / n_words) if n_words else total

    def word_vectors(self) -> Iterator[NDArray[np.float32]]:
        """Blocks of float32 (n, D): the vectors of all words, in order."""
        n_words = self.model.n_words
        for first in range(0, n_words, _BLOCK_WORDS):
            last = min(n_words, first + _BLOCK_WORDS)
            words = self.entries[first:last]
            if self.rules is None or self._kept is not None:
                yield np.stack([self.word_vector(word) for word in words])
                continue
            own_rows = self._gather(np.arange(first, last))
            bags = make_unknown_bags(WordBuffer.pack(words), n_words, self.rules)
            ngram_rows, offsets = self._gather(bags.rows), bags.offsets.tolist()
            vectors = np.empty_like(own_rows)
            with np.errstate(over="ignore", invalid="ignore"):
                for place, (low, high) in enumerate(itertools.pairwise(offsets)):
                    rows = np.concatenate([own_rows[place : place + 1], ngram_rows[low:high]])
                    vectors[place] = _sum_rows(rows) * np.float32(1.0 / len(rows))
            yield vectors

    @cached_property
    def _unit_columns(self) -> NDArray[np.float32]:
        """float32 (D, V): the words' unit vectors; a word without a norm has zeros."""
        columns = np.zeros((self.dims, self.model.n_words), np.float32)
        first = 0
        for block in self.word_vectors():
            with np.errstate(over="ignore", invalid="ignore"):
                norms = _validated(np.sqrt(_sum_columns(np.square(block.T))))
            scales = np.divide(1.0, norms, out=np.zeros(len(block)), where=norms > 0).astype(np.float32)
            columns[:, first : first + len(block)] = block.T * scales
            first += len(block)
        return columns

    def neighbors(self, query: Vector, k: int, left_out: set[bytes]) -> list[tuple[float, bytes]]:
        """The words of the largest cosines with a vector, and the cosines, the largest first."""
        norm = _norm(query)
        if abs(norm) < NORM_FLOOR:
            norm = np.float32(1)
        cosines = _validated(_sum_columns(self._unit_columns * query[:, None]) / norm)
        wanted = min(len(cosines), k + len(left_out))
        best = np.argpartition(-cosines, wanted - 1)[:wanted] if wanted < len(cosines) else np.arange(len(cosines))
        best = best[np.argsort(-cosines[best], kind="stable")]
        named = [(float(cosines[number]), self.entries[number]) for number in best.tolist()]
        return [(cosine, word) for cosine, word in named if word not in left_out][:k]

    def nearest(self, word: bytes, k: int) -> list[tuple[float, bytes]]:
        """Neighbours of a word, known or not."""
        return self.neighbors(self.word_vector(word), k, {word})

    def analogies(self, words: tuple[bytes, bytes, bytes], k: int) -> list[tuple[float, bytes]]:
        """Neighbours of the first word less the second plus the third, of unit vectors."""
        query = np.zeros(self.dims, np.float32)
        for word, sign in zip(words, (1.0, -1.0, 1.0), strict=True):
            vector = self.word_vector(word)
            query += vector * np.float32(sign / (float(_norm(vector)) + NORM_FLOOR))
        return self.neighbors(query, k, set(words))

    def split_line(self, line: bytes) -> tuple[list[bytes], list[bytes]]:
        """The words of a line and its labels that the model knows; a newline at its end is the word ``</s>``."""
        words: list[bytes] = []
        labels: list[bytes] = []
        for token in tokenize(line):
            number = self.ids.get(token, -1)
            is_label = number >= self.model.n_words if number >= 0 else token.startswith(self.label_prefix)
            if not is_label:
                words.append(token)
            elif number >= 0:
                labels.append(token)
            if token == END_OF_SENTENCE:
                break
        return words, labels

    def count_lines_at_once(self, k: int) -> int:
        """How many lines to predict in one call, so that their answers fit into some 32 MB."""
        n_labels = self.model.n_labels
        n_answers = n_labels if k == ALL else min(k, n_labels)
        return max(1, min(_MAX_LINES, _MAX_ANSWERS // max(1, n_answers)))

    def predict(self, lines: list[bytes], k: int, threshold: float) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Label ids and probabilities, (n_lines, k); -1 and 0 where a line has fewer labels.

        As in fastText, ``</s>`` is a word of the lines that end in a newline.

        Raises
        ------
        NotPossibleError, ParameterError
        """
        classifier = self.classifier
        if k != ALL and k <= 0:
            raise ParameterError(f"k must be at least 1, or -1 for all labels, got {k}")
        best = None if k == ALL else k
        texts = [line.removesuffix(b"\n") for line in lines]
        ids, probabilities = classifier.predict_ids(texts, best, min(max(threshold, 0.0), 1.0))
        for number, line in enumerate(lines):
            if not line.endswith(b"\n"):
                self._predict_unended(line, threshold, ids[number], probabilities[number])
        if threshold > 1:  # fastText's probabilities may exceed 1 by some 1e-5
            is_less = probabilities < threshold
            ids, probabilities = np.where(is_less, np.int32(-1), ids), np.where(is_less, np.float32(0), probabilities)
        return ids, probabilities

    def _predict_unended(
        self, line: bytes, threshold: float, ids: NDArray[np.int32], probabilities: NDArray[np.float32]
    ) -> None:
        """Put the answers to a line without a newline into ``ids`` and ``probabilities``."""
        ids[:], probabilities[:] = -1, 0
        rows = self.line_rows(line)
        if not rows:
            return
        arguments = self.model.arguments
        hidden = self._gather(rows).astype(np.float64).mean(axis=0)
        found = compute_label_probabilities(
            hidden, self._output_rows, LOSSES[arguments.loss], self.model.label_counts, like_fasttext=True
        )
        best = np.argsort(-found, kind="stable")[: len(ids)]
        best = best[found[best] >= threshold]
        ids[: len(best)], probabilities[: len(best)] = best, found[best]

    @cached_property
    def _output_rows(self) -> NDArray[np.float32]:
        return dense_matrix(self.model.output_matrix)

    def with_matrices(self, input_matrix: NDArray[np.float32], output_matrix: NDArray[np.float32]) -> Rows:
        """The same model with other matrices.

        Raises
        ------
        ShapeError
        """
        model = self.model
        for name, matrix, old in (
            ("input_matrix", input_matrix, model.input_matrix),
            ("output_matrix", output_matrix, model.output_matrix),
        ):
            if matrix.ndim != 2 or matrix.shape[0] != old.shape[0] or matrix.shape[1] < 1:
                raise ShapeError(f"{name} must have {old.shape[0]} rows, as the model has, got shape {matrix.shape}")
        if input_matrix.shape[1] != output_matrix.shape[1]:
            raise ShapeError(
                f"input_matrix and output_matrix must have as many columns as each other, got {input_matrix.shape[1]}"
                f" and {output_matrix.shape[1]}"
            )
        arguments = dataclasses.replace(model.arguments, dims=input_matrix.shape[1])
        changed = dataclasses.replace(
            model,
            arguments=arguments,
            input_matrix=np.ascontiguousarray(input_matrix, np.float32),
            output_matrix=np.ascontiguousarray(output_matrix, np.float32),
        )
        return Rows(changed, self.label_prefix)

    def _gather(self, rows: list[int] | NDArray[np.integer]) -> NDArray[np.float32]:
        matrix = self.model.input_matrix
        if not isinstance(matrix, QuantizedMatrix):
            return matrix[rows]
        norm_codes = None if matrix.norm_codes is None else matrix.norm_codes[rows]
        return dense_matrix(dataclasses.replace(matrix, codes=matrix.codes[rows], norm_codes=norm_codes))


def tokenize_line(text: bytes) -> list[bytes]:
    """The words of a text, divided at fastText's white space: space, newline, tab, CR, VT, FF and the byte 0."""
    return [token for token in _WHITE.split(text) if token]


def tokenize(text: bytes) -> list[bytes]:
    """The words of a text; each newline is the word ``</s>``."""
    lines = text.split(b"\n")
    tokens: list[bytes] = []
    for number, line in enumerate(lines):
        tokens += tokenize_line(line)
        if number < len(lines) - 1:
            tokens.append(END_OF_SENTENCE)
    return tokens


def read_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines as fastText's program divides them: the word ``</s>`` ends a line as well. Newlines are kept."""
    for line in lines:
        if END_OF_SENTENCE not in line:
            yield line
            continue
        tokens: list[bytes] = []
        for token in tokenize_line(line):
            if token == END_OF_SENTENCE:
                yield b" ".join(tokens) + b"\n"
                tokens = []
            else:
                tokens.append(token)
        if line.endswith(b"\n"):
            yield b" ".join(tokens) + b"\n"
        elif tokens:
            yield b" ".join(tokens)


def _sum_rows(rows: NDArray[np.float32]) -> Vector:
    """The sum of rows in float32, one row after the other."""
    if rows.shape[1] == 1:  # NumPy would add the column in pairs
        return np.add.accumulate(rows, axis=0, dtype=np.float32)[-1:].reshape(-1)
    total: Vector = np.add.reduce(rows, axis=0, dtype=np.float32)
    return total


def _sum_columns(columns: NDArray[np.float32]) -> Vector:
    """The sum over the first axis in float32, one entry after the other."""
    total = np.zeros(columns.shape[1], np.float32)
    for column in columns:
        total += column
    return total


def _norm(vector: Vector) -> np.float32:
    """The Euclidean norm, its squares added in float32, one after the other."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.float32(_validated(np.sqrt(_sum_columns(np.square(vector)[:, None])))[0])


def _validated(numbers: Vector) -> Vector:
    """The numbers; FormatError where one is not finite."""
    if not np.isfinite(numbers).all():
        raise FormatError(
            "the model has a NaN, an infinity or a number too large to square in a row of a word; train the model anew"
        )
    return numbers


__all__ = ["ALL", "Rows", "read_lines", "tokenize", "tokenize_line"]
