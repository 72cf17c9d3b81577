"""Room training: quantize_classifier: prunes a classifier, trains the rows that are left again, then quantizes them.

Tests: tests/training/test_retraining.py.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from firth.base.values import as_integer
from firth.classification.classifier import Classifier
from firth.classification.config import ClassifierConfig
from firth.classification.quantization import prune_model
from firth.classification.training_texts import LABEL_PREFIX, TableOptions, TrainingTexts, read_training_texts
from firth.errors import CorpusError, ParameterError
from firth.formats.fasttext_model import FastTextModel, QuantizedMatrix, dense_matrix
from firth.kernels.engine import Engine
from firth.kernels.examples import explicit_examples
from firth.models.history import History
from firth.training.loop.callbacks import CallbackList
from firth.training.loop.checkpoints import RunState
from firth.training.loop.divergence import loss_bound, norm_bound
from firth.training.loop.loop import TrainingLoop
from firth.training.loop.options import LoopOptions
from firth.training.loop.progress import ProgressDisplay, make_progress
from firth.training.loop.signals import StopSignals
from firth.training.run.prepared_classifier import (
    engine_outputs,
    label_arrays,
    make_training_config,
    no_vectors,
    stored_outputs,
)


def quantize_classifier(
    classifier: Classifier,
    texts: Any,
    labels: Any = None,
    *,
    cutoff: int,
    epochs: int = 5,
    learning_rate: float = 0.1,
    norms: bool = True,
    part_dims: int = 2,
    quantize_output: bool = False,
    seed: int = 1,
    threads: int | None = None,
    deterministic: bool = False,
    file_format: str = "auto",
    text_column: str | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    header: bool = True,
    label_prefix: str = LABEL_PREFIX,
    label_separator: str | None = None,
    progress: bool | None = None,
) -> Classifier:
    """Make a small classifier: prune the rows, train those that are left again on the texts, then quantize.

    ``classifier.quantize(cutoff=...)`` prunes and quantizes alone; training again recovers much of what pruning loses.
    fastText calls this ``quantize -retrain``. Only the input matrix is quantized after it was trained again, so the
    output matrix fits the rows that are left.

    Parameters
    ----------
    classifier : Classifier
        One that is not quantized. It stays as it is.
    texts, labels, file_format, text_column, label_column, delimiter, header, label_prefix, label_separator
        Usually what the classifier was trained on; as for ``firth.train_classifier``. Texts without a row that is left
        are not learned from.
    cutoff : int
        Rows of words and n-grams to keep, those with the largest norms.
    epochs, learning_rate, threads, deterministic
        Of the second training; as for ``firth.train_classifier``.
    norms, part_dims, quantize_output
        ``norms``, ``part_dims`` and ``output`` of ``Classifier.quantize``.
    seed : int
        Of the second training and of the quantization.
    progress : None, True or False

    Returns
    -------
    Classifier

    Raises
    ------
    ParameterError
        The classifier is quantized already, or ``cutoff`` leaves no word.
    CorpusError
        A text has a label that the classifier does not have, or no text has a row that is left.
    DivergenceError
        Lower ``learning_rate``.

    Examples
    --------
    >>> import firth
    >>> texts = ["sweet apple pie", "apple cake", "fast red car", "a car on the road"] * 25
    >>> labels = ["food", "food", "cars", "cars"] * 25
    >>> model = firth.train_classifier(texts, labels, dims=8, epochs=20, progress=False)
    >>> small = firth.quantize_classifier(model, texts, labels, cutoff=5, epochs=20, progress=False)
    >>> small
    Classifier(2 labels, 5 words, 8 dims, softmax, quantized)
    >>> small.predict("apple cake").labels
    ['food']
    """
    if not isinstance(classifier, Classifier):
        raise ParameterError(f"classifier must be a firth.Classifier, got {type(classifier).__name__}")
    model = classifier.model
    if isinstance(model.input_matrix, QuantizedMatrix):
        raise ParameterError("the model must not be quantized yet, got a quantized one; take the one it was made from")
    cutoff = as_integer("cutoff", cutoff, minimum=1)
    config = ClassifierConfig(
        loss=classifier.loss,
        dims=classifier.dims,
        negatives=max(1, model.arguments.negatives),
        epochs=epochs,
        learning_rate=learning_rate,
        seed=seed,
        threads=threads,
        deterministic=deterministic,
    )
    display = make_progress(progress)
    table = TableOptions(
        file_format=file_format,
        text_column=text_column,
        label_column=label_column,
        delimiter=delimiter,
        header=header,
        label_prefix=label_prefix,
        label_separator=label_separator,
    )
    with StopSignals() as signals:
        with signals.at_once():
            data = texts if isinstance(texts, TrainingTexts) else read_training_texts(texts, labels, table)
            known = {name: number for number, name in enumerate(classifier.labels)}
            unknown = [name for names in data.labels for name in names if name not in known]
            if unknown:
                raise CorpusError(
                    f"labels must be those of the classifier, got {len(unknown):,} others, such as {unknown[0]!r}; take"
                    " their texts out"
                )
            pruned = prune_model(model, cutoff) if cutoff < len(model.input_matrix) else model
            bags = Classifier(pruned).find_all_rows(data.texts)
        trained = _train_again(pruned, config, *bags, *label_arrays(data.labels, known), display, signals)
    return Classifier(trained).quantize(
        norms=norms, part_dims=part_dims, output=quantize_output, seed=seed, threads=threads
    )


def _train_again(
    model: FastTextModel,
    config: ClassifierConfig,
    rows: Any,
    offsets: Any,
    targets: Any,
    target_offsets: Any,
    display: ProgressDisplay,
    signals: StopSignals,
) -> FastTextModel:
    """The model after training that begins with its rows."""
    if len(rows) == 0:
        raise CorpusError("texts must have a row that is left, got none; raise cutoff (--cutoff)")
    examples = explicit_examples(
        rows,
        offsets,
        targets,
        n_input_rows=model.input_matrix.shape[0],
        n_targets=model.n_labels,
        target_offsets=target_offsets,
    )
    # the labels' tree and noise are those of the classifier, whatever the texts
    examples = dataclasses.replace(examples, counts=np.ascontiguousarray(model.label_counts, np.int64))
    training = make_training_config(config)
    engine = Engine(examples, training)
    outputs = engine_outputs(config.loss, dense_matrix(model.output_matrix))
    engine.load_vectors(dense_matrix(model.input_matrix), outputs)
    state = RunState(
        history=History(guessing_loss_nats=engine.guessing_loss_nats),
        loss_bound_nats=loss_bound(engine, True),
        norm_bound=norm_bound(engine, True),
    )
    options = LoopOptions(
        n_tokens=len(rows),
        words_per_token=1.0,
        make_vectors=no_vectors,
        cures_of_divergence=f"lower learning_rate, below {config.learning_rate:g} (--learning-rate)",
        cures_of_no_example="give texts with labels",
    )
    loop = TrainingLoop(engine, training, state, options, CallbackList(()), display, signals, None)
    input_rows, output_rows = loop.run()
    return dataclasses.replace(
        model, input_matrix=np.ascontiguousarray(input_rows), output_matrix=stored_outputs(config.loss, output_rows)
    )


__all__ = ["quantize_classifier"]
