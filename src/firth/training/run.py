"""Room training: train, resume and train_more: from a corpus to a model, everything checked before work is done."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import shutil
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

import firth
from firth.corpus.encode import encode_corpus, estimate_corpus
from firth.corpus.encoded import EncodedCorpus
from firth.corpus.vocabulary import Vocabulary
from firth.errors import CorpusError, FirthError, FormatError, ParameterError, StorageError
from firth.kernels.engine import Engine
from firth.native.loader import available_instruction_sets, default_instruction_set
from firth.training.callbacks import CallbackList
from firth.training.checkpoints import CheckpointWriter, RunState, Snapshot, read_checkpoint, write_checkpoint
from firth.training.config import (
    NOISE_EXPONENT,
    TrainingConfig,
    as_integer,
    validate_parameter_names,
    validate_vocabulary_size,
)
from firth.training.continuation import Continuation, continue_vocabulary
from firth.training.history import History
from firth.training.loop import LoopOptions, TrainableEngine, TrainingLoop
from firth.training.model import CorpusRecord, Model
from firth.training.options import (
    Heldout,
    HeldoutSource,
    Interval,
    parse_heldout,
    parse_interval,
    parse_patience,
)
from firth.training.progress import ProgressDisplay, format_bytes, make_progress
from firth.training.signals import StopSignals
from firth.training.start import (
    StartVectors,
    frozen_mask,
    noise_weights,
    read_sequence_weights,
    read_start_vectors,
    validate_freeze,
    validate_weight_count,
)
from firth.training.workspace import Workspace, copy_file, free_bytes
from firth.vectors.word_vectors import WordVectors

if TYPE_CHECKING:
    Matrix = NDArray[np.float32]

ROW_FLOATS = 16  # rows are padded to 64 bytes inside the kernels
SPARE_BYTES = 16 << 20


class UnsavedModelError(StorageError):
    """Training ended well, but the model could not be saved; it is in the attribute ``model``: save it elsewhere."""

    def __init__(self, message: str, model: Model) -> None:
        super().__init__(message)
        self.model = model


class InstructionSetWarning(UserWarning):
    """A run goes on with another instruction set than it began with: the last bits of the vectors will differ."""


@dataclass(frozen=True)
class TextOptions:
    """How text becomes tokens: passed on to ``firth.encode_corpus``."""

    lowercase: bool
    tokenizer: Callable[[str], Sequence[str]] | None
    normalizer: Callable[[str], str] | None
    encoding_errors: str


@dataclass(frozen=True)
class RunOptions:
    """How a run goes, parsed; see ``train``."""

    heldout: Heldout | None
    heldout_every: Interval | None
    patience: int | None
    stop_metric: Callable[[WordVectors], float] | None
    checkpoint_every: Interval | None

    @classmethod
    def parse(
        cls,
        heldout: HeldoutSource | None,
        heldout_every: str | Interval | None,
        patience: int | None,
        stop_metric: Callable[[WordVectors], float] | None,
        checkpoint_every: str | float | Interval | None,
        output: str | os.PathLike[str] | None,
    ) -> RunOptions:
        """Check all of them, alone and with each other.

        Raises
        ------
        ParameterError
        """
        parsed_heldout = parse_heldout(heldout)
        parsed_patience = parse_patience(patience, parsed_heldout, stop_metric)
        evaluate_every = parse_interval("heldout_every", heldout_every)
        if evaluate_every is not None:
            if evaluate_every.words is None:
                raise ParameterError(
                    f'heldout_every must be in words, like "10Mwords", not in time, got {heldout_every!r}'
                )
            if parsed_heldout is None and stop_metric is None:
                raise ParameterError(
                    f"heldout_every must come with heldout= or stop_metric=, got heldout_every={heldout_every!r} alone"
                )
        every = parse_interval("checkpoint_every", checkpoint_every)
        if every is not None and output is None:
            raise ParameterError(
                f"checkpoint_every must come with output=, the folder to go on from, got {checkpoint_every!r} alone"
            )
        return cls(parsed_heldout, evaluate_every, parsed_patience, stop_metric, every)


def train(
    corpus: Any,
    *,
    output: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    lowercase: bool = False,
    tokenizer: Callable[[str], Sequence[str]] | None = None,
    normalizer: Callable[[str], str] | None = None,
    encoding_errors: str = "strict",
    vocabulary: Vocabulary | None = None,
    heldout: HeldoutSource | None = None,
    heldout_every: str | Interval | None = None,
    patience: int | None = None,
    stop_metric: Callable[[WordVectors], float] | None = None,
    checkpoint_every: str | float | Interval | None = None,
    callbacks: Iterable[Any] = (),
    progress: bool | None = None,
    initial_vectors: Any = None,
    freeze: Any = None,
    sequence_weights: Any = None,
    noise_distribution: Any = None,
    architecture: str = "skipgram",
    loss: str = "negative-sampling",
    dims: int = 100,
    window: int = 5,
    window_mode: str = "dynamic",
    window_side: str = "both",
    negatives: int = 5,
    negative_sharing: str = "window",
    target_collision: str = "reject",
    noise_exponent: float = NOISE_EXPONENT,
    subsample: float = 1e-3,
    cbow_input: str = "mean",
    cbow_update: str = "gradient",
    learning_rate: float | None = None,
    min_learning_rate: float | None = None,
    min_count: int = 5,
    max_vocabulary: int | None = None,
    epochs: int = 5,
    threads: int | None = None,
    seed: int = 1,
    deterministic: bool = False,
) -> Model:
    """Learn vectors from a corpus.

    Parameters
    ----------
    corpus : path, paths or globs; open text file; iterable of token lists; NumPy ids with offsets; EncodedCorpus
        As ``firth.encode_corpus`` takes it; an encoded corpus is used as it is.
    output : path of a folder, or None
        Where the model is saved at the end. Refused before any work where something is in it, unless ``overwrite``;
        then the old model stays whole until the new one is saved.
    lowercase, tokenizer, normalizer, encoding_errors, vocabulary
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
    callbacks : objects with ``on_epoch_end(state)`` or ``on_progress(state)``
        See ``firth.Callback``.
    progress : None, True or False
        None or True: a bar on a terminal and in a notebook, plain lines on standard error elsewhere. False: nothing.
    initial_vectors : WordVectors, VectorTable, mapping, path of vectors or a model, array (V, D), or None
        Input vectors to start from; words that the corpus lacks are left out, others start at random.
    freeze : words, bool array (V,), or True for all words of ``initial_vectors``
        Their input vectors stay as they are.
    sequence_weights : numbers, (n_sequences,)
        A factor of each sequence's learning rate and loss; lines that are empty count as sequences.
    noise_distribution : mapping from word to weight, or array (V,)
        What noise words are drawn by, in place of ``noise_exponent``.
    architecture ... deterministic
        See ``firth.TrainingConfig``.

    Returns
    -------
    Model

    Raises
    ------
    ParameterError, CorpusError, CorpusTypeError, StorageError, UnknownWordError
        Before any work is lost.
    TrainingError
        The loss or a vector stopped being finite.
    KeyboardInterrupt
        Ctrl-C, within a second; nothing half-written is left. A checkpoint is written first where
        ``checkpoint_every`` is given.
    UnsavedModelError
        The model could not be saved in the end; the exception holds it.
    """
    config = TrainingConfig(
        architecture=architecture,
        loss=loss,
        dims=dims,
        window=window,
        window_mode=window_mode,
        window_side=window_side,
        negatives=negatives,
        negative_sharing=negative_sharing,
        target_collision=target_collision,
        noise_exponent=noise_exponent,
        subsample=subsample,
        cbow_input=cbow_input,
        cbow_update=cbow_update,
        learning_rate=learning_rate,
        min_learning_rate=min_learning_rate,
        min_count=min_count,
        max_vocabulary=max_vocabulary,
        epochs=epochs,
        threads=threads,
        seed=seed,
        deterministic=deterministic,
    ).resolved()
    options = RunOptions.parse(heldout, heldout_every, patience, stop_metric, checkpoint_every, output)
    callback_list = CallbackList(callbacks)
    display = make_progress(progress)
    start_vectors = read_start_vectors(initial_vectors, config.dims)
    validate_freeze(freeze, start_vectors is not None)
    weights = read_sequence_weights(sequence_weights)
    text = TextOptions(lowercase, tokenizer, normalizer, encoding_errors)
    with _workspace(output, overwrite) as workspace:
        encoded, encode_seconds = _encode(corpus, workspace, config, text, vocabulary, options, display)
        words = encoded.vocabulary
        noise = noise_weights(noise_distribution, words)
        start_word_ids = None if start_vectors is None else start_vectors.rows_for(words)[0]
        run = _Run(
            config=config,
            workspace=workspace,
            corpus=encoded,
            heldout=_encode_heldout(workspace, encoded, options, text, config, display),
            lowercase=_is_lowercase(encoded),
            overwrite=overwrite,
            weights=weights,
            noise=noise,
            frozen=frozen_mask(freeze, words, start_word_ids),
            instruction_set=default_instruction_set(),
        )
        run.validate()
        run.report_needs(display)
        engine = run.make_engine()
        if start_vectors is not None:
            _load_start_vectors(engine, start_vectors, words)
        state = RunState(history=History(encode_seconds=encode_seconds))
        checkpoints = run.prepare_checkpoints(options, engine, state, write_first=start_vectors is not None)
        return run.train(engine, state, options, callback_list, display, checkpoints)


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
    workspace = Workspace.reopen(folder)
    try:
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
            has_metric, identity = bool(record["has_stop_metric"]), dict(record["identity"])
            began_with, overwrite = str(record["instruction_set"]), bool(record["overwrite"])
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
        corpus = _reopen_corpus(workspace.corpus_folder, identity["corpus"])
        heldout: EncodedCorpus | None = None
        if identity["heldout"] is not None:
            heldout = _reopen_corpus(workspace.heldout_folder, identity["heldout"])
        snapshot = read_checkpoint(workspace.checkpoint_folder, identity)
        run = _Run(
            config=config,
            workspace=workspace,
            corpus=corpus,
            heldout=_heldout_arrays(corpus, heldout) if record["has_heldout"] else None,
            lowercase=_is_lowercase(corpus),
            overwrite=overwrite,
            weights=arrays.get("sequence_weights"),
            noise=arrays.get("noise_distribution"),
            frozen=arrays.get("frozen"),
            instruction_set=_same_instruction_set(began_with),
        )
        run.validate()
        run.report_needs(display)
        engine = run.make_engine()
        state = RunState(history=History(encode_seconds=encode_seconds))
        if snapshot is not None:
            state = snapshot.state
            if (
                snapshot.input_vectors.shape != engine.input_vectors.shape
                or not 0 <= state.position <= corpus.n_tokens
                or not 0 <= state.epoch < config.epochs
            ):
                raise FormatError(f"{workspace.checkpoint_folder}: the checkpoint does not fit the run; start it again")
            engine.load_vectors(snapshot.input_vectors, snapshot.output_vectors)
        done = (state.epoch * corpus.n_tokens + state.position) / (config.epochs * corpus.n_tokens)
        display.note(f"going on in epoch {state.epoch + 1} of {config.epochs}, {done:.1%} done")
        checkpoints = CheckpointWriter(workspace.checkpoint_folder, identity)
        return run.train(engine, state, options, callback_list, display, checkpoints)
    finally:
        workspace.close()


def train_more(
    model: Model,
    corpus: Any,
    *,
    new_words: bool,
    freeze: Any,
    output: str | os.PathLike[str] | None,
    overwrite: bool,
    lowercase: bool | None,
    tokenizer: Callable[[str], Sequence[str]] | None,
    normalizer: Callable[[str], str] | None,
    encoding_errors: str,
    heldout: HeldoutSource | None,
    heldout_every: str | Interval | None,
    patience: int | None,
    stop_metric: Callable[[WordVectors], float] | None,
    checkpoint_every: str | float | Interval | None,
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
    options = RunOptions.parse(heldout, heldout_every, patience, stop_metric, checkpoint_every, output)
    callback_list = CallbackList(callbacks)
    display = make_progress(progress)
    validate_freeze(freeze, True)
    weights = read_sequence_weights(sequence_weights)
    same_case = model.corpus.lowercase if lowercase is None else lowercase
    text = TextOptions(same_case, tokenizer, normalizer, encoding_errors)
    words: Any = model.vectors.words
    old_words = Vocabulary(
        words=words if isinstance(words, np.ndarray) else tuple(words),
        counts=np.ones(len(model.vectors), np.int64) if model.vectors.counts is None else model.vectors.counts,
    )
    old_mask = frozen_mask(freeze, old_words, None) if freeze is not True else np.ones(len(old_words), np.bool_)
    with _workspace(output, overwrite) as workspace:
        encoded, encode_seconds = _encode(
            corpus, workspace, config, text, None if new_words else old_words, options, display, cut=False
        )
        continued = continue_vocabulary(encoded, old_words, config, workspace.folder / "continued")
        _replace_corpus(workspace, continued)
        frozen: NDArray[np.bool_] | None = None
        if old_mask is not None:
            frozen = np.zeros(len(continued.corpus.vocabulary), np.bool_)
            frozen[continued.word_ids] = old_mask
        run = _Run(
            config=config,
            workspace=workspace,
            corpus=continued.corpus,
            heldout=_encode_heldout(workspace, continued.corpus, options, text, config, display),
            lowercase=_is_lowercase(encoded),
            overwrite=overwrite,
            weights=weights,
            noise=continued.noise if config.loss == "negative-sampling" else None,
            frozen=frozen,
            instruction_set=default_instruction_set(),
        )
        run.validate()
        run.report_needs(display)
        engine = run.make_engine()
        _load_old_vectors(engine, model, continued)
        state = RunState(history=History(encode_seconds=encode_seconds))
        checkpoints = run.prepare_checkpoints(options, engine, state, write_first=True)
        return run.train(engine, state, options, callback_list, display, checkpoints)


@dataclass(frozen=True)
class _Run:
    """A run whose corpus is encoded: everything that is needed to train, in one place."""

    config: TrainingConfig
    workspace: Workspace
    corpus: EncodedCorpus
    heldout: tuple[NDArray[np.int32], NDArray[np.int64]] | None
    lowercase: bool
    overwrite: bool
    weights: NDArray[np.float32] | None
    noise: NDArray[np.float64] | None
    frozen: NDArray[np.bool_] | None
    instruction_set: str

    def validate(self) -> None:
        """What can only be checked when the corpus is encoded."""
        config, corpus = self.config, self.corpus
        n_noise_words = None if self.noise is None else int(np.count_nonzero(self.noise))
        validate_vocabulary_size(config, len(corpus.vocabulary), least_noise_words=n_noise_words)
        validate_weight_count(self.weights, corpus.n_sequences)
        if corpus.heldout_ids is not None and corpus.n_tokens == 0:
            raise CorpusError("heldout leaves nothing to train on; hold out a smaller share")
        if _longest_sequence(corpus.offsets) < 2:
            raise CorpusError(
                "corpus must have a sequence (line) with two words of the vocabulary, got none: there is no context to"
                " learn from; is it one word a line?"
            )
        if self.heldout is not None and _longest_sequence(self.heldout[1]) < 2:
            raise CorpusError(
                "heldout must have a sequence with two words of the vocabulary, got none; hold out a larger share, or"
                " give another file"
            )

    def report_needs(self, display: ProgressDisplay) -> None:
        """Show what memory and disk the run will take; raise where the disk has not so much.

        Raises
        ------
        StorageError
        """
        config, corpus = self.config, self.corpus
        n_words, stride = len(corpus.vocabulary), -(-config.dims // ROW_FLOATS) * ROW_FLOATS
        matrices = 2 * 4 * n_words * stride
        copies = 2 * 4 * n_words * config.dims
        needs = f"memory: {format_bytes(matrices)} for two matrices, {format_bytes(copies)} to copy them at the end"
        output = self.workspace.output
        if output is not None:
            needed = copies + SPARE_BYTES
            free = free_bytes(output)
            needs += f"; disk: {format_bytes(copies)}, {format_bytes(free)} free"
            if needed > free:
                raise StorageError(
                    f"{output} has {format_bytes(free)} free, the model will need {format_bytes(needed)}; free some"
                    " space, choose another folder, or lower dims or max_vocabulary"
                )
        display.note(
            f"{corpus.n_tokens_read:,} words read, {corpus.n_tokens:,} of them in the vocabulary of {n_words:,};"
            f" {corpus.n_sequences:,} sequences"
        )
        display.note(needs)

    def make_engine(self) -> Engine:
        """The matrices at their start, and the native kernels on this corpus."""
        config, corpus = self.config, self.corpus
        assert config.learning_rate is not None
        assert config.min_learning_rate is not None
        return Engine(
            corpus.ids,
            corpus.offsets,
            corpus.vocabulary.counts,
            architecture=config.architecture,
            loss=config.loss,
            dims=config.dims,
            window=config.window,
            window_mode=config.window_mode,
            window_side=config.window_side,
            negatives=config.negatives,
            negative_sharing=config.negative_sharing,
            target_collision=config.target_collision,
            noise_exponent=config.noise_exponent,
            noise_distribution=self.noise,
            subsample=config.subsample,
            cbow_input=config.cbow_input,
            cbow_update=config.cbow_update,
            learning_rate=config.learning_rate,
            min_learning_rate=config.min_learning_rate,
            epochs=config.epochs,
            seed=config.seed,
            sequence_weights=self.weights,
            frozen=self.frozen,
            instruction_set=self.instruction_set,
        )

    def prepare_checkpoints(
        self, options: RunOptions, engine: Engine, state: RunState, *, write_first: bool
    ) -> CheckpointWriter | None:
        """Write what resuming needs; with start vectors, which the seed cannot bring back, a first checkpoint too."""
        if options.checkpoint_every is None:
            return None
        workspace = self.workspace
        heldout_is_apart = options.heldout is not None and options.heldout.share is None
        identity = {
            "run": secrets.token_hex(16),
            "corpus": self.corpus.sha256,
            "heldout": EncodedCorpus(workspace.heldout_folder).sha256 if heldout_is_apart else None,
        }
        arrays = {"sequence_weights": self.weights, "noise_distribution": self.noise, "frozen": self.frozen}
        record = {
            "firth_version": firth.__version__,
            "identity": identity,
            "training": self.config.to_json(),
            "instruction_set": self.instruction_set,
            "overwrite": self.overwrite,
            "encode_seconds": state.history.encode_seconds,
            "has_heldout": options.heldout is not None,
            "heldout_every": None if options.heldout_every is None else options.heldout_every.to_json(),
            "patience": options.patience,
            "has_stop_metric": options.stop_metric is not None,
            "checkpoint_every": options.checkpoint_every.to_json(),
        }
        if write_first:
            snapshot = Snapshot.take(state, engine.input_vectors, engine.output_vectors)
            write_checkpoint(workspace.checkpoint_folder, snapshot, identity)
        workspace.write_run(record, {name: array for name, array in arrays.items() if array is not None})
        return CheckpointWriter(workspace.checkpoint_folder, identity)

    def train(
        self,
        engine: Engine,
        state: RunState,
        options: RunOptions,
        callbacks: CallbackList,
        display: ProgressDisplay,
        checkpoints: CheckpointWriter | None,
    ) -> Model:
        """Train to the end, save, and clear the work folder."""
        corpus, words = self.corpus, self.corpus.vocabulary.words
        counts = corpus.vocabulary.counts
        loop_options = LoopOptions(
            n_tokens=corpus.n_tokens,
            words_per_token=corpus.n_tokens_read / corpus.n_tokens,
            make_vectors=lambda matrix: WordVectors(words, matrix, counts),
            heldout=self.heldout,
            stop_metric=options.stop_metric,
            evaluate_every=options.heldout_every,
            patience=options.patience,
            checkpoint_every=options.checkpoint_every,
        )
        with StopSignals() as signals:
            loop = TrainingLoop(
                cast(TrainableEngine, engine),
                self.config,
                state,
                loop_options,
                callbacks,
                display,
                signals,
                checkpoints,
            )
            input_vectors, output_vectors = loop.run()
            model = Model(
                vectors=WordVectors(words, input_vectors, counts),
                output_vectors=output_vectors,
                config=self.config,
                history=state.history,
                corpus=CorpusRecord(
                    sha256=corpus.sha256,
                    n_tokens=corpus.n_tokens,
                    n_tokens_read=corpus.n_tokens_read,
                    n_sequences=corpus.n_sequences,
                    lowercase=self.lowercase,
                ),
                instruction_set=self.instruction_set,
            )
            output = self.workspace.output
            if output is not None:
                try:
                    model.save(output, overwrite=self.overwrite)
                except (OSError, FirthError) as error:
                    raise UnsavedModelError(
                        f"the model is trained, but could not be saved: {error}; the exception's .model holds it", model
                    ) from error
            self.workspace.remove()
            if signals.received is not None:
                signals.raise_received()
        return model


@contextlib.contextmanager
def _workspace(output: str | os.PathLike[str] | None, overwrite: bool) -> Iterator[Workspace]:
    """A work folder that is deleted in the end, but for a run that can go on."""
    workspace = Workspace.create(output, overwrite)
    try:
        yield workspace
    finally:
        if workspace.is_run:
            workspace.close()
        else:
            workspace.remove()


def _encode(
    corpus: Any,
    workspace: Workspace,
    config: TrainingConfig,
    text: TextOptions,
    vocabulary: Vocabulary | None,
    options: RunOptions,
    display: ProgressDisplay,
    *,
    cut: bool = True,
) -> tuple[EncodedCorpus, float]:
    """The encoded corpus and the seconds that it took; ``cut=False`` keeps every word, whatever its count."""
    started = time.monotonic()
    share = None if options.heldout is None else options.heldout.share
    if isinstance(corpus, EncodedCorpus):
        _validate_encoded(corpus, text, vocabulary, share)
        if options.checkpoint_every is not None:
            corpus = _adopt(corpus, workspace.corpus_folder)
        return corpus, 0.0
    estimate = estimate_corpus(corpus, threads=config.threads)
    needs = f"encoding: memory {format_bytes(estimate.memory_bytes)} besides the words"
    if estimate.disk_bytes is not None:
        needs += f", disk {format_bytes(estimate.disk_bytes)} in {workspace.folder}"
    display.note(needs)
    encoded = encode_corpus(
        corpus,
        folder=workspace.corpus_folder,
        min_count=config.min_count if cut else 1,
        max_vocabulary=config.max_vocabulary if cut else None,
        lowercase=text.lowercase,
        tokenizer=text.tokenizer,
        normalizer=text.normalizer,
        encoding_errors=text.encoding_errors,
        vocabulary=vocabulary,
        threads=config.threads,
        progress=display.encoding,
        heldout_share=share,
        seed=config.seed,
    )
    return encoded, time.monotonic() - started


def _validate_encoded(
    corpus: EncodedCorpus, text: TextOptions, vocabulary: Vocabulary | None, share: float | None
) -> None:
    given = {
        "lowercase": text.lowercase,
        "tokenizer": text.tokenizer is not None,
        "normalizer": text.normalizer is not None,
        "vocabulary": vocabulary is not None,
    }
    for name, is_given in given.items():
        if is_given:
            raise ParameterError(f"{name} must be left out where the corpus is encoded; pass it to encode_corpus")
    if share is not None and corpus.heldout_ids is None:
        raise ParameterError(
            f"heldout={share:g} must be passed to encode_corpus as heldout_share where the corpus is encoded"
        )


def _adopt(corpus: EncodedCorpus, folder: Path) -> EncodedCorpus:
    """The same corpus in the run's own folder, so that the run can go on when the other one is gone."""
    folder.mkdir()
    for entry in sorted(corpus.folder.iterdir()):
        if entry.name in corpus.manifest["files"] or entry.name == "corpus.json":
            copy_file(entry, folder / entry.name)
    return EncodedCorpus(folder)


