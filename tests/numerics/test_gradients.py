"""RowGradient: repeats are summed, dense views, addition, validation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import IdError, ParameterError, ShapeError
from firth.numerics import RowGradient


def test_repeats_are_summed() -> None:
    gradient = RowGradient.accumulate([3, 1, 3], [[1.0, 2.0], [5.0, 5.0], [10.0, 20.0]])
    assert gradient.row_ids.tolist() == [1, 3]
    assert gradient.rows.tolist() == [[5, 5], [11, 22]]
    assert gradient.to_dense(5).tolist() == [[0, 0], [5, 5], [0, 0], [11, 22], [0, 0]]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(-9, 9)), max_size=20))
def test_accumulate_is_the_dense_sum(pairs) -> None:
    ids = [row_id for row_id, _ in pairs]
    rows = np.array([[float(value)] * 2 for _, value in pairs]).reshape(-1, 2)
    dense = np.zeros((7, 2))
    for row_id, row in zip(ids, rows, strict=True):
        dense[row_id] += row
    np.testing.assert_array_equal(RowGradient.accumulate(ids, rows).to_dense(7), dense)


def test_addition_and_scaling() -> None:
    a, b = RowGradient([0, 2], np.ones((2, 3))), RowGradient([2, 4], np.ones((2, 3)))
    np.testing.assert_array_equal((a + b).to_dense(5), a.to_dense(5) + b.to_dense(5))
    np.testing.assert_array_equal((0.5 * a * 4).to_dense(5), 2 * a.to_dense(5))
    np.testing.assert_array_equal((a + RowGradient.zero(3)).to_dense(5), a.to_dense(5))
    np.testing.assert_array_equal(RowGradient.merge([a, b, a]).rows[:, 0], [2, 3, 1])
    with pytest.raises(TypeError):
        a + 1
    with pytest.raises(TypeError):
        a * "2"


def test_single_precision_stays() -> None:
    gradient = RowGradient.accumulate([1, 1], np.ones((2, 2), np.float32))
    assert gradient.rows.dtype == (gradient * 0.5).rows.dtype == gradient.to_dense(3).dtype == np.float32


def test_validation() -> None:
    with pytest.raises(ShapeError, match="row_ids must have the shape"):
        RowGradient([0, 1], np.ones((3, 2)))
    with pytest.raises(ShapeError, match="rows must have the shape"):
        RowGradient([0, 1], np.ones(2))
    with pytest.raises(ParameterError, match="row_ids must be ascending"):
        RowGradient([1, 1], np.ones((2, 2)))
    with pytest.raises(IdError, match="row_ids must be in"):
        RowGradient([-1, 1], np.ones((2, 2)))
    with pytest.raises(IdError, match=r"row_ids must be in \[0, 2\), got 4"):
        RowGradient([0, 4], np.ones((2, 2))).to_dense(2)
    with pytest.raises(ShapeError, match="rows of one length"):
        RowGradient.zero(2) + RowGradient.zero(3)
    with pytest.raises(ParameterError, match="at least one"):
        RowGradient.merge([])
    with pytest.raises(ShapeError, match="row_ids must have the shape"):
        RowGradient.accumulate([0], np.ones((3, 2)))
