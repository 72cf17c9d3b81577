"""Whole batches at once against the course's wrapper: the same draws, the same cost and gradient, the same run."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.compat.cs224n import (
    StanfordSentiment,
    gradcheck_naive,
    negSamplingCostAndGradient,
    sgd,
    skipgram,
    word2vec_batch,
    word2vec_sgd_wrapper,
)
from firth.compat.cs224n import batches as batches_module
from firth.compat.cs224n.batches import draw_skipgram_batch
from firth.errors import ParameterError

GOLD = json.loads((Path(__file__).parents[2] / "golden" / "cs224n.json").read_text())


@pytest.fixture(scope="module")
def dataset(made_up_sentences):
    dataset = StanfordSentiment(made_up_sentences, tablesize=1000)
    random.seed(31415)
    dataset.allSentences()
    return dataset


def draw_one_by_one(dataset, tokens, C, K, n_windows=50):
    """The wrapper's draws, without its mathematics."""
    centers, contexts, negatives = [], [], []
    for _ in range(n_windows):
        center, context = dataset.getRandomContext(random.randint(1, C))
        for word in context:
            row = []
            while len(row) < K:
                drawn = dataset.sampleTokenIdx()
                if drawn != tokens[word]:
                    row.append(drawn)
            centers.append(tokens[center])
            contexts.append(tokens[word])
            negatives.append(row)
    return centers, contexts, negatives


