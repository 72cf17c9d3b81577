"""The course's word2vec: its published values, gradients, order of draws, and a second solution from the formulas."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest

from firth.compat import cs224n
from firth.compat.cs224n import (
    a2,
    cbow,
    getNegativeSamples,
    gradcheck_naive,
    negSamplingCostAndGradient,
    normalizeRows,
    skipgram,
    softmaxCostAndGradient,
    word2vec_sgd_wrapper,
)
from firth.errors import IdError, ShapeError

GOLD = json.loads((Path(__file__).parents[2] / "golden" / "cs224n.json").read_text())
PRINTED = {"rtol": 1e-6, "atol": 6e-9}  # the course prints eight decimals


def draw_vectors():
    random.seed(31415)
    np.random.seed(9265)
    return normalizeRows(np.random.randn(10, 3))


def check_window(result, gold, loss_tolerance=1e-14):
    cost, input_gradient, output_gradient = result
    assert cost == pytest.approx(gold["loss"], rel=loss_tolerance)
    np.testing.assert_allclose(input_gradient, gold["input"], **PRINTED)
    np.testing.assert_allclose(output_gradient, gold["output"], **PRINTED)


class TestPublishedValues:
    @pytest.mark.parametrize("gold", GOLD["softmax_skipgram"], ids=lambda gold: gold["center"])
    def test_skipgram_under_softmax(self, gold, five_words, five_tokens):
        vectors = draw_vectors()
        check_window(
            skipgram(gold["center"], 3, list(gold["context"]), five_tokens, vectors[:5], vectors[5:], five_words), gold
        )

    def test_cbow_under_softmax(self, five_words, five_tokens):
        vectors, gold = draw_vectors(), GOLD["softmax_cbow"]
        check_window(
            cbow(gold["center"], 2, list(gold["context"]), five_tokens, vectors[:5], vectors[5:], five_words), gold
        )

    def test_the_later_edition_to_its_end(self, five_words, five_tokens, capsys):
        """Two gradient checks, then windows under negative sampling: one draw more or less, and no value fits."""
        vectors = draw_vectors()
        for loss in (a2.naiveSoftmaxLossAndGradient, a2.negSamplingLossAndGradient):
            a2.gradcheck_naive(
                lambda x, loss=loss: a2.word2vec_sgd_wrapper(a2.skipgram, five_tokens, x, five_words, 5, loss),
                vectors,
                loss.__name__,
            )
        assert capsys.readouterr().out.count("Gradient check passed!") == 2
        for gold in GOLD["negative_sampling_skipgram_after_the_checks"]:
            result = a2.skipgram(
                currentCenterWord=gold["center"],
                windowSize=3,
                outsideWords=list(gold["context"]),
                word2Ind=five_tokens,
                centerWordVectors=vectors[:5],
                outsideVectors=vectors[5:],
                dataset=five_words,
                word2vecLossAndGradient=a2.negSamplingLossAndGradient,
            )
            check_window(result, gold)

    def test_the_earlier_edition_under_python_2(self, five_words_of_python2, five_tokens):
        vectors = draw_vectors()
        random.seed(31415)
        for gold in GOLD["python2_after_seeding"]:
            model = getattr(cs224n, gold["model"])
            result = model(
                gold["center"],
                2,
                list(gold["context"]),
                five_tokens,
                vectors[:5],
                vectors[5:],
                five_words_of_python2,
                negSamplingCostAndGradient,
            )
            check_window(result, gold, loss_tolerance=1e-9)


class TestGradients:
    @pytest.mark.parametrize(
        ("model", "reach"),
        [(skipgram, 1), (cbow, 5)],  # skip-gram at reach 5 is checked above
    )
    @pytest.mark.parametrize("loss", [softmaxCostAndGradient, negSamplingCostAndGradient])
    def test_starter_code(self, model, reach, loss, five_words, five_tokens, capsys):
        vectors = draw_vectors()
        gradcheck_naive(lambda x: word2vec_sgd_wrapper(model, five_tokens, x, five_words, reach, loss), vectors)
        assert capsys.readouterr().out == "Gradient check passed!\n"

    @pytest.mark.parametrize("model", [skipgram, cbow])
    def test_a_gradient_0_1_percent_off_fails(self, model, five_words, five_tokens, capsys):
        def off(predicted, target, outputs, dataset):
            cost, gradient, output_gradient = softmaxCostAndGradient(predicted, target, outputs, dataset)
            return cost, 1.001 * gradient, output_gradient

        gradcheck_naive(lambda x: word2vec_sgd_wrapper(model, five_tokens, x, five_words, 5, off), draw_vectors())
        assert capsys.readouterr().out.startswith("Gradient check failed.")


class TestOnePrediction:
    def test_softmax_against_loops(self):
        generator = np.random.default_rng(8)
        vector, outputs, target = generator.normal(size=4), generator.normal(size=(6, 4)), 2
        powers = [math.exp(sum(a * b for a, b in zip(row, vector, strict=True))) for row in outputs]
        errors = [power / sum(powers) - (word_id == target) for word_id, power in enumerate(powers)]
        cost, gradient, output_gradient = softmaxCostAndGradient(vector, target, outputs, None)
        assert cost == pytest.approx(-math.log(powers[target] / sum(powers)), rel=1e-14)
        np.testing.assert_allclose(gradient, sum(e * row for e, row in zip(errors, outputs, strict=True)), atol=1e-14)
        np.testing.assert_allclose(output_gradient, [e * vector for e in errors], atol=1e-14)

    def test_negative_sampling_against_loops_with_repeats(self):
        generator = np.random.default_rng(9)
        vector, outputs, target = generator.normal(size=4), generator.normal(size=(6, 4)), 2
        draws = iter([0, 2, 5, 5, 2, 2, 0, 1, 5])  # 2, the target, is drawn again

        class Dataset:
            def sampleTokenIdx(self):
                return next(draws)

        cost, gradient, output_gradient = negSamplingCostAndGradient(vector, target, outputs, Dataset(), K=6)
        assert next(draws, "none left") == "none left"
        expected_gradient, expected_outputs = np.zeros(4), np.zeros((6, 4))
        expected = 0.0
        for word_id, label in [(target, 1), *((word_id, 0) for word_id in [0, 5, 5, 0, 1, 5])]:
            probability = 1 / (1 + math.exp(-sum(outputs[word_id] * vector)))
            expected -= math.log(probability if label else 1 - probability)
            expected_gradient += (probability - label) * outputs[word_id]
            expected_outputs[word_id] += (probability - label) * vector
        assert cost == pytest.approx(expected, rel=1e-13)
        np.testing.assert_allclose(gradient, expected_gradient, atol=1e-14)
        np.testing.assert_allclose(output_gradient, expected_outputs, atol=1e-14)

    def test_ten_negatives_by_default(self, five_words):
        random.seed(3)
        negSamplingCostAndGradient(np.zeros(3), 1, np.zeros((5, 3)), five_words)
        after = random.random()
        random.seed(3)
        getNegativeSamples(1, five_words, 10)
        assert random.random() == after

    @pytest.mark.parametrize("shape", [(3,), (1, 3), (3, 1)])
    def test_the_gradient_has_the_shape_of_the_vector(self, shape, five_words):
        for loss in (softmaxCostAndGradient, negSamplingCostAndGradient):
            cost, gradient, output_gradient = loss(np.ones(shape), 1, np.eye(5, 3), five_words)
            assert isinstance(cost, float)
            assert gradient.shape == shape
            assert output_gradient.shape == (5, 3)

    def test_finite_at_large_scores(self, five_words):
        outputs = np.array([[1000.0], [-1000.0], [0.0], [0.0], [0.0]])
        assert softmaxCostAndGradient(np.ones(1), 1, outputs, five_words)[0] == 2000
        cost, gradient, output_gradient = negSamplingCostAndGradient(np.ones(1), 1, outputs, five_words, K=0)
        assert cost == 1000
        assert np.isfinite(gradient).all()
        assert np.isfinite(output_gradient).all()

    def test_refuses_ids_and_shapes_that_do_not_fit(self, five_words):
        with pytest.raises(IdError, match=r"target_id must be in \[0, 5\)"):
            softmaxCostAndGradient(np.ones(3), 5, np.ones((5, 3)), five_words)
        with pytest.raises(ShapeError):
            softmaxCostAndGradient(np.ones(2), 1, np.ones((5, 3)), five_words)


def test_negative_samples_are_plain_draws_in_order(five_words):
    random.seed(12)
    negatives = getNegativeSamples(3, five_words, 20)
    random.seed(12)
    draws = [random.randint(0, 4) for _ in range(60)]
    assert negatives == [draw for draw in draws if draw != 3][:20]


def test_cbow_of_a_repeated_word_is_the_sum(five_words, five_tokens):
    vectors = draw_vectors()
    cost, input_gradient, output_gradient = cbow("a", 1, ["b", "b"], five_tokens, vectors[:5], vectors[5:], five_words)
    expected = softmaxCostAndGradient(2 * vectors[1], 0, vectors[5:], five_words)
    assert cost == expected[0]
    np.testing.assert_allclose(input_gradient[1], 2 * expected[1], rtol=1e-15)
    np.testing.assert_array_equal(output_gradient, expected[2])
    assert not input_gradient[[0, 2, 3, 4]].any()


def test_the_wrapper_draws_reach_then_context_and_averages_50_windows(five_words, five_tokens):
    vectors = draw_vectors()
    random.seed(77)
    cost, gradient = word2vec_sgd_wrapper(skipgram, five_tokens, vectors, five_words, 3)
    after = random.getstate()
    random.seed(77)
    expected, expected_gradient = 0.0, np.zeros((10, 3))
    for _ in range(50):
        reach = random.randint(1, 3)
        center, context = five_words.getRandomContext(reach)
        assert len(context) == 2 * reach
        one, of_inputs, of_outputs = skipgram(center, reach, context, five_tokens, vectors[:5], vectors[5:], five_words)
        expected += one / 50
        expected_gradient += np.concatenate([of_inputs, of_outputs]) / 50
    assert random.getstate() == after
    assert cost == expected
    np.testing.assert_array_equal(gradient, expected_gradient)


def test_the_wrapper_refuses_half_a_matrix(five_words, five_tokens):
    with pytest.raises(ShapeError, match=r"wordVectors must have the shape \(2 V, D\)"):
        word2vec_sgd_wrapper(skipgram, five_tokens, np.ones((9, 3)), five_words, 3)
