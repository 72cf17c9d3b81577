"""Cross-entropies: hand values, gradients at saturated logits too, hard against soft labels, a double loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from firth.errors import IdError, ParameterError, ShapeError
from firth.numerics import binary_cross_entropy, check_gradient, cross_entropy

LOGITS = np.random.default_rng(5).normal(size=(4, 3))
SATURATED = np.array([[1000.0, 0.0, -1000.0], [-700.0, 700.0, 0.0], [0.0, 0.0, 0.0], [40.0, 0.0, 1.0]])


def test_hand_values() -> None:
    loss, gradient = cross_entropy([[0.0, math.log(3)]], [0], reduction="sum")
    assert loss == pytest.approx(math.log(4), rel=1e-15)
    np.testing.assert_allclose(gradient, [[-0.75, 0.75]], rtol=1e-15)
    loss, gradient = cross_entropy(np.zeros((5, 4)), [0, 1, 2, 3, 0], reduction="mean")
    assert loss == pytest.approx(math.log(4), rel=1e-15)
    loss, gradient = binary_cross_entropy([0.0, math.log(3)], [1, 0], reduction="sum")
    assert loss == pytest.approx(math.log(2) + math.log(4), rel=1e-15)
    np.testing.assert_allclose(gradient, [-0.5, 0.75], rtol=1e-15)


def test_saturated_scores_cost_their_distance() -> None:
    assert binary_cross_entropy(-1000.0, 1, reduction="sum")[0] == 1000
    assert cross_entropy([[0.0, 1000.0]], [0], reduction="sum")[0] == 1000
    assert binary_cross_entropy(1000.0, 1, reduction="sum") == (0.0, 0.0)


def test_an_underflowed_class_costs_nothing_unless_it_is_the_label() -> None:
    for bottom in (-1000.0, -1e300, -np.inf):
        loss, gradient = cross_entropy([[0.0, bottom]], [0], reduction="sum")
        assert loss == 0
        assert np.all(gradient == 0)
        assert cross_entropy([[0.0, bottom]], [[1.0, 0.0]], reduction="sum")[0] == 0
        assert binary_cross_entropy([bottom], [0], reduction="sum")[0] == 0


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("logits", [LOGITS, SATURATED], ids=["normal", "saturated"])
@pytest.mark.parametrize(
    "labels",
    [np.array([0, 2, 1, 1]), np.array([[0.2, 0.3, 0.5], [1, 0, 0], [0, 0.5, 0.5], [2, 0, 1]])],
    ids=["hard", "soft"],
)
def test_gradient(reduction, logits, labels) -> None:
    check_gradient(lambda x: cross_entropy(x, labels, reduction=reduction), logits, raise_on_error=True)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_binary_gradient(reduction, scale) -> None:
    labels = np.array([[0, 1, 0.25], [1, 1, 0], [0, 0, 0.5], [1, 0, 1]])
    report = check_gradient(
        lambda x: binary_cross_entropy(x, labels, reduction=reduction), scale * LOGITS, raise_on_error=True
    )
    assert report.n_wrong == 0


@pytest.mark.parametrize("wrong", [lambda g: -g, lambda g: g[[1, 0, 2, 3]], lambda g: g * 1.001])
def test_checker_fails_on_wrong_gradients(wrong) -> None:
    def spoiled(x):
        loss, gradient = cross_entropy(x, np.array([0, 2, 1, 1]), reduction="sum")
        return loss, wrong(gradient)

    assert not check_gradient(spoiled, LOGITS).ok


@given(arrays(np.float64, (3, 4), elements=st.floats(-800, 800)), st.lists(st.integers(0, 3), min_size=3, max_size=3))
def test_hard_labels_are_soft_labels_of_one(logits, labels) -> None:
    hard = cross_entropy(logits, labels, reduction="sum")
    soft = cross_entropy(logits, np.eye(4)[labels], reduction="sum")
    assert hard[0] == pytest.approx(soft[0], rel=1e-14)
    np.testing.assert_allclose(hard[1], soft[1], atol=1e-15)
    np.testing.assert_allclose(hard[1].sum(axis=1), 0, atol=1e-15)
    assert np.isfinite(hard[0])


def test_a_double_loop_agrees() -> None:
    labels = np.random.default_rng(6).dirichlet(np.ones(3), size=4)
    total = 0.0
    gradient = np.zeros_like(LOGITS)
    for b in range(4):
        partition = sum(math.exp(v) for v in LOGITS[b])
        for c in range(3):
            total -= labels[b, c] * (LOGITS[b, c] - math.log(partition))
            gradient[b, c] = math.exp(LOGITS[b, c]) / partition - labels[b, c]
    loss, logit_gradient = cross_entropy(LOGITS, labels, reduction="mean")
    assert loss == pytest.approx(total / 4, rel=1e-14)
    np.testing.assert_allclose(logit_gradient, gradient / 4, rtol=1e-12)


@given(st.floats(-800, 800))
def test_two_classes_are_one_binary_choice(score) -> None:
    both, _ = cross_entropy([[score, 0.0]], [0], reduction="sum")
    one, _ = binary_cross_entropy(score, 1, reduction="sum")
    assert both == pytest.approx(one, rel=1e-13, abs=1e-323)


def test_gradient_is_zero_at_the_optimum() -> None:
    probabilities = np.array([[0.1, 0.2, 0.7]])
    _, gradient = cross_entropy(np.log(probabilities), probabilities, reduction="sum")
    np.testing.assert_allclose(gradient, 0, atol=1e-16)


def test_gradient_keeps_its_bits_where_the_probability_rounds_to_one() -> None:
    _, gradient = cross_entropy([[40.0, 0.0]], [0], reduction="sum")
    np.testing.assert_allclose(gradient, [[-math.exp(-40), math.exp(-40)]], rtol=1e-13)
    _, gradient = binary_cross_entropy(40.0, 1, reduction="sum")
    assert gradient == pytest.approx(-math.exp(-40), rel=1e-13)


def test_types_are_kept_and_inputs_stay() -> None:
    logits = LOGITS.astype(np.float32)
    before = logits.copy()
    _, gradient = cross_entropy(logits, [0, 1, 2, 0], reduction="mean")
    assert gradient.dtype == np.float32
    assert binary_cross_entropy(logits, 1.0, reduction="mean")[1].dtype == np.float32
    np.testing.assert_array_equal(logits, before)


def test_no_example() -> None:
    assert cross_entropy(np.zeros((0, 3)), [], reduction="sum")[0] == 0
    with pytest.raises(ShapeError, match="at least one example"):
        cross_entropy(np.zeros((0, 3)), [], reduction="mean")


@pytest.mark.parametrize(
    ("logits", "labels", "reduction", "error", "message"),
    [
        (LOGITS, [0, 1, 2, 3], "sum", IdError, r"labels must be in \[0, 3\), got 3"),
        (LOGITS, [0, 1, 2, -1], "sum", IdError, "got -1"),
        (LOGITS, [0, 1, 2], "sum", ShapeError, r"labels must have the shape \(4,\)"),
        (LOGITS, [0.0, 1, 2, 0], "sum", ParameterError, "labels must hold integers"),
        (LOGITS, np.zeros((4, 2)), "sum", ShapeError, "soft labels must have the shape"),
        (LOGITS[0], [0], "sum", ShapeError, "logits must have the shape"),
        (LOGITS, [0, 1, 2, 0], "total", ParameterError, "reduction must be one of 'sum', 'mean', got 'total'"),
    ],
)
def test_arguments_are_validated(logits, labels, reduction, error, message) -> None:
    with pytest.raises(error, match=message):
        cross_entropy(logits, labels, reduction=reduction)


def test_binary_arguments_are_validated() -> None:
    with pytest.raises(ParameterError, match=r"labels must be in \[0, 1\]"):
        binary_cross_entropy([0.0], [2], reduction="sum")
    with pytest.raises(ShapeError, match="labels must broadcast"):
        binary_cross_entropy([0.0, 1.0], [1, 0, 1], reduction="sum")
    with pytest.raises(TypeError):
        binary_cross_entropy([0.0], [1])
