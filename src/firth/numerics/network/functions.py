"""Room numerics: probabilities, loss and gradient of the two-layer network: pure functions, which check arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.base.values import validate_choice
from firth.errors import IdError, ParameterError, ShapeError
from firth.numerics._arrays import REDUCTIONS, FloatArray, as_floats
from firth.numerics.network.layout import NetworkSizes, as_sizes, unpack, validate_packed
from firth.numerics.network.objective import (
    NetworkObjective,
    NetworkWorkspace,
    block_rows_of,
    forward,
    validated_workspace,
)


def network_probabilities(
    parameters: FloatArray, inputs: Any, sizes: tuple[int, int, int], *, workspace: NetworkWorkspace | None = None
) -> FloatArray:
    """Probabilities of the classes: softmax(s(x W1 + b1) W2 + b2), with s the logistic function.

    Without hidden units (H = 0), softmax(x W2 + b2).

    Parameters
    ----------
    parameters : float array, (P,)
        From :func:`pack_network`. The computation and the result have the float type of this array.
    inputs : float array, (B, D); or a SciPy sparse matrix or array
    sizes : NetworkSizes, or three integers (D, H, C)
    workspace : NetworkWorkspace, optional
        Avoids the allocations of repeated calls.

    Returns
    -------
    float array, (B, C); each row sums to one

    Raises
    ------
    ShapeError, ParameterError
    """
    return _predict(parameters, inputs, sizes, workspace, logarithms=False)


def network_log_probabilities(
    parameters: FloatArray, inputs: Any, sizes: tuple[int, int, int], *, workspace: NetworkWorkspace | None = None
) -> FloatArray:
    """Logarithms of the probabilities of :func:`network_probabilities`.

    A logarithm is finite even if its probability would round to zero. Parameters, shapes and errors are the same as for
    :func:`network_probabilities`.
    """
    return _predict(parameters, inputs, sizes, workspace, logarithms=True)


def network_loss_and_gradient(
    parameters: FloatArray,
    inputs: Any,
    labels: ArrayLike,
    sizes: tuple[int, int, int],
    *,
    reduction: str,
    l2: float = 0.0,
    sample_weights: ArrayLike | None = None,
    out: FloatArray | None = None,
    workspace: NetworkWorkspace | None = None,
) -> tuple[float, FloatArray]:
    """Cross-entropy of the two-layer network, and its gradient with respect to the packed parameters.

    With hidden units h_b = s(x_b W1 + b1), s the logistic function, and p_b = softmax(h_b W2 + b2):

        loss_b = -log p_b[labels_b],  or  -sum_c labels_bc log p_bc  with soft labels
        loss = sum_b w_b loss_b + l2/2 (|W1|^2 + |W2|^2)                   reduction "sum"
        loss = sum_b w_b loss_b / sum_b w_b + l2/2 (|W1|^2 + |W2|^2)       reduction "mean"

    Without ``sample_weights``, w_b = 1. The biases are not penalised. Without hidden units (H = 0), h_b = x_b, which is
    softmax regression. Back-propagation [1] gives the gradient:

        G2_b = w_b (p_b sum_c labels_bc - labels_bc)  (for the mean, divided by sum_b w_b)
        dloss/dW2 = h^T G2 + l2 W2,  dloss/db2 = sum_b G2_b
        G1 = (G2 W2^T) * h (1 - h)
        dloss/dW1 = x^T G1 + l2 W1,  dloss/db1 = sum_b G1_b

    Parameters
    ----------
    parameters : float array, (P,), P = D H + H + H C + C
        From :func:`pack_network`. The computation and the gradient have the float type of this array.
    inputs : float array, (B, D); or a SciPy sparse matrix or array
    labels : int array, (B,), classes in [0, C); or float array, (B, C), a weight for each class
    sizes : NetworkSizes, or three integers (D, H, C)
    reduction : "sum" or "mean"
    l2 : float >= 0
    sample_weights : float array, (B,), optional
        Numbers of at least 0. For the mean, their sum must be positive.
    out : float array, (P,), contiguous, of the type of ``parameters``, optional
        The gradient is written to this array.
    workspace : NetworkWorkspace, optional
        Avoids the allocations of repeated calls.

    Returns
    -------
    loss : float, in nats
        Summed in float64, whatever the float type of ``parameters``.
    gradient : float array, (P,); ``out`` if given

    Raises
    ------
    ShapeError, IdError, ParameterError

    References
    ----------
    [1] Rumelhart, Hinton, Williams (1986), Nature 323, 533-536.
    """
    sizes, inputs = as_sizes(sizes), _as_inputs(inputs, parameters.dtype)
    validate_packed("parameters", parameters, sizes)
    validate_choice("reduction", reduction, REDUCTIONS)
    n_examples = _n_examples(inputs, sizes)
    labels = _as_labels(labels, n_examples, sizes.n_classes, parameters.dtype)
    total_weight = float(n_examples)
    weights = None
    if sample_weights is not None:
        weights = _as_sample_weights(sample_weights, n_examples, parameters.dtype)
        total_weight = float(weights.sum(dtype=np.float64))
    if reduction == "mean" and not total_weight > 0:
        raise ParameterError(
            f'the weights of the examples must have a positive sum for reduction="mean", got {total_weight};'
            ' pass examples, or reduction="sum"'
        )
    objective = NetworkObjective(
        parameters,
        sizes,
        n_examples=min(n_examples, block_rows_of(inputs, n_examples)),
        l2=l2,
        out=out,
        workspace=workspace,
    )
    loss = objective.evaluate(inputs, labels, weights, total_weight if reduction == "mean" else 1.0)
    return loss, objective.gradient


def _predict(
    parameters: FloatArray,
    inputs: Any,
    sizes: tuple[int, int, int],
    workspace: NetworkWorkspace | None,
    *,
    logarithms: bool,
) -> FloatArray:
    sizes, inputs = as_sizes(sizes), _as_inputs(inputs, parameters.dtype)
    validate_packed("parameters", parameters, sizes)
    n_examples = _n_examples(inputs, sizes)
    block_rows = block_rows_of(inputs, n_examples)
    workspace = validated_workspace(workspace, sizes, min(n_examples, block_rows), parameters.dtype)
    network = unpack(parameters, sizes)
    predictions = np.empty((n_examples, sizes.n_classes), parameters.dtype)
    with np.errstate(over="ignore", under="ignore"):
        for start in range(0, n_examples, block_rows):
            block = inputs[start : start + block_rows] if n_examples > block_rows else inputs
            scores, _ = forward(network, block, workspace)
            np.subtract(scores, scores.max(axis=0), out=scores)
            block_predictions = predictions[start : start + block_rows].T
            if logarithms:
                np.subtract(scores, np.log(np.exp(scores).sum(axis=0)), out=block_predictions)
            else:
                np.exp(scores, out=scores)
                np.divide(scores, scores.sum(axis=0), out=block_predictions)
    return predictions


def _as_inputs(inputs: Any, dtype: np.dtype[Any]) -> Any:
    if not (isinstance(inputs, np.ndarray) or hasattr(inputs, "toarray")):
        inputs = as_floats("inputs", inputs)
    if inputs.dtype != dtype:
        if inputs.dtype.kind not in "fiub":
            raise ParameterError(f"inputs must hold real numbers, got dtype {inputs.dtype}")
        inputs = inputs.astype(dtype)
    return inputs


def _n_examples(inputs: Any, sizes: NetworkSizes) -> int:
    if len(inputs.shape) != 2 or inputs.shape[1] != sizes.n_inputs:
        raise ShapeError(f"inputs must have the shape (B, {sizes.n_inputs}), got {tuple(inputs.shape)}")
    return int(inputs.shape[0])


def _as_labels(labels: ArrayLike, n_examples: int, n_classes: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    array = np.asarray(labels)
    if array.ndim == 2:
        if array.shape != (n_examples, n_classes):
            raise ShapeError(f"soft labels must have the shape {(n_examples, n_classes)}, got {array.shape}")
        return as_floats("labels", array).astype(dtype, copy=False)
    if array.shape != (n_examples,):
        raise ShapeError(f"labels must have the shape ({n_examples},) of the examples, got {array.shape}")
    if array.dtype.kind not in "iu" and array.size:
        raise ParameterError(f"labels must hold integers, got dtype {array.dtype}")
    array = array.astype(np.int64, copy=False)
    # Viewed as unsigned, negative numbers are the largest, so one comparison finds both kinds of wrong labels.
    if array.size and array.view(np.uint64).max() >= n_classes:
        wrong = array[(array < 0) | (array >= n_classes)][0]
        raise IdError(f"labels must be in [0, {n_classes}), got {wrong}")
    return array


def _as_sample_weights(sample_weights: ArrayLike, n_examples: int, dtype: np.dtype[Any]) -> FloatArray:
    array = as_floats("sample_weights", sample_weights).astype(dtype, copy=False)
    if array.shape != (n_examples,):
        raise ShapeError(f"sample_weights must have the shape ({n_examples},) of the examples, got {array.shape}")
    if array.size and not array.min() >= 0:
        raise ParameterError(f"sample_weights must not be negative, got {array.min()}")
    return array
