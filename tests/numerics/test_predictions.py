"""One prediction: hand values, every coordinate and projections, saturated scores, double loops, identities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import IdError, ParameterError, ShapeError
from firth.numerics import (
    build_huffman_tree,
    check_gradient,
    hierarchical_softmax_loss,
    negative_sampling_loss,
    negative_sampling_losses,
    one_vs_all_loss,
    softmax_loss,
)

V, D = 7, 4
TREE = build_huffman_tree([10, 8, 5, 3, 3, 2, 1])
PATH = TREE.path(5)
PREDICTIONS = {
    "softmax": (lambda v, u: softmax_loss(v, u, 2), V),
    "negative-sampling": (lambda v, u: negative_sampling_loss(v, u, 2, [0, 4, 6]), V),
    "repeated-negatives": (lambda v, u: negative_sampling_loss(v, u, 2, [4, 4, 0, 4]), V),
    "target-among-negatives": (lambda v, u: negative_sampling_loss(v, u, 2, [2, 1, 2]), V),
    "no-negatives": (lambda v, u: negative_sampling_loss(v, u, 2, []), V),
    "hierarchical-softmax": (lambda v, u: hierarchical_softmax_loss(v, u, *PATH), V - 1),
    "one-vs-all": (lambda v, u: one_vs_all_loss(v, u, [5, 2]), V),
    "one-vs-all-of-none": (lambda v, u: one_vs_all_loss(v, u, []), V),
}


def as_function(predict):
    def function(p):
        loss, input_gradient, output_gradient = predict(p["input"], p["output"])
        return loss, {"input": input_gradient, "output": output_gradient}

    return function


def draw_point(n_rows, n_dims=D, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return {"input": scale * rng.normal(size=n_dims), "output": scale * rng.normal(size=(n_rows, n_dims))}


def test_softmax_by_hand() -> None:
    output = np.array([[math.log(2)], [0.0], [0.0]])
    loss, input_gradient, output_gradient = softmax_loss([1.0], output, 0)
    assert loss == pytest.approx(math.log(2), rel=1e-15)
    np.testing.assert_allclose(output_gradient.to_dense(3), [[-0.5], [0.25], [0.25]], rtol=1e-15)
    np.testing.assert_allclose(input_gradient, [-0.5 * math.log(2)], rtol=1e-15)


def test_one_vs_all_by_hand() -> None:
    output = np.array([[0.0], [math.log(3)], [-math.log(3)]])
    loss, input_gradient, output_gradient = one_vs_all_loss([1.0], output, [0, 1, 0])
    assert loss == pytest.approx(math.log(2) + 2 * math.log(4 / 3), rel=1e-15)
    np.testing.assert_allclose(output_gradient.to_dense(3), [[-0.5], [-0.25], [0.25]], rtol=1e-15)
    np.testing.assert_allclose(input_gradient, [-0.5 * math.log(3)], rtol=1e-15)


def test_negative_sampling_by_hand() -> None:
    output = np.array([[0.0], [math.log(3)], [5.0]])
    loss, input_gradient, output_gradient = negative_sampling_loss([1.0], output, 0, [1, 1])
    assert loss == pytest.approx(math.log(2) + 2 * math.log(4), rel=1e-15)
    np.testing.assert_allclose(output_gradient.to_dense(3), [[-0.5], [1.5], [0.0]], rtol=1e-15)
    np.testing.assert_allclose(input_gradient, [2 * 0.75 * math.log(3)], rtol=1e-15)
    assert output_gradient.row_ids.tolist() == [0, 1]


def test_hierarchical_softmax_by_hand() -> None:
    # Code 0 has the label 1: log s(score); code 1 the label 0: log s(-score).
    loss, input_gradient, node_gradient = hierarchical_softmax_loss([1.0], [[math.log(3)], [0.0]], [1, 0], [0, 1])
    assert loss == pytest.approx(math.log(2) + math.log(4), rel=1e-15)
    np.testing.assert_allclose(node_gradient.to_dense(2), [[0.75], [-0.5]], rtol=1e-15)
    np.testing.assert_allclose(input_gradient, [0.75 * math.log(3)], rtol=1e-15)


@pytest.mark.parametrize("scale", [1.0, 20.0], ids=["normal", "saturated"])
@pytest.mark.parametrize("name", PREDICTIONS)
def test_every_coordinate(name, scale) -> None:
    predict, n_rows = PREDICTIONS[name]
    report = check_gradient(as_function(predict), draw_point(n_rows, scale=scale), raise_on_error=True)
    assert report.method == "every-coordinate"


@pytest.mark.parametrize("name", ["softmax", "negative-sampling", "hierarchical-softmax"])
def test_projections_at_a_realistic_size(name) -> None:
    n_words, n_dims = 300, 50
    tree = build_huffman_tree(np.arange(n_words, 0, -1) ** 2)
    predict, n_rows = {
        "softmax": (lambda v, u: softmax_loss(v, u, 7), n_words),
        "negative-sampling": (lambda v, u: negative_sampling_loss(v, u, 7, [1, 2, 2, 299, 0]), n_words),
        "hierarchical-softmax": (lambda v, u: hierarchical_softmax_loss(v, u, *tree.path(250)), n_words - 1),
    }[name]
    report = check_gradient(as_function(predict), draw_point(n_rows, n_dims, 0.3), n_projections=8, raise_on_error=True)
    assert report.method == "projections"
    assert report.n_projections >= 8


@pytest.mark.parametrize("name", PREDICTIONS)
@pytest.mark.parametrize("fault", ["permille", "sign", "swap"])
def test_checker_fails_on_wrong_gradients(name, fault) -> None:
    predict, n_rows = PREDICTIONS[name]

    def spoiled(p):
        loss, input_gradient, output_gradient = predict(p["input"], p["output"])
        dense = output_gradient.to_dense(n_rows)
        if fault == "permille":
            dense[output_gradient.row_ids[-1], 1] *= 1.001
        elif fault == "sign":
            dense = -dense
        else:
            rows = [int(output_gradient.row_ids[0]), (int(output_gradient.row_ids[0]) + 1) % n_rows]
            dense[rows] = dense[rows[::-1]]
        return loss, {"input": input_gradient, "output": dense}

    report = check_gradient(spoiled, draw_point(n_rows))
    assert not report.ok
    assert report.diagnoses[0].code == "block-wrong"
    assert report.diagnoses[0].evidence["wrong"] == ["output"]


def test_softmax_against_a_double_loop() -> None:
    point = draw_point(V)
    v, u = point["input"], point["output"]
    scores = [sum(u[w, d] * v[d] for d in range(D)) for w in range(V)]
    partition = sum(math.exp(score) for score in scores)
    input_gradient, output_gradient = np.zeros(D), np.zeros((V, D))
    for w in range(V):
        error = math.exp(scores[w]) / partition - (w == 2)
        for d in range(D):
            input_gradient[d] += error * u[w, d]
            output_gradient[w, d] = error * v[d]
    loss, by_input, by_output = softmax_loss(v, u, 2)
    assert loss == pytest.approx(math.log(partition) - scores[2], rel=1e-14)
    np.testing.assert_allclose(by_input, input_gradient, rtol=1e-12)
    np.testing.assert_allclose(by_output.to_dense(V), output_gradient, rtol=1e-12)


@pytest.mark.parametrize("negatives", [[0, 4, 6], [4, 4, 0, 4], [2, 1, 2], []])
def test_negative_sampling_against_a_double_loop(negatives) -> None:
    point = draw_point(V)
    v, u = point["input"], point["output"]
    loss, input_gradient, output_gradient = 0.0, np.zeros(D), np.zeros((V, D))
    for word, label in [(2, 1), *((word, 0) for word in negatives)]:
        score = sum(u[word, d] * v[d] for d in range(D))
        probability = 1 / (1 + math.exp(-score))
        loss -= math.log(probability if label else 1 - probability)
        for d in range(D):
            input_gradient[d] += (probability - label) * u[word, d]
            output_gradient[word, d] += (probability - label) * v[d]
    result = negative_sampling_loss(v, u, 2, negatives)
    assert result[0] == pytest.approx(loss, rel=1e-13)
    np.testing.assert_allclose(result[1], input_gradient, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(result[2].to_dense(V), output_gradient, rtol=1e-12, atol=1e-15)


@given(st.integers(1, 5), st.integers(0, 4), st.integers(0, 10_000))
def test_many_predictions_are_the_single_ones(n_examples, n_negatives, seed) -> None:
    rng = np.random.default_rng(seed)
    inputs, outputs = rng.normal(size=(n_examples, D)), rng.normal(size=(V, D))
    targets = rng.integers(V, size=n_examples)
    negatives = rng.integers(V, size=(n_examples, n_negatives))
    losses, input_gradients, output_gradient = negative_sampling_losses(inputs, outputs, targets, negatives)
    singles = [negative_sampling_loss(inputs[b], outputs, targets[b], negatives[b]) for b in range(n_examples)]
    np.testing.assert_allclose(losses, [single[0] for single in singles], rtol=1e-13)
    np.testing.assert_allclose(input_gradients, [single[1] for single in singles], atol=1e-13)
    total = sum(single[2].to_dense(V) for single in singles)
    np.testing.assert_allclose(output_gradient.to_dense(V), total, atol=1e-13)


@given(st.floats(-30, 30), st.integers(0, 10_000))
def test_path_probabilities_sum_to_one(scale, seed) -> None:
    point = draw_point(V - 1, scale=scale, seed=seed)
    losses = [hierarchical_softmax_loss(point["input"], point["output"], *TREE.path(word))[0] for word in range(V)]
    assert sum(math.exp(-loss) for loss in losses) == pytest.approx(1, rel=1e-12)


@given(st.integers(0, 10_000))
def test_repeats_count_as_often_as_they_stand(seed) -> None:
    v, u = draw_point(V, seed=seed).values()
    none, one, three = (negative_sampling_loss(v, u, 2, negatives) for negatives in ([], [4], [4, 4, 4]))
    assert three[0] - none[0] == pytest.approx(3 * (one[0] - none[0]), rel=1e-12)
    np.testing.assert_allclose(three[2].to_dense(V)[4], 3 * one[2].to_dense(V)[4], rtol=1e-14)


def test_softmax_over_two_words_is_negative_sampling_of_their_difference() -> None:
    v, u = draw_point(2).values()
    two, _, _ = softmax_loss(v, u, 0)
    one, _, _ = negative_sampling_loss(v, (u[0] - u[1])[None, :], 0, [])
    assert two == pytest.approx(one, rel=1e-14)


def test_saturated_scores() -> None:
    v, u = np.array([1.0]), np.array([[-1000.0], [1000.0], [0.0]])
    assert negative_sampling_loss(v, u, 0, [1])[0] == 2000
    assert softmax_loss(v, u, 0)[0] == 2000
    loss, input_gradient, _ = negative_sampling_loss(v, u, 1, [0])
    assert (loss, input_gradient.tolist()) == (0.0, [0.0])


def test_gradient_is_zero_at_the_optimum() -> None:
    # A single word is certain whatever its score.
    loss, input_gradient, output_gradient = softmax_loss(np.ones(D), np.ones((1, D)), 0)
    assert loss == 0
    assert not input_gradient.any()
    assert not output_gradient.rows.any()


@pytest.mark.parametrize("name", PREDICTIONS)
def test_types_are_kept_and_inputs_stay(name) -> None:
    predict, n_rows = PREDICTIONS[name]
    point = {key: value.astype(np.float32) for key, value in draw_point(n_rows).items()}
    before = {key: value.copy() for key, value in point.items()}
    loss, input_gradient, output_gradient = predict(point["input"], point["output"])
    assert type(loss) is float
    assert input_gradient.dtype == output_gradient.rows.dtype == np.float32
    for key, value in point.items():
        np.testing.assert_array_equal(value, before[key])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: softmax_loss(np.ones(3), np.ones((5, 4)), 0), ShapeError, "rows of 3 dimensions"),
        (lambda: softmax_loss(np.ones((1, 4)), np.ones((5, 4)), 0), ShapeError, "input_vector must have the shape"),
        (lambda: softmax_loss(np.ones(4), np.ones(4), 0), ShapeError, "output_vectors must have the shape"),
        (lambda: softmax_loss(np.ones(4), np.ones((5, 4)), 5), IdError, r"target_id must be in \[0, 5\), got 5"),
        (lambda: softmax_loss(np.ones(4), np.ones((5, 4)), -1), IdError, "got -1"),
        (lambda: softmax_loss(np.ones(4), np.ones((5, 4)), 1.0), ParameterError, "target_id must hold integers"),
        (lambda: softmax_loss(np.ones(4), np.ones((5, 4)), [1]), ShapeError, "target_id must have the shape"),
        (lambda: negative_sampling_loss(np.ones(4), np.ones((5, 4)), 0, [9]), IdError, "negative_ids must be in"),
        (lambda: negative_sampling_loss(np.ones(4), np.ones((5, 4)), 0, [[1]]), ShapeError, "negative_ids must have"),
        (lambda: hierarchical_softmax_loss(np.ones(4), np.ones((5, 4)), [0, 1], [1]), ShapeError, "codes must have"),
        (lambda: hierarchical_softmax_loss(np.ones(4), np.ones((5, 4)), [0], [2]), ParameterError, "codes must be 0"),
        (lambda: hierarchical_softmax_loss(np.ones(4), np.ones((5, 4)), [5], [1]), IdError, "node_ids must be in"),
        (lambda: negative_sampling_losses(np.ones((2, 4)), np.ones((5, 4)), [0], [[1]]), ShapeError, "target_ids must"),
        (lambda: negative_sampling_losses(np.ones((1, 4)), np.ones((5, 4)), [0], [1]), ShapeError, "negative_ids must"),
        (lambda: negative_sampling_losses(np.ones((1, 4)), np.ones((5, 3)), [0], [[1]]), ShapeError, "rows of 4"),
    ],
)
def test_arguments_are_validated(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()
