"""Room training: a classifier whose texts are bags of rows: memory, engine, checkpoints, training; to disk and back.

Tests: tests/training/test_train_classifier.py, tests/training/test_resume_classifier.py.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth._version import __version__
from firth.base.json_file import as_object
from firth.base.machine import available_memory_bytes, available_processors
from firth.base.values import as_integer
from firth.base.words import WordBuffer
from firth.classification.bags import (
    Bags,
    CompactRows,
    Dictionary,
    build_dictionary,
    find_bags,
    find_compact_rows,
    fit_buckets,
    make_model,
)
from firth.classification.classifier import Classifier
from firth.classification.config import MAX_BUCKETS, ClassifierConfig
from firth.classification.training_texts import LABEL_PREFIX, TrainingTexts
from firth.corpus.philox import Purpose, draw_blocks
from firth.errors import CorpusError, ParameterError
from firth.formats.fasttext_model import LOSSES
from firth.kernels.config import TrainingConfig
from firth.kernels.engine import Engine
from firth.kernels.examples import explicit_examples
from firth.models.history import History
from firth.models.run_files import CLASSIFIER_ARRAYS, CLASSIFIER_RUN, HELDOUT_ARRAYS
from firth.native.loader import default_instruction_set
from firth.training.loop.callbacks import CallbackList
from firth.training.loop.checkpoints import CheckpointWriter, RunState, Snapshot, write_checkpoint
from firth.training.loop.divergence import loss_bound, norm_bound
from firth.training.loop.loop import TrainingLoop
from firth.training.loop.options import LoopOptions
from firth.training.loop.progress import ProgressDisplay, format_bytes
from firth.training.loop.signals import StopSignals
from firth.training.run.finishing import Ending
from firth.training.run.options import RunOptions
from firth.training.run.start import StartVectors
from firth.training.run.workspace import Workspace

if TYPE_CHECKING:
    from firth.vectors.word_vectors import WordVectors

Matrix = NDArray[np.float32]

INITIAL_SCALE = 1.0  # fastText; with word2vec's 0.5 a run of few steps learns less: a point of precision on SST
NOISE_EXPONENT = 0.5  # fastText, NegativeSamplingLoss: labels are drawn by the square root of their counts
_LOSS_CODES = {name: code for code, name in LOSSES.items()}
_HIERARCHICAL = "hierarchical-softmax"


@dataclass(frozen=True, eq=False)
class PreparedClassifier:
    """Texts as bags of rows, and everything else that training needs."""

    config: ClassifierConfig
    dictionary: Dictionary
    buckets: int
    compact: CompactRows
    bags: Bags
    targets: NDArray[np.int32]
    target_offsets: NDArray[np.int64]
    heldout: tuple[NDArray[Any], ...] | None
    seconds: float
    instruction_set: str

    @classmethod
    def build(
        cls,
        config: ClassifierConfig,
        data: TrainingTexts,
        held_out: TrainingTexts | None,
        display: ProgressDisplay,
        seconds: float,
    ) -> PreparedClassifier:
        started = time.monotonic()
        order = np.argsort(draw_blocks(config.seed, Purpose.ORDER, 0, np.arange(len(data)))[:, 0], kind="stable")
        data = data.take(order.tolist())
        dictionary = build_dictionary(data, config.min_count)
        buckets, bags = fit_buckets(dictionary, config, data.texts)
        compact = find_compact_rows(bags, dictionary.n_words, buckets)
        n_ended = sum(1 for text in data.texts if b"</s>" in text and b"</s>" in text.split())
        if n_ended:
            display.note(
                f"{n_ended:,} texts have the word </s>, which ends a text as in fastText: the rest is not read"
            )
        heldout = None if held_out is None else _heldout_arrays(dictionary, config, held_out, buckets, compact, display)
        display.note(
            f"{len(data):,} texts, {dictionary.n_tokens:,} words, {dictionary.n_words:,} different;"
            f" {len(dictionary.label_ids):,} labels"
            + (f"; {len(compact.used_buckets):,} of {buckets:,} buckets of n-grams used" if buckets else "")
        )
        targets, target_offsets = label_arrays(data.labels, dictionary.label_ids)
        seconds += time.monotonic() - started
        return cls(
            config,
            dictionary,
            buckets,
            compact,
            compact.shrink(bags),
            targets,
            target_offsets,
            heldout,
            seconds,
            default_instruction_set(),
        )

    def to_json(self) -> dict[str, Any]:
        """What `from_run` needs beside the arrays, in JSON types."""
        return {
            "kind": CLASSIFIER_RUN,
            "firth_version": __version__,
            "training": asdict(self.config),
            "instruction_set": self.instruction_set,
            "encode_seconds": self.seconds,
            "n_words": self.dictionary.n_words,
            "n_tokens": self.dictionary.n_tokens,
            "buckets": self.buckets,
            "has_heldout": self.heldout is not None,
        }

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The texts as bags of rows, the labels and the dictionary, by the names of their files."""
        entries = self.dictionary.entries
        arrays = (
            entries.word_bytes,
            entries.offsets,
            self.dictionary.counts,
            self.compact.used_buckets,
            self.bags.rows,
            self.bags.offsets,
            self.targets,
            self.target_offsets,
        )
        named: dict[str, NDArray[Any]] = dict(zip(CLASSIFIER_ARRAYS, arrays, strict=True))
        return named if self.heldout is None else {**named, **dict(zip(HELDOUT_ARRAYS, self.heldout, strict=True))}

    @classmethod
    def from_run(
        cls, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], instruction_set: str
    ) -> PreparedClassifier:
        """What `to_json` and `to_arrays` wrote; raise LookupError, TypeError or ValueError for anything else."""
        config = ClassifierConfig(**as_object(record["training"], "training"))
        numbers = {name: as_integer(name, record[name], minimum=0) for name in ("n_words", "n_tokens", "buckets")}
        n_words, buckets = numbers["n_words"], numbers["buckets"]
        entries = WordBuffer(arrays["words"], arrays["word_offsets"])
        if not 0 < n_words < len(entries) - 1 or arrays["counts"].shape != (len(entries),):
            raise ValueError(f"n_words must leave two labels of {len(entries)} entries, got {n_words}")
        if buckets > MAX_BUCKETS or numbers["n_tokens"] == 0:
            raise ValueError(f"buckets must be at most {MAX_BUCKETS} and n_tokens above 0, got {buckets}")
        used = arrays["used_buckets"]
        if used.ndim != 1 or used.dtype != np.int64 or len(np.unique(used)) != len(used):
            raise ValueError("used_buckets must be different numbers")
        if len(used) and not 0 <= int(used.min()) <= int(used.max()) < buckets:
            raise ValueError(f"used_buckets must be in [0, {buckets})")
        labels = [entry.removeprefix(LABEL_PREFIX.encode()).decode() for entry in entries.all_encoded()][n_words:]
        dictionary = Dictionary(
            entries, arrays["counts"], n_words, numbers["n_tokens"], {name: n for n, name in enumerate(labels)}
        )
        compact = CompactRows.of(n_words, used, buckets)
        parts = [tuple(arrays[name] for name in CLASSIFIER_ARRAYS[4:])]
        if record["has_heldout"]:
            parts.append(tuple(arrays[name] for name in HELDOUT_ARRAYS))
        for rows, offsets, targets, target_offsets in parts:  # native code does not check them
            explicit_examples(
                rows,
                offsets,
                targets,
                n_input_rows=compact.n_rows,
                n_targets=len(labels),
                target_offsets=target_offsets,
            )
        rows, offsets, targets, target_offsets = parts[0]
        return cls(
            config,
            dictionary,
            buckets,
            compact,
            Bags(rows, offsets),
            targets,
            target_offsets,
            parts[1] if record["has_heldout"] else None,
            float(record["encode_seconds"]),
            instruction_set,
        )

    def report_memory(self, display: ProgressDisplay) -> None:
        """Show what the matrices take; raise where there is not so much."""
        dims, n_labels = self.config.dims, len(self.dictionary.label_ids)
        matrices = 4 * -(-dims // 16) * 16 * (self.compact.n_rows + n_labels)
        display.note(
            f"memory: {format_bytes(matrices)} for two matrices, {format_bytes(self.bags.rows.nbytes)} for rows"
        )
        available = available_memory_bytes()
        if available is not None and matrices > available:
            raise ParameterError(
                f"dims must fit into the {format_bytes(available)} of free memory, got {dims} for"
                f" {self.compact.n_rows:,} rows, which need {format_bytes(matrices)}; lower dims, raise min_count, or"
                " take shorter n-grams"
            )

    @cached_property
    def training_config(self) -> TrainingConfig:
        return make_training_config(self.config)

    def make_engine(self, start: StartVectors | None) -> Engine:
        """Make the engine, with the matrices of the start."""
        examples = explicit_examples(
            self.bags.rows,
            self.bags.offsets,
            self.targets,
            n_input_rows=self.compact.n_rows,
            n_targets=len(self.dictionary.label_ids),
            target_offsets=self.target_offsets,
        )
        return Engine(
            examples,
            self.training_config,
            initial_vectors=self._initial_vectors(start),
            initial_scale=INITIAL_SCALE,
            instruction_set=self.instruction_set,
        )

    def begin(self, engine: Engine, *, has_start_vectors: bool) -> RunState:
        """The state of a run that begins with the engine's current vectors, with the bounds of divergence."""
        return RunState(
            history=History(encode_seconds=self.seconds, guessing_loss_nats=engine.guessing_loss_nats),
            loss_bound_nats=loss_bound(engine, has_start_vectors),
            norm_bound=norm_bound(engine, has_start_vectors),
        )

    def prepare_checkpoints(
        self, workspace: Workspace, options: RunOptions, engine: Engine, state: RunState, *, write_first: bool
    ) -> CheckpointWriter | None:
        """Write what resuming needs; with start vectors, also a first checkpoint, as the seed cannot restore them."""
        if options.checkpoint_every is None:
            return None
        identity = {"run": secrets.token_hex(16)}
        if write_first:
            snapshot = Snapshot.take(state, *engine.vector_views)
            write_checkpoint(workspace.checkpoint_folder, snapshot, identity)
        workspace.write_run({**self.to_json(), **_options_to_json(options), "identity": identity}, self.to_arrays())
        return CheckpointWriter(workspace.checkpoint_folder, identity)

    def train(
        self,
        engine: Engine,
        state: RunState,
        workspace: Workspace,
        output: Path | None,
        options: RunOptions,
        callbacks: CallbackList,
        display: ProgressDisplay,
        signals: StopSignals,
        checkpoints: CheckpointWriter | None,
        start: StartVectors | None,
    ) -> Classifier:
        """Train to the end, save to ``output``, and delete the work folder."""
        loop_options = LoopOptions(
            n_tokens=len(self.bags.rows),
            words_per_token=self.dictionary.n_tokens / len(self.bags.rows),
            make_vectors=no_vectors,
            heldout=self.heldout,
            patience=options.patience,
            checkpoint_every=options.checkpoint_every,
            cures_of_divergence=f"lower learning_rate, below {self.config.learning_rate:g} (--learning-rate)",
            cures_of_no_example="give texts with labels",
        )

        def take_start() -> tuple[Matrix, Matrix]:
            again = self.make_engine(start)
            return again.take_vectors()

        ending = Ending(
            make_model=self._make_classifier,
            load_start=take_start,
            workspace=workspace,
            output=output,
            checkpoints=checkpoints,
            keeps_interrupted=options.on_interrupt == "save",
        )
        config = self.training_config
        return ending.run(
            lambda: TrainingLoop(engine, config, state, loop_options, callbacks, display, signals, checkpoints),
            state,
            display,
            signals,
        )

    def _initial_vectors(self, start: StartVectors | None) -> NDArray[np.float32]:
        """NaN where a row is drawn at random; zeros for the last row, which n-grams of no training text share."""
        rows = np.full((self.compact.n_rows, self.config.dims), np.nan, np.float32)
        rows[-1] = 0
        if start is None:
            return rows
        numbers = {
            word: n for n, word in enumerate(islice(self.dictionary.entries.all_encoded(), self.compact.n_words))
        }
        assert start.words is not None
        n_found = 0
        for word, vector in zip(start.words, start.matrix, strict=True):
            number = numbers.get(str(word).encode())
            if number is not None:
                rows[number] = vector
                n_found += 1
        if not n_found:
            raise ParameterError(
                f"initial_vectors must have a word in common with the {self.compact.n_words:,} words of the texts, got"
                f" {len(start.matrix):,} words, none of which is in them; are they lower-cased alike?"
            )
        return rows

    def _make_classifier(
        self, input_rows: NDArray[np.float32], output_rows: NDArray[np.float32], history: History
    ) -> Classifier:
        loss = self.config.loss
        outputs = stored_outputs(loss, output_rows)
        model = make_model(
            self.dictionary, self.config, self.buckets, self.compact.expand(input_rows), outputs, _LOSS_CODES[loss]
        )
        return Classifier(model, history=history)


def make_training_config(config: ClassifierConfig) -> TrainingConfig:
    """What the engine of a classifier gets.

    Deterministic is one thread: in rounds of shards (docs/training.md), where every text moves every label, cooking
    took twice as long and lost four points of precision.
    """
    threads = available_processors() if config.threads is None else config.threads
    return TrainingConfig(
        architecture="cbow",
        cbow_input="mean",
        cbow_update="gradient",
        loss=config.loss,
        dims=config.dims,
        negatives=config.negatives,
        negative_sharing="window",
        noise_exponent=NOISE_EXPONENT,
        subsample=0.0,
        learning_rate=config.learning_rate,
        epochs=config.epochs,
        threads=1 if config.deterministic else threads,
        seed=config.seed,
    ).resolved()


def stored_outputs(loss: str, rows: Matrix) -> Matrix:
    """The output matrix as files have it, from that of an engine.

    With hierarchical softmax, a step's label is 1 where the code is 0 in an engine, and where it is 1 in fastText. A
    file has one row more than the tree has inner nodes.
    """
    if loss != _HIERARCHICAL:
        return rows
    outputs = np.zeros((len(rows) + 1, rows.shape[1]), np.float32)
    np.negative(rows, out=outputs[:-1])
    return outputs


def engine_outputs(loss: str, rows: Matrix) -> Matrix:
    """The inverse of `stored_outputs`."""
    return np.negative(rows[:-1]) if loss == _HIERARCHICAL else np.asarray(rows, np.float32)


def label_arrays(labels: list[list[str]], ids: Mapping[str, int]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The numbers of all labels, text by text, and the offsets of the texts."""
    targets = np.array([ids[label] for names in labels for label in names], np.int32)
    return targets, np.concatenate([[0], np.cumsum([len(names) for names in labels])]).astype(np.int64)


def _heldout_arrays(
    dictionary: Dictionary,
    config: ClassifierConfig,
    held_out: TrainingTexts,
    buckets: int,
    compact: CompactRows,
    display: ProgressDisplay,
) -> tuple[NDArray[Any], ...]:
    """Rows and targets of the held-out texts that have a label of the training texts."""
    known = [[name for name in names if name in dictionary.label_ids] for names in held_out.labels]
    kept = [number for number, names in enumerate(known) if names]
    if not kept:
        raise CorpusError(f"heldout must have a label of the training texts, got none in {len(held_out):,} texts")
    if len(kept) < len(known):
        display.note(f"{len(known) - len(kept):,} held-out texts have no label of the training texts and are left out")
    bags = compact.shrink(find_bags(dictionary, config, [held_out.texts[number] for number in kept], buckets))
    return bags.rows, bags.offsets, *label_arrays([known[number] for number in kept], dictionary.label_ids)


def _options_to_json(options: RunOptions) -> dict[str, Any]:
    every = options.checkpoint_every
    return {"patience": options.patience, "checkpoint_every": None if every is None else every.to_json()}


def no_vectors(matrix: NDArray[np.float32]) -> WordVectors:
    """What the loop of a classifier is given in place of a function that makes word vectors."""
    raise AssertionError("a classifier has no stop_metric")


__all__ = [
    "PreparedClassifier",
    "engine_outputs",
    "label_arrays",
    "make_training_config",
    "no_vectors",
    "stored_outputs",
]
