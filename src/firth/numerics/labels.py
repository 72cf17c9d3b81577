"""Room numerics: the probabilities of labels from one hidden vector, by each loss of fastText's classifiers.

Tests: tests/classification/test_predictions.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import ParameterError, ShapeError
from firth.numerics.activations import sigmoid, softmax
from firth.numerics.huffman import build_huffman_tree

LABEL_LOSSES = ("softmax", "hierarchical-softmax", "negative-sampling", "one-vs-all")
FASTTEXT_FLOOR = 1e-5  # fastText's std_log adds it to each probability before the logarithm
FASTTEXT_SIGMOID_STEPS, FASTTEXT_MAX_SIGMOID = 512, 8


def compute_label_probabilities(
    hidden: ArrayLike,
    output_rows: ArrayLike,
    loss: str,
    label_counts: ArrayLike | None = None,
    *,
    like_fasttext: bool = False,
) -> NDArray[np.float64]:
    """The probability of each of C labels, given the mean h of a text's rows.

    With z_i = u_i . h the logit of output row i:

        softmax               exp(z_c) / sum_d exp(z_d)
        one-vs-all,           s(z_c), each label by itself
        negative-sampling
        hierarchical-softmax  the product, over the inner nodes i on the way from the root to c, of s(z_i) where the way
                              goes to the right and of s(-z_i) where it goes to the left

    Parameters
    ----------
    hidden : float64 array, (D,)
    output_rows : float64 array, (C, D)
        With hierarchical softmax the first C - 1 rows are the tree's inner nodes.
    loss : one of `LABEL_LOSSES`
    label_counts : int array, (C,), falling
        What the tree of hierarchical softmax is built from.
    like_fasttext : bool
        What fastText answers: 1e-5 is added to each probability, with hierarchical softmax to each factor; and s is
        read from a table, whose 512 steps from -8 to 8 hold the value at their left end.

    Returns
    -------
    float64 array, (C,)

    Raises
    ------
    ParameterError, ShapeError

    Examples
    --------
    >>> compute_label_probabilities([1.0, 0.0], [[0.0, 3.0], [0.0, -2.0]], "softmax")
    array([0.5, 0.5])
    """
    if loss not in LABEL_LOSSES:
        raise ParameterError(f"loss must be one of {', '.join(LABEL_LOSSES)}, got {loss!r}")
    vector, rows = np.asarray(hidden, dtype=np.float64), np.asarray(output_rows, dtype=np.float64)
    if vector.ndim != 1 or rows.ndim != 2 or rows.shape[1] != len(vector) or len(rows) == 0:
        raise ShapeError(f"hidden and output_rows must be (D,) and (C, D), got {vector.shape} and {rows.shape}")
    logits = rows @ vector
    floor = FASTTEXT_FLOOR if like_fasttext else 0.0
    if loss == "softmax":
        return np.asarray(softmax(logits)) + floor
    if loss != "hierarchical-softmax":
        return (_read_fasttext_sigmoid(logits) if like_fasttext else np.asarray(sigmoid(logits))) + floor
    if label_counts is None or len(np.asarray(label_counts)) != len(rows):
        raise ShapeError(f"label_counts must have a count for each of {len(rows)} labels, got {label_counts!r}")
    tree = build_huffman_tree(label_counts)
    rights, lefts = np.asarray(sigmoid(logits)) + floor, np.asarray(sigmoid(-logits)) + floor
    paths = (tree.path(label) for label in range(len(rows)))
    return np.array([np.prod(np.where(codes == 1, rights[nodes], lefts[nodes])) for nodes, codes in paths])


def _read_fasttext_sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    step = 2 * FASTTEXT_MAX_SIGMOID / FASTTEXT_SIGMOID_STEPS
    inside = np.clip(logits, -FASTTEXT_MAX_SIGMOID, FASTTEXT_MAX_SIGMOID)
    left_ends = np.floor((inside + FASTTEXT_MAX_SIGMOID) / step) * step - FASTTEXT_MAX_SIGMOID
    values = np.where(logits > FASTTEXT_MAX_SIGMOID, 1.0, np.asarray(sigmoid(left_ends)))
    return np.where(logits < -FASTTEXT_MAX_SIGMOID, 0.0, values)


__all__ = ["LABEL_LOSSES", "compute_label_probabilities"]
