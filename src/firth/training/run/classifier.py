"""Room training: train_classifier: from labelled texts to a classifier that has learned its own vectors.

Tests: tests/training/test_train_classifier.py.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth.base.machine import available_memory_bytes, available_processors
from firth.classification.bags import (
    Bags,
    CompactRows,
    Dictionary,
    build_dictionary,
    find_bags,
    find_compact_rows,
    fit_buckets,
    make_model,
)
from firth.classification.classifier import Classifier, validate_classifier_destination
from firth.classification.config import FIELDS, ClassifierConfig
from firth.classification.training_texts import LABEL_PREFIX, TableOptions, TrainingTexts, read_training_texts
from firth.corpus.philox import Purpose, draw_blocks
from firth.errors import CorpusError, ParameterError
from firth.formats.fasttext_model import LOSSES
from firth.kernels.config import TrainingConfig
from firth.kernels.engine import Engine
from firth.kernels.examples import explicit_examples
from firth.models.history import History
from firth.training.loop.callbacks import CallbackList
from firth.training.loop.checkpoints import RunState
from firth.training.loop.divergence import loss_bound, norm_bound
from firth.training.loop.loop import TrainingLoop
from firth.training.loop.options import LoopOptions
from firth.training.loop.progress import ProgressDisplay, format_bytes, make_progress
from firth.training.loop.signals import StopSignals
from firth.training.run.options import parse_heldout, parse_patience
from firth.training.run.start import StartVectors, read_start_vectors

if TYPE_CHECKING:
    from firth.vectors.word_vectors import WordVectors

INITIAL_SCALE = 1.0  # fastText; with word2vec's 0.5 a run of few steps learns less: a point of precision on SST
NOISE_EXPONENT = 0.5  # fastText, NegativeSamplingLoss: labels are drawn by the square root of their counts
_LOSS_CODES = {name: code for code, name in LOSSES.items()}
_HIERARCHICAL = "hierarchical-softmax"


def train_classifier(
    texts: Any,
    labels: Any = None,
    *,
    output: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    file_format: str = "auto",
    text_column: str | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    header: bool = True,
    label_prefix: str = LABEL_PREFIX,
    heldout: Any = None,
    patience: int | None = None,
    callbacks: Iterable[Any] = (),
    progress: bool | None = None,
    initial_vectors: Any = None,
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
) -> Classifier:
    """Learn a classifier of texts, and the vectors of words and n-grams that it needs, from labelled texts.

    A text is the mean h of the rows of its words and n-grams; labels are predicted from h as `firth.Classifier` says.
    All rows learn by stochastic gradient descent on the loss, with the true gradient. Each text is one step, however
    long it is. Texts are taken in an order that is drawn once, from ``seed``: a file that is sorted by label is learned
    as well as a shuffled one.

    Of a text with several labels, one is drawn for each epoch; with ``loss="one-vs-all"`` all count at once.

    Parameters
    ----------
    texts : path; or list, column or other iterable of str or bytes
        A file has lines with marks like ``__label__NAME`` at any place, or is a table (``.csv``, ``.tsv``, or with
        ``delimiter``); it may be compressed. ``"-"`` is standard input.
    labels : list or column of str, int, or lists of these; or None
        Of each text. None: the texts have marks. Whole numbers become their digits.
    output : path or None
        Where the classifier is saved: fastText's file where it ends in ``.bin``, else a folder.
    overwrite : bool
    file_format, text_column, label_column, delimiter, header, label_prefix
        Of a file: see docs/classifier.md.
    heldout : share like ``"5%"`` or ``0.05``, path, (texts, labels), or None
        Texts that are never trained on, for a loss after each epoch. A share is drawn by text, from ``seed``.
    patience : int or None
        Stop when so many epochs in a row did not improve the held-out loss; the vectors of the best epoch are kept.
    callbacks, progress
        As for ``firth.train``.
    initial_vectors : WordVectors, VectorTable, mapping, path, or None
        Rows of words to start from, of ``dims`` numbers; words that no text has are left out.
    loss : {"softmax", "one-vs-all", "hierarchical-softmax", "negative-sampling"}
    dims : int
        Numbers in a row.
    word_ngrams : int
        Longest n-grams of words that have a row of their own; 1: words alone.
    min_ngram, max_ngram : int
        Shortest and longest character n-grams of a word; 0 and 0: none.
    buckets : int or None
        Rows that n-grams share by their hash; None: fitted to the texts.
    min_count : int
        Words seen less often have no row.
    learning_rate : float
        At the start; it falls linearly to nearly nothing at the end of the last epoch.
    epochs : int
        Passes over the texts.
    negatives : int
        Noise labels for each text, of ``loss="negative-sampling"``.
    threads : int or None
        None: the processors that this process may use.
    seed : int
    deterministic : bool
        The same bits whatever ``threads`` is: one thread learns.

    Returns
    -------
    Classifier
        Its ``history`` is the record of the run.

    Raises
    ------
    CorpusError
        A text has no label or no word, there is one label alone, or no text at all.
    CorpusTypeError, EncodingError, FormatError, ParameterError, StorageError
        Before any work is lost.
    DivergenceError
        The loss or a row grew beyond its bound: lower ``learning_rate``.

    Examples
    --------
    >>> import firth
    >>> texts = ["sweet apple pie", "apple cake", "fast red car", "a car on the road"] * 25
    >>> model = firth.train_classifier(texts, ["food", "food", "cars", "cars"] * 25, dims=8, epochs=20, progress=False)
    >>> model.predict("sweet cake").labels
    ['food']
    >>> model.predict(["red car", "apple"]).labels
    [['cars'], ['food']]
    """
    given = locals()
    config = ClassifierConfig(**{name: given[name] for name in FIELDS})
    table = TableOptions(
        file_format=file_format,
        text_column=text_column,
        label_column=label_column,
        delimiter=delimiter,
        header=header,
        label_prefix=label_prefix,
    )
    held_out_by = None if heldout is None or isinstance(heldout, tuple) else parse_heldout(heldout)
    patience = parse_patience(patience, held_out_by if held_out_by is not None else heldout, None)
    callback_list, display = CallbackList(callbacks), make_progress(progress)
    start = read_start_vectors(initial_vectors, config.dims)
    if start is not None and start.words is None:
        raise ParameterError("initial_vectors must have words: WordVectors, a mapping or a path, got an array")
    if output is not None:
        validate_classifier_destination(Path(output), overwrite)
    with StopSignals() as signals:
        started = time.monotonic()
        data = texts if isinstance(texts, TrainingTexts) else read_training_texts(texts, labels, table)
        if held_out_by is not None and held_out_by.share is not None:
            data, held_out = _divide(data, held_out_by.share, config.seed)
        elif heldout is not None:
            source, source_labels = heldout if isinstance(heldout, tuple) else (heldout, None)
            held_out = read_training_texts(source, source_labels, table, "heldout")
        else:
            held_out = None
        run = _PreparedClassifier.build(config, data, held_out, display, time.monotonic() - started)
        classifier = run.train(start, patience, callback_list, display, signals)
        if output is not None:
            classifier.save(output, overwrite=overwrite)
    return classifier


@dataclass(frozen=True, eq=False)
class _PreparedClassifier:
    """Texts as bags of rows, and everything else that training needs."""

    config: ClassifierConfig
    dictionary: Dictionary
    buckets: int
    compact: CompactRows
    bags: Bags
    targets: NDArray[np.int32]
    target_offsets: NDArray[np.int64]
    heldout: tuple[NDArray[Any], ...] | None
    seconds: float

    @classmethod
    def build(
        cls,
        config: ClassifierConfig,
        data: TrainingTexts,
        held_out: TrainingTexts | None,
        display: ProgressDisplay,
        seconds: float,
    ) -> _PreparedClassifier:
        started = time.monotonic()
        order = np.argsort(draw_blocks(config.seed, Purpose.ORDER, 0, np.arange(len(data)))[:, 0], kind="stable")
        data = data.take(order.tolist())
        dictionary = build_dictionary(data, config.min_count)
        buckets, bags = fit_buckets(dictionary, config, data.texts)
        compact = find_compact_rows(bags, dictionary.n_words, buckets)
        n_ended = sum(1 for text in data.texts if b"</s>" in text and b"</s>" in text.split())
        if n_ended:
            display.note(
                f"{n_ended:,} texts have the word </s>, which ends a text as in fastText: the rest is not read"
            )
        heldout = None if held_out is None else _heldout_arrays(dictionary, config, held_out, buckets, compact, display)
        display.note(
            f"{len(data):,} texts, {dictionary.n_tokens:,} words, {dictionary.n_words:,} different;"
            f" {len(dictionary.label_ids):,} labels"
            + (f"; {len(compact.used_buckets):,} of {buckets:,} buckets of n-grams used" if buckets else "")
        )
        targets, target_offsets = _label_arrays(data.labels, dictionary)
        seconds += time.monotonic() - started
        run = cls(config, dictionary, buckets, compact, compact.shrink(bags), targets, target_offsets, heldout, seconds)
        run.report_memory(display)
        return run

    def report_memory(self, display: ProgressDisplay) -> None:
        """Show what the matrices take; raise where there is not so much."""
        dims, n_labels = self.config.dims, len(self.dictionary.label_ids)
        matrices = 4 * -(-dims // 16) * 16 * (self.compact.n_rows + n_labels)
        display.note(
            f"memory: {format_bytes(matrices)} for two matrices, {format_bytes(self.bags.rows.nbytes)} for rows"
        )
        available = available_memory_bytes()
        if available is not None and matrices > available:
            raise ParameterError(
                f"dims must fit into the {format_bytes(available)} of free memory, got {dims} for"
                f" {self.compact.n_rows:,} rows, which need {format_bytes(matrices)}; lower dims, raise min_count, or"
                " take shorter n-grams"
            )

    def train(
        self,
        start: StartVectors | None,
        patience: int | None,
        callbacks: CallbackList,
        display: ProgressDisplay,
        signals: StopSignals,
    ) -> Classifier:
        config = self._training_config()
        examples = explicit_examples(
            self.bags.rows,
            self.bags.offsets,
            self.targets,
            n_input_rows=self.compact.n_rows,
            n_targets=len(self.dictionary.label_ids),
            target_offsets=self.target_offsets,
        )
        engine = Engine(examples, config, initial_vectors=self._initial_vectors(start), initial_scale=INITIAL_SCALE)
        state = RunState(
            history=History(encode_seconds=self.seconds, guessing_loss_nats=engine.guessing_loss_nats),
            loss_bound_nats=loss_bound(engine, start is not None),
            norm_bound=norm_bound(engine, start is not None),
        )
        options = LoopOptions(
            n_tokens=len(self.bags.rows),
            words_per_token=self.dictionary.n_tokens / len(self.bags.rows),
            make_vectors=_no_vectors,
            heldout=self.heldout,
            patience=patience,
            cures_of_divergence=f"lower learning_rate, below {config.learning_rate:g} (--learning-rate)",
            cures_of_no_example="give texts with labels",
        )
        loop = TrainingLoop(engine, config, state, options, callbacks, display, signals, None)
        return self._make_classifier(*loop.run(), state.history)

    def _training_config(self) -> TrainingConfig:
        """What the engine gets.

        Deterministic is one thread: in rounds of shards (docs/training.md), where every text moves every label, cooking
        took twice as long and lost four points of precision.
        """
        config = self.config
        threads = available_processors() if config.threads is None else config.threads
        return TrainingConfig(
            architecture="cbow",
            cbow_input="mean",
            cbow_update="gradient",
            loss=config.loss,
            dims=config.dims,
            negatives=config.negatives,
            negative_sharing="window",
            noise_exponent=NOISE_EXPONENT,
            subsample=0.0,
            learning_rate=config.learning_rate,
            epochs=config.epochs,
            threads=1 if config.deterministic else threads,
            seed=config.seed,
        ).resolved()

    def _initial_vectors(self, start: StartVectors | None) -> NDArray[np.float32]:
        """NaN where a row is drawn; zeros for the row that stands for what no training text has."""
        rows = np.full((self.compact.n_rows, self.config.dims), np.nan, np.float32)
        rows[-1] = 0
        if start is None:
            return rows
        numbers = {
            word: n for n, word in enumerate(islice(self.dictionary.entries.all_encoded(), self.compact.n_words))
        }
        assert start.words is not None
        n_found = 0
        for word, vector in zip(start.words, start.matrix, strict=True):
            number = numbers.get(str(word).encode())
            if number is not None:
                rows[number] = vector
                n_found += 1
        if not n_found:
            raise ParameterError(
                f"initial_vectors must have a word in common with the {self.compact.n_words:,} words of the texts, got"
                f" {len(start.matrix):,} words, none of which is in them; are they lower-cased alike?"
            )
        return rows

    def _make_classifier(
        self, input_rows: NDArray[np.float32], output_rows: NDArray[np.float32], history: History
    ) -> Classifier:
        loss = self.config.loss
        outputs = output_rows
        if loss == _HIERARCHICAL:  # a step's label is 1 where the code is 0 here, and where it is 1 in fastText
            outputs = np.zeros((len(output_rows) + 1, self.config.dims), np.float32)
            np.negative(output_rows, out=outputs[:-1])
        model = make_model(
            self.dictionary, self.config, self.buckets, self.compact.expand(input_rows), outputs, _LOSS_CODES[loss]
        )
        return Classifier(model, history=history)


def _divide(data: TrainingTexts, share: float, seed: int) -> tuple[TrainingTexts, TrainingTexts]:
    """The texts to train on, and those held out: each text by its own draw."""
    words = draw_blocks(seed, Purpose.HELDOUT, 0, np.arange(len(data)))[:, 0]
    is_out = words < share * 2.0**32
    if is_out.all() or not is_out.any():
        raise CorpusError(
            f"heldout must leave texts to train on and take one at least, got {int(is_out.sum())} of {len(data)} texts;"
            " give another share, or texts of its own"
        )
    return data.take(np.flatnonzero(~is_out).tolist()), data.take(np.flatnonzero(is_out).tolist())


def _label_arrays(labels: list[list[str]], dictionary: Dictionary) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    ids = dictionary.label_ids
    targets = np.array([ids[label] for names in labels for label in names], np.int32)
    return targets, np.concatenate([[0], np.cumsum([len(names) for names in labels])]).astype(np.int64)


def _heldout_arrays(
    dictionary: Dictionary,
    config: ClassifierConfig,
    held_out: TrainingTexts,
    buckets: int,
    compact: CompactRows,
    display: ProgressDisplay,
) -> tuple[NDArray[Any], ...]:
    """Rows and targets of the held-out texts that have a label of the training texts."""
    known = [[name for name in names if name in dictionary.label_ids] for names in held_out.labels]
    kept = [number for number, names in enumerate(known) if names]
    if not kept:
        raise CorpusError(f"heldout must have a label of the training texts, got none in {len(held_out):,} texts")
    if len(kept) < len(known):
        display.note(f"{len(known) - len(kept):,} held-out texts have no label of the training texts and are left out")
    bags = compact.shrink(find_bags(dictionary, config, [held_out.texts[number] for number in kept], buckets))
    return bags.rows, bags.offsets, *_label_arrays([known[number] for number in kept], dictionary)


def _no_vectors(matrix: NDArray[np.float32]) -> WordVectors:
    raise AssertionError("a classifier has no stop_metric")


__all__ = ["train_classifier"]
