"""Documents: the native plan against its twin, runs against the formulas, the same bits, and inference."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from firth.corpus.philox import Purpose, draw_blocks
from firth.errors import IdError, ParameterError, ShapeError
from firth.kernels.config import TrainingConfig
from firth.kernels.engine import Engine
from firth.kernels.examples import Examples, document_examples
from firth.kernels.inference import InferenceEngine, document_seed
from firth.kernels.plan import PlanTables, plan_documents
from firth.kernels.plan.documents import count_inference_sets
from firth.kernels.registry import OBJECTIVES
from firth.numerics import document_token
from firth.numerics.huffman import build_huffman_tree

V, T, D = 9, 11, 12
SIDES = [pair for pair in OBJECTIVES if pair[0] in ("skipgram", "cbow")]
BY_SIDES = pytest.mark.parametrize("sides", SIDES, ids="/".join)
Matrix = NDArray[Any]


def make_config(sides: tuple[str, str], **parameters: Any) -> TrainingConfig:
    given = {
        "architecture": sides[0], "loss": sides[1], "dims": D, "subsample": 0.05, "epochs": 2, "seed": 11, "window": 3,
        "learning_rate": 0.1, "min_learning_rate": 0.05, "threads": 1, "negatives": 3, **parameters,
    }  # fmt: skip
    return TrainingConfig(**given).resolved()


def make_documents(with_words: bool, n_documents: int = 60, seed: int = 4, longest: int = 1500) -> Examples:
    """Some are empty, some have one word, one may be longer than a chunk; tags are shared, and some have several."""
    rng = np.random.default_rng(seed)
    lengths = rng.choice([0, 1, 2, 5, 30, 70], n_documents)
    lengths[7] = longest
    ids = np.minimum(rng.geometric(0.3, lengths.sum()) - 1, V - 1).astype(np.int32)
    n_tags = rng.integers(1, 4, n_documents)
    tags = np.concatenate([rng.choice(T, count, replace=False) for count in n_tags])
    return document_examples(
        ids, np.concatenate([[0], np.cumsum(lengths)]), np.bincount(ids, minlength=V), tags,
        np.concatenate([[0], np.cumsum(n_tags)]), n_tags=T, with_words=with_words,
    )  # fmt: skip


def plan(
    examples: Examples, config: TrainingConfig, epoch: int, start: int, stop: int, noise_seed: int | None = None
) -> list[Any]:
    assert examples.tag_offsets is not None
    assert examples.tag_rows is not None
    tables, noise_sets = PlanTables.build(examples.counts, config), None
    if noise_seed is not None:  # of inference
        tables = dataclasses.replace(tables, noise_seed=noise_seed)
        noise_sets = count_inference_sets(config, with_words=examples.tags_with_words)
    return list(
        plan_documents(
            examples.ids, examples.offsets, examples.tag_offsets, examples.tag_rows, tables, config,
            with_words=examples.tags_with_words, epoch=epoch, start=start, stop=stop,
            noise_sets=noise_sets,
        )
    )  # fmt: skip


@pytest.mark.parametrize("with_words", [False, True])
@pytest.mark.parametrize("sharing", ["block", "window", "pair"])
@pytest.mark.parametrize("mode", ["dynamic", "fixed"])
@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_the_native_plan_is_its_twin(with_words: bool, sharing: str, mode: str, architecture: str) -> None:
    if (architecture, sharing) == ("cbow", "pair"):
        pytest.skip("CBOW makes one vector of a bag: it has no negatives by pair")
    examples = make_documents(with_words)
    config = make_config((architecture, "negative-sampling"), negative_sharing=sharing, window_mode=mode)
    engine = Engine(examples, config)
    found = []
    for start, stop in itertools.pairwise([0, 1, 65, 130, 700, 1601, len(examples.ids)]):
        positions, targets, context_at, contexts, negatives_at, negatives = engine._kernel.plan_slice(
            engine._settings, start, stop, 1
        )
        for w in range(len(positions)):
            own, drawn = slice(*context_at[w : w + 2]), slice(*negatives_at[w : w + 2])
            found.append((positions[w], targets[w], tuple(contexts[own]), tuple(negatives[drawn])))
    expected = plan(examples, config, 1, 0, len(examples.ids))
    assert found == [(w.position, w.target_id, w.context_ids, w.negative_ids) for w in expected]
    assert 0.5 * len(examples.ids) < len(found) < len(examples.ids)
    alone = {w.position for w in expected} & set(examples.offsets[:-1][np.diff(examples.offsets) == 1])
    assert len(alone) > 3  # a document of one word has no window, and is learned from


def step_through(
    examples: Examples,
    config: TrainingConfig,
    matrices: list[Matrix],
    epoch: int,
    *,
    learns_all: bool = True,
    noise_seed: int | None = None,
) -> float:
    """Train an epoch unit by unit by ``document_token``; return the sum of the losses."""
    tags, words, outputs = matrices
    n_word_rows, n_positions = (V if examples.tags_with_words else 0), len(examples.ids)
    objective = config.objective
    given: dict[str, Any] = {"loss": config.loss, "dm_input": config.cbow_input}
    if objective.outputs.needs_tree:
        given["tree"] = build_huffman_tree(examples.counts)
    method = "dbow" if config.architecture == "skipgram" else "dm"
    total = 0.0
    assert config.learning_rate is not None
    assert config.min_learning_rate is not None
    for _, group in itertools.groupby(
        plan(examples, config, epoch, 0, n_positions, noise_seed), key=lambda w: (w.unit or w.position, w.parts[0][1])
    ):
        unit = list(group)
        done = (epoch * n_positions + unit[0].position) / (config.epochs * n_positions)
        rate = config.learning_rate + (config.min_learning_rate - config.learning_rate) * done
        steps = [np.zeros_like(matrix) for matrix in matrices]
        for window in unit:
            for bag, negatives in window.parts:
                own = {"negative_ids": list(negatives)} if objective.outputs.draws_negatives else {}
                loss, *gradients = document_token(
                    window.target_id, [row - n_word_rows for row in bag if row >= n_word_rows],
                    [row for row in bag if row < n_word_rows], tags, words, outputs, method=method, **given, **own,
                )  # fmt: skip
                total += loss
                factors = [damping(bag, config)] * 2 + [1.0]
                for step, gradient, matrix, factor in zip(steps, gradients, matrices, factors, strict=True):
                    step += factor * gradient.to_dense(len(matrix))
        for which, (matrix, step) in enumerate(zip(matrices, steps, strict=True)):
            if learns_all or which == 0:
                matrix -= rate * step
    return total


@pytest.mark.parametrize("with_words", [False, True])
@BY_SIDES
def test_two_epochs_are_the_plan_through_the_formulas(sides: tuple[str, str], with_words: bool) -> None:
    examples = make_documents(with_words, 20, longest=200)
    config = make_config(sides, cbow_update="gradient", learning_rate=0.05, min_learning_rate=0.01)
    engine = Engine(examples, config)
    rows, outputs = engine.input_vectors.astype(np.float64), engine.output_vectors.astype(np.float64)
    words = rows[:V] if with_words else np.zeros((V, D))
    matrices = [rows[V:] if with_words else rows, words, outputs]
    start = rows.copy()
    for epoch in (0, 1):
        expected = step_through(examples, config, matrices, epoch)
        pieces = itertools.pairwise([0, 320, len(examples.ids)])
        found = sum(engine.train_slice(*piece, epoch).loss_nats for piece in pieces)
        assert found == pytest.approx(expected, rel=2e-5)
    assert np.abs(engine.input_vectors - rows).max() < 2e-5
    assert np.abs(engine.output_vectors - outputs).max() < 2e-5
    assert np.abs(rows - start).max() > 5e-3


def heldout_of(examples: Examples) -> tuple[Matrix, Matrix]:
    """The first ten words of each document again."""
    assert examples.tag_offsets is not None
    lengths = np.minimum(np.diff(examples.offsets), 10)
    parts = [examples.ids[o : o + n] for o, n in zip(examples.offsets[:-1], lengths, strict=True)]
    return np.concatenate(parts), np.concatenate([[0], np.cumsum(lengths)])


@pytest.mark.parametrize("with_words", [False, True])
@BY_SIDES
def test_words_of_documents_are_learned(sides: tuple[str, str], with_words: bool) -> None:
    """Each document has a word of its own in nine words of ten; the loss of words held out falls too."""
    rng = np.random.default_rng(2)
    ids = np.where(rng.random(4000) < 0.9, np.repeat(np.arange(8), 500), rng.integers(0, V, 4000)).astype(np.int32)
    offsets, tags = np.arange(0, 4001, 500), np.arange(8)
    examples = document_examples(
        ids, offsets, np.bincount(ids, minlength=V), tags, np.arange(9), n_tags=8, with_words=with_words
    )
    engine = Engine(examples, make_config(sides, epochs=8, subsample=0.0, learning_rate=0.02, min_learning_rate=0.01))
    first, _ = engine.heldout_loss(*heldout_of(examples))
    for epoch in range(8):
        engine.train_slice(0, len(ids), epoch)
    loss, n_examples = engine.heldout_loss(*heldout_of(examples))
    assert n_examples >= 80
    assert loss < 0.75 * first


@BY_SIDES
def test_inference_is_the_plan_through_the_formulas(sides: tuple[str, str]) -> None:
    """A document's row after two epochs in which no other row changes, from a seed of its words."""
    validate_inference(sides, [40, 1, 7, 130])


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
@pytest.mark.parametrize(
    "changes",
    [
        {"dims": 150, "negatives": 14},
        {"target_collision": "drop", "negative_sharing": "window"},
        {"target_collision": "count", "negatives": 70},
        {"negatives": 1, "subsample": 0.0, "dims": 2},
        {"negative_sharing": "pair"},
        {"window": 11, "window_mode": "fixed"},
        {"window": 10, "window_mode": "fixed", "cbow_input": "sum", "learning_rate": 0.05},
    ],
)  # fmt: skip
def test_inference_by_negative_sampling_with_every_plan(architecture: str, changes: dict[str, Any]) -> None:
    """Rows of several pieces, sets that are kept or not, and targets among the noise."""
    if architecture == "skipgram":
        changes = {name: value for name, value in changes.items() if name != "cbow_input"}
    if architecture == "cbow" and changes.get("negative_sharing") == "pair":
        pytest.skip("CBOW makes one vector of a bag: it has no negatives by pair")
    validate_inference((architecture, "negative-sampling"), [3, 64, 65, 1, 30, 12, 100], **changes)


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_inference_of_a_document_of_two_chunks(architecture: str) -> None:
    validate_inference((architecture, "negative-sampling"), [1100, 5, 1030], learning_rate=0.05)


