"""Room numerics: cross-entropy from logits, for many classes and for two, with the gradient by the logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from firth.base.values import validate_choice
from firth.errors import ParameterError, ShapeError
from firth.numerics._arrays import REDUCTIONS, FloatArray, as_floats, as_ids, validate_dimensions
from firth.numerics.activations import log_sigmoid, log_softmax, sigmoid


def cross_entropy(logits: ArrayLike, labels: ArrayLike, *, reduction: str) -> tuple[float, FloatArray]:
    """Cross-entropy of softmax(logits) with hard or soft labels, and its gradient.

    With p_b = softmax(logits_b):

        loss_b = -log p_b[labels_b]                          hard labels
        loss_b = -sum_c labels_bc log p_bc                   soft labels
        dloss_b / dlogits_bc = p_bc sum_c' labels_bc' - labels_bc

    For a hard label, labels_b in the last line is the row with a one at the class. The loss is the sum or the mean of
    loss_b. Soft labels need not sum to one: the formulas hold for any weights. A class with label zero contributes 0 to
    the loss, even if its probability underflows.

    Parameters
    ----------
    logits : float array, (B, C)
    labels : int array, (B,), classes in [0, C); or array, (B, C), a weight for each class
    reduction : "sum" or "mean" over the examples

    Returns
    -------
    loss : float, in nats
    logit_gradient : float array, (B, C), in the float type of ``logits``

    Raises
    ------
    ShapeError, IdError, ParameterError
    """
    logits = as_floats("logits", logits)
    validate_dimensions("logits", logits, "B, C")
    divisor = _divisor(reduction, len(logits))
    n_examples, n_classes = logits.shape
    label_array = np.asarray(labels)
    log_probabilities = log_softmax(logits, axis=1)
    with np.errstate(under="ignore"):
        gradient: FloatArray = np.exp(log_probabilities)

    if label_array.ndim == 1:
        classes = as_ids("labels", label_array, n_classes)
        if len(classes) != n_examples:
            raise ShapeError(f"labels must have the shape ({n_examples},) of the examples, got {classes.shape}")
        examples = np.arange(n_examples)
        loss = 0.0 - np.sum(log_probabilities[examples, classes], dtype=np.float64)
        # p - 1 is computed as minus the sum of the other probabilities, because p rounds to 1 before that sum is 0.
        gradient[examples, classes] = 0
        gradient[examples, classes] = -gradient.sum(axis=1)
    else:
        weights = as_floats("labels", label_array)
        if weights.shape != logits.shape:
            raise ShapeError(f"soft labels must have the shape {logits.shape} of the logits, got {weights.shape}")
        weights = weights.astype(logits.dtype, copy=False)
        costs = np.multiply(weights, log_probabilities, out=np.zeros_like(logits), where=weights != 0)
        loss = 0.0 - np.sum(costs, dtype=np.float64)
        gradient = gradient * weights.sum(axis=1, keepdims=True) - weights
    return float(loss / divisor), gradient / logits.dtype.type(divisor)


def binary_cross_entropy(logits: ArrayLike, labels: ArrayLike, *, reduction: str) -> tuple[float, FloatArray]:
    """Cross-entropy of sigmoid(logits) with labels in [0, 1], elementwise, and its gradient.

        loss_i = -labels_i log s(logits_i) - (1 - labels_i) log s(-logits_i)
        dloss_i / dlogits_i = s(logits_i) - labels_i

    The derivative is evaluated as (1 - label) s(x) - label s(-x), which has full precision even if s(x) rounds to the
    label. Negative sampling and hierarchical softmax both use this update.

    Parameters
    ----------
    logits : float array of any shape
    labels : array that broadcasts to that shape, each in [0, 1]
    reduction : "sum" or "mean" over all elements

    Returns
    -------
    loss : float, in nats
    logit_gradient : float array of the shape and float type of ``logits``

    Raises
    ------
    ShapeError, ParameterError
    """
    logits = as_floats("logits", logits)
    weights = as_floats("labels", labels).astype(logits.dtype, copy=False)
    if weights.shape != logits.shape:
        try:
            weights = np.broadcast_to(weights, logits.shape)
        except ValueError:
            raise ShapeError(f"labels must broadcast to the shape {logits.shape}, got {weights.shape}") from None
    if not np.all((weights >= 0) & (weights <= 1)):
        raise ParameterError("labels must be in [0, 1], got one outside")
    divisor = _divisor(reduction, logits.size)
    # The products are computed separately, so that a label of zero contributes 0 even at an infinite logit.
    positive = np.multiply(weights, log_sigmoid(logits), out=np.zeros_like(logits), where=weights != 0)
    negative = np.multiply(1 - weights, log_sigmoid(-logits), out=np.zeros_like(logits), where=weights != 1)
    loss = 0.0 - np.sum(positive, dtype=np.float64) - np.sum(negative, dtype=np.float64)
    gradient = (1 - weights) * sigmoid(logits) - weights * sigmoid(-logits)
    return float(loss / divisor), np.asarray(gradient / logits.dtype.type(divisor))


def _divisor(reduction: str, n_terms: int) -> int:
    validate_choice("reduction", reduction, REDUCTIONS)
    if reduction == "sum":
        return 1
    if n_terms == 0:
        raise ShapeError('reduction="mean" must have at least one example, got 0; the sum of none is 0')
    return n_terms
