"""Bags of rows: means, the true gradient by finite differences, the undivided step, and how far a shared step goes."""

from __future__ import annotations

import numpy as np
import pytest

from firth.errors import IdError, ShapeError
from firth.numerics import RowGradient, bag_gradient, bag_means, skipgram_window, spread_step, step_gain

BAGS = [[0, 3, 4, 4], [1], [2, 3, 5], [0, 1, 2, 3, 4, 5]]
N_ROWS = 6


def test_hand_worked() -> None:
    rows = np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 4.0]])
    bags = [[0, 2], [1, 1, 2], [1]]
    np.testing.assert_array_equal(bag_means(rows, bags), [[1, 2], [2 / 3, 2], [1, 1]])
    by_hidden = RowGradient([0, 1], [[2.0, 4.0], [3.0, 6.0]])
    assert bag_gradient(by_hidden, bags, 3).to_dense(3).tolist() == [[1, 2], [2, 4], [2, 4]]
    assert spread_step(by_hidden, bags, 3).to_dense(3).tolist() == [[2, 4], [6, 12], [5, 10]]


def test_finite_differences_of_the_true_gradient() -> None:
    rng = np.random.default_rng(1)
    rows, outputs = rng.normal(size=(N_ROWS, 5)), rng.normal(size=(4, 5))

    def loss(matrix: np.ndarray) -> float:  # type: ignore[type-arg]
        total, _, _ = skipgram_window(
            2,
            [0, 3, 1, 3],
            bag_means(matrix, BAGS),
            outputs,
            loss="negative-sampling",
            direction="context-to-center",
            reduction="sum",
            negative_ids=np.array([1, 0]),
        )
        return float(total)

    _, by_hidden, _ = skipgram_window(
        2,
        [0, 3, 1, 3],
        bag_means(rows, BAGS),
        outputs,
        loss="negative-sampling",
        direction="context-to-center",
        reduction="sum",
        negative_ids=np.array([1, 0]),
    )
    gradient = bag_gradient(by_hidden, BAGS, N_ROWS).to_dense(N_ROWS)
    step = 1e-5
    for row in range(N_ROWS):
        for dim in range(5):
            moved = np.zeros_like(rows)
            moved[row, dim] = step
            slope = (loss(rows + moved) - loss(rows - moved)) / (2 * step)
            assert slope == pytest.approx(gradient[row, dim], abs=1e-8), (row, dim)


def test_the_step_moves_a_hidden_vector_by_itself_whatever_the_size_of_its_bag() -> None:
    rng = np.random.default_rng(2)
    rows, step = rng.normal(size=(40, 3)), rng.normal(size=(1, 3))
    for size in (1, 2, 25):
        bag = [list(range(size))]
        after = rows + spread_step(RowGradient([0], step), bag, 40).to_dense(40)
        np.testing.assert_allclose(bag_means(after, bag) - bag_means(rows, bag), step, atol=1e-14)
        by_gradient = rows + bag_gradient(RowGradient([0], step), bag, 40).to_dense(40)
        np.testing.assert_allclose(bag_means(by_gradient, bag) - bag_means(rows, bag), step / size, atol=1e-14)


def test_several_steps_move_hidden_vectors_by_the_matrix_of_shared_rows() -> None:
    rng = np.random.default_rng(3)
    rows, steps = rng.normal(size=(N_ROWS, 3)), rng.normal(size=(len(BAGS), 3))
    gains = np.array([[sum(a.count(r) * b.count(r) for r in set(a)) / len(a) for b in BAGS] for a in BAGS])
    after = rows + spread_step(RowGradient(np.arange(len(BAGS)), steps), BAGS, N_ROWS).to_dense(N_ROWS)
    np.testing.assert_allclose(bag_means(after, BAGS) - bag_means(rows, BAGS), gains @ steps, atol=1e-13)
    assert step_gain(BAGS) == pytest.approx(max(abs(np.linalg.eigvals(gains))))
    assert step_gain(BAGS) <= gains.sum(axis=1).max()


def test_gain_of_bags_that_share_nothing_or_everything() -> None:
    assert step_gain([]) == 1
    assert step_gain([[0], [1, 2], [5]]) == pytest.approx(1)
    assert step_gain([[0, 1], [0, 1], [0, 1]]) == pytest.approx(3)
    assert step_gain([[0, 0]]) == pytest.approx(2)  # a repeated row: 2 * 2 / 2


@pytest.mark.parametrize(("gain", "shrinks"), [(1.5, True), (2.5, False)])
def test_steps_overshoot_where_the_gain_times_the_share_is_above_two(gain: float, shrinks: bool) -> None:
    """Each word's step goes all the way to its optimum; together they shrink the error or make it grow."""
    n_shared = {1.5: 1, 2.5: 3}[gain]  # of two rows a bag, two words; or of four rows a bag, three words
    bags = [[0, 1], [0, 2]] if n_shared == 1 else [[0, 1, 2, 3 + word] for word in range(3)]
    assert step_gain(bags) == pytest.approx(gain)
    rows, targets = np.zeros((8, 1)), np.ones((len(bags), 1))
    for _ in range(30):
        step = RowGradient(np.arange(len(bags)), targets - bag_means(rows, bags))
        rows += spread_step(step, bags, 8).to_dense(8)
    error = np.abs(targets - bag_means(rows, bags)).max()
    assert error < 1e-6 if shrinks else error > 1e3


def test_bad_input() -> None:
    with pytest.raises(ShapeError, match="at least one row each, got none in bag 1"):
        bag_means(np.ones((2, 2)), [[0], []])
    with pytest.raises(IdError, match=r"bag must be in \[0, 2\), got 2"):
        bag_means(np.ones((2, 2)), [[0, 2]])
    with pytest.raises(IdError, match=r"row_ids must be in \[0, 1\), got 3"):
        bag_gradient(RowGradient([3], np.ones((1, 2))), [[0]], 2)
    np.testing.assert_array_equal(spread_step(RowGradient.zero(2), [[0]], 3).to_dense(3), np.zeros((3, 2)))