def damping(bag: tuple[int, ...], config: TrainingConfig) -> float:
    """The factor of the step of the sum of more than 20 rows (native/cpp/objectives/inputs_pool.hpp)."""
    if config.architecture != "cbow" or config.cbow_input == "mean" or len(bag) <= 20:
        return 1.0
    return min(1.0, 20 / float((np.unique(bag, return_counts=True)[1] ** 2).sum()))


def validate_inference(sides: tuple[str, str], lengths: list[int], **changes: Any) -> None:
    with_words = sides[0] == "cbow"
    rng = np.random.default_rng(6)
    config = make_config(sides, **{"cbow_update": "gradient", "learning_rate": 0.3, **changes})
    dims = config.dims
    counts = rng.integers(10, 200, V)
    words = rng.normal(0, 0.5, (V, dims)).astype(np.float32)
    outputs = rng.normal(0, 0.5, (V - config.objective.outputs.rows_below_vocabulary, dims)).astype(np.float32)
    ids, offsets = rng.integers(0, V, sum(lengths)).astype(np.int32), np.concatenate([[0], np.cumsum(lengths)])
    engine = InferenceEngine(config, counts, words if with_words else None, outputs)
    found, losses = engine.infer(ids, offsets, epochs=2, seed=5)
    for document, (first, last) in enumerate(itertools.pairwise(offsets)):
        own = ids[first:last]
        examples = document_examples(
            own, np.array([0, len(own)]), counts, np.array([0]), np.array([0, 1]), n_tags=1, with_words=with_words
        )
        alone = dataclasses.replace(config, seed=document_seed(5, own), epochs=2)
        blocks = draw_blocks(alone.seed, Purpose.INITIAL, 0, 0, np.arange(-(-dims // 4)))
        row = (blocks.astype(np.float64).reshape(1, -1)[:, :dims] / 2.0**32 - 0.5) / dims
        start = row.copy()
        matrices = [row, words.astype(np.float64), outputs.astype(np.float64)]
        for epoch in (0, 1):
            loss = step_through(examples, alone, matrices, epoch, learns_all=False, noise_seed=5)
        n_kept = len(plan(examples, alone, 1, 0, len(own)))
        if n_kept:
            assert losses[document] == pytest.approx(loss / n_kept, rel=2e-5)
        else:
            assert np.isnan(losses[document])
        assert np.abs(found[document] - row[0]).max() < 2e-5
        if len(own) > 3:
            assert np.abs(row - start).max() > 0.02


def test_inference_takes_rates_and_shows_its_rows() -> None:
    config = make_config(("cbow", "negative-sampling"), learning_rate=0.1, min_learning_rate=0.05)
    rng = np.random.default_rng(6)
    counts, ids, offsets = rng.integers(10, 200, V), rng.integers(0, V, 30).astype(np.int32), np.array([0, 30])
    words, outputs = (rng.normal(0, 0.5, (V, D)).astype(np.float32) for _ in range(2))
    engine = InferenceEngine(config, counts, words, outputs)
    np.testing.assert_array_equal(engine.word_rows, words)
    np.testing.assert_array_equal(engine.output_rows, outputs)
    own, _ = engine.infer(ids, offsets, epochs=2, seed=1)
    given, _ = engine.infer(ids, offsets, epochs=2, seed=1, learning_rates=(0.1, 0.05))
    other, _ = engine.infer(ids, offsets, epochs=2, seed=1, learning_rates=(0.3, 0.01))
    assert own.tobytes() == given.tobytes()
    faster = config.with_values(learning_rate=0.3, min_learning_rate=0.01)
    expected, _ = InferenceEngine(faster, counts, words, outputs).infer(ids, offsets, epochs=2, seed=1)
    assert other.tobytes() == expected.tobytes() != own.tobytes()
    engine.output_rows[:] = 0  # the engine's own rows
    changed, _ = engine.infer(ids, offsets, epochs=2, seed=1)
    assert np.abs(changed).max() <= 0.5 / D


@BY_SIDES
def test_inference_has_the_same_bits_whatever_else_is_in_the_batch(sides: tuple[str, str]) -> None:
    rng = np.random.default_rng(6)
    config = make_config(sides)
    counts, words = rng.integers(10, 200, V), rng.normal(0, 0.5, (V, D)).astype(np.float32)
    outputs = rng.normal(0, 0.5, (V - config.objective.outputs.rows_below_vocabulary, D)).astype(np.float32)
    before = outputs.copy(), words.copy()
    engine = InferenceEngine(config, counts, words if sides[0] == "cbow" else None, outputs)
    ids, offsets = rng.integers(0, V, 3000).astype(np.int32), np.arange(0, 3001, 30)
    whole, losses = engine.infer(ids, offsets, epochs=3, seed=1, threads=3)
    one_thread, _ = engine.infer(ids, offsets, epochs=3, seed=1, threads=1)
    assert whole.tobytes() == one_thread.tobytes()
    alone, loss = engine.infer(ids[60:90], np.array([0, 30]), epochs=3, seed=1)
    assert alone.tobytes() == whole[2:3].tobytes()
    assert loss[0] == losses[2]
    other, _ = engine.infer(ids[60:90], np.array([0, 30]), epochs=3, seed=2)
    assert np.abs(other - alone).max() > 1e-3
    assert (before[0] == outputs).all()
    assert (before[1] == words).all()
    assert (engine._output[:, :D] == outputs).all()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"tag_ids": [0, 5]}, IdError, r"^tag_ids must be in \[0, 5\), got 5 at index 1"),
        ({"tag_offsets": [0, 2]}, ShapeError, r"^tag_offsets must have shape \(3,\), as offsets, got \(2,\)"),
        ({"tag_offsets": [0, 0, 2]}, ParameterError, "^tag_offsets must rise from 0 to 2, .* a tag for each document"),
    ],
)
def test_bad_tags_are_refused(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    given: dict[str, Any] = {
        "ids": [0, 1], "offsets": [0, 1, 2], "counts": np.array([1, 1]), "tag_ids": [0, 1], "tag_offsets": [0, 1, 2],
        "n_tags": 5, "with_words": False, **changes,
    }  # fmt: skip
    with pytest.raises(error, match=message):
        document_examples(**given)


def test_held_out_words_must_belong_to_the_documents() -> None:
    engine = Engine(make_documents(False), make_config(("skipgram", "softmax")))
    with pytest.raises(ShapeError, match="^offsets must have 61 numbers, because held-out words belong to"):
        engine.heldout_loss(np.zeros(3, np.int32), np.array([0, 3]))
