"""Room training: a run whose corpus is encoded: last checks, memory and disk, engine, checkpoints, training, saving.

Tests: tests/training/test_train.py.
"""

from __future__ import annotations

import dataclasses
import secrets
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth._version import __version__
from firth.base.machine import available_memory_bytes, free_bytes, is_in_memory
from firth.corpus.encoded import VOCABULARY, EncodedCorpus, validate_ids
from firth.corpus.phrases import Phrases
from firth.corpus.tokenizers import TokenizerRecord
from firth.errors import CorpusError, ParameterError, StorageError
from firth.kernels.config import TrainingConfig, validate_vocabulary_size
from firth.kernels.engine import INITIAL_SCALE, Engine
from firth.kernels.examples import text_examples
from firth.kernels.matrices import MatrixMemory
from firth.kernels.subwords import WordBags
from firth.models.history import History
from firth.models.model import CorpusRecord, Model
from firth.models.run_files import PHRASES_NAME
from firth.native.loader import available_instruction_sets, default_instruction_set
from firth.training.loop.callbacks import CallbackList
from firth.training.loop.checkpoints import CheckpointWriter, RunState, Snapshot, write_checkpoint
from firth.training.loop.divergence import loss_bound, norm_bound
from firth.training.loop.loop import TrainingLoop
from firth.training.loop.options import LoopOptions
from firth.training.loop.progress import ProgressDisplay, format_bytes, format_duration
from firth.training.loop.signals import StopSignals
from firth.training.run.composing import make_bags, make_word_vectors
from firth.training.run.document_rows import DOCUMENT_SCALE, DocumentRows
from firth.training.run.encoding import longest_sequence
from firth.training.run.finishing import Ending
from firth.training.run.needs import MatrixSizes, describe_fits, table_bytes_per_word
from firth.training.run.options import RunOptions
from firth.training.run.outcome import Outcome, describe_subsampling
from firth.training.run.pair_rows import PairRows
from firth.training.run.start import validate_weight_count
from firth.training.run.work_files import saved_bytes
from firth.training.run.workspace import Workspace
from firth.vectors.word_vectors import WordVectors

Matrix = NDArray[np.float32]

SPARE_BYTES = 16 << 20
TOLD_BYTES = 10**8  # memory of words and tables from which it is told before the run
COPIES_BYTES = 16 << 20  # maximum size of a lock-free thread's copies of rows


class InstructionSetWarning(UserWarning):
    """A run is resumed with another instruction set than before: the last bits of the vectors will differ."""


