"""How often rows are touched: what is expected from the counts against the windows that native plans."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engines import make_config, make_engine

from firth.kernels.staleness import TouchRates, touch_rates
from firth.numerics.distributions import keep_probabilities, noise_probabilities
from firth.numerics.huffman import build_huffman_tree

NEGATIVES = 5
LOSSES = ["negative-sampling", "hierarchical-softmax", "softmax"]
ENOUGH = 50  # touches, for their number to be about normal


def expected_rates(corpus, loss: str, **changes: Any) -> TouchRates:
    noise_distribution = changes.pop("noise_distribution", None)
    config = make_config(**{"loss": loss, "negatives": NEGATIVES, "negative_sharing": "window", **changes})
    tree = build_huffman_tree(corpus.counts) if config.objective.outputs.needs_tree else None
    return touch_rates(corpus.counts, corpus.offsets, config, noise_distribution=noise_distribution, tree=tree)


class PlannedTouches:
    """Every window of an epoch, and how often each row stands in them."""

    def __init__(self, corpus, loss: str, **options: Any) -> None:
        options.setdefault("negative_sharing", "window")
        engine = make_engine(*corpus, loss=loss, dims=1, negatives=NEGATIVES, **options)
        plan = engine._kernel.plan_slice(engine._settings, 0, len(corpus.ids), 0)
        _, self.targets, self.context_offsets, self.contexts, self.negative_offsets, self.negatives = plan
        self.n_words = len(corpus.counts)
        self.inputs = np.bincount(self.contexts, minlength=self.n_words)
        pairs = np.diff(self.context_offsets) if options.get("negative_sharing") == "pair" else None
        of_targets = np.bincount(self.targets, pairs, minlength=self.n_words)
        if loss == "negative-sampling":
            self.outputs = of_targets + np.bincount(self.negatives, minlength=self.n_words)
        elif loss == "softmax":
            self.outputs = np.full(self.n_words, len(self.targets))
        else:
            tree = build_huffman_tree(corpus.counts)
            self.outputs = np.zeros(tree.n_nodes, np.int64)
            for word, times in enumerate(of_targets):
                self.outputs[tree.path(word)[0]] += times

    def windows_with_input(self) -> np.ndarray:
        """Windows whose context holds the word, once or more."""
        window = np.repeat(np.arange(len(self.targets)), np.diff(self.context_offsets))
        return np.bincount(np.unique(window * self.n_words + self.contexts) % self.n_words, minlength=self.n_words)


def variances(corpus, loss: str) -> tuple[np.ndarray, np.ndarray]:
    """Of the touches of input and output rows in an epoch of one line, dynamic windows of 5, collisions counted."""
    keep = keep_probabilities(corpus.counts, 1e-3)
    kept = corpus.counts * keep * (1 - keep)
    # A kept token is in the windows of its ten neighbours, in those at distance d with probability (6 - d) / 5.
    reached = (6 - np.repeat(np.arange(1, 6), 2)) / 5
    inputs = reached.sum() ** 2 * kept + corpus.counts * keep * (reached * (1 - reached)).sum()
    if loss == "negative-sampling":
        noise = NEGATIVES * noise_probabilities(corpus.counts, 0.75)
        outputs = kept * (1 + 2 * noise) + noise**2 * kept.sum() + noise * (corpus.counts @ keep)
    elif loss == "softmax":
        outputs = np.full(len(kept), kept.sum())
    else:
        tree = build_huffman_tree(corpus.counts)
        outputs = np.bincount(tree.node_ids, np.repeat(kept, np.diff(tree.offsets)))
    return inputs, outputs


def largest_deviation(rates: TouchRates, planned: PlannedTouches, corpus, loss: str) -> float:
    """Of the touches from what is expected, in standard deviations."""
    largest = 0.0
    sides = [(rates.inputs, planned.inputs), (rates.outputs, planned.outputs)]
    for (rate, touches), variance in zip(sides, variances(corpus, loss), strict=True):
        expected = rate * len(corpus.ids)
        often = expected > ENOUGH
        assert often.sum() > 100
        largest = max(largest, float((np.abs(touches - expected)[often] / np.sqrt(variance[often] + 1)).max()))
    return largest


@pytest.mark.parametrize("loss", LOSSES)
def test_rates_are_the_planned_touches(zipf_corpus, loss):
    planned = PlannedTouches(zipf_corpus, loss, target_collision="count")
    assert largest_deviation(expected_rates(zipf_corpus, loss), planned, zipf_corpus, loss) < 5
    # The comparison can fail.
    for wrong in ({"window": 6}, {"subsample": 2e-3}, {"window_mode": "fixed"}):
        assert largest_deviation(expected_rates(zipf_corpus, loss, **wrong), planned, zipf_corpus, loss) > 10
    if loss == "negative-sampling":
        for wrong in ({"negatives": 6}, {"noise_exponent": 0.8}):
            assert largest_deviation(expected_rates(zipf_corpus, loss, **wrong), planned, zipf_corpus, loss) > 10


def test_rates_are_near_where_words_meet_themselves(zipf_corpus):
    """Expected are touches; a window that holds a word twice is one, and a drawn target is drawn again."""
    rates = expected_rates(zipf_corpus, "negative-sampling")
    planned = PlannedTouches(zipf_corpus, "negative-sampling", target_collision="reject")
    for rate, touches in ((rates.inputs, planned.windows_with_input()), (rates.outputs, planned.outputs)):
        np.testing.assert_allclose(touches[:20] / len(zipf_corpus.ids), rate[:20], rtol=0.15)


def test_negatives_by_pair_are_touches_of_each_pair(zipf_corpus):
    options = {"negative_sharing": "pair"}
    planned = PlannedTouches(zipf_corpus, "negative-sampling", target_collision="count", **options)
    touches = planned.outputs / len(zipf_corpus.ids)
    by_pair = expected_rates(zipf_corpus, "negative-sampling", **options)
    by_window = expected_rates(zipf_corpus, "negative-sampling")
    np.testing.assert_allclose(touches[:150], by_pair.outputs[:150], rtol=0.1)
    assert (touches[:150] > 4 * by_window.outputs[:150]).all()
    assert by_window.pairs * by_window.outputs[0] == pytest.approx(by_pair.pairs * by_pair.outputs[0])
    pooled = expected_rates(zipf_corpus, "negative-sampling", architecture="cbow", **options)
    assert pooled.pairs == 1
    assert np.array_equal(pooled.outputs, by_window.outputs)


def test_negatives_of_a_block_are_touches_of_each_window(zipf_corpus):
    """The same on average as by window, though less evenly: a draw serves a quarter of a block's windows."""
    planned = PlannedTouches(zipf_corpus, "negative-sampling", target_collision="count", negative_sharing="block")
    rates = expected_rates(zipf_corpus, "negative-sampling", negative_sharing="block")
    touches = planned.outputs / len(zipf_corpus.ids)
    np.testing.assert_allclose(touches[:20], rates.outputs[:20], rtol=0.15)
    assert touches.sum() == pytest.approx(rates.outputs.sum(), rel=0.01)


