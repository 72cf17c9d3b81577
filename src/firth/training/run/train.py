"""Room training: train: from a corpus to a model, everything checked before work is done."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from firth.corpus.encoded import EncodedCorpus
from firth.corpus.vocabulary import Vocabulary
from firth.kernels.config import PARAMETER_HELP, TrainingConfig, with_parameters
from firth.kernels.engine import Engine
from firth.kernels.subwords import with_buckets
from firth.models.model import Model
from firth.native.loader import default_instruction_set
from firth.training.loop.callbacks import CallbackList
from firth.training.loop.intervals import Interval
from firth.training.loop.progress import make_progress
from firth.training.run.composing import put_start_rows, string_words
from firth.training.run.encoding import TextOptions, encode_for_training, encode_heldout, is_lowercase
from firth.training.run.options import HeldoutSource, RunOptions
from firth.training.run.prepared import PreparedRun
from firth.training.run.start import (
    StartVectors,
    follow_start,
    frozen_mask,
    noise_weights,
    read_sequence_weights,
    read_start_output_vectors,
    read_start_vectors,
    validate_freeze,
)
from firth.training.run.workspace import open_workspace
from firth.vectors.word_vectors import WordVectors

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from firth.kernels.parameters import TrainingParameters


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
    with open_workspace(output, overwrite, display) as (workspace, signals):
        encoded, encode_seconds = encode_for_training(
            corpus, workspace, config, text, vocabulary, options, display, workspace.corpus_folder
        )
        if isinstance(corpus, EncodedCorpus):
            config = _as_encoded(config, corpus)
        words = encoded.vocabulary
        if config.subwords:
            config = with_buckets(follow_start(config, start_vectors), string_words(words))
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
            _load_start_vectors(engine, run, start_vectors, initial_output_vectors)

        if has_start:
            load_start()
        state = run.begin(engine, encode_seconds, has_start_vectors=has_start)
        checkpoints = run.prepare_checkpoints(options, engine, state, write_first=has_start)
        return run.train(engine, state, options, callback_list, display, signals, checkpoints, load_start)


train.__signature__ = with_parameters(train)  # type: ignore[attr-defined]


def _load_start_vectors(
    engine: Engine, run: PreparedRun, start_vectors: StartVectors | None, output_vectors: Any
) -> None:
    input_vectors = engine.input_vectors
    if start_vectors is not None:
        word_ids, rows = start_vectors.rows_for(run.corpus.vocabulary)
        put_start_rows(input_vectors, run.bags, word_ids, start_vectors.vectors(rows))
    if output_vectors is None:
        output_vectors = engine.output_vectors
    else:
        output_vectors = read_start_output_vectors(output_vectors, engine.output_vectors.shape)
    engine.load_vectors(input_vectors, output_vectors)


def _as_encoded(config: TrainingConfig, corpus: EncodedCorpus) -> TrainingConfig:
    """The configuration with the vocabulary's limits that the corpus was encoded with, for the record."""
    settings = corpus.manifest.get("settings", {})
    limits = {name: settings[name] for name in ("min_count", "max_vocabulary") if name in settings}
    return dataclasses.replace(config, **limits)


__all__ = ["train"]