class TestDraws:
    @given(
        seed=st.integers(0, 2**64),
        C=st.integers(1, 9),
        K=st.integers(0, 12),
        tablesize=st.sampled_from([37, 64, 1000, 1023, 4096]),
        n_windows=st.integers(0, 20),
    )
    @settings(max_examples=60, deadline=None)
    def test_in_bulk_are_those_one_by_one(self, made_up_sentences, seed, C, K, tablesize, n_windows):
        dataset = StanfordSentiment(made_up_sentences[:60], tablesize=tablesize)
        random.seed(seed)
        dataset.allSentences()
        tokens = dataset.tokens()
        random.gauss(0, 1)
        state = random.getstate()
        expected = draw_one_by_one(dataset, tokens, C, K, n_windows)
        after = random.getstate()
        random.setstate(state)
        batch = draw_skipgram_batch(dataset, tokens, C, K, n_windows)
        assert random.getstate() == after
        assert batch.center_ids.tolist() == expected[0]
        assert batch.context_ids.tolist() == expected[1]
        assert batch.negative_ids.tolist() == expected[2]
        assert batch.negative_ids.shape == (len(expected[1]), K)

    def test_a_frequent_target_is_drawn_again_and_again(self):
        """Two words: half of all draws are the target, so most rows are redrawn more than once."""
        dataset = StanfordSentiment([["a", "b"] * 10] * 20, tablesize=16)
        random.seed(5)
        dataset.allSentences()
        state = random.getstate()
        expected = draw_one_by_one(dataset, dataset.tokens(), 4, 10)
        after = random.getstate()
        random.setstate(state)
        batch = draw_skipgram_batch(dataset, dataset.tokens(), 4, 10)
        assert batch.negative_ids.tolist() == expected[2]
        assert random.getstate() == after

    def test_read_ahead_too_short_is_read_again(self, dataset, monkeypatch):
        random.seed(8)
        state = random.getstate()
        expected = draw_one_by_one(dataset, dataset.tokens(), 5, 10)
        after = random.getstate()
        n_parses = []
        parse = batches_module._parse_outputs

        def parse_less(outputs, *rest):
            n_parses.append(len(outputs))
            return parse(outputs[: len(outputs) // 16], *rest)

        monkeypatch.setattr(batches_module, "_parse_outputs", parse_less)
        random.setstate(state)
        batch = draw_skipgram_batch(dataset, dataset.tokens(), 5, 10)
        assert len(n_parses) > 1
        assert batch.negative_ids.tolist() == expected[2]
        assert random.getstate() == after

    @pytest.mark.parametrize("n_kept", range(0, 400, 7))
    def test_cut_anywhere_it_is_noticed(self, dataset, n_kept):
        """However few outputs there are, a batch is whole or refused."""
        outputs = np.frombuffer(np.random.default_rng(n_kept).bytes(4 * n_kept), "<u4")
        try:
            batch, n_used = batches_module._parse_outputs(outputs, dataset, 5, 10, 3)
        except batches_module._OutputsExhaustedError:
            return
        assert n_used <= n_kept
        assert (batch.negative_ids != batch.context_ids[:, None]).all()

    def test_the_first_batch_draws_the_subsampled_corpus_in_its_place(self, made_up_sentences):
        results = []
        for bulk in (False, True):
            dataset = StanfordSentiment(made_up_sentences)
            tokens = dataset.tokens()
            random.seed(2)
            draw = draw_skipgram_batch if bulk else draw_one_by_one
            results.append(
                (list(map(np.ndarray.tolist, map(np.asarray, draw(dataset, tokens, 5, 10)))), random.random())
            )
        assert results[0] == results[1]

    def test_other_datasets_are_asked_one_by_one(self, five_words, five_tokens):
        random.seed(4)
        expected = draw_one_by_one(five_words, five_tokens, 5, 10)
        after = random.getstate()
        random.seed(4)
        assert draw_skipgram_batch(five_words, five_tokens, 5, 10).negative_ids.tolist() == expected[2]
        assert random.getstate() == after

    def test_a_subclass_is_asked_one_by_one(self, made_up_sentences):
        class Constant(StanfordSentiment):
            def sampleTokenIdx(self):
                return 40

        dataset = Constant(made_up_sentences)
        random.seed(4)
        dataset.allSentences()
        assert set(draw_skipgram_batch(dataset, dataset.tokens(), 5, 3).negative_ids.ravel().tolist()) == {40}

    def test_refuses_no_reach_and_negative_negatives(self, dataset):
        with pytest.raises(ParameterError, match="C must be at least 1"):
            draw_skipgram_batch(dataset, dataset.tokens(), 0, 10)
        with pytest.raises(ParameterError, match="K must not be negative"):
            draw_skipgram_batch(dataset, dataset.tokens(), 1, -1)


class TestCostAndGradient:
    def vectors(self, n_words, seed=1):
        return np.random.default_rng(seed).normal(size=(2 * n_words, 4))

    @pytest.mark.parametrize("C", [1, 5])
    def test_equal_the_wrapper(self, dataset, C):
        tokens = dataset.tokens()
        vectors = self.vectors(len(tokens))
        random.seed(21)
        for _ in range(3):
            state = random.getstate()
            cost, gradient = word2vec_sgd_wrapper(skipgram, tokens, vectors, dataset, C, negSamplingCostAndGradient)
            after = random.getstate()
            random.setstate(state)
            fast_cost, fast_gradient = word2vec_batch(tokens, vectors, dataset, C)
            assert random.getstate() == after
            assert fast_cost == pytest.approx(cost, rel=1e-13)
            np.testing.assert_allclose(fast_gradient.to_dense(len(vectors)), gradient, rtol=0, atol=1e-12)

    def test_equal_the_wrapper_on_any_dataset(self, five_words, five_tokens):
        vectors = self.vectors(5)
        random.seed(3)
        cost, gradient = word2vec_sgd_wrapper(skipgram, five_tokens, vectors, five_words, 5, negSamplingCostAndGradient)
        random.seed(3)
        fast_cost, fast_gradient = word2vec_batch(five_tokens, vectors, five_words, 5)
        assert fast_cost == pytest.approx(cost, rel=1e-13)
        np.testing.assert_allclose(fast_gradient.to_dense(10), gradient, rtol=0, atol=1e-12)

    def test_gradient_check(self, five_words, five_tokens, capsys):
        gradcheck_naive(lambda x: word2vec_batch(five_tokens, x, five_words, 5), self.vectors(5))
        assert capsys.readouterr().out == "Gradient check passed!\n"

    def test_sgd_is_the_same_run(self, dataset, capsys):
        tokens = dataset.tokens()
        vectors = np.concatenate(
            [(np.random.default_rng(0).random((len(tokens), 4)) - 0.5), np.zeros((len(tokens), 4))]
        )
        ends = []
        for f in (
            lambda x: word2vec_sgd_wrapper(skipgram, tokens, x, dataset, 5, negSamplingCostAndGradient),
            lambda x: word2vec_batch(tokens, x, dataset, 5),
        ):
            random.seed(6)
            ends.append((sgd(f, vectors, 0.3, 25), random.getstate(), capsys.readouterr().out))
        np.testing.assert_allclose(ends[1][0], ends[0][0], rtol=0, atol=1e-12)
        assert ends[0][1:] == ends[1][1:]

    def test_golden_trajectory(self, dataset):
        """Ten costs of a fixed run; the sampler's or the mathematics' slightest change moves them."""
        tokens = dataset.tokens()
        vectors = np.concatenate(
            [(np.random.RandomState(9265).rand(len(tokens), 10) - 0.5) / 10, np.zeros((len(tokens), 10))]
        )
        costs = []

        def recorded(x):
            cost, gradient = word2vec_batch(tokens, x, dataset, 5)
            costs.append(cost)
            return cost, gradient

        random.seed(31415)
        sgd(recorded, vectors, 3.0, 10, PRINT_EVERY=100)
        assert costs == pytest.approx(GOLD["trajectory"], rel=1e-12)
