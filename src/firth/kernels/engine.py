"""Room kernels: the engine: examples, two matrices and an objective, for training slices; the interface of the core.

The engine owns the padded matrices and the tables. The native core samples and computes. The numbers of input rows, of
targets and of output rows may differ. Files, threads and progress are the work of training, not of the engine.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.philox import Purpose
from firth.errors import ParameterError, ShapeError, TrainingError
from firth.kernels.config import TrainingConfig
from firth.kernels.examples import Examples
from firth.kernels.guessing import guessing_loss
from firth.kernels.matrices import BLOCK_ROWS, Matrix, MatrixMemory
from firth.kernels.plan import PlanTables
from firth.kernels.settings import make_settings, open_kernel, parameter_values
from firth.kernels.staleness import choose_shard_tokens
from firth.kernels.subwords import WordBags, choose_bag_step
from firth.native.kernel import ROW_ALIGNMENT_BYTES, Result, Rounds
from firth.native.loader import StoppedError
from firth.native.settings import RowMatrix
from firth.numerics.huffman import build_huffman_tree

HELDOUT_NEGATIVES = 10
INITIAL_SCALE = 0.5  # word2vec.c; as the native core draws


@dataclass(frozen=True)
class SliceResult:
    """Sums over a slice of training.

    Attributes
    ----------
    loss_nats : float
        Sum of the losses of all examples, each times the weight of its sequence; summed in float64.
    weight : float
        Sum of the weights of the examples; without weights, the number of examples. The mean loss is
        loss_nats / weight.
    n_examples : int
        Number of positive examples. An example is a pair of words for skip-gram, and a window for CBOW.
    n_centers : int
        Number of windows that have a context.
    """

    loss_nats: float
    weight: float
    n_examples: int
    n_centers: int


class Engine:
    """Trains slices of positions: tokens of an encoded corpus, or rows of explicit examples.

    Parameters
    ----------
    examples : Examples
        The result of ``text_examples``, ``document_examples``, ``weighted_pairs``, ``explicit_examples`` or
        ``pair_examples`` (kernels/examples.py).
    config : TrainingConfig
        The engine uses :meth:`TrainingConfig.resolved` of it. ``threads`` is the number of threads that call
        :meth:`train_slice` at the same time. If there are several, each thread trains copies of the rows that are
        touched most (native/cpp/train/replicas.hpp), and merges them at least every 65,536 / threads tokens.
    noise_distribution : float array, (n_targets,), or None
        Weights of the noise words. None: the counts raised to ``noise_exponent``.
    initial_vectors : float array, (n_input_rows, D), or None
        The input vectors at the start. A row that has only NaN is initialised at random, as without this array.
    initial_scale : float
        Input rows are drawn from U(-initial_scale / D, initial_scale / D).
    frozen : bool array, (n_input_rows,), or with bags (V,), or None
        Input vectors that training does not change. Training changes all output vectors.
    bags : WordBags or None
        The rows that each word is the mean of, in a matrix of ``bags.n_rows`` input rows. None: a word is its own row.
    instruction_set : str or None
        None: the instruction set that the process chose.
    memory : MatrixMemory or None
        Where the two matrices and their copies are; None: in memory.

    Attributes
    ----------
    memory : MatrixMemory
    bag_step : float
        What the step of a bag's rows is multiplied by (kernels/subwords.py).
    guessing_loss_nats : float
        The mean training loss if every logit is zero (kernels/guessing.py).

    Raises
    ------
    ParameterError
        There are too few targets for the loss, or ``subsample`` is above 0 for a source that does not subsample.
    NativeError
        The settings of the native library differ from those of this Python code, or the library lacks a side.
    """

    def __init__(
        self,
        examples: Examples,
        config: TrainingConfig,
        *,
        noise_distribution: NDArray[np.float64] | None = None,
        initial_vectors: Matrix | None = None,
        initial_scale: float = INITIAL_SCALE,
        frozen: NDArray[np.bool_] | None = None,
        bags: WordBags | None = None,
        instruction_set: str | None = None,
        memory: MatrixMemory | None = None,
    ) -> None:
        config = config.resolved()
        self.memory = MatrixMemory() if memory is None else memory
        self._objective = config.objective
        outputs = self._objective.outputs
        self._kernel = open_kernel(instruction_set)
        self.instruction_set = self._kernel.instruction_set
        self._config, self._examples, self._dims = config, examples, config.dims
        if config.subsample > 0 and not examples.subsamples:
            raise ParameterError(
                f"subsample must be 0 for the source {examples.source!r}, which leaves out nothing, got"
                f" {config.subsample}"
            )
        counts = examples.counts
        n_output_rows = len(counts) - outputs.rows_below_vocabulary
        if n_output_rows < 1:
            least = f"{1 + outputs.rows_below_vocabulary} or more words"
            raise ParameterError(
                f"counts must have {least} for loss={config.loss!r}, got {len(counts)}, which leaves no output to"
                " tell apart; give more words"
            )

        row_elements = ROW_ALIGNMENT_BYTES // np.dtype(np.float32).itemsize
        stride = -(-config.dims // row_elements) * row_elements
        self._bags = bags
        self._input = self.memory.allocate(examples.n_input_rows if bags is None else bags.n_rows, stride)
        self._output = self.memory.allocate(n_output_rows, stride)

        self._tables = PlanTables.build(counts, config, noise_distribution, examples.input_counts)
        if frozen is not None and bags is not None:
            frozen = bags.freeze_rows(frozen)
        self._frozen = None if frozen is None else np.ascontiguousarray(frozen, dtype=np.uint8)
        self._stop_flag = np.zeros(1, np.int32)
        self._rounds: dict[int, Rounds] = {}
        tree = build_huffman_tree(counts) if outputs.needs_tree else None
        given: dict[str, Any] = {"noise_distribution": noise_distribution, "tree": tree}
        rates = examples.rates(config, **given)
        input_touches, bag_step = rates.inputs, 1.0
        if bags is not None:
            hidden_touches, input_touches = bags.touches(rates.inputs)
            bag_step = choose_bag_step(bags, counts, config, rates.context)
            rates = dataclasses.replace(rates, inputs=hidden_touches)
        self.bag_step = bag_step
        shard_tokens = choose_shard_tokens(
            rates,
            counts,
            config,
            shards=self._kernel.shards,
            largest_weight=1.0 if examples.weights is None else float(examples.weights.max(initial=0.0)),
            **given,
        )
        self.guessing_loss_nats = guessing_loss(counts, config, **given)
        # The root of a tree is its last node and its busiest row.
        output_touches = rates.outputs if tree is None else rates.outputs[::-1]
        self._settings = make_settings(
            self._kernel,
            config,
            source=examples.source,
            ids=examples.ids,
            offsets=examples.offsets,
            targets=examples.targets,
            target_offsets=examples.target_offsets,
            tag_offsets=examples.tag_offsets,
            tag_rows=examples.tag_rows,
            tags_with_words=int(examples.tags_with_words),
            sequence_weights=examples.weights,
            n_tokens=len(examples.ids),
            n_sequences=examples.n_sequences,
            keep_thresholds=self._tables.keep_thresholds,
            input_keep_thresholds=self._tables.input_keep_thresholds,
            noise=self._tables.noise,
            noise_parts=self._tables.noise_parts,
            path_offsets=None if tree is None else np.ascontiguousarray(tree.offsets, dtype=np.int64),
            path_nodes=None if tree is None else np.ascontiguousarray(tree.node_ids, dtype=np.int32),
            path_codes=None if tree is None else np.ascontiguousarray(tree.codes, dtype=np.uint8),
            bag_offsets=None if bags is None else bags.bags.offsets,
            bag_rows=None if bags is None else bags.bags.rows,
            bag_step=bag_step,
            input=RowMatrix(self._input, self._frozen, input_touches.astype(np.float32)),
            output=RowMatrix(
                self._output, touches=output_touches.astype(np.float32), touches_from_last=tree is not None
            ),
            n_targets=len(counts),
            stop_flag=self._stop_flag,
            noise_purpose=int(Purpose.NEGATIVES),
            shard_tokens=shard_tokens,
        )
        self._initial_scale = initial_scale
        self._draw_initial_vectors()
        if initial_vectors is not None:
            self._validate_shape("initial_vectors", initial_vectors, len(self._input))
            is_given = ~np.isnan(initial_vectors).all(axis=1)
            self._input[is_given, : self._dims] = initial_vectors[is_given]

    @property
    def memory_bytes(self) -> int:
        """Bytes of the two matrices."""
        return self._input.nbytes + self._output.nbytes

    @property
    def input_vectors(self) -> Matrix:
        """A copy of the input vectors, (n_input_rows, D), without padding."""
        return self.memory.copy(self._input[:, : self._dims])

    @property
    def output_vectors(self) -> Matrix:
        """A copy of the output vectors, (n_targets, D), or (n_targets - 1, D) of the inner nodes, without padding."""
        return self.memory.copy(self._output[:, : self._dims])

    @property
    def vector_views(self) -> tuple[Matrix, Matrix]:
        """Both matrices without padding and without a copy; training changes them."""
        return self._input[:, : self._dims], self._output[:, : self._dims]

    def take_vectors(self) -> tuple[Matrix, Matrix]:
        """Both matrices without padding and without a copy; the engine must not be used after it."""
        with self.memory.read_in_order():
            taken = _without_padding(self._input, self._dims), _without_padding(self._output, self._dims)
        self.memory.release()
        return taken

    def load_vectors(self, input_vectors: Matrix, output_vectors: Matrix) -> None:
        """Replace both matrices by saved ones, to resume a run."""
        self._validate_shape("input_vectors", input_vectors, len(self._input))
        self._validate_shape("output_vectors", output_vectors, len(self._output))
        with self.memory.read_in_order():
            self._input[:, : self._dims] = input_vectors
            self._output[:, : self._dims] = output_vectors

    def train_slice(self, start: int, stop: int, epoch: int) -> SliceResult:
        """Train the tokens [start, stop) of one epoch, lock-free; threads may call this at the same time.

        Raises
        ------
        StoppedError
            After ``request_stop``; the matrices keep the updates made before the stop.
        """
        return _as_slice_result(self._kernel.train_slice(self._settings, start, stop, epoch))

    @property
    def round_tokens(self) -> int:
        """Tokens of one round of :meth:`train_rounds`."""
        return self._kernel.shards * int(self._settings.shard_tokens)

    def train_rounds(self, start: int, stop: int, epoch: int, threads: int) -> SliceResult:
        """Train the tokens [start, stop) so that the result has the same bits whatever the number of threads.

        ``start`` must be a multiple of ``round_tokens``; so must ``stop``, or be the epoch's end.

        Raises
        ------
        StoppedError
            After ``request_stop``; only whole rounds have been trained.
        """
        if start % self.round_tokens or (stop % self.round_tokens and stop != len(self._examples.ids)):
            raise ParameterError(
                f"start and stop must be multiples of {self.round_tokens} or the epoch's end, got {start} and {stop}"
            )
        if self.round_tokens < _TOKENS_WORTH_A_BARRIER:
            threads = 1  # the same bits, without the time that threads wait at barriers
        rounds = self._rounds.get(threads)
        if rounds is None:  # kept for later calls, because their tables are large
            rounds = self._rounds[threads] = self._kernel.make_rounds(self._settings, threads)
        return _as_slice_result(rounds.train(start, stop, epoch))

    def heldout_loss(
        self,
        ids: NDArray[np.int32],
        offsets: NDArray[np.int64] | None,
        targets: NDArray[np.int32] | None = None,
        target_offsets: NDArray[np.int64] | None = None,
        weights: NDArray[np.float32] | None = None,
        *,
        threads: int = 1,
    ) -> tuple[float, int]:
        """Mean loss in nats of examples that are not trained on, weighted by ``weights``, and their number.

        Windows have their full width, and no token is left out. With negative sampling there are 10 negatives for each
        window; they depend only on the seed and the position of the token. So the losses of different runs, epochs and
        numbers of threads are comparable. Of an example with several targets one is drawn, the same each time, unless
        the loss takes all.
        """
        if (targets is None) != (self._examples.targets is None):
            raise ParameterError("targets must be given if and only if the examples that are trained on have targets")
        if (target_offsets is None) != (self._examples.target_offsets is None):
            raise ParameterError("target_offsets must be given if and only if the examples have several targets")
        if (offsets is None) != (self._examples.offsets is None):
            raise ParameterError("offsets must be given if and only if the examples that are trained on have offsets")
        tag_offsets = self._examples.tag_offsets
        if tag_offsets is not None and offsets is not None and len(offsets) != len(tag_offsets):
            raise ShapeError(
                f"offsets must have {len(tag_offsets)} numbers, because held-out words belong to the"
                f" documents that are trained on, got {len(offsets)}"
            )
        targets = None if targets is None else np.ascontiguousarray(targets, dtype=np.int32)
        target_offsets = None if target_offsets is None else np.ascontiguousarray(target_offsets, dtype=np.int64)
        ids = np.ascontiguousarray(ids, dtype=np.int32)
        offsets = None if offsets is None else np.ascontiguousarray(offsets, dtype=np.int64)
        weights = None if weights is None else np.ascontiguousarray(weights, dtype=np.float32)
        fixed = "fixed" if self._config.window_mode == "dynamic" else self._config.window_mode
        changes: dict[str, Any] = {"window_mode": fixed, "negative_sharing": "window"}
        if self._objective.outputs.draws_negatives:
            changes["negatives"] = HELDOUT_NEGATIVES
        settings = self._settings.replace(
            **parameter_values(self._kernel, dataclasses.replace(self._config, **changes)),
            ids=ids,
            offsets=offsets,
            targets=targets,
            target_offsets=target_offsets,
            n_tokens=len(ids),
            n_sequences=len(ids) if offsets is None else len(offsets) - 1,
            sequence_weights=weights,
            keep_thresholds=None,
            input_keep_thresholds=None,
            noise_purpose=int(Purpose.HELDOUT_NOISE),
        )

        def evaluate(piece: tuple[int, int]) -> Result:
            return self._kernel.evaluate_slice(settings, *piece, epoch=0)

        with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
            results = list(pool.map(evaluate, _split(len(ids), _HELDOUT_SLICE)))
        n_examples = sum(result.examples for result in results)
        if n_examples == 0:
            raise TrainingError("held-out part must hold at least one window with a context, got none")
        total = n_examples if weights is None else sum(result.weight for result in results)
        return sum(result.loss for result in results) / total, n_examples

    def first_loss(self, n_examples: int) -> float:
        """Mean training loss in nats of the first ``n_examples`` examples, or of all, at the current vectors.

        The vectors do not change. The result is NaN if the sum of the weights is zero.
        """
        loss = weight = 0.0
        n_found = 0
        for start, stop in _split(len(self._examples.ids), _MEASURED_TOKENS):
            result = self._kernel.evaluate_slice(self._settings, start, stop, epoch=0)
            loss, weight, n_found = loss + result.loss, weight + result.weight, n_found + result.examples
            if n_found >= n_examples:
                break
        return loss / weight if weight > 0 else math.nan

    def check_finite(self, largest_norm: float = math.inf) -> None:
        """Raise TrainingError if any row of the two matrices is not finite, or its norm is above ``largest_norm``."""
        with self.memory.read_in_order():
            self._validate_norms(largest_norm)

    def _validate_norms(self, largest_norm: float) -> None:
        for name, first, squares in self._squared_norms():
            within = (squares <= largest_norm**2) & (squares < np.inf)
            for row in first + np.flatnonzero(~within):  # float32 squares overflow if a norm is at least 1.8e19
                norm = float(np.linalg.norm((self._input if name == "input" else self._output)[row].astype(np.float64)))
                if not math.isfinite(norm):
                    raise TrainingError(f"{name} vector of word {row} is not finite")
                if norm > largest_norm:
                    raise TrainingError(f"{name} vector of word {row} has a norm of {norm:.3g}")

    def largest_norm(self) -> float:
        """The largest norm of a row of both matrices; NaN or infinity if a row is not finite."""
        return math.sqrt(float(np.max([np.max(squares) for _, _, squares in self._squared_norms()])))

    def _squared_norms(self) -> Iterator[tuple[str, int, Matrix]]:
        """Name of the matrix, number of the first row, and the squared norms of that row and the next rows."""
        for name, matrix in (("input", self._input), ("output", self._output)):
            for first, last in _split(len(matrix), BLOCK_ROWS):
                with np.errstate(over="ignore", invalid="ignore"):
                    yield name, first, np.einsum("ij,ij->i", matrix[first:last], matrix[first:last])

    def reset_vectors(self) -> None:
        """Set both matrices to the values at the start of training, without ``initial_vectors``."""
        with self.memory.read_in_order():
            self._draw_initial_vectors()
            self._output[:] = 0

    def _draw_initial_vectors(self) -> None:
        self._kernel.initial_vectors(int(self._settings.seed), self._input, self._dims)
        if self._initial_scale != INITIAL_SCALE:
            self._input *= np.float32(self._initial_scale / INITIAL_SCALE)

    def request_stop(self) -> None:
        """Make every running call that trains or evaluates raise StoppedError within about a millisecond."""
        self._stop_flag[0] = 1

    def clear_stop(self) -> None:
        """Cancel ``request_stop``."""
        self._stop_flag[0] = 0

    def _validate_shape(self, name: str, matrix: Matrix, n_rows: int) -> None:
        if matrix.shape != (n_rows, self._dims):
            raise ShapeError(f"{name} must have shape ({n_rows}, {self._dims}), got {matrix.shape}")


def _as_slice_result(result: Result) -> SliceResult:
    return SliceResult(result.loss, result.weight, result.examples, result.centers)


_TOKENS_WORTH_A_BARRIER = 1000  # about 0.3 ms of training; a round has two barriers
_HELDOUT_SLICE = 1 << 16  # tokens; fixed, so that the sum does not depend on the number of threads
_MEASURED_TOKENS = 1 << 10


def _split(total: int, size: int) -> list[tuple[int, int]]:
    return [(first, min(first + size, total)) for first in range(0, total, size)]


def _without_padding(matrix: Matrix, dims: int) -> Matrix:
    """The first ``dims`` columns of a matrix, made contiguous in the memory of the matrix."""
    n_rows, _ = matrix.shape
    flat = matrix.reshape(-1)
    for first, last in _split(n_rows, BLOCK_ROWS):
        flat[first * dims : last * dims] = matrix[first:last, :dims].copy().reshape(-1)
    return flat[: n_rows * dims].reshape(n_rows, dims)


__all__ = ["Engine", "SliceResult", "StoppedError"]
