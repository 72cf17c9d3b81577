"""Room compat: fastText's two ways of training, by firth's; the result is a model as fastText's files have it.

Tests: tests/compat/fasttext/test_training.py.
"""

from __future__ import annotations

import dataclasses
import io
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.ngrams import END_OF_SENTENCE
from firth.base.words import WordBuffer
from firth.classification.classifier import Classifier
from firth.classification.training_texts import LABEL_PREFIX, TrainingTexts
from firth.compat.fasttext.arguments import FIRTH_LOSSES, args, loss_name, model_name
from firth.compat.fasttext.refused import CannotOpenError
from firth.compat.fasttext.rows import read_lines, tokenize_line
from firth.errors import CorpusError, ParameterError
from firth.formats.fasttext_model import FastTextModel
from firth.formats.registry import read_vectors
from firth.formats.table import VectorTable
from firth.models.model import Model
from firth.training.run.classifier import train_classifier
from firth.training.run.retraining import quantize_classifier
from firth.training.run.train import train

NOISE_EXPONENT = 0.5  # fastText, NegativeSamplingLoss
_PREFIX = LABEL_PREFIX.encode()
_BLOCK_BYTES = 1 << 20
_NEWLINES = re.compile(rb"\n")


def open_text(path: Any, name: str = "input") -> io.BufferedReader:
    """Open a file of text; ``name`` is what the caller calls the path.

    Raises
    ------
    CannotOpenError
    """
    if not isinstance(path, str | os.PathLike):
        raise ParameterError(f"{name} must be the path of a file, got {type(path).__name__}")
    if path == "-":
        raise ParameterError(f"{name} must be the path of a file, got '-', standard input; write the text to a file")
    try:
        return open(path, "rb")
    except OSError as error:
        raise CannotOpenError(f"{path} cannot be opened: {error.strerror or error}") from error


def train_labels(given: args) -> FastTextModel:
    """A classifier of the lines of ``given.input``, each with words that begin with ``given.label``.

    As in fastText, lines without a label are left out, and a line may have labels alone. The number of lines that were
    left out is printed with ``verbose`` above 0.

    Raises
    ------
    CannotOpenError, CorpusError, ParameterError
    """
    vectors = _read_pretrained(given)
    texts = _read_labelled(given)
    buckets = given.given_buckets
    classifier = train_classifier(
        texts,
        loss=FIRTH_LOSSES[given.loss],
        dims=given.dim,
        word_ngrams=given.wordNgrams,
        min_ngram=max(1, given.minn) if given.maxn else 0,
        max_ngram=given.maxn,
        buckets=buckets,
        min_count=given.minCount,
        learning_rate=given.lr,
        epochs=given.epoch,
        negatives=given.neg,
        threads=given.given_threads,
        seed=given.seed,
        initial_vectors=vectors,
        progress=None if given.verbose else False,
    )
    model = classifier.model
    if given.label != LABEL_PREFIX:
        model = _rename_labels(model, given.label.encode())
    model = dataclasses.replace(model, arguments=given.to_file(model.arguments.buckets))
    return model if vectors is None else _add_words(model, vectors)


def quantize_again(model: FastTextModel, given: args) -> FastTextModel:
    """Prune a classifier to ``given.cutoff`` rows, train them again on the lines of ``given.input``, and quantize.

    As in fastText, labels that the model does not have, and lines without a label, are left out. The number of lines
    that were left out is printed with ``verbose`` above 0.

    Raises
    ------
    CannotOpenError, CorpusError, ParameterError, DivergenceError
    """
    classifier = Classifier(model)
    prefix = "" if given.label == LABEL_PREFIX else given.label  # the classifier's labels have other prefixes
    found, known = _read_labelled(given), set(classifier.labels)
    kept = [[prefix + name for name in names if prefix + name in known] for names in found.labels]
    numbers = [number for number, names in enumerate(kept) if names]
    if not numbers:
        raise CorpusError(f"{given.input} must have a line with a label of the model, got {len(kept):,} lines without")
    if len(numbers) < len(kept) and given.verbose:
        print(f"{len(kept) - len(numbers):,} lines without a label of the model are left out", file=sys.stderr)
    made = quantize_classifier(
        classifier,
        TrainingTexts([found.texts[number] for number in numbers], [kept[number] for number in numbers]),
        cutoff=given.cutoff,
        epochs=given.epoch,
        learning_rate=given.lr,
        norms=given.qnorm,
        part_dims=min(given.dsub, model.arguments.dims),
        quantize_output=given.qout,
        seed=given.seed,
        threads=given.given_threads,
        progress=None if given.verbose else False,
    ).model
    return dataclasses.replace(made, arguments=dataclasses.replace(made.arguments, epochs=given.epoch))


def train_words(given: args) -> FastTextModel:
    """Vectors of the words of ``given.input``. As in fastText, ``</s>`` ends each line and is a word.

    Raises
    ------
    CannotOpenError, CorpusError, ParameterError
    """
    vectors = _read_pretrained(given)
    has_ngrams = given.has_character_ngrams
    parameters: dict[str, Any] = {}
    if given.loss == loss_name.ns:
        parameters |= {"noise_exponent": NOISE_EXPONENT, "negatives": given.neg}
    if has_ngrams:
        parameters |= {"min_ngram": max(1, given.minn), "max_ngram": given.maxn, "buckets": given.given_buckets}
    is_cbow = given.model == model_name.cbow
    with open_text(given.input) as file:
        model = train(
            _EndedLines(file, given.label.encode()),
            architecture="cbow" if is_cbow else "skipgram",
            cbow_update="word2vec" if is_cbow else "gradient",
            loss=FIRTH_LOSSES[given.loss],
            dims=given.dim,
            window=given.ws,
            subsample=given.t,
            learning_rate=given.lr,
            epochs=given.epoch,
            min_count=given.minCount,
            subwords=has_ngrams,
            threads=given.given_threads,
            seed=given.seed,
            as_text=True,
            initial_vectors=vectors,
            progress=None if given.verbose else False,
            **parameters,
        )
    found = _words_model(model, given)
    return found if vectors is None else _add_words(found, vectors)


