"""Room training: train: makes a model from a corpus; checks every argument before the work."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from firth.base.other_names import TRAINING_NAMES, names_translated
from firth.corpus.encoded import EncodedCorpus
from firth.corpus.pairs import Pairs
from firth.corpus.phrases import Phrases
from firth.corpus.tokenizers import TokenizerLike, resolve_tokenizer
from firth.corpus.vocabulary import Vocabulary
from firth.errors import ParameterError
from firth.kernels.config import PARAMETER_HELP, TrainingConfig, validate_effect, with_parameters
from firth.kernels.engine import Engine
from firth.kernels.subwords import with_buckets
from firth.models.model import Model
from firth.native.loader import default_instruction_set
from firth.training.loop.callbacks import CallbackList
from firth.training.loop.periods import Period
from firth.training.loop.progress import make_progress
from firth.training.run.composing import put_start_rows, string_words
from firth.training.run.encoding import (
    TextOptions,
    encode_for_training,
    encode_heldout,
    is_lowercase,
    recorded_tokenizer,
)
from firth.training.run.options import HeldoutSource, RunOptions, parse_phrases
from firth.training.run.pair_rows import prepare_pairs, read_parameters, refuse_text_options
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


@names_translated(TRAINING_NAMES)
def train(
    corpus: Any,
    *,
    output: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    lowercase: bool = False,
    tokenizer: TokenizerLike | None = None,
    normalizer: Callable[[str], str] | None = None,
    encoding_errors: str = "strict",
    as_text: bool = False,
    column: str | None = None,
    vocabulary: Vocabulary | None = None,
    phrases: Phrases | str | os.PathLike[str] | int | None = None,
    heldout: HeldoutSource | None = None,
    heldout_every: str | Period | None = None,
    patience: int | None = None,
    stop_metric: Callable[[WordVectors], float] | None = None,
    checkpoint_every: str | float | Period | None = None,
    on_interrupt: str = "save",
    matrices: str = "memory",
    callbacks: Iterable[Any] = (),
    progress: bool | None = None,
    initial_vectors: Any = None,
    initial_output_vectors: Any = None,
    freeze: Any = None,
    sequence_weights: Any = None,
    noise_distribution: Any = None,
    **parameters: Unpack[TrainingParameters],
) -> Model:
    """Train word vectors on a corpus, or on pairs of words and contexts.

    Parameters
    ----------
    corpus : path, paths or globs; open binary file; iterable of token lists; column of texts or lists; frame of
        integers; NumPy ids with offsets; EncodedCorpus; firth.Pairs; firth.Walks
        The corpus, in any form that ``firth.encode_corpus`` accepts. An encoded corpus is verified first, which takes
        about a second for each gigabyte. With ``firth.Pairs``, options and parameters of text, windows and n-grams are
        refused, ``subsample`` is 0 unless it is given, and ``heldout`` is a share or ``firth.Pairs``.
    output : path of a folder, or None
        The folder in which the model is saved at the end. If it is not empty, the run is refused before any work,
        unless ``overwrite`` is true; then the old model stays complete until the new one is saved.
    lowercase, tokenizer, normalizer, encoding_errors, as_text, column, vocabulary
        The arguments of ``firth.encode_corpus``. With ``column``, a held-out source is a table with this column too.
    phrases : Phrases, path of a table, number of passes, or None
        Words that are joined to one token before rare words are dropped. A number: that many passes of
        ``firth.learn_phrases`` over the corpus, with the defaults of its other arguments. The model has the table in
        ``model.phrases``.
    heldout : path, token lists, or share like ``"1%"`` or ``0.01``
        Text that is not trained on; its loss is computed during the run. A share is drawn by sequence, from ``seed``.
    heldout_every : str in words, like ``"10Mwords"``, or None
        Number of words between two evaluations of the held-out part (and of ``stop_metric``). None: one epoch.
    patience : int or None
        Stop after this number of consecutive evaluations that do not improve on the best one. The model has the vectors
        of the best evaluation, also if the run ends after its last epoch.
    stop_metric : function of WordVectors that returns a number, or None
        Replaces the held-out loss in deciding which evaluation is best; larger is better.
    checkpoint_every : str, number of minutes, Period, or None
        ``"10min"``, ``"90s"``, ``"50Mwords"``: write a checkpoint every period. ``firth.resume(output)`` continues
        the run after a crash.
    on_interrupt : {"save", "discard"}
        What happens to the vectors if a run without checkpoints is interrupted by Ctrl-C, SIGTERM, SIGHUP, or an
        exception of a callback or of ``stop_metric``. ``"save"``: the model, with the ``stop_reason``
        ``"interrupted"``, is saved to ``output``, or beside it if ``output`` has a model already. The exception has the
        model in the attribute ``partial_model``, and its folder in ``partial_model_folder``. ``"discard"``: nothing is
        kept.
    matrices : {"memory", "disk"}
        Where the two matrices are during the run. ``"disk"``: in files on the disk of ``output`` that are mapped into
        memory, so that they may be larger than memory. The vectors are the same to the bit (docs/scale.md).
    callbacks : objects with ``on_epoch_end(state)`` or ``on_progress(state)``
        See ``firth.Callback``.
    progress : None, True or False
        None or True: a bar on a terminal or in a notebook, else plain lines on standard error. False: nothing.
    initial_vectors : WordVectors, VectorTable, mapping, path of vectors or a model, array (V, D), or None
        Input vectors to start from. Words that are not in the corpus are ignored; words without a vector start at
        random.
    initial_output_vectors : float array, (V, D), in the vocabulary's order, or None
        Output vectors to start from; (V - 1, D) for ``loss="hierarchical-softmax"``. None: zeros.
    freeze : words, bool array (V,), or True for all words of ``initial_vectors``
        The words whose input vectors training does not change.
    sequence_weights : numbers, (n_sequences,)
        A factor of the learning rate and the loss of each sequence. Empty lines count as sequences.
    noise_distribution : mapping from word to weight, or array (V,)
        The distribution of noise words. It replaces the counts raised to ``noise_exponent``.
    parameters
        The parameters that decide what is learned, ``architecture`` to ``deterministic``; see ``firth.TrainingConfig``.

    Returns
    -------
    Model

    Raises
    ------
    ParameterError, CorpusError, CorpusTypeError, StorageError, UnknownWordError
        Before any work is lost.
    DivergenceError
        The loss or a vector is above its bound (docs/training.md). The exception's ``model`` has the last good vectors.
        Nothing is saved.
    TrainingError
        An epoch had no example.
    KeyboardInterrupt
        Raised within a second of Ctrl-C. If ``checkpoint_every`` is given, a checkpoint is written first; otherwise
        ``on_interrupt`` decides what is kept. SIGTERM and SIGHUP have the same effect and raise SystemExit.
    UnsavedModelError
        The trained model could not be saved; the exception's ``model`` has it.
    """
    for name in parameters:
        if name not in PARAMETER_HELP:
            known = ", ".join(PARAMETER_HELP)
            raise TypeError(
                f"train() got an unexpected keyword argument {name!r}; the parameters of learning are {known}"
            )
    pairs = corpus if isinstance(corpus, Pairs) else None
    if pairs is not None:
        parameters = read_parameters(parameters)  # type: ignore[assignment]
        refuse_text_options(
            {
                "lowercase": lowercase,
                "tokenizer": tokenizer is not None,
                "normalizer": normalizer is not None,
                "encoding_errors": encoding_errors != "strict",
                "as_text": as_text,
                "column": column is not None,
                "vocabulary": vocabulary is not None,
                "phrases": phrases is not None,
                "sequence_weights": sequence_weights is not None,
            }
        )
    config = TrainingConfig(**parameters).resolved()
    validate_effect(config, parameters)
    if noise_distribution is not None and not config.objective.outputs.draws_negatives:
        raise ParameterError(
            f"noise_distribution must be left out with loss={config.loss!r}, which draws no noise words;"
            ' add loss="negative-sampling" or leave noise_distribution out'
        )
    options = RunOptions.parse(
        heldout, heldout_every, patience, stop_metric, checkpoint_every, output, on_interrupt, column, matrices
    )
    callback_list = CallbackList(callbacks)
    display = make_progress(progress)
    phrase_choice = parse_phrases(phrases)
    start_vectors = read_start_vectors(initial_vectors, config.dims)
    validate_freeze(freeze, start_vectors is not None)
    weights = read_sequence_weights(sequence_weights)
    continues_rows = isinstance(initial_vectors, np.ndarray)
    text = TextOptions(
        lowercase, resolve_tokenizer(tokenizer), normalizer, encoding_errors, as_text, continues_rows, column
    )
    with open_workspace(output, overwrite, display) as (workspace, signals):
        rows, table = None, None
        if pairs is not None:
            started = time.monotonic()
            encoded, rows = prepare_pairs(pairs, workspace.corpus_folder, config, options, display)
            encode_seconds = time.monotonic() - started
        else:
            encoded, table, encode_seconds = encode_for_training(
                corpus,
                workspace,
                config,
                text,
                vocabulary,
                options,
                display,
                workspace.corpus_folder,
                phrases=phrase_choice,
            )
        if isinstance(corpus, EncodedCorpus):
            config = _as_encoded(config, corpus)
        words = encoded.vocabulary
        if config.subwords:
            config = with_buckets(follow_start(config, start_vectors), string_words(words))
        noise = noise_weights(noise_distribution, words if rows is None else rows.contexts)
        start_word_ids = None if start_vectors is None else start_vectors.rows_for(words)[0]
        held_out = None
        if rows is None:
            held_out = encode_heldout(workspace, encoded, options, text, config, display, table)
        run = PreparedRun(
            config=config,
            workspace=workspace,
            corpus=encoded,
            heldout=held_out,
            lowercase=is_lowercase(encoded),
            weights=weights,
            noise=noise,
            frozen=frozen_mask(freeze, words, start_word_ids),
            phrases=table,
            instruction_set=default_instruction_set(),
            tokenizer=recorded_tokenizer(encoded),
            pairs=rows,
            matrices=options.matrices,
        )
        run.validate()
        run.report_needs(options, display, encode_seconds)
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
    """The configuration with the ``min_count`` and ``max_vocabulary`` of the encoded corpus, for the record."""
    settings = corpus.manifest.get("settings", {})
    limits = {name: settings[name] for name in ("min_count", "max_vocabulary") if name in settings}
    return dataclasses.replace(config, **limits)


__all__ = ["train"]
