"""The definition of a step of node2vec, against values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from firth.numerics.walks import first_order_probabilities, second_order_probabilities

# Figure 2 of Grover and Leskovec: the walk came from t to v; x1 is a neighbour of both, x2 and x3 are not of t.
T, V, X1, X2, X3 = range(5)


def _figure() -> np.ndarray:
    weights = np.zeros((5, 5))
    for first, second in ((T, V), (V, X1), (V, X2), (V, X3), (T, X1)):
        weights[first, second] = weights[second, first] = 1
    return weights


def test_the_figure_of_the_paper() -> None:
    # 1/p = 4, 1, 1/q = 0.5, 0.5: the sum is 6
    found = second_order_probabilities(_figure(), T, V, p=0.25, q=2.0)
    np.testing.assert_allclose(found, [4 / 6, 0, 1 / 6, 0.5 / 6, 0.5 / 6])


def test_weights_multiply_biases() -> None:
    weights = _figure()
    weights[V] = [3, 0, 2, 8, 0]
    # 3 * 4, 2 * 1, 8 * 0.5
    np.testing.assert_allclose(
        second_order_probabilities(weights, T, V, p=0.25, q=2.0), [12 / 18, 0, 2 / 18, 4 / 18, 0]
    )


def test_the_direction_of_an_edge_counts() -> None:
    weights = _figure()
    weights[T, X1] = 0  # the edge from x1 to t is left: the distance from t to x1 is 2
    np.testing.assert_allclose(second_order_probabilities(weights, T, V, p=1.0, q=2.0), [0.4, 0, 0.2, 0.2, 0.2])


def test_p_and_q_of_one_are_the_first_order() -> None:
    weights = np.random.default_rng(1).random((5, 5))
    for previous in range(5):
        np.testing.assert_allclose(
            second_order_probabilities(weights, previous, 2), first_order_probabilities(weights, 2), rtol=1e-15
        )


@pytest.mark.parametrize(
    "find", [lambda w: first_order_probabilities(w, 0), lambda w: second_order_probabilities(w, 1, 0)]
)
def test_a_node_that_no_edge_leaves(find: object) -> None:
    assert find(np.zeros((2, 2))).tolist() == [0, 0]  # type: ignore[operator]
