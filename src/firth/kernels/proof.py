"""Room kernels: holds a native unit's update against the reference; the tests and ``firth selfcheck`` stand on it.

The measure is that of DESIGN.md: in the float64 build with the exact sigmoid, at learning rate 1, for every row

    |before - after - gradient| <= 1e-12 max(1, |gradient|, |row|)

``largest_update_error`` returns the left side divided by the maximum on the right, the largest over all rows.

Tests: tests/kernels/test_native_units.py.
"""

from __future__ import annotations

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
SINGLE_TOLERANCE = 2e-5  # float32 sums of up to some hundred terms of size one

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class UnitIds:
    """The ids of a unit: a window, or several that share their negatives.

    Attributes
    ----------
    context : word ids, each with the windows that have it, a bit each
    targets : word ids, one of each window
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


# Ids that go wrong in fast kernels: words that stand several times, on either side and on both.
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

# Of objectives whose units may be several windows.
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


@dataclass
class NativeUnit:
    """Two float64 matrices and an objective, from which native and reference both start."""

    objective: Objective
    input_vectors: Matrix
    output_vectors: Matrix
    options: dict[str, str]
    tree: HuffmanTree | None

    @classmethod
    def random(
        cls,
        objective: Objective,
        n_words: int,
        dims: int,
        options: dict[str, str],
        rng: np.random.Generator,
        scale: float = 1.0,
    ) -> NativeUnit:
        """Matrices with logits of about ``scale``."""
        tree = build_huffman_tree(rng.integers(1, 50, n_words)) if objective.outputs.needs_tree else None
        n_output_rows = n_words - objective.outputs.rows_below_vocabulary
        spread = np.sqrt(scale / np.sqrt(dims))
        return cls(
            objective,
            rng.normal(0, spread, (n_words, dims)),
            rng.normal(0, spread, (n_output_rows, dims)),
            options,
            tree,
        )

    @classmethod
    def with_score(cls, score: float) -> NativeUnit:
        """Two words; word 0's input vector meets word 1's output vector at the given logit."""
        inputs = np.array([[score], [0.0]])
        outputs = np.array([[0.0], [1.0]])
        return cls(OBJECTIVES["skipgram", "negative-sampling"], inputs, outputs, {}, None)

    def update_natively(
        self, ids: UnitIds, instruction_set: str, *, double_precision: bool, learning_rate: float = 1.0
    ) -> tuple[float, NDArray[Any], NDArray[Any]]:
        """The native loss in nats, and copies of both matrices after one update, with padding."""
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
        # The reference starts from what the native kernel saw: the rows as their float type holds them.
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
        )
        errors = [abs(loss - expected_loss) / max(1.0, abs(expected_loss))]
        for start, want, got in zip(before, expected, (inputs, outputs), strict=True):
            update = want - start
            if np.any(got[:, dims:] != 0):
                errors.append(np.inf)  # padding never changes
            largest = np.maximum(1.0, np.maximum(np.abs(update).max(axis=1), np.abs(start).max(axis=1)))
            errors.append(float((np.abs(got[:, :dims] - want).max(axis=1) / largest).max()))
        return loss, max(errors)

    def update_error(self, ids: UnitIds, instruction_set: str, *, double_precision: bool) -> float:
        """The error of ``update_once`` alone."""
        return self.update_once(ids, instruction_set, double_precision=double_precision)[1]

    def _negative_ids(self, ids: UnitIds) -> NDArray[np.int32]:
        return np.array(ids.negatives if self.objective.outputs.draws_negatives else [], dtype=np.int32)

    def _settings(self, kernel: Kernel, inputs: NDArray[Any], outputs: NDArray[Any]) -> Settings:
        """Those of a unit alone: there is no corpus, and the ids of the unit are given."""
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
            input=RowMatrix(inputs),
            output=RowMatrix(outputs),
            n_targets=len(outputs) + self.objective.outputs.rows_below_vocabulary,
            stop_flag=None,
            noise_purpose=0,
            shard_tokens=1,
        )


@dataclass(frozen=True)
class UnitCase:
    """An objective with its options, on one of its cases."""

    unit: NativeUnit
    ids: UnitIds


def cases_of(objective: Objective) -> dict[str, UnitIds]:
    """The ids on which an objective is proved, by name."""
    return UNIT_CASES | SEVERAL_WINDOWS_CASES if objective.takes_several_windows else UNIT_CASES


def make_case(objective: Objective, name: str, options: dict[str, str], *, dims: int = 37) -> UnitCase:
    """The named case at fixed random matrices of 12 words."""
    unit = NativeUnit.random(objective, 12, dims, options, np.random.default_rng(len(name)))
    return UnitCase(unit, cases_of(objective)[name])


def largest_update_error(case: UnitCase, instruction_set: str, *, double_precision: bool) -> float:
    """The largest error of the native update on a case, relative as this file's first lines say."""
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
