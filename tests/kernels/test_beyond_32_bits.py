"""Positions, elements of a matrix and counts beyond 2^31: in sparse files, with few pages of memory."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engines import OF_ENGINE, make_config, make_engine
from numpy.typing import NDArray
from trajectory import train_by_reference

from firth.errors import ParameterError
from firth.kernels.engine import Engine
from firth.kernels.examples import document_examples, text_examples
from firth.kernels.matrices import MatrixMemory
from firth.kernels.plan import PlanTables, plan_windows
from firth.kernels.staleness import document_touch_rates
from firth.numerics.huffman import build_huffman_tree

BORDER = 1 << 31
BEGIN = BORDER - 2048
N_WORDS = 30


def sparse_array(path: Path, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """An array of zeros in a file whose pages are on the disk only where they are written."""
    with open(path, "wb") as file:
        file.truncate(int(np.prod(shape, dtype=object)) * np.dtype(dtype).itemsize)
    return np.memmap(path, dtype, "r+", shape=shape)


def on_disk_bytes(path: Path) -> int:
    return path.stat().st_blocks * 512


# ---- positions


@pytest.fixture(scope="module")
def giant(tmp_path_factory: pytest.TempPathFactory) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """Ids, offsets and counts of a corpus; its last 4,000 tokens are around 2^31, in sequences of up to 60."""
    rng = np.random.default_rng(5)
    first, stop = BEGIN, BORDER + 2000
    ids = sparse_array(tmp_path_factory.mktemp("giant") / "ids.i32", np.int32, (stop,))
    ids[first:] = np.minimum(rng.geometric(0.15, stop - first) - 1, N_WORDS - 1)
    lengths = rng.integers(0, 60, 200)
    ends = first + np.cumsum(lengths)
    offsets = np.concatenate([[0, first], ends[ends < stop], [stop]])
    counts = np.bincount(ids[first:], minlength=N_WORDS) + 1
    return ids, offsets.astype(np.int64), counts.astype(np.int64)


PARAMETERS: dict[str, Any] = {
    "dims": 12,
    "window": 3,
    "negatives": 4,
    "subsample": 0.05,
    "epochs": 2,
    "seed": 9,
    "learning_rate": 0.05,
    "min_learning_rate": 0.001,
}


@pytest.mark.parametrize(
    "options", [{}, {"negative_sharing": "pair"}, {"architecture": "cbow"}, {"window_mode": "fixed", "subsample": 0}]
)
def test_the_plan_of_positions_beyond_32_bits_is_its_twin(giant: Any, options: dict[str, Any]) -> None:
    ids, offsets, counts = giant
    engine = make_engine(ids, offsets, counts, **{**PARAMETERS, **options})
    config = make_config(**{**PARAMETERS, **options})
    tables = PlanTables.build(counts, config)
    start, stop = BORDER - 640, BORDER + 640
    positions, targets, context_offsets, contexts, negative_offsets, negatives = engine._kernel.plan_slice(
        engine._settings, start, stop, 1
    )
    tail = np.array(ids[BEGIN:]), offsets[1:] - BEGIN
    windows = list(plan_windows(*tail, tables, config, epoch=1, start=start, stop=stop, begin=BEGIN))
    assert len(windows) > 300
    assert positions.tolist() == [window.position for window in windows]
    assert positions[0] < BORDER < positions[-1]
    assert targets.tolist() == [window.target_id for window in windows]
    for k, window in enumerate(windows):
        assert contexts[context_offsets[k] : context_offsets[k + 1]].tolist() == list(window.context_ids)
        assert negatives[negative_offsets[k] : negative_offsets[k + 1]].tolist() == list(window.negative_ids)


@pytest.mark.parametrize("options", [{}, {"architecture": "cbow"}, {"loss": "hierarchical-softmax"}])
def test_slices_beyond_32_bits_are_the_reference(giant: Any, options: dict[str, Any]) -> None:
    """The learning rate at a position, the sequence of a position, and the ids at a position."""
    parameters = {**PARAMETERS, **options}
    start, stop = BORDER - 640, BORDER + 640
    ids, offsets, counts = giant
    tail = np.array(ids[BEGIN:]), offsets[1:] - BEGIN, counts
    inputs, outputs, (loss,) = train_by_reference(tail, parameters, [(start, stop, 1)], BEGIN)
    engine = make_engine(*giant, **parameters)
    assert engine.train_slice(start, stop, 1).loss_nats == pytest.approx(loss, rel=1e-5)
    np.testing.assert_allclose(engine.input_vectors, inputs, atol=2e-5)
    np.testing.assert_allclose(engine.output_vectors, outputs, atol=2e-5)


def test_rounds_beyond_32_bits_do_not_depend_on_the_threads(giant: Any) -> None:
    found = []
    for threads in (1, 2):
        engine = make_engine(*giant, **{**PARAMETERS, "deterministic": True, "threads": 2})
        first = (BORDER - 300) // engine.round_tokens * engine.round_tokens
        result = engine.train_rounds(first, len(giant[0]), 1, threads)
        found.append((result.loss_nats, engine.input_vectors, engine.output_vectors))
    assert found[0][0] == found[1][0] > 0
    np.testing.assert_array_equal(found[0][1], found[1][1])
    np.testing.assert_array_equal(found[0][2], found[1][2])
    assert np.abs(found[0][2]).max() > 0


# ---- elements of a matrix


class SparseMemory(MatrixMemory):
    """Matrices in sparse files: what is not touched takes neither memory nor disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.files: list[Path] = []

    def allocate(self, n_rows: int, n_columns: int) -> NDArray[np.float32]:
        self.files.append(self.folder / f"matrix-{len(self.files)}")
        return sparse_array(self.files[-1], np.float32, (n_rows, n_columns))