def _replace_corpus(workspace: Workspace, continued: Continuation) -> None:
    """Free the space of the corpus as it was encoded first."""
    if continued.corpus.folder != workspace.corpus_folder and workspace.corpus_folder.exists():
        shutil.rmtree(workspace.corpus_folder)


def _encode_heldout(
    workspace: Workspace,
    corpus: EncodedCorpus,
    options: RunOptions,
    text: TextOptions,
    config: TrainingConfig,
    display: ProgressDisplay,
) -> tuple[NDArray[np.int32], NDArray[np.int64]] | None:
    if options.heldout is None:
        return None
    if options.heldout.share is not None:
        return _heldout_arrays(corpus, None)
    heldout = encode_corpus(
        options.heldout.source,
        folder=workspace.heldout_folder,
        lowercase=text.lowercase,
        tokenizer=text.tokenizer,
        normalizer=text.normalizer,
        encoding_errors=text.encoding_errors,
        vocabulary=corpus.vocabulary,
        threads=config.threads,
        progress=display.encoding,
    )
    return _heldout_arrays(corpus, heldout)


def _heldout_arrays(
    corpus: EncodedCorpus, heldout: EncodedCorpus | None
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    if heldout is not None:
        return heldout.ids, heldout.offsets
    if corpus.heldout_ids is None or corpus.heldout_offsets is None:
        raise FormatError(f"{corpus.folder}: the held-out part is missing; start the run again")
    return corpus.heldout_ids, corpus.heldout_offsets


def _reopen_corpus(folder: Path, sha256: str) -> EncodedCorpus:
    corpus = EncodedCorpus(folder)
    if corpus.sha256 != sha256:
        raise CorpusError(f"{folder}: the encoded corpus was changed since the run began; start the run again")
    corpus.verify()
    return corpus


def _is_lowercase(corpus: EncodedCorpus) -> bool:
    return bool(corpus.manifest.get("settings", {}).get("lowercase", False))


def _longest_sequence(offsets: NDArray[np.int64], block: int = 1 << 20) -> int:
    longest = 0
    for start in range(0, len(offsets) - 1, block):
        longest = max(longest, int(np.max(np.diff(offsets[start : start + block + 1]), initial=0)))
        if longest >= 2:
            break
    return longest


def _load_start_vectors(engine: Engine, start_vectors: StartVectors, vocabulary: Vocabulary) -> None:
    word_ids, rows = start_vectors.rows_for(vocabulary)
    input_vectors = engine.input_vectors
    input_vectors[word_ids] = start_vectors.matrix[rows]
    engine.load_vectors(input_vectors, engine.output_vectors)


def _load_old_vectors(engine: Engine, model: Model, continued: Continuation) -> None:
    input_vectors, output_vectors = engine.input_vectors, engine.output_vectors
    input_vectors[continued.word_ids] = model.vectors.matrix
    if model.config.loss != "hierarchical-softmax":
        output_vectors[continued.word_ids] = model.output_vectors
    elif continued.keeps_tree:
        output_vectors[:] = model.output_vectors
    engine.load_vectors(input_vectors, output_vectors)


def _following_changes(config: TrainingConfig, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes, and the end of the learning rate decided anew where its start is changed alone."""
    following = dict(changes)
    if "learning_rate" in changes and "min_learning_rate" not in changes:
        following["min_learning_rate"] = None
    if "threads" not in changes:
        following["threads"] = None
    return following


def _same_instruction_set(name: str) -> str:
    if name in available_instruction_sets():
        return name
    other = default_instruction_set()
    warnings.warn(
        f"the run began with the instruction set {name}, which this machine lacks; it goes on with {other}, so the last"
        " bits of the vectors will differ",
        InstructionSetWarning,
        stacklevel=3,
    )
    return other


def _read_interval(values: Mapping[str, float | None] | None) -> Interval | None:
    return None if values is None else Interval(**values)


__all__ = ["UnsavedModelError", "resume", "train"]
