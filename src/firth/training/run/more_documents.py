"""Room training: trains a model of documents further on new documents; ``Model.train_more`` calls it by ``more.py``."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from firth.corpus.documents import Tags, continue_tags, read_tags, validate_words
from firth.corpus.encoded import EncodedCorpus
from firth.corpus.tokenizers import TokenizerLike
from firth.errors import ParameterError
from firth.kernels.engine import Engine
from firth.models.model import Model
from firth.models.run_files import TEXT_NAME
from firth.native.loader import default_instruction_set
from firth.training.loop.callbacks import CallbackList
from firth.training.loop.periods import Period
from firth.training.loop.progress import make_progress
from firth.training.run.continuation import (
    Continuation,
    continue_config,
    continue_outputs,
    continue_splitting,
    continue_vocabulary,
    continued_tokenizer,
    vocabulary_of,
)
from firth.training.run.document_rows import DocumentRows
from firth.training.run.documents import parse_document_options, read_documents, validate_document_parameters
from firth.training.run.encoding import (
    TextOptions,
    encode_for_training,
    is_lowercase,
    known_words,
    wrong_word_kind,
)
from firth.training.run.options import HeldoutSource
from firth.training.run.prepared import PreparedRun
from firth.training.run.work_files import discard
from firth.training.run.workspace import open_workspace


def train_more_documents(
    model: Model,
    corpus: Any,
    tags: Any,
    *,
    new_words: bool,
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
    checkpoint_every: str | float | Period | None,
    on_interrupt: str,
    matrices: str,
    callbacks: Iterable[Any],
    progress: bool | None,
    refused: Mapping[str, Any],
    changes: Mapping[str, Any],
) -> Model:
    """Train a model of documents further; ``Model.train_more`` documents it.

    ``refused`` are the arguments of ``train_more`` that documents do not have, by name.
    """
    for name, value in refused.items():
        if value is not None:
            raise ParameterError(f"{name} must be left out for a model of documents, got {value!r:.60}")
    validate_document_parameters(changes, with_windows=model.train_words)
    config = continue_config(model, changes, ("architecture", "loss", "dims", "cbow_input"))
    options = parse_document_options(heldout, heldout_every, patience, checkpoint_every, output, on_interrupt, matrices)
    callback_list = CallbackList(callbacks)
    display = make_progress(progress)
    is_encoded = isinstance(corpus, EncodedCorpus)
    corpus, same_case, split = continue_splitting(model, corpus, lowercase, tokenizer, column)
    text = TextOptions(same_case, split, normalizer, encoding_errors, as_text, column=column)
    corpus, text, names = read_documents(corpus, text)
    old_words = vocabulary_of(model)
    with open_workspace(output, overwrite, display) as (workspace, signals):
        whole = dataclasses.replace(options, heldout=None)  # words are held out, and no documents
        with known_words("corpus", "the model", old_words):
            encoded, _, encode_seconds = encode_for_training(
                corpus,
                workspace,
                config,
                text,
                None if new_words or is_encoded else old_words,
                whole,
                display,
                workspace.folder / TEXT_NAME,
                cut=False,
            )
        if encoded.vocabulary.words_are_ids != old_words.words_are_ids:
            raise wrong_word_kind("corpus", "the model", old_words)
        new_tags = _read_new_tags(model, tags, encoded.n_sequences, names)
        continued = continue_vocabulary(encoded, old_words, config, workspace.corpus_folder, new_words=new_words)
        discard(workspace.folder, TEXT_NAME)  # its ids are rewritten
        share = None if options.heldout is None else options.heldout.share
        rows = DocumentRows(new_tags, with_words=model.train_words, heldout_share=share)
        trained, held_out = rows.divide(continued.corpus)
        n_without = validate_words(new_tags, trained[1])
        if n_without:
            display.note(f"{n_without:,} of {encoded.n_sequences:,} documents have no word of the vocabulary")
        run = PreparedRun(
            config=config,
            workspace=workspace,
            corpus=continued.corpus,
            heldout=held_out,
            lowercase=is_lowercase(encoded),
            weights=None,
            noise=continued.noise if config.objective.outputs.draws_negatives else None,
            frozen=None,
            phrases=None,
            instruction_set=default_instruction_set(),
            tokenizer=continued_tokenizer(model, encoded),
            documents=rows,
            matrices=options.matrices,
        )
        run.validate()
        run.report_needs(options, display, encode_seconds)
        engine = run.make_engine()

        def load_start() -> None:
            engine.reset_vectors()
            _load_old_vectors(engine, model, continued)

        load_start()
        state = run.begin(engine, encode_seconds, has_start_vectors=True)
        checkpoints = run.prepare_checkpoints(options, engine, state, write_first=True)
        return run.train(engine, state, options, callback_list, display, signals, checkpoints, load_start)


def _read_new_tags(model: Model, tags: Any, n_documents: int, names: list[str] | None) -> Tags:
    """The tags of the new documents after those of the model."""
    assert model.documents is not None
    earlier: Any = model.documents.words
    earlier = earlier if isinstance(earlier, np.ndarray) else tuple(earlier)
    first_number = 0
    if tags is None and names is None:
        if not isinstance(earlier, np.ndarray):
            raise ParameterError(
                f"tags must be given, because the tags of the model are strings such as {earlier[0]!r}, got None;"
                " give a tag for each document"
            )
        first_number = int(earlier.max()) + 1  # new documents, and none that continues
    counts = model.documents.counts
    counts = np.ones(len(earlier), np.int64) if counts is None else np.asarray(counts)
    return continue_tags(read_tags(tags, n_documents, names, first_number), earlier, counts)


def _load_old_vectors(engine: Engine, model: Model, continued: Continuation) -> None:
    """Put the model's rows of words and of tags into the engine; the rows of new words and tags stay."""
    assert model.documents is not None
    input_vectors, output_vectors = engine.input_vectors, engine.output_vectors
    first_tag = len(continued.corpus.vocabulary) if model.train_words else 0
    if model.train_words:
        input_vectors[continued.word_ids] = model.vectors.matrix
    input_vectors[first_tag : first_tag + len(model.documents)] = model.documents.matrix
    continue_outputs(output_vectors, model, continued)
    engine.load_vectors(input_vectors, output_vectors)


__all__ = ["train_more_documents"]