V, STRIDE, D = 2100, 1 << 20, 16  # a row has 4 MB; only its first 16 numbers are not zero
LAST = np.arange(V - 5, V)


@pytest.mark.parametrize(
    ("options", "train"),
    [
        ({"threads": 1}, lambda engine, n: engine.train_slice(0, n, 0)),
        ({"threads": 2}, lambda engine, n: engine.train_slice(0, n, 0)),  # with copies of busy rows
        ({"threads": 2, "deterministic": True}, lambda engine, n: engine.train_rounds(0, n, 0, 2)),
    ],
    ids=["slices", "copies", "rounds"],
)
def test_rows_beyond_2_to_the_31_elements(
    options: dict[str, Any], train: Callable[[Engine, int], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same run with few dimensions is the reference: numbers that are zero have no effect."""
    assert V * STRIDE > BORDER > LAST[0]
    assert LAST[0] * STRIDE > BORDER
    rng = np.random.default_rng(2)
    ids = rng.choice(LAST, 48).astype(np.int32)
    offsets = np.arange(0, 49, 12)
    noise = np.zeros(V)
    noise[LAST] = 1 / len(LAST)
    start = rng.normal(0, 0.3, (len(LAST), D)).astype(np.float32)
    parameters = {**PARAMETERS, "negatives": 2, "subsample": 0, "window": 2, "epochs": 1, **options}
    monkeypatch.setattr(Engine, "_draw_initial_vectors", lambda engine: None)
    engines = []
    for dims, memory in ((STRIDE, SparseMemory(tmp_path)), (D, None)):
        own = {name: parameters[name] for name in OF_ENGINE if name in parameters}
        config = make_config(**{**parameters, "dims": dims})
        counts = np.ones(V, np.int64)
        engine = Engine(text_examples(ids, offsets, counts), config, noise_distribution=noise, memory=memory, **own)
        engine._input[LAST, :D] = start
        result = train(engine, len(ids))
        assert result.n_examples > 48
        engines.append((engine, result))
    (big, big_result), (small, small_result) = engines
    assert big_result.loss_nats == pytest.approx(small_result.loss_nats, rel=1e-6)
    np.testing.assert_allclose(big._input[LAST, :D], small._input[LAST, :D], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(big._output[LAST, :D], small._output[LAST, :D], rtol=1e-5, atol=1e-7)
    assert np.abs(big._output[LAST, :D]).max() > 0.01
    assert not big._output[LAST, D:].any()
    assert isinstance(big.memory, SparseMemory)
    for file in big.memory.files:  # no other row was read or written by training
        assert on_disk_bytes(file) <= (len(LAST) + 1) * STRIDE * 4


def test_initial_vectors_beyond_2_to_the_31_elements(tmp_path: Path) -> None:
    from firth.native.kernel import Kernel

    rows = 3
    matrix = sparse_array(tmp_path / "matrix", np.float32, (rows, (1 << 30) + 16))  # the last row is beyond 2^31
    Kernel().initial_vectors(5, matrix, D)
    expected = np.zeros((rows, D), np.float32)
    Kernel().initial_vectors(5, expected, D)
    np.testing.assert_array_equal(matrix[:, :D], expected)
    assert expected.any(axis=1).all()
    assert on_disk_bytes(tmp_path / "matrix") < 1 << 20


# ---- numbers of rows, and counts


def test_more_rows_than_int32_can_number_are_refused() -> None:
    offsets, tags = np.array([0, 1]), np.array([0], np.int32)
    counts = np.broadcast_to(np.int64(1), (BORDER // 2,))  # of 2^30 words
    n_tags = BORDER - 1 - len(counts)

    def make(n_tags: int) -> Any:
        return document_examples(np.zeros(1), offsets, counts, tags, offsets, n_tags=n_tags, with_words=True)

    assert make(n_tags).tag_rows.tolist() == [len(counts)]
    with pytest.raises(ParameterError, match=f"^tags must be at most {n_tags:,} with 1,073,741,824 rows of words, got"):
        make(n_tags + 1)


COUNTS = np.array([3 << 40, 1 << 40, 1 << 33, BORDER + 5, 9, 1], np.int64)


def test_probabilities_of_counts_beyond_32_bits() -> None:
    config = make_config(noise_exponent=1.0, subsample=1e-3)
    tables = PlanTables.build(COUNTS, config)
    total = int(sum(map(int, COUNTS)))
    assert tables.noise_parts is not None
    assert tables.keep_thresholds is not None
    parts = np.diff(tables.noise_parts.astype(object))
    for part, count in zip(parts, COUNTS.tolist(), strict=True):
        assert abs(Fraction(int(part), 2**62) - Fraction(count, total)) < Fraction(1, 2**50)
    shares = [count / total for count in COUNTS.tolist()]
    keep = [min(1.0, (1e-3 / share) ** 0.5 + 1e-3 / share) for share in shares]
    np.testing.assert_allclose((tables.keep_thresholds.astype(float) + 1) / 2**32, keep, atol=1e-9)


def test_a_tree_of_counts_beyond_32_bits() -> None:
    """The lengths of Huffman's codes, by hand: each word joins the sum of the rarer words."""
    tree = build_huffman_tree(COUNTS)
    assert np.diff(tree.offsets).tolist() == [1, 2, 3, 4, 5, 5]


@pytest.mark.parametrize("loss", ["negative-sampling", "hierarchical-softmax"])
def test_training_does_not_depend_on_the_scale_of_the_counts(loss: str) -> None:
    """Counts 2^33 times as large have the same frequencies, so the same run."""
    ids = np.random.default_rng(1).integers(0, 6, 300).astype(np.int32)
    offsets = np.arange(0, 301, 30)
    counts = np.bincount(ids, minlength=6).astype(np.int64)
    found = []
    for scale in (1, 1 << 33):
        engine = make_engine(ids, offsets, counts * scale, **{**PARAMETERS, "loss": loss})
        found.append((engine.train_slice(0, 300, 0).loss_nats, engine.input_vectors, engine.guessing_loss_nats))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])
    assert found[0][2] == pytest.approx(found[1][2])


def test_touches_of_long_documents() -> None:
    offsets = np.array([0, BORDER + 10, BORDER + 20])
    tag_offsets = np.array([0, 1, 2])
    rates = document_touch_rates(
        np.array([BORDER + 20]), offsets, tag_offsets, np.array([0, 1], np.int32), 2, False, make_config(subsample=0)
    )
    np.testing.assert_allclose(rates.inputs, [(BORDER + 10) / (BORDER + 20), 10 / (BORDER + 20)])