class _EndedLines(io.RawIOBase):
    """The bytes of a text, with the word ``</s>`` at the end of each line and without words that begin as labels do."""

    def __init__(self, file: io.BufferedReader, label_prefix: bytes) -> None:
        self._file = file
        self._prefix = label_prefix
        self._labels = re.compile(rb"(?<![^ \n\r\t\v\f\0])" + re.escape(label_prefix) + rb"[^ \n\r\t\v\f\0]*")
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            data = self._file.read(_BLOCK_BYTES)
            if data and not data.endswith(b"\n"):
                data += self._file.readline()  # whole lines, so that no word is divided
            if self._prefix in data:
                data = self._labels.sub(b"", data)
            self._rest = _NEWLINES.sub(b" " + END_OF_SENTENCE + b"\n", data.replace(b"\0", b" "))
        taken = self._rest if size < 0 else self._rest[:size]
        self._rest = self._rest[len(taken) :]
        return taken


def _read_labelled(given: args) -> TrainingTexts:
    prefix = given.label.encode()
    found = TrainingTexts([], [])
    n_without = 0
    with open_text(given.input) as file:
        for line in read_lines(file):
            tokens = tokenize_line(line)
            labels = [token for token in tokens if token.startswith(prefix)]
            if not labels:
                n_without += 1
                continue
            found.texts.append(b" ".join(token for token in tokens if not token.startswith(prefix)))
            found.labels.append([label[len(prefix) :].decode("utf-8", "backslashreplace") for label in labels])
    if given.minCountLabel > 1:
        counts = Counter(label for labels in found.labels for label in labels)
        kept = [[label for label in labels if counts[label] >= given.minCountLabel] for labels in found.labels]
        numbers = [number for number, labels in enumerate(kept) if labels]
        n_without += len(kept) - len(numbers)
        found = TrainingTexts([found.texts[number] for number in numbers], [kept[number] for number in numbers])
    if not len(found):
        raise CorpusError(
            f"{given.input} must have a line with a word that begins with {given.label}, got {n_without} lines"
            " without one"
        )
    if n_without and given.verbose:
        print(f"{n_without:,} lines without a label are left out", file=sys.stderr)
    return found


def _read_pretrained(given: args) -> VectorTable | None:
    path = given.pretrainedVectors
    if not path:
        return None
    if not Path(path).is_file():
        raise CannotOpenError(f"{path} cannot be opened for loading: there is no such file")
    table = read_vectors(path)
    if table.matrix.shape[1] != given.dim:
        raise ParameterError(
            f"dim must be {table.matrix.shape[1]}, the columns of pretrainedVectors ({path}), got {given.dim}"
        )
    return table


def _add_words(model: FastTextModel, vectors: VectorTable) -> FastTextModel:
    """The model with the words that only the given vectors have: fastText keeps their rows, for texts to come."""
    entries = list(model.entries.all_encoded())
    known = set(entries)
    encoded = [word.encode() for word in vectors.words]
    places = [place for place, word in enumerate(encoded) if word not in known]
    if not places:
        return model
    n_words, n_added = model.n_words, len(places)
    rows: NDArray[np.float32] = np.asarray(model.input_matrix)
    output_matrix = model.output_matrix
    if model.arguments.model != model_name.supervised:
        output_matrix = np.concatenate([np.asarray(output_matrix), np.zeros((n_added, rows.shape[1]), np.float32)])
    return dataclasses.replace(
        model,
        entries=WordBuffer.pack([*entries[:n_words], *(encoded[place] for place in places), *entries[n_words:]]),
        counts=np.concatenate([model.counts[:n_words], np.ones(n_added, np.int64), model.counts[n_words:]]),
        n_words=n_words + n_added,
        n_tokens=model.n_tokens + n_added,
        input_matrix=np.concatenate([rows[:n_words], vectors.matrix[places], rows[n_words:]]),
        output_matrix=output_matrix,
    )


def _rename_labels(model: FastTextModel, prefix: bytes) -> FastTextModel:
    entries = list(model.entries.all_encoded())
    words, labels = entries[: model.n_words], entries[model.n_words :]
    renamed = WordBuffer.pack([*words, *(prefix + label.removeprefix(_PREFIX) for label in labels)])
    return dataclasses.replace(model, entries=renamed)


def _words_model(model: Model, given: args) -> FastTextModel:
    words = WordBuffer.pack(str(word).encode() for word in model.vectors.words)
    matrix, subwords = np.asarray(model.vectors.matrix), model.vectors.subword_rows
    buckets = 0
    if subwords is not None:
        buckets = subwords.rules.buckets
        matrix = np.concatenate([subwords.own_rows(words, matrix), np.asarray(subwords.ngram_rows)])
    output_matrix = np.asarray(model.output_vectors)
    if given.loss == loss_name.hs:  # a step's label is 1 where the code is 0 here, and where it is 1 in fastText
        output_matrix = np.concatenate([-output_matrix, np.zeros((1, given.dim), np.float32)])
    assert model.vectors.counts is not None
    return FastTextModel(
        given.to_file(buckets),
        words,
        np.asarray(model.vectors.counts),
        len(words),
        model.corpus.n_tokens_read,
        None,
        matrix,
        output_matrix,
    )


__all__ = ["open_text", "train_labels", "train_words"]
