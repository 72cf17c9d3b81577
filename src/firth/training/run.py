"""Room training: train, resume and train_more: from a corpus to a model, everything checked before work is done."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth.base.json_file import as_object, as_text
from firth.base.machine import available_processors
from firth.base.values import as_integer
from firth.corpus.encoded import EncodedCorpus
from firth.corpus.vocabulary import Vocabulary
from firth.errors import FormatError, ParameterError
from firth.kernels.config import (
    PARAMETER_HELP,
    TrainingConfig,
    validate_parameter_names,
    with_parameters,
)
from firth.kernels.engine import Engine
from firth.native.loader import default_instruction_set
from firth.training.callbacks import CallbackList
from firth.training.checkpoints import CheckpointWriter, read_checkpoint
from firth.training.continuation import Continuation, continue_vocabulary
from firth.training.encoding import (
    TextOptions,
    encode_for_training,
    encode_heldout,
    heldout_arrays,
    is_lowercase,
    known_words,
    reopen_corpus,
    wrong_word_kind,
)
from firth.training.model import Model
from firth.training.options import Heldout, HeldoutSource, Interval, RunOptions
from firth.training.prepared import PreparedRun, same_instruction_set
from firth.training.progress import ProgressDisplay, make_progress
from firth.training.resumed import validate_run_arrays, validate_snapshot
from firth.training.signals import StopSignals
from firth.training.start import (
    StartVectors,
    frozen_mask,
    noise_weights,
    read_sequence_weights,
    read_start_output_vectors,
    read_start_vectors,
    validate_freeze,
)
from firth.training.work_files import TEXT_NAME, discard
from firth.training.workspace import Workspace
from firth.vectors.word_vectors import WordVectors

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from firth.kernels.parameters import TrainingParameters

    Matrix = NDArray[np.float32]


def train(
    corpus: Any,
    *,
    output: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    lowercase: bool = False,
    tokenizer: str | Callable[[str], Sequence[str]] | None = None,
    normalizer: Callable[[str], str] | None = None,
    encoding_errors: str = "strict",
    as_text: bool = False,
    vocabulary: Vocabulary | None = None,
    heldout: HeldoutSource | None = None,
    heldout_every: str | Interval | None = None,
    patience: int | None = None,
    stop_metric: Callable[[WordVectors], float] | None = None,
    checkpoint_every: str | float | Interval | None = None,
    on_interrupt: str = "save",
    callbacks: Iterable[Any] = (),
    progress: bool | None = None,
    initial_vectors: Any = None,
    initial_output_vectors: Any = None,
    freeze: Any = None,
    sequence_weights: Any = None,
    noise_distribution: Any = None,
    **parameters: Unpack[TrainingParameters],
) -> Model:
    """Learn vectors from a corpus.

    Parameters
    ----------
    corpus : path, paths or globs; open binary file; iterable of token lists; column of texts or lists; frame of
        integers; NumPy ids with offsets; EncodedCorpus
        As ``firth.encode_corpus`` takes it; an encoded corpus is verified first, at a second or so a gigabyte.
    output : path of a folder, or None
        Where the model is saved at the end. Refused before any work where something is in it, unless ``overwrite``;
        then the old model stays whole until the new one is saved.
    lowercase, tokenizer, normalizer, encoding_errors, as_text, vocabulary
        As for ``firth.encode_corpus``.
    heldout : path, token lists, or share like ``"1%"`` or ``0.01``
        What is never trained on, and on which a loss is computed. A share is drawn by sequence, from ``seed``.
    heldout_every : str in words, like ``"10Mwords"``, or None
        When to look at the held-out part (and call ``stop_metric``). None: after every epoch.
    patience : int or None
        Stop when so many looks in a row did not improve on the best one, and keep the vectors of the best one; where
        the run ends by itself, they are kept as well.
    stop_metric : function of WordVectors that returns a number, or None
        Decides in place of the held-out loss what is best; larger is better.
    checkpoint_every : str, number of minutes, Interval, or None
        ``"10min"``, ``"90s"``, ``"50Mwords"``: then the run can go on after a crash, by ``firth.resume(output)``.
    on_interrupt : {"save", "discard"}
        What becomes of the vectors when Ctrl-C, SIGTERM, SIGHUP, or an exception of a callback or of ``stop_metric``
        cuts off a run without checkpoints. ``"save"``: the model, with the ``stop_reason`` ``"interrupted"``, is saved
        to ``output``, or beside it where ``output`` holds a model already, and the exception has it in the attribute
        ``partial_model`` and its folder in ``partial_model_folder``. ``"discard"``: nothing is kept.
    callbacks : objects with ``on_epoch_end(state)`` or ``on_progress(state)``
        See ``firth.Callback``.
    progress : None, True or False
        None or True: a bar on a terminal and in a notebook, plain lines on standard error elsewhere. False: nothing.
    initial_vectors : WordVectors, VectorTable, mapping, path of vectors or a model, array (V, D), or None
        Input vectors to start from; words that the corpus lacks are left out, others start at random.
    initial_output_vectors : float array, (V, D), in the vocabulary's order, or None
        Output vectors to start from, in place of zeros; (V - 1, D) for ``loss="hierarchical-softmax"``.
    freeze : words, bool array (V,), or True for all words of ``initial_vectors``
        Their input vectors stay as they are.
    sequence_weights : numbers, (n_sequences,)
        A factor of each sequence's learning rate and loss; lines that are empty count as sequences.
    noise_distribution : mapping from word to weight, or array (V,)
        What noise words are drawn by, in place of ``noise_exponent``.
    parameters
        What is learned: ``architecture`` to ``deterministic``, as ``firth.TrainingConfig`` documents them.

    Returns
    -------
    Model

    Raises
    ------
    ParameterError, CorpusError, CorpusTypeError, StorageError, UnknownWordError
        Before any work is lost.
    DivergenceError
        The loss or a vector grew beyond its bound (docs/training.md); the exception's ``model`` has the last vectors
        that were kept before. Nothing is saved.
    TrainingError
        An epoch had no example to learn from.
    KeyboardInterrupt
        Ctrl-C, within a second. A checkpoint is written first where ``checkpoint_every`` is given; without it
        ``on_interrupt`` says what is kept. SIGTERM and SIGHUP do the same, then raise SystemExit.
    UnsavedModelError
        The model could not be saved in the end; the exception holds it.
    """
    for name in parameters:
        if name not in PARAMETER_HELP:
            known = ", ".join(PARAMETER_HELP)
            raise TypeError(
                f"train() got an unexpected keyword argument {name!r}; its parameters of learning are {known}"
            )
    config = TrainingConfig(**parameters).resolved()
    options = RunOptions.parse(heldout, heldout_every, patience, stop_metric, checkpoint_every, output, on_interrupt)
    callback_list = CallbackList(callbacks)
    display = make_progress(progress)
    start_vectors = read_start_vectors(initial_vectors, config.dims)
    validate_freeze(freeze, start_vectors is not None)
    weights = read_sequence_weights(sequence_weights)
    continues_rows = isinstance(initial_vectors, np.ndarray)
    text = TextOptions(lowercase, tokenizer, normalizer, encoding_errors, as_text, continues_rows)
    with _prepare(output, overwrite, display) as (workspace, signals):
        encoded, encode_seconds = encode_for_training(
            corpus, workspace, config, text, vocabulary, options, display, workspace.corpus_folder
        )
        if isinstance(corpus, EncodedCorpus):
            config = _as_encoded(config, corpus)
        words = encoded.vocabulary
        noise = noise_weights(noise_distribution, words)
        start_word_ids = None if start_vectors is None else start_vectors.rows_for(words)[0]
        run = PreparedRun(
            config=config,
            workspace=workspace,
            corpus=encoded,
            heldout=encode_heldout(workspace, encoded, options, text, config, display),
            lowercase=is_lowercase(encoded),
            weights=weights,
            noise=noise,
            frozen=frozen_mask(freeze, words, start_word_ids),
            instruction_set=default_instruction_set(),
        )
        run.validate()
        run.report_needs(options, display)
        engine = run.make_engine()
        has_start = start_vectors is not None or initial_output_vectors is not None

        def load_start() -> None:
            engine.reset_vectors()
            _load_start_vectors(engine, start_vectors, initial_output_vectors, words)

        if has_start:
            load_start()
        state = run.begin(engine, encode_seconds, has_start_vectors=has_start)
        checkpoints = run.prepare_checkpoints(options, engine, state, write_first=has_start)
        return run.train(engine, state, options, callback_list, display, signals, checkpoints, load_start)


train.__signature__ = with_parameters(train)  # type: ignore[attr-defined]


def resume(
    folder: str | os.PathLike[str],
    *,
    callbacks: Iterable[Any] = (),
    stop_metric: Callable[[WordVectors], float] | None = None,
    progress: bool | None = None,
    threads: int | None = None,
) -> Model:
    """Go on with a run that was cut off, from its last checkpoint: no corpus is needed, the encoded one is there.

    Position, learning rate, history and configuration go on as they stood. The vectors are those of a run that was
    never cut off, to the bit, with one thread or ``deterministic=True``, on the same instruction set; otherwise each
    slice is trained exactly once.

    Parameters
    ----------
    folder : path
        The ``output`` of the run, which was given ``checkpoint_every``.
    callbacks, stop_metric
        Functions are not stored: pass those of the run again.
    threads : int or None
        None: as many as before.

    Returns
    -------
    Model

    Raises
    ------
    StorageError
        There is no run to go on with in the folder, or it is still at work.
    CorpusError
        The encoded corpus was changed.
    FormatError
        A file is damaged.
    ParameterError
        ``stop_metric`` is missing where the run had one, or given where it had none.
    """
    callback_list = CallbackList(callbacks)
    display = make_progress(progress)
    with StopSignals() as signals, contextlib.closing(Workspace.reopen(folder)) as workspace, signals.at_once():
        record, arrays = workspace.read_run()
        try:
            config = TrainingConfig.from_json(record["training"])
            options = RunOptions(
                heldout=Heldout() if record["has_heldout"] else None,
                heldout_every=_read_interval(record["heldout_every"]),
                patience=record["patience"],
                stop_metric=stop_metric,
                checkpoint_every=_read_interval(record["checkpoint_every"]),
            )
            has_metric, identity = bool(record["has_stop_metric"]), dict(as_object(record["identity"], "identity"))
            corpus_identity, heldout_identity = identity["corpus"], identity["heldout"]
            began_with = as_text(record["instruction_set"], "instruction_set")
            encode_seconds = float(record["encode_seconds"])
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{workspace.folder}: run.json is damaged ({error!r}); start the run again") from None
        if has_metric != (stop_metric is not None):
            what = "be given again, as functions are not stored" if has_metric else "be left out: the run had none"
            raise ParameterError(f"stop_metric must {what}, got {stop_metric!r}")
        if stop_metric is not None and not callable(stop_metric):
            raise ParameterError(f"stop_metric must be a function of the vectors, got {stop_metric!r}")
        if threads is not None:
            config = dataclasses.replace(config, threads=as_integer("threads", threads, minimum=1))
        corpus = reopen_corpus(workspace.corpus_folder, corpus_identity)
        heldout: EncodedCorpus | None = None
        if heldout_identity is not None:
            heldout = reopen_corpus(workspace.heldout_folder, heldout_identity)
        validate_run_arrays(workspace.folder, arrays, len(corpus.vocabulary), corpus.n_sequences)
        snapshot = read_checkpoint(workspace.checkpoint_folder, identity)
        run = PreparedRun(
            config=config,
            workspace=workspace,
            corpus=corpus,
            heldout=heldout_arrays(corpus, heldout) if record["has_heldout"] else None,
            lowercase=is_lowercase(corpus),
            weights=arrays.get("sequence_weights"),
            noise=arrays.get("noise_distribution"),
            frozen=arrays.get("frozen"),
            instruction_set=same_instruction_set(began_with),
        )
        run.validate()
        run.report_needs(options, display)
        engine = run.make_engine()
        if snapshot is None:  # of a run with start vectors there is one
            state = run.begin(engine, encode_seconds, has_start_vectors=False)
        else:
            state = snapshot.state
            shapes = (engine.input_vectors.shape, engine.output_vectors.shape)
            validate_snapshot(workspace.checkpoint_folder, snapshot, shapes, config.epochs, corpus.n_tokens)
            engine.load_vectors(snapshot.input_vectors, snapshot.output_vectors)
            if state.loss_bound_nats is None or state.norm_bound is None:  # a checkpoint of an earlier version
                begun = run.begin(engine, encode_seconds, has_start_vectors=True)
                state.loss_bound_nats, state.norm_bound = begun.loss_bound_nats, begun.norm_bound
                state.history.guessing_loss_nats = begun.history.guessing_loss_nats
        done = (state.epoch * corpus.n_tokens + state.position) / (config.epochs * corpus.n_tokens)
        display.note(f"going on in epoch {state.epoch + 1} of {config.epochs}, {done:.1%} done")
        checkpoints = CheckpointWriter(workspace.checkpoint_folder, identity)
        return run.train(engine, state, options, callback_list, display, signals, checkpoints, engine.reset_vectors)


def train_more(
    model: Model,
    corpus: Any,
    *,
    new_words: bool,
    freeze: Any,
    output: str | os.PathLike[str] | None,
    overwrite: bool,
    lowercase: bool | None,
    tokenizer: str | Callable[[str], Sequence[str]] | None,
    normalizer: Callable[[str], str] | None,
    encoding_errors: str,
    as_text: bool,
    heldout: HeldoutSource | None,
    heldout_every: str | Interval | None,
    patience: int | None,
    stop_metric: Callable[[WordVectors], float] | None,
    checkpoint_every: str | float | Interval | None,
    on_interrupt: str,
    callbacks: Iterable[Any],
    progress: bool | None,
    sequence_weights: Any,
    changes: Mapping[str, Any],
) -> Model:
    """Continue a model on new text: what ``Model.train_more`` documents."""
    validate_parameter_names(changes)
    for name in ("architecture", "loss", "dims"):
        if name in changes and changes[name] != getattr(model.config, name):
            raise ParameterError(
                f"{name} must stay {getattr(model.config, name)!r}, as the model was trained, got {changes[name]!r}"
            )
    config = TrainingConfig(**{**model.config.to_json(), **_following_changes(model.config, changes)}).resolved()
    options = RunOptions.parse(heldout, heldout_every, patience, stop_metric, checkpoint_every, output, on_interrupt)
    callback_list = CallbackList(callbacks)
    display = make_progress(progress)
    validate_freeze(freeze, True)
    weights = read_sequence_weights(sequence_weights)
    is_encoded = isinstance(corpus, EncodedCorpus)
    same_case = (model.corpus.lowercase and not is_encoded) if lowercase is None else lowercase
    text = TextOptions(same_case, tokenizer, normalizer, encoding_errors, as_text)
    words: Any = model.vectors.words
    old_words = Vocabulary(
        words=words if isinstance(words, np.ndarray) else tuple(words),
        counts=np.ones(len(model.vectors), np.int64) if model.vectors.counts is None else model.vectors.counts,
    )
    old_mask = frozen_mask(freeze, old_words, None) if freeze is not True else np.ones(len(old_words), np.bool_)
    with _prepare(output, overwrite, display) as (workspace, signals):
        with known_words("corpus", "the model", old_words):
            encoded, encode_seconds = encode_for_training(
                corpus,
                workspace,
                config,
                text,
                None if new_words or is_encoded else old_words,
                options,
                display,
                workspace.folder / TEXT_NAME,
                cut=False,
            )
        if encoded.vocabulary.words_are_ids != old_words.words_are_ids:
            raise wrong_word_kind("corpus", "the model", old_words)
        continued = continue_vocabulary(encoded, old_words, config, workspace.corpus_folder, new_words=new_words)
        discard(workspace.folder, TEXT_NAME)  # its ids are rewritten
        frozen: NDArray[np.bool_] | None = None
        if old_mask is not None:
            frozen = np.zeros(len(continued.corpus.vocabulary), np.bool_)
            frozen[continued.word_ids] = old_mask
        run = PreparedRun(
            config=config,
            workspace=workspace,
            corpus=continued.corpus,
            heldout=encode_heldout(workspace, continued.corpus, options, text, config, display),
            lowercase=is_lowercase(encoded),
            weights=weights,
            noise=continued.noise if config.objective.outputs.draws_negatives else None,
            frozen=frozen,
            instruction_set=default_instruction_set(),
        )
        run.validate()
        run.report_needs(options, display)
        engine = run.make_engine()

        def load_start() -> None:
            engine.reset_vectors()
            _load_old_vectors(engine, model, continued)

        load_start()
        state = run.begin(engine, encode_seconds, has_start_vectors=True)
        checkpoints = run.prepare_checkpoints(options, engine, state, write_first=True)
        return run.train(engine, state, options, callback_list, display, signals, checkpoints, load_start)


@contextlib.contextmanager
def _prepare(
    output: str | os.PathLike[str] | None, overwrite: bool, display: ProgressDisplay
) -> Iterator[tuple[Workspace, StopSignals]]:
    """A work folder that is deleted in the end, but for a run that can go on; signals that end all in order."""
    with StopSignals() as signals:
        workspace = Workspace.create(output, overwrite)
        try:
            with signals.at_once():
                yield workspace, signals
        finally:
            display.close()
            if workspace.is_run:
                workspace.close()
            else:
                workspace.remove()


def _load_start_vectors(
    engine: Engine, start_vectors: StartVectors | None, output_vectors: Any, vocabulary: Vocabulary
) -> None:
    input_vectors = engine.input_vectors
    if start_vectors is not None:
        word_ids, rows = start_vectors.rows_for(vocabulary)
        input_vectors[word_ids] = start_vectors.matrix[rows]
    if output_vectors is None:
        output_vectors = engine.output_vectors
    else:
        output_vectors = read_start_output_vectors(output_vectors, engine.output_vectors.shape)
    engine.load_vectors(input_vectors, output_vectors)


def _load_old_vectors(engine: Engine, model: Model, continued: Continuation) -> None:
    input_vectors, output_vectors = engine.input_vectors, engine.output_vectors
    input_vectors[continued.word_ids] = model.vectors.matrix
    if not model.config.objective.outputs.needs_tree:  # output rows are words
        output_vectors[continued.word_ids] = model.output_vectors
    elif continued.keeps_tree:
        output_vectors[:] = model.output_vectors
    engine.load_vectors(input_vectors, output_vectors)


def _following_changes(config: TrainingConfig, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes, and the end of the learning rate decided anew where its start is changed alone."""
    following: dict[str, Any] = {"threads": min(config.threads or 1, available_processors()), **changes}
    if "learning_rate" in changes and "min_learning_rate" not in changes:
        following["min_learning_rate"] = None
    return following


def _as_encoded(config: TrainingConfig, corpus: EncodedCorpus) -> TrainingConfig:
    """The configuration with the vocabulary's limits that the corpus was encoded with, for the record."""
    settings = corpus.manifest.get("settings", {})
    limits = {name: settings[name] for name in ("min_count", "max_vocabulary") if name in settings}
    return dataclasses.replace(config, **limits)


def _read_interval(values: Mapping[str, float | None] | None) -> Interval | None:
    return None if values is None else Interval(**values)


__all__ = ["resume", "train"]
