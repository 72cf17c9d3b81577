"""Room training: resume: continues an interrupted run, of word vectors or of a classifier, from its last checkpoint."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from numpy.typing import NDArray

from firth.base.json_file import as_object, as_text
from firth.base.values import as_integer
from firth.classification.classifier import Classifier
from firth.corpus.encoded import EncodedCorpus
from firth.corpus.tokenizers import TokenizerRecord
from firth.errors import FormatError, ParameterError
from firth.kernels.config import TrainingConfig
from firth.kernels.engine import Engine
from firth.models.model import Model
from firth.models.run_files import CLASSIFIER_RUN
from firth.training.loop.callbacks import CallbackList
from firth.training.loop.checkpoints import CheckpointWriter, RunState, Snapshot, read_checkpoint
from firth.training.loop.periods import Period
from firth.training.loop.progress import ProgressDisplay, make_progress
from firth.training.loop.signals import StopSignals
from firth.training.run.document_rows import DocumentRows
from firth.training.run.encoding import heldout_arrays, is_lowercase, reopen_corpus
from firth.training.run.options import MATRICES, Heldout, RunOptions
from firth.training.run.pair_rows import PairRows
from firth.training.run.prepared import PreparedRun, same_instruction_set
from firth.training.run.prepared_classifier import PreparedClassifier
from firth.training.run.resumed import read_run_phrases, validate_run_arrays, validate_snapshot
from firth.training.run.workspace import Workspace
from firth.vectors.word_vectors import WordVectors


def resume(
    folder: str | os.PathLike[str],
    *,
    callbacks: Iterable[Any] = (),
    stop_metric: Callable[[WordVectors], float] | None = None,
    progress: bool | None = None,
    threads: int | None = None,
) -> Any:
    """Continue an interrupted run from its last checkpoint. The corpus is not needed: the folder has it, encoded.

    The run may be one of ``firth.train`` or of ``firth.train_classifier``.

    Position, learning rate, history and configuration continue from the checkpoint. With one thread or
    ``deterministic=True``, on the same instruction set, the vectors are equal to the bit to those of an uninterrupted
    run. Otherwise each slice is trained exactly once.

    Parameters
    ----------
    folder : path
        The ``output`` of the run. The run must have been started with ``checkpoint_every``.
    callbacks, stop_metric
        The same as for the run: functions are not stored in the checkpoint.
    threads : int or None
        None: the number of threads of the run.

    Returns
    -------
    firth.Model or firth.Classifier
        A Classifier if ``firth.train_classifier`` began the run.

    Raises
    ------
    StorageError
        The folder has no unfinished run, or another process is training it.
    CorpusError
        The encoded corpus was changed.
    FormatError
        A file is damaged.
    ParameterError
        ``stop_metric`` is missing but the run had one, or it is given but the run had none.
    """
    callback_list = CallbackList(callbacks)
    display = make_progress(progress)
    with StopSignals() as signals, contextlib.closing(Workspace.reopen(folder)) as workspace, signals.at_once():
        record, arrays = workspace.read_run()
        prepare = _prepare_classifier if record.get("kind") == CLASSIFIER_RUN else _prepare_words
        return prepare(workspace, record, arrays, callback_list, stop_metric, display, signals, threads)()


def _prepare_words(
    workspace: Workspace,
    record: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    callbacks: CallbackList,
    stop_metric: Callable[[WordVectors], float] | None,
    display: ProgressDisplay,
    signals: StopSignals,
    threads: int | None,
) -> Callable[[], Model]:
    """The rest of a run of word vectors, ready to be trained by a call."""
    try:
        config = TrainingConfig.from_json(record["training"])
        options = RunOptions(
            heldout=Heldout() if record["has_heldout"] else None,
            heldout_every=_read_period(record["heldout_every"]),
            patience=record["patience"],
            stop_metric=stop_metric,
            checkpoint_every=_read_period(record["checkpoint_every"]),
            matrices=_read_matrices(record),
        )
        has_metric, identity = bool(record["has_stop_metric"]), dict(as_object(record["identity"], "identity"))
        corpus_identity, heldout_identity = identity["corpus"], identity["heldout"]
        began_with = as_text(record["instruction_set"], "instruction_set")
        encode_seconds = float(record["encode_seconds"])
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{workspace.folder}: run.json is damaged ({error!r}); start the run again") from None
    if has_metric != (stop_metric is not None):
        what = "be given again, because functions are not stored" if has_metric else "be left out: the run had none"
        raise ParameterError(f"stop_metric must {what}, got {stop_metric!r}")
    if stop_metric is not None and not callable(stop_metric):
        raise ParameterError(f"stop_metric must be a function of the vectors, got {stop_metric!r}")
    if threads is not None:
        config = dataclasses.replace(config, threads=as_integer("threads", threads, minimum=1))
    corpus = reopen_corpus(workspace.corpus_folder, corpus_identity)
    heldout: EncodedCorpus | None = None
    if heldout_identity is not None:
        heldout = reopen_corpus(workspace.heldout_folder, heldout_identity)
    if record.get("documents") is not None:
        documents = DocumentRows.read(as_object(record["documents"], "documents"), arrays, corpus.n_sequences)
        held_out = documents.divide(corpus)[1]
    else:
        documents = None
    pairs = None
    if record.get("pairs") is not None:
        pairs, held_out = PairRows.read(as_object(record["pairs"], "pairs"), arrays, corpus), None
    elif documents is None:
        validate_run_arrays(workspace.folder, arrays, len(corpus.vocabulary), corpus.n_sequences)
        held_out = heldout_arrays(corpus, heldout) if record["has_heldout"] else None
    snapshot = read_checkpoint(workspace.checkpoint_folder, identity)
    run = PreparedRun(
        config=config,
        workspace=workspace,
        corpus=corpus,
        heldout=held_out,
        lowercase=is_lowercase(corpus),
        weights=arrays.get("sequence_weights"),
        noise=arrays.get("noise_distribution"),
        frozen=arrays.get("frozen"),
        phrases=read_run_phrases(workspace.folder, arrays),
        instruction_set=same_instruction_set(began_with),
        tokenizer=TokenizerRecord.of_settings(record),
        documents=documents,
        pairs=pairs,
        matrices=options.matrices,
    )
    n_tokens = len(run.trained[0])
    run.validate()
    run.report_needs(options, display)
    engine = run.make_engine()
    if snapshot is None:  # then the run had no start vectors
        state = run.begin(engine, encode_seconds, has_start_vectors=False)
    else:
        state = _load_snapshot(workspace, snapshot, engine, config.epochs, n_tokens)
        if state.loss_bound_nats is None or state.norm_bound is None:  # a checkpoint of an earlier version
            begun = run.begin(engine, encode_seconds, has_start_vectors=True)
            state.loss_bound_nats, state.norm_bound = begun.loss_bound_nats, begun.norm_bound
            state.history.guessing_loss_nats = begun.history.guessing_loss_nats
    _tell_position(display, state, config.epochs, n_tokens)
    checkpoints = CheckpointWriter(workspace.checkpoint_folder, identity)
    return partial(
        run.train, engine, state, options, callbacks, display, signals, checkpoints, engine.reset_vectors
    )  # which adds no level to the stack of warnings


def _prepare_classifier(
    workspace: Workspace,
    record: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    callbacks: CallbackList,
    stop_metric: Callable[[WordVectors], float] | None,
    display: ProgressDisplay,
    signals: StopSignals,
    threads: int | None,
) -> Callable[[], Classifier]:
    """The rest of a classifier's run, ready to be trained by a call."""
    if stop_metric is not None:
        raise ParameterError(f"stop_metric must be left out: the run of a classifier has none, got {stop_metric!r}")
    try:
        instruction_set = same_instruction_set(as_text(record["instruction_set"], "instruction_set"))
        run = PreparedClassifier.from_run(record, arrays, instruction_set)
        options = RunOptions(
            heldout=Heldout() if record["has_heldout"] else None,
            heldout_every=None,
            patience=record["patience"],
            stop_metric=None,
            checkpoint_every=_read_period(record["checkpoint_every"]),
        )
        identity = dict(as_object(record["identity"], "identity"))
    except (LookupError, TypeError, ValueError) as error:
        raise FormatError(f"{workspace.folder}: the run is damaged ({error!r}); start the run again") from None
    if threads is not None:
        threads = as_integer("threads", threads, minimum=1)
        run = dataclasses.replace(run, config=dataclasses.replace(run.config, threads=threads))
    snapshot = read_checkpoint(workspace.checkpoint_folder, identity)
    run.report_memory(display)
    engine = run.make_engine(None)
    if snapshot is None:  # then the run had no start vectors
        state = run.begin(engine, has_start_vectors=False)
    else:
        state = _load_snapshot(workspace, snapshot, engine, run.config.epochs, len(run.bags.rows))
    _tell_position(display, state, run.config.epochs, len(run.bags.rows))
    checkpoints = CheckpointWriter(workspace.checkpoint_folder, identity)
    return partial(
        run.train, engine, state, workspace, workspace.output, options, callbacks, display, signals, checkpoints, None
    )


