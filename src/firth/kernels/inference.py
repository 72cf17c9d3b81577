"""Room kernels: infers vectors of documents from a trained model: a new row is trained, every other row is frozen.

native/cpp/train/inference.hpp does the work.

Tests: tests/kernels/test_documents.py.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from firth.base.machine import available_processors
from firth.corpus.philox import Purpose
from firth.kernels.config import TrainingConfig
from firth.kernels.plan import PlanTables
from firth.kernels.settings import make_settings, open_kernel
from firth.native.kernel import ROW_ALIGNMENT_BYTES
from firth.native.settings import RowMatrix
from firth.native.stopping import Team
from firth.numerics.huffman import HuffmanTree, build_huffman_tree

Matrix = NDArray[np.float32]
_DOCUMENTS_A_CALL = 256  # maximum number of documents that a thread infers in one call
_CALLS_A_THREAD = 4  # so that no thread waits long for the others at the end


def document_seed(seed: int, ids: NDArray[np.int32]) -> int:
    """The seed of a document's draws except noise words: a hash of its words and of ``seed``; twin of native code."""

    def mix(x: int) -> int:
        x = (x + 0x9E3779B97F4A7C15) & _MASK
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
        return x ^ (x >> 31)

    value = mix(seed)
    for word_id in ids.tolist():
        value = mix(value ^ word_id)
    return value


_MASK = (1 << 64) - 1


class InferenceEngine:
    """The frozen rows of a model of documents, ready to infer the vectors of other documents.

    Parameters
    ----------
    config : TrainingConfig
        Of the model; resolved.
    counts : int64 array, (V,)
        Of the words, for noise and subsampling.
    word_vectors : float array, (V, D), or None
        The input rows of the words, if the model predicts from words and tags together (CBOW). None: from tags alone.
    output_vectors : float array, (V, D), or (V - 1, D) for hierarchical softmax
    tree : HuffmanTree or None
        For hierarchical softmax. None: that of the counts.
    """

    def __init__(
        self,
        config: TrainingConfig,
        counts: NDArray[np.int64],
        word_vectors: Matrix | None,
        output_vectors: Matrix,
        *,
        tree: HuffmanTree | None = None,
        instruction_set: str | None = None,
    ) -> None:
        self._kernel = open_kernel(instruction_set)
        self._config, self._counts = config, counts
        self._with_words = word_vectors is not None
        stride = -(-config.dims // _ROW_ELEMENTS) * _ROW_ELEMENTS
        no_words = np.empty((0, config.dims), np.float32)
        self._input = _padded(no_words if word_vectors is None else word_vectors, stride, n_more=1)
        self._new_row = len(self._input) - 1
        self._output = _padded(output_vectors, stride)
        self._frozen = np.ones(self._new_row + 1, np.uint8)
        self._frozen[self._new_row] = 0
        self._all_frozen = np.ones(len(self._output), np.uint8)
        self._tables = PlanTables.build(counts, config)
        self._tree = None
        if config.objective.outputs.needs_tree:
            self._tree = build_huffman_tree(counts) if tree is None else tree

    @property
    def word_rows(self) -> Matrix:
        """The engine's own input rows of words, (V, D), not a copy; without words (0, D)."""
        return self._input[: self._new_row, : self._config.dims]

    @property
    def output_rows(self) -> Matrix:
        """The engine's own output rows, not a copy."""
        return self._output[:, : self._config.dims]

    def infer(
        self,
        ids: NDArray[np.int32],
        offsets: NDArray[np.int64],
        *,
        epochs: int,
        seed: int,
        threads: int | None = None,
        learning_rates: tuple[float, float] | None = None,
    ) -> tuple[Matrix, NDArray[np.float64]]:
        """A row for each document, (n, D), and the mean loss in nats of its last epoch.

        Noise words are a function of ``seed``, the epoch and the position in the document; every other draw is one of
        the document's words too. So the row of a document has the same bits whatever the other documents and the number
        of threads are. The loss is NaN if subsampling kept no word of the document in the last epoch.
        ``learning_rates`` are the first and the last one; None: those of the configuration.
        """
        n_documents, tree = len(offsets) - 1, self._tree
        vectors = _padded(np.zeros((n_documents, self._config.dims), np.float32), self._input.shape[1])
        losses = np.empty(n_documents, np.float64)
        first, last = learning_rates or (self._config.learning_rate, self._config.min_learning_rate)
        config = dataclasses.replace(
            self._config, epochs=epochs, seed=seed, threads=1, learning_rate=first, min_learning_rate=last
        )
        settings = make_settings(
            self._kernel,
            config,
            source="documents",
            ids=np.ascontiguousarray(ids, dtype=np.int32),
            offsets=np.ascontiguousarray(offsets, dtype=np.int64),
            targets=None,
            target_offsets=None,
            tags_with_words=int(self._with_words),
            sequence_weights=None,
            n_tokens=len(ids),
            n_sequences=n_documents,
            keep_thresholds=self._tables.keep_thresholds,
            noise=self._tables.noise,
            noise_parts=self._tables.noise_parts,
            path_offsets=None if tree is None else np.ascontiguousarray(tree.offsets, dtype=np.int64),
            path_nodes=None if tree is None else np.ascontiguousarray(tree.node_ids, dtype=np.int32),
            path_codes=None if tree is None else np.ascontiguousarray(tree.codes, dtype=np.uint8),
            input=RowMatrix(self._input, self._frozen if self._with_words else None),
            output=RowMatrix(self._output, self._all_frozen),
            n_targets=len(self._counts),
            stop_flag=None,
            noise_purpose=int(Purpose.NEGATIVES),
            shard_tokens=1,
        )
        n_threads = available_processors() if threads is None else threads
        at_once = max(1, min(-(-n_documents // (n_threads * _CALLS_A_THREAD)), _DOCUMENTS_A_CALL))
        starts = iter(range(0, n_documents, at_once))

        def work() -> None:
            while not team.stop.is_set() and (start := next(starts, None)) is not None:
                stop = min(start + at_once, n_documents)
                self._kernel.infer_documents(settings, start, stop, self._new_row, vectors, losses)

        team = Team()
        team.run([work] * max(1, min(n_threads, -(-n_documents // at_once))))
        return np.ascontiguousarray(vectors[:, : self._config.dims]), losses


_ROW_ELEMENTS = ROW_ALIGNMENT_BYTES // np.dtype(np.float32).itemsize


def _padded(matrix: Matrix, stride: int, n_more: int = 0) -> Matrix:
    """A copy whose rows have ``stride`` numbers, at a cache line's border, and ``n_more`` rows of zeros."""
    n_given, dims = matrix.shape
    n_rows = n_given + n_more
    memory = np.zeros(n_rows * stride + _ROW_ELEMENTS, np.float32)
    first = -memory.ctypes.data % ROW_ALIGNMENT_BYTES // memory.itemsize
    rows = memory[first : first + n_rows * stride].reshape(n_rows, stride)
    rows[:n_given, :dims] = matrix
    return rows


__all__ = ["InferenceEngine", "document_seed"]
