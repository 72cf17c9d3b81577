"""Room kernels: compares the native update of a unit with the reference, for the tests and ``firth selfcheck``.

In float64, with the exact sigmoid, at learning rate 1, every row must satisfy

    |before - after - gradient| <= 1e-12 max(1, |gradient|, |row|)

``largest_update_error`` returns the left side divided by the maximum on the right side, maximised over all rows.

Tests: tests/kernels/test_native_units.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.kernels.config import TrainingConfig
from firth.kernels.reference import update_unit
from firth.kernels.registry import OBJECTIVES, Objective
from firth.kernels.settings import make_settings, open_kernel
from firth.native.kernel import ROW_ALIGNMENT_BYTES, Kernel
from firth.native.settings import RowMatrix, Settings
from firth.numerics.huffman import HuffmanTree, build_huffman_tree

DOUBLE_TOLERANCE = 1e-12
SINGLE_TOLERANCE = 2e-5  # for float32 sums of up to a few hundred terms of magnitude 1

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class UnitIds:
    """The ids of a unit: a window, or several windows that share their negatives.

    Attributes
    ----------
    context : word ids, each with a bit mask: bit t is set if window t contains the word
    targets : word ids, one for each window
    negatives : word ids
    """

    context: list[tuple[int, int]]
    targets: list[int]
    negatives: list[int]

    @classmethod
    def window(cls, context: list[int], target: int, negatives: list[int]) -> UnitIds:
        """A unit of one window."""
        return cls([(word, 1) for word in context], [target], negatives)

    @property
    def windows(self) -> list[tuple[list[int], int]]:
        """The context of each window and its target."""
        return [
            ([word for word, bits in self.context if bits >> t & 1], target) for t, target in enumerate(self.targets)
        ]


# Ids that a fast kernel may handle wrongly: words that occur several times, on either side or on both sides.
UNIT_CASES: dict[str, UnitIds] = {
    "plain": UnitIds.window([3, 1, 4, 7, 9, 2], 5, [6, 0, 8, 10, 11]),
    "one-word": UnitIds.window([3], 5, [6]),
    "no-negatives": UnitIds.window([3, 1], 5, []),
    "repeats": UnitIds.window([3, 1, 3, 3, 9, 1], 5, [6, 6, 0, 6, 0]),
    "target-among-negatives": UnitIds.window([3, 1, 4], 5, [5, 6, 5]),
    "target-in-context": UnitIds.window([5, 1, 5], 5, [6, 0]),
    "inputs-among-outputs": UnitIds.window([3, 1, 4, 1], 3, [1, 4, 3, 1, 9]),
    "many": UnitIds.window(list(range(12)) * 2, 5, [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 0, 1]),
}

# For objectives whose units may have several windows.
SEVERAL_WINDOWS_CASES: dict[str, UnitIds] = {
    "two-windows": UnitIds([(3, 0b01), (1, 0b11), (4, 0b11), (7, 0b10)], [5, 2], [6, 0, 8, 10, 11]),
    "four-windows": UnitIds(
        [(3, 0b0001), (1, 0b1101), (4, 0b1110), (7, 0b0111), (9, 0b1111), (2, 0b1011), (0, 0b1000)],
        [1, 4, 7, 2],
        [6, 0, 8, 10, 11],
    ),
    "three-apart": UnitIds([(3, 0b001), (1, 0b010), (4, 0b100)], [5, 6, 7], [8, 9, 10]),
    "repeats-in-windows": UnitIds(
        [(3, 0b011), (1, 0b111), (3, 0b110), (1, 0b001), (5, 0b100)], [5, 5, 3], [6, 6, 3, 5, 0]
    ),
    "windows-without-negatives": UnitIds([(3, 0b01), (1, 0b11)], [5, 5], []),
    "windows-with-many-negatives": UnitIds(
        [(word, 1 + word % 15) for word in range(12)] * 2, [5, 1, 2, 2], [0, 1, 3, 4, 6, 7, 8, 9, 10, 11, 0, 1]
    ),
}


# Bags of 12 words over 21 rows that go wrong in fast kernels: rows that several words share, a row twice in a bag, and
# a bag of one row.
BAGS: tuple[tuple[int, ...], ...] = (
    (0, 12, 13), (1, 12, 14, 12), (2,), (3, 13, 14, 15), (4, 16, 16, 16), (5, 12, 17), (6, 18), (7, 13, 12, 19, 20),
    (8, 12, 13, 14, 15, 16, 17, 18, 19, 20), (9,), (10, 20, 12), (11, 19),
)  # fmt: skip


@dataclass
class NativeUnit:
    """Two float64 matrices and an objective: the start of both the native update and the reference.

    With ``bags`` the input matrix has rows that words are means of, and word w the bag ``bags[w]``; the step of the
    rows is multiplied by ``bag_step``, and rows of ``frozen_rows`` stay as they are. A word whose own row, the first of
    its bag, is frozen must have a bag that is frozen whole.
    """

    objective: Objective
    input_vectors: Matrix
    output_vectors: Matrix
    options: dict[str, str]
    tree: HuffmanTree | None
    bags: Sequence[Sequence[int]] | None = None
    bag_step: float = 1.0
    frozen_rows: tuple[int, ...] = ()

    @classmethod
    def random(
        cls,
        objective: Objective,
        n_words: int,
        dims: int,
        options: dict[str, str],
        rng: np.random.Generator,
        scale: float = 1.0,
        bags: Sequence[Sequence[int]] | None = None,
    ) -> NativeUnit:
        """Random matrices whose logits have a magnitude of about ``scale``."""
        tree = build_huffman_tree(rng.integers(1, 50, n_words)) if objective.outputs.needs_tree else None
        n_output_rows = n_words - objective.outputs.rows_below_vocabulary
        spread = np.sqrt(scale / np.sqrt(dims))
        n_rows = n_words if bags is None else 1 + max(max(bag) for bag in bags)
        return cls(
            objective,
            rng.normal(0, spread, (n_rows, dims)),
            rng.normal(0, spread, (n_output_rows, dims)),
            options,
            tree,
            bags,
        )

    @classmethod
    def with_score(cls, score: float) -> NativeUnit:
        """Two words. The logit of word 0's input vector and word 1's output vector is ``score``."""
        inputs = np.array([[score], [0.0]])
        outputs = np.array([[0.0], [1.0]])
        return cls(OBJECTIVES["skipgram", "negative-sampling"], inputs, outputs, {}, None)

    def update_natively(
        self, ids: UnitIds, instruction_set: str, *, double_precision: bool, learning_rate: float = 1.0
    ) -> tuple[float, NDArray[Any], NDArray[Any]]:
        """The native loss in nats, and padded copies of both matrices after one update."""
        dtype = np.dtype(np.float64 if double_precision else np.float32)
        inputs, outputs = _pad(self.input_vectors, dtype), _pad(self.output_vectors, dtype)
        kernel = open_kernel(instruction_set)
        settings = self._settings(kernel, inputs, outputs)
        loss = kernel.update_unit(
            settings,
            np.array([word for word, _ in ids.context], np.int32),
            np.array([bits for _, bits in ids.context], np.uint8) if len(ids.targets) > 1 else None,
            np.array(ids.targets, np.int32),
            self._negative_ids(ids),
            learning_rate,
            double_precision=double_precision,
        )
        return loss, inputs, outputs

    def update_once(self, ids: UnitIds, instruction_set: str, *, double_precision: bool) -> tuple[float, float]:
        """The native loss in nats, and the largest error of the update over all rows of both matrices."""
        loss, inputs, outputs = self.update_natively(ids, instruction_set, double_precision=double_precision)
        dtype, dims = inputs.dtype, self.input_vectors.shape[1]
        # The reference starts from the values that the native kernel read: the rows rounded to their float type.
        before = [matrix.astype(dtype).astype(np.float64) for matrix in (self.input_vectors, self.output_vectors)]
        expected = [matrix.copy() for matrix in before]
        expected_loss = update_unit(
            self.objective,
            expected[0],
            expected[1],
            ids.windows,
            1.0,
            negative_ids=self._negative_ids(ids) if self.objective.outputs.draws_negatives else None,
            tree=self.tree,
            options=self.options,
            bags=self.bags,
            bag_step=self.bag_step,
            frozen_rows=self.frozen_rows,
        )
        errors = [abs(loss - expected_loss) / max(1.0, abs(expected_loss))]
        for start, want, got in zip(before, expected, (inputs, outputs), strict=True):
            update = want - start
            if np.any(got[:, dims:] != 0):
                errors.append(np.inf)  # padding must stay zero
            largest = np.maximum(1.0, np.maximum(np.abs(update).max(axis=1), np.abs(start).max(axis=1)))
            errors.append(float((np.abs(got[:, :dims] - want).max(axis=1) / largest).max()))
        return loss, max(errors)

    def update_error(self, ids: UnitIds, instruction_set: str, *, double_precision: bool) -> float:
        """Only the error of ``update_once``."""
        return self.update_once(ids, instruction_set, double_precision=double_precision)[1]

    def _negative_ids(self, ids: UnitIds) -> NDArray[np.int32]:
        return np.array(ids.negatives if self.objective.outputs.draws_negatives else [], dtype=np.int32)

    def _settings(self, kernel: Kernel, inputs: NDArray[Any], outputs: NDArray[Any]) -> Settings:
        """The settings of a single unit: there is no corpus, because the ids of the unit are given."""
        parameters: dict[str, Any] = {
            "architecture": self.objective.inputs.architecture,
            "loss": self.objective.outputs.loss,
            "dims": self.input_vectors.shape[1],
            "threads": 1,
            **self.options,
        }
        corpus = dict.fromkeys(
            (
                "ids",
                "offsets",
                "targets",
                "target_offsets",
                "sequence_weights",
                "keep_thresholds",
                "noise",
                "noise_parts",
            )
        )
        tree = self.tree
        bag_offsets = bag_rows = frozen = None
        if self.bags is not None:
            bag_offsets = np.cumsum([0, *map(len, self.bags)], dtype=np.int64)
            bag_rows = np.concatenate([np.asarray(bag, np.int32) for bag in self.bags])
        if self.frozen_rows:
            frozen = np.isin(np.arange(len(inputs)), self.frozen_rows).astype(np.uint8)
        return make_settings(
            kernel,
            TrainingConfig(**parameters).resolved(),
            source="windows",
            **corpus,
            n_tokens=0,
            n_sequences=0,
            path_offsets=None if tree is None else np.ascontiguousarray(tree.offsets, np.int64),
            path_nodes=None if tree is None else np.ascontiguousarray(tree.node_ids, np.int32),
            path_codes=None if tree is None else np.ascontiguousarray(tree.codes, np.uint8),
            bag_offsets=bag_offsets,
            bag_rows=bag_rows,
            bag_step=self.bag_step,
            input=RowMatrix(inputs, frozen),
            output=RowMatrix(outputs),
            n_targets=len(outputs) + self.objective.outputs.rows_below_vocabulary,
            stop_flag=None,
            noise_purpose=0,
            shard_tokens=1,
        )


@dataclass(frozen=True)
class UnitCase:
    """An objective with its options, and the ids of one case."""

    unit: NativeUnit
    ids: UnitIds


def cases_of(objective: Objective) -> dict[str, UnitIds]:
    """The ids on which an objective is proved, by name."""
    return UNIT_CASES | SEVERAL_WINDOWS_CASES if objective.takes_several_windows else UNIT_CASES


def make_case(
    objective: Objective, name: str, options: dict[str, str], *, dims: int = 37, in_bags: bool = False
) -> UnitCase:
    """The named case, with fixed random matrices of 12 words, which may be bags of rows."""
    rng = np.random.default_rng(len(name))
    unit = NativeUnit.random(objective, 12, dims, options, rng, bags=BAGS if in_bags else None)
    return UnitCase(unit, cases_of(objective)[name])


def largest_update_error(case: UnitCase, instruction_set: str, *, double_precision: bool) -> float:
    """The largest relative error of the native update on a case, as the docstring of this module defines it."""
    return case.unit.update_error(case.ids, instruction_set, double_precision=double_precision)


def _pad(matrix: Matrix, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A copy with rows padded to the native alignment, at an aligned address."""
    n_rows, dims = matrix.shape
    row_elements = ROW_ALIGNMENT_BYTES // dtype.itemsize
    stride = -(-dims // row_elements) * row_elements
    memory = np.zeros(n_rows * stride + row_elements, dtype)
    first = (-memory.ctypes.data % ROW_ALIGNMENT_BYTES) // dtype.itemsize
    padded = memory[first : first + n_rows * stride].reshape(n_rows, stride)
    padded[:, :dims] = matrix
    return padded
