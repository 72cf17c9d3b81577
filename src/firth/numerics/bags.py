"""Room numerics: tokens that are bags of rows: the hidden vector is the mean of a bag, and how a step goes to its rows.

A bag is the row numbers of one token: the word's own row and the rows of its n-grams. With n rows in the bag,

    h = (1/n) sum_i r_i                     (a row that occurs twice counts twice)
    dloss/dr_i = (1/n) dloss/dh             the true gradient, added for each occurrence

**The step of training is not this gradient.** It moves every row by the whole step d of the hidden vector, undivided:

    r_i += d  for every occurrence,         d = -learning_rate * dloss/dh

Why: where no row repeats, h then moves by (1/n) n d = d, as a word without n-grams does, whatever n is. By the true
gradient h would move by d/n: long words would learn n times more slowly than short ones. The undivided step is the
gradient step of the rows s_i = r_i / sqrt(n), for which h is (1/sqrt(n)) sum_i s_i: a change of scale, whose fixed
points are those of the loss. fastText's unsupervised models do the same; its classifiers divide.

**When it overshoots.** Words that take a step d_w together, each computed from the rows as they were, share rows. Then

    h_w moves by sum_w' G_ww' d_w',         G_ww' = sum over the distinct rows r of m_w(r) m_w'(r) / n_w

with m_w(r) the times that r occurs in the bag of w. G_ww = 1 where no row repeats in a bag, and more where one does. If
each step goes the share s of the way to the optimum, errors shrink where s times the largest eigenvalue of G is below
2. :func:`step_gain` is that eigenvalue; it is 1 for words that share nothing, and at most the largest of sum_w' G_ww'.

Source: Bojanowski, Grave, Joulin, Mikolov (2017), arXiv:1607.04606, section 3.2, which has the sum; the mean, and the
undivided step, are fastText's: ``Model::computeHidden``, ``Model::update``,
https://github.com/facebookresearch/fastText (src).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from firth.errors import ShapeError
from firth.numerics._arrays import FloatArray, IntArray, as_floats, as_ids, validate_dimensions
from firth.numerics.gradients import RowGradient


def bag_means(rows: ArrayLike, bags: Sequence[ArrayLike]) -> FloatArray:
    """Hidden vectors (B, D): the mean of the rows of each bag.

    Parameters
    ----------
    rows : float array, (R, D)
    bags : sequence of int arrays, (n_b,), in [0, R); repeats allowed; none empty

    Raises
    ------
    ShapeError, IdError
        A bag without rows, or a number that is no row.
    """
    matrix = as_floats("rows", rows)
    validate_dimensions("rows", matrix, "R, D")
    n_rows, n_dims = matrix.shape
    means = np.empty((len(bags), n_dims), matrix.dtype)
    for position, bag in enumerate(bags):
        means[position] = matrix[_row_ids(bag, n_rows, position)].mean(axis=0)
    return means


def bag_gradient(hidden_gradient: RowGradient, bags: Sequence[ArrayLike], n_rows: int) -> RowGradient:
    """The true gradient of the rows: each hidden gradient divided by the size of its bag, for every occurrence.

    Parameters
    ----------
    hidden_gradient : RowGradient
        By the hidden vectors: row b belongs to ``bags[b]``.
    bags : as in :func:`bag_means`
    n_rows : int
        R.
    """
    return _spread(hidden_gradient, bags, n_rows, divided=True)


def spread_step(hidden_step: RowGradient, bags: Sequence[ArrayLike], n_rows: int) -> RowGradient:
    """The step of training: each hidden vector's step goes to every row of its bag, undivided.

    The steps of several bags are added; a row that occurs twice in a bag gets its step twice. Parameters as in
    :func:`bag_gradient`.
    """
    return _spread(hidden_step, bags, n_rows, divided=False)


def step_gain(bags: Sequence[ArrayLike]) -> float:
    """The largest eigenvalue of G: how much further than its own step a hidden vector may go; 1 or more.

    Distinct bags that take a step together; see the head of this file. Costs B**3 for B bags.
    """
    if not len(bags):
        return 1.0
    row_ids = [_row_ids(bag, np.iinfo(np.int64).max, position) for position, bag in enumerate(bags)]
    sizes = np.array([len(bag) for bag in row_ids])
    distinct, columns = np.unique(np.concatenate(row_ids), return_inverse=True)
    counts = np.zeros((len(bags), len(distinct)))
    np.add.at(counts, (np.repeat(np.arange(len(bags)), sizes), columns), 1.0)
    scaled = counts / np.sqrt(sizes)[:, None]  # G is similar to the symmetric matrix of these rows' products
    return float(np.linalg.eigvalsh(scaled @ scaled.T)[-1])


def _spread(hidden: RowGradient, bags: Sequence[ArrayLike], n_rows: int, *, divided: bool) -> RowGradient:
    n_dims = hidden.rows.shape[1]
    as_ids("row_ids", hidden.row_ids, len(bags))
    if not len(hidden.row_ids):
        return RowGradient.zero(n_dims)
    row_ids, parts = [], []
    for position, gradient in zip(hidden.row_ids.tolist(), hidden.rows, strict=True):
        bag = _row_ids(bags[position], n_rows, position)
        row_ids.append(bag)
        parts.append(np.tile(gradient / len(bag) if divided else gradient, (len(bag), 1)))
    return RowGradient.accumulate(np.concatenate(row_ids), np.concatenate(parts))


def _row_ids(bag: ArrayLike, n_rows: int, position: int) -> IntArray:
    row_ids = as_ids("bag", bag, n_rows)
    validate_dimensions("bag", row_ids, "n")
    if not len(row_ids):
        raise ShapeError(f"bags must have at least one row each, got none in bag {position}")
    return row_ids
