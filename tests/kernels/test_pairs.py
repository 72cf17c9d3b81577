"""Pairs, a source of examples: the native plan against its twin, runs against the formulas, the same bits, subsampling.

The oracle is ``numerics.weighted_pair``, applied to one pair after the other in float64.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from firth.errors import IdError, ParameterError, ShapeError
from firth.kernels.config import TrainingConfig
from firth.kernels.engine import Engine
from firth.kernels.examples import Examples, weighted_pairs
from firth.kernels.plan import PlanTables, plan_pairs
from firth.kernels.registry import OBJECTIVES
from firth.kernels.staleness import pair_touch_rates
from firth.numerics import keep_probabilities, noise_probabilities, weighted_pair
from firth.numerics.huffman import build_huffman_tree

N_WORDS, N_CONTEXTS, D, N_PAIRS = 23, 8, 12, 2500  # more pairs than a chunk has
SIDES = [pair for pair in OBJECTIVES if pair[0] == "skipgram"]
BY_SIDES = pytest.mark.parametrize("sides", SIDES, ids="/".join)


def make_config(loss: str = "negative-sampling", **parameters: Any) -> TrainingConfig:
    given = {
        "loss": loss, "dims": D, "subsample": 0.0, "epochs": 2, "seed": 11, "learning_rate": 0.1,
        "min_learning_rate": 0.02, "threads": 1, **parameters,
    }  # fmt: skip
    return TrainingConfig(**given).resolved()


def make_pairs(weighted: bool = True, n_pairs: int = N_PAIRS) -> Examples:
    rng = np.random.default_rng(4)
    words = rng.integers(0, N_WORDS, n_pairs).astype(np.int32)
    contexts = np.minimum(rng.geometric(0.3, n_pairs) - 1, N_CONTEXTS - 1).astype(np.int32)
    weights = rng.choice([0.25, 0.5, 1.0, 2.0], n_pairs).astype(np.float32) if weighted else None
    return weighted_pairs(words, contexts, weights=weights, n_input_rows=N_WORDS, n_targets=N_CONTEXTS)


def plan(pairs: Examples, config: TrainingConfig, epoch: int) -> list[Any]:
    assert pairs.targets is not None
    tables = PlanTables.build(pairs.counts, config, None, pairs.input_counts)
    return list(plan_pairs(pairs.ids, pairs.targets, tables, config, epoch=epoch, start=0, stop=len(pairs.ids)))


@pytest.mark.parametrize("sharing", ["block", "window", "pair"])
@pytest.mark.parametrize("collision", ["reject", "drop", "count"])
@pytest.mark.parametrize("subsample", [0.0, 0.02])
def test_the_native_plan_is_its_twin(sharing: str, collision: str, subsample: float) -> None:
    pairs = make_pairs()
    config = make_config(negative_sharing=sharing, target_collision=collision, negatives=3, subsample=subsample)
    engine = Engine(pairs, config)
    found = []
    for start, stop in itertools.pairwise([0, 1, 65, 130, 131, 1700, N_PAIRS]):
        positions, targets, context_at, contexts, negatives_at, negatives = engine._kernel.plan_slice(
            engine._settings, start, stop, 1
        )
        for w in range(len(positions)):
            own, drawn = slice(*context_at[w : w + 2]), slice(*negatives_at[w : w + 2])
            found.append((positions[w], targets[w], tuple(contexts[own]), tuple(negatives[drawn])))
    expected = plan(pairs, config, 1)
    assert found == [(w.position, w.target_id, w.context_ids, w.negative_ids) for w in expected]
    assert len(found) == N_PAIRS if subsample == 0 else 0.2 * N_PAIRS < len(found) < 0.8 * N_PAIRS


@BY_SIDES
@pytest.mark.parametrize("weighted", [True, False])
def test_two_epochs_are_the_plan_through_the_formula(sides: tuple[str, str], weighted: bool) -> None:
    needs_tree = OBJECTIVES[sides].outputs.needs_tree
    pairs = make_pairs(weighted and not needs_tree, 900)
    config = make_config(sides[1], subsample=0.02)
    engine = Engine(pairs, config)
    words, contexts = engine.input_vectors.astype(np.float64), engine.output_vectors.astype(np.float64)
    start = words.copy()
    given: dict[str, Any] = {"loss": sides[1], "tree": build_huffman_tree(pairs.counts) if needs_tree else None}
    assert config.learning_rate is not None
    for epoch in (0, 1):
        expected = n_weight = 0.0
        planned = plan(pairs, config, epoch)
        for window in planned:
            weight = 1.0 if pairs.weights is None else float(pairs.weights[window.position])
            rate = config.learning_rate + (0.02 - config.learning_rate) * (epoch * 900 + window.position) / 1800
            own = {"negative_ids": window.negative_ids} if OBJECTIVES[sides].outputs.draws_negatives else {}
            loss, of_words, of_contexts = weighted_pair(
                window.context_ids[0], window.target_id, weight, words, contexts, **given, **own
            )
            words -= rate * of_words.to_dense(N_WORDS)
            contexts -= rate * of_contexts.to_dense(len(contexts))
            expected, n_weight = expected + loss, n_weight + weight
        results = [engine.train_slice(first, last, epoch) for first, last in itertools.pairwise([0, 320, 900])]
        assert sum(result.loss_nats for result in results) == pytest.approx(expected, rel=2e-5)
        assert sum(result.weight for result in results) == pytest.approx(n_weight)
        assert sum(result.n_examples for result in results) == len(planned)
    assert np.abs(engine.input_vectors - words).max() < 2e-5
    assert np.abs(engine.output_vectors - contexts).max() < 2e-5
    assert np.abs(words - start).max() > 5e-3


def test_both_sides_are_subsampled_by_their_weights() -> None:
    """A pair is kept with the product of two probabilities: chi-square over classes of words and contexts."""
    rng = np.random.default_rng(9)
    n_pairs, n_epochs = 20_000, 20
    words, contexts = rng.integers(0, 3, n_pairs).astype(np.int32), rng.integers(0, 2, n_pairs).astype(np.int32)
    weights = np.where(words == 0, 6.0, 1.0).astype(np.float32)
    pairs = weighted_pairs(words, contexts, weights=weights, n_input_rows=3, n_targets=2)
    config = make_config(subsample=0.05, negatives=1)
    sums = np.bincount(words, weights), np.bincount(contexts, weights)
    np.testing.assert_array_equal(pairs.input_counts, sums[0])
    keep = [np.minimum(1, np.sqrt(0.05 / f) + 0.05 / f) for f in (s / s.sum() for s in sums)]
    engine = Engine(pairs, config)
    found = np.zeros((3, 2))
    for epoch in range(n_epochs):
        positions, *_ = engine._kernel.plan_slice(engine._settings, 0, n_pairs, epoch)
        np.add.at(found, (words[positions], contexts[positions]), 1)
    tried = np.zeros((3, 2))
    np.add.at(tried, (words, contexts), n_epochs)
    probability = np.outer(*keep)
    squares = (found - tried * probability) ** 2 / (tried * probability * (1 - probability))
    assert squares.sum() < 22.5  # chi-square of 6 classes: one seed in 1,000 is above
    assert probability.max() < 0.6


def test_noise_follows_the_sums_of_weights() -> None:
    pairs = make_pairs()
    assert pairs.targets is not None
    sums = np.zeros(N_CONTEXTS)
    np.add.at(sums, pairs.targets, pairs.weights)
    config = make_config(target_collision="count", negative_sharing="window", negatives=20)
    found = np.bincount(np.concatenate([w.negative_ids for w in plan(pairs, config, 0)]), minlength=N_CONTEXTS)
    expected = sums**0.75 / (sums**0.75).sum() * found.sum()
    np.testing.assert_allclose(noise_probabilities(sums, 0.75) * found.sum(), expected, rtol=1e-12)
    assert ((found - expected) ** 2 / expected).sum() < 24.3  # 7 degrees of freedom: one seed in 1,000 is above
    unweighted = np.bincount(pairs.targets, minlength=N_CONTEXTS) ** 0.75
    assert np.abs(unweighted / unweighted.sum() - expected / expected.sum()).max() > 0.001


def test_touches_are_those_of_the_plan() -> None:
    pairs = make_pairs()
    assert pairs.targets is not None
    assert pairs.input_counts is not None
    config = make_config("softmax", subsample=0.02)
    rates = pair_touch_rates(pairs.ids, pairs.targets, pairs.counts, pairs.input_counts, config)
    planned = [window for epoch in range(30) for window in plan(pairs, config, epoch)]
    found = np.bincount([w.context_ids[0] for w in planned], minlength=N_WORDS) / (30 * N_PAIRS)
    assert np.abs(found - rates.inputs).max() < 0.1 * rates.inputs.max()
    assert rates.inputs.sum() == pytest.approx(len(planned) / (30 * N_PAIRS), rel=0.02)
    assert (rates.context, rates.pairs) == (1.0, 1.0)


@BY_SIDES
def test_deterministic_training_has_the_same_bits_with_any_number_of_threads(sides: tuple[str, str]) -> None:
    pairs = make_pairs(not OBJECTIVES[sides].outputs.needs_tree)
    learnable = weighted_pairs(
        pairs.ids, pairs.ids % N_CONTEXTS, weights=pairs.weights, n_input_rows=N_WORDS, n_targets=N_CONTEXTS
    )
    found = []
    for threads in (1, 3):
        engine = Engine(learnable, make_config(sides[1], deterministic=True, subsample=0.05))
        results = [engine.train_rounds(0, N_PAIRS, epoch, threads) for epoch in (0, 1)]
        losses = [result.loss_nats / result.weight for result in results]
        found.append((losses, engine.input_vectors.tobytes(), engine.output_vectors.tobytes()))
    assert found[0] == found[1]
    assert found[0][0][1] < found[0][0][0]


def test_copies_of_busy_rows_learn_as_one_thread_does() -> None:
    """With several threads, a merge reads the largest weight of an interval; here slices are trained in order."""
    rng = np.random.default_rng(1)
    n_pairs = 60_000
    words = rng.integers(0, 6, n_pairs).astype(np.int32)
    contexts = np.where(rng.random(n_pairs) < 0.8, words, rng.integers(0, 6, n_pairs)).astype(np.int32)
    weights = rng.choice([0.5, 1.0], n_pairs).astype(np.float32)
    pairs = weighted_pairs(words, contexts, weights=weights, n_input_rows=6, n_targets=6)
    means = []
    for threads in (1, 2):
        engine = Engine(pairs, make_config(threads=threads, learning_rate=0.025, min_learning_rate=0.0025))
        results = [engine.train_slice(start, start + 20_000, 0) for start in range(0, n_pairs, 20_000)]
        means.append(results[-1].loss_nats / results[-1].weight)
    assert means[1] == pytest.approx(means[0], rel=0.03)
    assert means[0] < 0.8 * engine.guessing_loss_nats


def test_the_held_out_loss_is_weighted() -> None:
    pairs = make_pairs()
    assert pairs.targets is not None
    engine = Engine(pairs, make_config("softmax"))
    engine.train_slice(0, N_PAIRS, 0)
    words, contexts = engine.input_vectors.astype(np.float64), engine.output_vectors.astype(np.float64)
    ids, targets = pairs.ids[:300], pairs.targets[:300]
    weights = np.linspace(0.1, 3, 300).astype(np.float32)
    losses = [weighted_pair(i, t, 1, words, contexts, loss="softmax")[0] for i, t in zip(ids, targets, strict=True)]
    assert engine.heldout_loss(ids, None, targets, None, weights) == (
        pytest.approx(np.average(losses, weights=weights), rel=1e-5), 300,
    )  # fmt: skip
    assert engine.heldout_loss(ids, None, targets)[0] == pytest.approx(np.mean(losses), rel=1e-5)
    with pytest.raises(ParameterError, match="^offsets must be given if and only if"):
        engine.heldout_loss(ids, np.arange(301), targets)


def test_the_mean_loss_of_guessing() -> None:
    engine = Engine(make_pairs(), make_config())
    assert engine.guessing_loss_nats == pytest.approx(7 * math.log(2))
    result = engine.train_slice(0, 8, 0)
    assert result.loss_nats / result.weight == pytest.approx(7 * math.log(2), rel=0.02)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"inputs": [0, 5]}, IdError, r"^inputs must be in \[0, 5\), got 5 at index 1"),
        ({"targets": [0, 3]}, IdError, r"^targets must be in \[0, 3\), got 3 at index 1"),
        ({"targets": [0]}, ShapeError, r"^targets must have shape \(2,\), one for each input, got \(1,\)"),
        ({"weights": [1.0]}, ShapeError, r"^weights must have shape \(2,\)"),
        ({"weights": [1.0, -1.0]}, ParameterError, "^weights must be finite and not negative, got -1.0 for pair 1"),
        ({"weights": [0.0, 0.0]}, ParameterError, "^weights must have a weight above 0, got none"),
        ({"inputs": [], "targets": []}, ParameterError, "^inputs must hold at least one pair, got none"),
    ],
)
def test_bad_pairs_are_refused(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    given: dict[str, Any] = {"inputs": [0, 1], "targets": [0, 1], "n_input_rows": 5, "n_targets": 3, **changes}
    with pytest.raises(error, match=message):
        weighted_pairs(**given)


@pytest.mark.parametrize(
    ("name", "value"), [("targets", None), ("offsets", np.array([0, 1])), ("input_keep_thresholds", None)]
)
def test_the_native_source_refuses_what_it_cannot_read(name: str, value: Any) -> None:
    engine = Engine(make_pairs(), make_config(subsample=0.1))
    engine._settings = engine._settings.replace(**{name: value})
    with pytest.raises(ParameterError, match="^pairs must have one target each, no offsets, and thresholds of both"):
        engine.train_slice(0, 4, 0)


def test_sums_of_weights_are_counts() -> None:
    """Weights that are whole numbers give the distributions of counts; others in between."""
    counts, sums = np.array([4, 1, 0]), np.array([4.0, 1.0, 0.0])
    np.testing.assert_array_equal(noise_probabilities(sums, 0.75), noise_probabilities(counts, 0.75))
    np.testing.assert_array_equal(keep_probabilities(sums, 0.1), keep_probabilities(counts, 0.1))
    assert noise_probabilities(np.array([0.5, 0.5]), 2.0).tolist() == [0.5, 0.5]
    with pytest.raises(ParameterError, match="^counts must be finite and not negative, got nan"):
        noise_probabilities(np.array([np.nan]), 1.0)
    with pytest.raises(ParameterError, match=r"^counts must be finite and not negative, got -0\.5"):
        keep_probabilities(np.array([-0.5]), 0.1)