def _load_snapshot(workspace: Workspace, snapshot: Snapshot, engine: Engine, epochs: int, n_tokens: int) -> RunState:
    """The state of a checkpoint, whose vectors the engine gets."""
    input_vectors, output_vectors = engine.vector_views
    shapes = (input_vectors.shape, output_vectors.shape)
    validate_snapshot(workspace.checkpoint_folder, snapshot, shapes, epochs, n_tokens)
    engine.load_vectors(snapshot.input_vectors, snapshot.output_vectors)
    state = snapshot.state
    if state.kept_vectors is not None:  # the next checkpoint replaces the file that they are in
        inputs, outputs = state.kept_vectors
        state.kept_vectors = engine.memory.copy(inputs), engine.memory.copy(outputs)
    return state


def _tell_position(display: ProgressDisplay, state: RunState, epochs: int, n_tokens: int) -> None:
    done = (state.epoch * n_tokens + state.position) / (epochs * n_tokens)
    display.note(f"continuing in epoch {state.epoch + 1} of {epochs}, {done:.1%} done")


def _read_matrices(record: Mapping[str, Any]) -> str:
    """Where the matrices of a run are; runs of older versions do not say, and had them in memory."""
    matrices = as_text(record.get("matrices", "memory"), "matrices")
    if matrices not in MATRICES:
        raise ValueError(f"matrices must be one of {', '.join(MATRICES)}, got {matrices!r:.60}")
    return matrices


def _read_period(values: Mapping[str, float | None] | None) -> Period | None:
    return None if values is None else Period(**values)


__all__ = ["resume"]