@dataclass(frozen=True, eq=False)
class PreparedRun:
    """A run whose corpus is encoded, with everything that training needs."""

    config: TrainingConfig
    workspace: Workspace
    corpus: EncodedCorpus
    heldout: tuple[NDArray[np.int32], NDArray[np.int64]] | None
    lowercase: bool
    weights: NDArray[np.float32] | None
    noise: NDArray[np.float64] | None
    frozen: NDArray[np.bool_] | None
    phrases: Phrases | None
    instruction_set: str
    tokenizer: TokenizerRecord
    documents: DocumentRows | None = None  # of a run of documents; None: a run of words
    pairs: PairRows | None = None  # of a run of pairs
    matrices: str = "memory"  # where they are: one of MATRICES

    @cached_property
    def trained(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Ids and offsets of the corpus's words that are trained on."""
        if self.documents is None:
            return self.corpus.ids, self.corpus.offsets
        return self.documents.divide(self.corpus)[0]

    def validate(self) -> None:
        """The checks that need the encoded corpus."""
        config, corpus = self.config, self.corpus
        corpus.validate_ranges()  # for every corpus, because the native kernels do not check its numbers
        if self.heldout is not None:
            validate_ids(corpus.folder, *self.heldout, len(corpus.vocabulary))
        n_noise_words = None if self.noise is None else int(np.count_nonzero(self.noise))
        n_targets = len(corpus.vocabulary) if self.pairs is None else len(self.pairs.contexts)
        validate_vocabulary_size(config, n_targets, least_noise_words=n_noise_words)
        if self.pairs is not None:
            return
        validate_weight_count(self.weights, corpus.n_sequences)
        if self.documents is not None:
            if self.heldout is not None and len(self.heldout[0]) == 0:
                raise CorpusError("heldout must leave out at least one word, got none; hold out a larger share")
            return
        if corpus.heldout_ids is not None and corpus.n_tokens == 0:
            raise CorpusError("heldout leaves nothing to train on; hold out a smaller share")
        if longest_sequence(corpus.offsets) < 2:
            raise CorpusError(
                "corpus must have a sequence (line) with two words of the vocabulary, got none: there is no context to"
                " learn from; is it one word a line?"
            )
        if self.heldout is not None and longest_sequence(self.heldout[1]) < 2:
            raise CorpusError(
                "heldout must have a sequence with two words of the vocabulary, got none; hold out a larger share, or"
                " give another file"
            )

    def report_needs(self, options: RunOptions, display: ProgressDisplay, encode_seconds: float = 0.0) -> None:
        """Before the run, show the memory and the disk space that it needs; raise if there is too little.

        Raises
        ------
        ParameterError, StorageError
        """
        config, corpus = self.config, self.corpus
        n_words, buckets = len(corpus.vocabulary), config.buckets or 0 if config.subwords else 0
        saves, keeps = options.checkpoint_every is not None, options.patience is not None
        is_on_disk = self.matrices == "disk"
        sizes = self._sizes(copies=keeps + (saves and not is_on_disk))
        assert config.threads is not None
        has_copies = config.threads > 1 and not config.deterministic
        copies = config.threads * min(COPIES_BYTES, 2 * sizes.matrices_bytes) if has_copies else 0
        rows = f"{n_words:,} words" + (f" and {buckets:,} buckets of n-grams" if buckets else "")
        if self.documents is not None:
            rows = f"{n_words:,} words and {len(self.documents.tags):,} tags"
        if self.pairs is not None and not self.pairs.one_vocabulary:
            rows = f"{n_words:,} words and {len(self.pairs.contexts):,} contexts"
        named = "" if rows == f"{n_words:,} words" else f" ({rows})"
        model = format_bytes(sizes.model_bytes)
        parts = [f"{format_bytes(sizes.matrices_bytes)} for two matrices{named}"]
        shared = [f"up to {format_bytes(copies)} for the threads' copies of busy rows"] if has_copies else []
        if sizes.table_bytes >= TOLD_BYTES:
            shared.insert(0, f"{format_bytes(sizes.table_bytes)} for words and tables")
        parts += [] if is_on_disk else shared
        parts += [f"{model} to copy them for checkpoints"] if saves and not is_on_disk else []
        parts += [f"{model} for the best vectors"] if keeps else []
        folder = self.workspace.output or self.workspace.folder
        free = free_bytes(folder)
        needs = "memory: " + ", ".join(parts)
        if is_on_disk:
            if is_in_memory(folder):
                raise StorageError(
                    f"{folder} must be on a disk with matrices='disk', got a file system in memory; choose another"
                    " folder" + ("" if self.workspace.output else ": give output, or set TMPDIR")
                )
            needs = f"memory: {', '.join(shared) or 'no matrix'}; matrices on the disk: {', '.join(parts)}"
        else:
            self._validate_memory(sizes, rows, has_buckets=buckets > 0, free=free)
        disk = sizes.total_bytes if is_on_disk else 0
        if self.workspace.output is not None:
            disk += self._disk_bytes(sizes.model_bytes, saves, keeps)
        if disk:
            needs += f"; disk: {format_bytes(disk)}, {format_bytes(free)} free"
        if disk > free:
            raise StorageError(
                f"{folder} has {format_bytes(free)} free, the {'run' if is_on_disk else 'model'} will need"
                f" {format_bytes(disk)}; free some space, choose another folder"
                + (", set TMPDIR to a folder on another disk" if self.workspace.output is None else "")
                + ", or lower dims or max_vocabulary"
            )
        read = f"; read in {format_duration(encode_seconds)}" if encode_seconds else ""
        if self.pairs is not None:
            display.note(f"{corpus.n_tokens_read:,} pairs, {corpus.n_tokens:,} of them of {rows} that are kept{read}")
        else:
            display.note(
                f"{corpus.n_tokens_read:,} words read, {corpus.n_tokens:,} of them in the vocabulary of {n_words:,};"
                f" {corpus.n_sequences:,} sequences{read}"
            )
        display.note(needs)
        subsampling = describe_subsampling(config, corpus) if self.pairs is None else ""
        if subsampling:
            display.note(subsampling)

    def _sizes(self, copies: int) -> MatrixSizes:
        config, n_words, with_words = self.config, len(self.corpus.vocabulary), True
        others = config.buckets or 0 if config.subwords else 0
        if self.documents is not None:
            others, with_words = len(self.documents.tags), self.documents.with_words
        if self.pairs is not None:
            others, with_words = len(self.pairs.contexts), False
        return MatrixSizes(
            n_words=n_words,
            word_rows=1 + with_words,
            other_rows=others,
            composed_rows=int(config.subwords),
            dims=config.dims,
            copies=copies,
            table_bytes_per_word=table_bytes_per_word(n_words, config.objective.outputs.needs_tree),
        )

    def _validate_memory(self, sizes: MatrixSizes, rows: str, *, has_buckets: bool, free: int) -> None:
        available = available_memory_bytes()
        # without the threads' copies, which are mostly below their maximum
        if available is None or sizes.memory_bytes <= available:
            return
        counts = self.corpus.vocabulary.counts
        fits = describe_fits(sizes, counts, available, has_buckets=has_buckets, n_free_bytes=free)
        raise ParameterError(
            f"dims must fit into the {format_bytes(available)} of free memory, got {sizes.dims} for {rows}, which need"
            f" {format_bytes(sizes.memory_bytes)}; {fits}"
        )

    def _disk_bytes(self, vectors: int, saves: bool, keeps: bool) -> int:
        """Maximum number of bytes that the run still has to write; a resumed run has written a part already.

        Two checkpoints are on the disk while one replaces the other; at the end, a checkpoint and the model.
        """
        model = vectors + (self.corpus.folder / VOCABULARY).stat().st_size
        if not saves:
            return model + SPARE_BYTES
        checkpoint = vectors * (1 + keeps)
        arrays = sum(array.nbytes for array in (self.weights, self.noise, self.frozen) if array is not None)
        arrays += 0 if self.pairs is None else sum(array.nbytes for array in self.pairs.to_arrays().values())
        most = max(2 * checkpoint, checkpoint + model) + arrays + SPARE_BYTES
        return max(most - saved_bytes(self.workspace.folder), 0)

    def make_engine(self) -> Engine:
        """Make the engine of this corpus, with the initial matrices."""
        corpus = self.corpus
        if self.documents is not None:
            examples = self.documents.make_examples(self.trained, corpus.vocabulary)
            scale = DOCUMENT_SCALE
        elif self.pairs is not None:
            examples, scale = self.pairs.make_examples(len(corpus.vocabulary)), INITIAL_SCALE
        else:
            examples = text_examples(corpus.ids, corpus.offsets, corpus.vocabulary.counts, self.weights)
            scale = INITIAL_SCALE
        return Engine(
            examples,
            self._run_config(),
            noise_distribution=self.noise,
            frozen=self.frozen,
            bags=self.bags,
            initial_scale=scale,
            instruction_set=self.instruction_set,
            memory=self._memory,
        )

    @cached_property
    def _memory(self) -> MatrixMemory:
        return MatrixMemory(self.workspace.folder if self.matrices == "disk" else None)

    @cached_property
    def bags(self) -> WordBags | None:
        """The rows of each word; None where words are rows."""
        return make_bags(self.corpus.vocabulary, self.config)

    def make_vectors(self, rows: Matrix) -> WordVectors:
        """Word vectors of the engine's input matrix."""
        if self.documents is not None:
            raise AssertionError("a run of documents has no stop_metric")
        return make_word_vectors(self.corpus.vocabulary, self.bags, rows, self._memory)

    def _split_rows(self, input_vectors: Matrix, output_vectors: Matrix) -> tuple[WordVectors, WordVectors]:
        assert self.documents is not None
        return self.documents.split(input_vectors, output_vectors, self.corpus.vocabulary)

    def begin(self, engine: Engine, encode_seconds: float, *, has_start_vectors: bool) -> RunState:
        """The state of a run that begins with the engine's current vectors, with the bounds of divergence."""
        return RunState(
            history=History(encode_seconds=encode_seconds, guessing_loss_nats=engine.guessing_loss_nats),
            loss_bound_nats=loss_bound(engine, has_start_vectors),
            norm_bound=norm_bound(engine, has_start_vectors),
        )

    def prepare_checkpoints(
        self, options: RunOptions, engine: Engine, state: RunState, *, write_first: bool
    ) -> CheckpointWriter | None:
        """Write what resuming needs; with start vectors, also a first checkpoint, as the seed cannot restore them."""
        if options.checkpoint_every is None:
            return None
        workspace = self.workspace
        heldout_is_apart = self.pairs is None and options.heldout is not None and options.heldout.share is None
        identity = {
            "run": secrets.token_hex(16),
            "corpus": self.corpus.sha256,
            "heldout": EncodedCorpus(workspace.heldout_folder).sha256 if heldout_is_apart else None,
        }
        phrases = None if self.phrases is None else np.frombuffer(self.phrases.to_bytes(), np.uint8)
        arrays: dict[str, NDArray[Any] | None] = {
            "sequence_weights": self.weights,
            "noise_distribution": self.noise,
            "frozen": self.frozen,
            PHRASES_NAME: phrases,
        }
        if self.documents is not None:
            arrays |= self.documents.tags.to_arrays()
        if self.pairs is not None:
            arrays |= self.pairs.to_arrays()
        record = {
            "firth_version": __version__,
            "identity": identity,
            "training": self.config.to_json(),
            "instruction_set": self.instruction_set,
            "encode_seconds": state.history.encode_seconds,
            "has_heldout": options.heldout is not None,
            "heldout_every": None if options.heldout_every is None else options.heldout_every.to_json(),
            "patience": options.patience,
            "has_stop_metric": options.stop_metric is not None,
            "checkpoint_every": options.checkpoint_every.to_json(),
            "matrices": self.matrices,
        }
        record |= self.tokenizer.to_settings()
        if self.documents is not None:
            record["documents"] = self.documents.to_json()
        if self.pairs is not None:
            record["pairs"] = self.pairs.to_json()
        if write_first:
            snapshot = Snapshot.take(state, *engine.vector_views)
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
        signals: StopSignals,
        checkpoints: CheckpointWriter | None,
        load_start: Callable[[], None],
    ) -> Model:
        """Train to the end, save, and delete the work folder.

        ``load_start`` restores the engine's vectors of the start. It is called if the run diverges before any copy was
        kept.
        """
        corpus = self.corpus
        outcome = Outcome.of(self.config, corpus, self.weights, engine, self.pairs)
        loop_options = LoopOptions(
            n_tokens=len(self.trained[0]),
            words_per_token=corpus.n_tokens_read / corpus.n_tokens,
            make_vectors=self.make_vectors,
            split_rows=None if self.documents is None else self._split_rows,
            heldout=self.heldout if self.pairs is None else self.pairs.heldout_arguments(),
            stop_metric=options.stop_metric,
            evaluate_every=options.heldout_every,
            patience=options.patience,
            checkpoint_every=options.checkpoint_every,
            cures_of_divergence=outcome.cures_of_divergence(state),
            cures_of_no_example=outcome.cures_of_no_example(),
            allows_empty_epochs=outcome.allows_empty_epochs,
        )

        def take_start() -> tuple[Matrix, Matrix]:
            load_start()
            return engine.take_vectors()

        ending = Ending(
            make_model=self._make_model,
            load_start=take_start,
            workspace=self.workspace,
            output=self.workspace.output,
            checkpoints=checkpoints,
            keeps_interrupted=options.on_interrupt == "save",
            copy_vectors=engine.memory.copy,
        )
        model = ending.run(
            lambda: TrainingLoop(
                engine, self._run_config(), state, loop_options, callbacks, display, signals, checkpoints
            ),
            state,
            display,
            signals,
        )
        outcome.warn_of_guessing(model)
        return model

    def _run_config(self) -> TrainingConfig:
        """The configuration of engine and loop. Deterministic training of documents is one thread.

        In rounds of shards (docs/training.md) every shard of a long document would move the document's row.
        """
        if self.documents is None or not self.config.deterministic:
            return self.config
        return dataclasses.replace(self.config, deterministic=False, threads=1)

    def _make_model(self, input_vectors: Matrix, output_vectors: Matrix, history: History) -> Model:
        corpus, pairs = self.corpus, self.pairs
        documents = None
        if self.documents is None:
            words = self.make_vectors(input_vectors)
        else:
            words, documents = self._split_rows(input_vectors, output_vectors)
        return Model(
            vectors=words,
            output_vectors=output_vectors,
            config=self.config,
            history=history,
            corpus=CorpusRecord(
                sha256=corpus.sha256 if pairs is None else pairs.identify(corpus.sha256),
                n_tokens=corpus.n_tokens,
                n_tokens_read=corpus.n_tokens_read,
                n_sequences=corpus.n_sequences if pairs is None else corpus.n_tokens,
                lowercase=self.lowercase,
            ),
            instruction_set=self.instruction_set,
            documents=documents,
            train_words=self.documents is not None and self.documents.with_words,
            phrases=self.phrases,
            tokenizer=self.tokenizer,
            contexts=None if pairs is None else pairs.context_vectors(output_vectors, words),
        )


def same_instruction_set(name: str) -> str:
    """The instruction set of the run if this machine has it, else the machine's default, with a warning."""
    if name in available_instruction_sets():
        return name
    other = default_instruction_set()
    warnings.warn(
        f"the run began with the instruction set {name}, which this machine lacks; it continues with {other}, so the"
        " last bits of the vectors will differ",
        InstructionSetWarning,
        stacklevel=4,  # the caller of firth.resume
    )
    return other
