"""Room training: train_classifier: from labelled texts to a classifier that has learned its own vectors.

Tests: tests/training/test_train_classifier.py.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from firth.classification.classifier import FILE_ENDINGS, Classifier, validate_classifier_destination
from firth.classification.config import FIELDS, ClassifierConfig
from firth.classification.folder import KIND
from firth.classification.training_texts import LABEL_PREFIX, TableOptions, TrainingTexts, read_training_texts
from firth.corpus.philox import Purpose, draw_blocks
from firth.errors import CorpusError, ParameterError
from firth.training.loop.callbacks import CallbackList
from firth.training.loop.periods import Period
from firth.training.loop.progress import make_progress
from firth.training.run.options import RunOptions
from firth.training.run.prepared_classifier import PreparedClassifier
from firth.training.run.start import read_start_vectors
from firth.training.run.workspace import open_workspace


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
    label_separator: str | None = None,
    heldout: Any = None,
    patience: int | None = None,
    checkpoint_every: str | float | Period | None = None,
    on_interrupt: str = "save",
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
    file_format, text_column, label_column, delimiter, header, label_prefix, label_separator
        Of a file: see docs/classifier.md.
    heldout : share like ``"5%"`` or ``0.05``, path, (texts, labels), or None
        Texts that are never trained on, for a loss after each epoch. A share is drawn by text, from ``seed``.
    patience : int or None
        Stop when so many epochs in a row did not improve the held-out loss; the vectors of the best epoch are kept.
    checkpoint_every, on_interrupt, callbacks, progress
        As for ``firth.train``. With ``checkpoint_every``, ``output`` must be a folder; ``firth.resume(output)``
        continues the run, without the texts.
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
        The loss or a row grew beyond its bound: lower ``learning_rate``. The exception's ``model`` is the last good
        classifier.
    KeyboardInterrupt, SystemExit
        As for ``firth.train``: a checkpoint is written first, or ``on_interrupt`` decides what is kept.
    UnsavedModelError
        The trained classifier could not be saved; the exception's ``model`` has it.

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
        label_separator=label_separator,
    )
    options = RunOptions.parse(heldout, None, patience, None, checkpoint_every, output, on_interrupt)
    callback_list, display = CallbackList(callbacks), make_progress(progress)
    start = read_start_vectors(initial_vectors, config.dims)
    if start is not None and start.words is None:
        raise ParameterError("initial_vectors must have words: WordVectors, a mapping or a path, got an array")
    target = None if output is None else Path(output)
    folder = target  # of the run
    if target is not None:
        validate_classifier_destination(target, overwrite)
        if target.suffix in FILE_ENDINGS:
            if options.checkpoint_every is not None:
                raise ParameterError(
                    f"output must be a folder with checkpoint_every, got the file {target}; train into a folder, and"
                    " save the classifier to the file afterwards"
                )
            folder = None
    with open_workspace(folder, overwrite, display, {"kind": KIND}) as (workspace, signals):
        started = time.monotonic()
        data = texts if isinstance(texts, TrainingTexts) else read_training_texts(texts, labels, table)
        held_out = None
        if options.heldout is not None and options.heldout.share is not None:
            data, held_out = divide_texts(data, options.heldout.share, config.seed)
        elif heldout is not None:
            source, source_labels = heldout if isinstance(heldout, tuple) else (heldout, None)
            held_out = read_training_texts(source, source_labels, table, "heldout")
        run = PreparedClassifier.build(config, data, held_out, display, time.monotonic() - started)
        run.report_memory(display)
        engine = run.make_engine(start)
        state = run.begin(engine, has_start_vectors=start is not None)
        checkpoints = run.prepare_checkpoints(workspace, options, engine, state, write_first=start is not None)
        return run.train(engine, state, workspace, target, options, callback_list, display, signals, checkpoints, start)


def divide_texts(data: TrainingTexts, share: float, seed: int) -> tuple[TrainingTexts, TrainingTexts]:
    """The texts to train on, and those held out: each text by its own draw."""
    words = draw_blocks(seed, Purpose.HELDOUT, 0, np.arange(len(data)))[:, 0]
    is_out = words < share * 2.0**32
    if is_out.all() or not is_out.any():
        raise CorpusError(
            f"heldout must leave texts to train on and take one at least, got {int(is_out.sum())} of {len(data)} texts;"
            " give another share, or texts of its own"
        )
    return data.take(np.flatnonzero(~is_out).tolist()), data.take(np.flatnonzero(is_out).tolist())


__all__ = ["divide_texts", "train_classifier"]