@pytest.mark.parametrize("window_side", ["both", "left"])
@pytest.mark.parametrize("window_mode", ["dynamic", "fixed", "sequence"])
def test_context_in_lines(zipf_corpus, window_mode, window_side):
    """Where lines end within a window, the expected context is the longest that the window allows, or the line's."""
    lengths = np.random.default_rng(1).integers(20, 60, 2500)
    corpus = zipf_corpus._replace(offsets=np.append(0, np.cumsum(lengths)[np.cumsum(lengths) <= 100_000]))
    corpus = corpus._replace(ids=corpus.ids[: corpus.offsets[-1]])
    changes = {"window_mode": window_mode, "window_side": window_side}
    expected = expected_rates(corpus, "softmax", **changes).inputs.sum()
    touches = len(PlannedTouches(corpus, "softmax", **changes).contexts) / len(corpus.ids)
    assert touches / 1.02 < expected < 1.25 * touches


def test_noise_by_given_weights(zipf_corpus):
    noise = np.linspace(0, 3, 300)
    rates = expected_rates(zipf_corpus, "negative-sampling", noise_distribution=noise)
    planned = PlannedTouches(zipf_corpus, "negative-sampling", target_collision="count", noise_distribution=noise)
    touches = planned.outputs / len(zipf_corpus.ids)
    np.testing.assert_allclose(touches[150:], rates.outputs[150:], rtol=0.15)
    assert touches.sum() == pytest.approx(rates.outputs.sum(), rel=0.01)
