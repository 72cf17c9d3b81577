"""Room training: train_more: trains a model further on new text; ``Model.train_more`` calls it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.encoded import EncodedCorpus
from firth.corpus.tokenizers import TokenizerLike
from firth.errors import ParameterError
from firth.kernels.engine import Engine
from firth.kernels.subwords import with_buckets
from firth.models.model import Model
from firth.models.run_files import TEXT_NAME
from firth.native.loader import default_instruction_set
from firth.training.loop.callbacks import CallbackList
from firth.training.loop.periods import Period
from firth.training.loop.progress import make_progress
from firth.training.run.composing import put_start_rows, string_words
from firth.training.run.continuation import (
    Continuation,
    continue_config,
    continue_outputs,
    continue_splitting,
    continue_vocabulary,
    continued_tokenizer,
    vocabulary_of,
)
from firth.training.run.encoding import (
    TextOptions,
    encode_for_training,
    encode_heldout,
    is_lowercase,
    known_words,
    wrong_word_kind,
)
from firth.training.run.more_documents import train_more_documents
from firth.training.run.options import HeldoutSource, RunOptions
from firth.training.run.prepared import PreparedRun
from firth.training.run.start import frozen_mask, read_sequence_weights, validate_freeze
from firth.training.run.work_files import discard
from firth.training.run.workspace import open_workspace
from firth.vectors.word_vectors import WordVectors


def train_more(
    model: Model,
    corpus: Any,
    tags: Any,
    *,
    new_words: bool,
    freeze: Any,
    output: str | os.PathLike[str] | None,
    overwrite: bool,
    lowercase: bool | None,
    tokenizer: TokenizerLike | None,
    normalizer: Callable[[str], str] | None,
    encoding_errors: str,
    as_text: bool,
    column: str | None,
    heldout: HeldoutSource | None,
    heldout_every: str | Period | None,
    patience: int | None,
    stop_metric: Callable[[WordVectors], float] | None,
    checkpoint_every: str | float | Period | None,
    on_interrupt: str,
    matrices: str,
    callbacks: Iterable[Any],
    progress: bool | None,
    sequence_weights: Any,
    changes: Mapping[str, Any],
) -> Model:
    """Train a model further on new text; ``Model.train_more`` documents it."""
    if model.documents is not None:
        return train_more_documents(
            model,
            corpus,
            tags,
            new_words=new_words,
            output=output,
            overwrite=overwrite,
            lowercase=lowercase,
            tokenizer=tokenizer,
            normalizer=normalizer,
            encoding_errors=encoding_errors,
            as_text=as_text,
            column=column,
            heldout=heldout,
            heldout_every=heldout_every,
            patience=patience,
            checkpoint_every=checkpoint_every,
            on_interrupt=on_interrupt,
            matrices=matrices,
            callbacks=callbacks,
            progress=progress,
            refused={"freeze": freeze, "stop_metric": stop_metric, "sequence_weights": sequence_weights},
            changes=changes,
        )
    if tags is not None:
        raise ParameterError(
            f"tags must be left out for a model of words, got {tags!r:.60}; train documents by firth.train_documents"
        )
    kept: tuple[str, ...] = ("architecture", "loss", "dims")
    if model.config.subwords:  # other n-grams would have other rows
        kept += ("subwords", "min_ngram", "max_ngram", "buckets")
    config = continue_config(model, changes, kept)
    options = RunOptions.parse(
        heldout, heldout_every, patience, stop_metric, checkpoint_every, output, on_interrupt, column, matrices
    )
    callback_list = CallbackList(callbacks)
    display = make_progress(progress)
    validate_freeze(freeze, True)
    weights = read_sequence_weights(sequence_weights)
    is_encoded = isinstance(corpus, EncodedCorpus)
    corpus, same_case, split = continue_splitting(model, corpus, lowercase, tokenizer, column)
    text = TextOptions(same_case, split, normalizer, encoding_errors, as_text, column=column)
    old_words = vocabulary_of(model)
    old_mask = frozen_mask(freeze, old_words, None) if freeze is not True else np.ones(len(old_words), np.bool_)
    with open_workspace(output, overwrite, display) as (workspace, signals):
        with known_words("corpus", "the model", old_words):
            encoded, phrases, encode_seconds = encode_for_training(
                corpus,
                workspace,
                config,
                text,
                None if new_words or is_encoded else old_words,
                options,
                display,
                workspace.folder / TEXT_NAME,
                phrases=model.phrases,
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
        if config.subwords:
            config = with_buckets(config, string_words(continued.corpus.vocabulary))
        run = PreparedRun(
            config=config,
            workspace=workspace,
            corpus=continued.corpus,
            heldout=encode_heldout(workspace, continued.corpus, options, text, config, display, phrases),
            lowercase=is_lowercase(encoded),
            weights=weights,
            noise=continued.noise if config.objective.outputs.draws_negatives else None,
            frozen=frozen,
            phrases=phrases,
            instruction_set=default_instruction_set(),
            tokenizer=continued_tokenizer(model, encoded),
            matrices=options.matrices,
        )
        run.validate()
        run.report_needs(options, display)
        engine = run.make_engine()

        def load_start() -> None:
            engine.reset_vectors()
            _load_old_vectors(engine, run, model, continued)

        load_start()
        state = run.begin(engine, encode_seconds, has_start_vectors=True)
        checkpoints = run.prepare_checkpoints(options, engine, state, write_first=True)
        return run.train(engine, state, options, callback_list, display, signals, checkpoints, load_start)


def _load_old_vectors(engine: Engine, run: PreparedRun, model: Model, continued: Continuation) -> None:
    input_vectors, output_vectors = engine.input_vectors, engine.output_vectors
    put_start_rows(input_vectors, run.bags, continued.word_ids, model.vectors)
    continue_outputs(output_vectors, model, continued)
    engine.load_vectors(input_vectors, output_vectors)


__all__ = ["train_more"]
