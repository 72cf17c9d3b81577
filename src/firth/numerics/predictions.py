"""Room numerics: the loss of one prediction and its gradients, for each of the four output sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from firth.errors import ParameterError, ShapeError
from firth.numerics._arrays import FloatArray, IntArray, as_floats, as_ids, validate_dimensions
from firth.numerics.activations import log_sigmoid, sigmoid
from firth.numerics.gradients import RowGradient
from firth.numerics.losses import binary_cross_entropy, cross_entropy

Prediction = tuple[float, FloatArray, RowGradient]


def softmax_loss(input_vector: ArrayLike, output_vectors: ArrayLike, target_id: int) -> Prediction:
    """Loss of one prediction under the softmax over all words, and its gradients.

    With v the input vector, u_w the output vectors, p = softmax(U v) and t the target:

        loss = -log p_t
        dloss/dv = sum_w (p_w - [w = t]) u_w
        dloss/du_w = (p_w - [w = t]) v

    Parameters
    ----------
    input_vector : float array, (D,)
    output_vectors : float array, (V, D)
    target_id : int in [0, V)

    Returns
    -------
    loss : float, in nats
    input_gradient : float array, (D,)
    output_gradient : RowGradient
        The gradients of all V rows.

    Raises
    ------
    ShapeError, IdError, ParameterError

    References
    ----------
    Mikolov, Chen, Corrado, Dean (2013), arXiv:1301.3781.
    """
    vector, rows = _vector_and_rows(input_vector, output_vectors, "output_vectors", "V, D")
    target = _one_id("target_id", target_id, len(rows))
    loss, logit_gradient = cross_entropy((rows @ vector)[None, :], np.array([target]), reduction="sum")
    errors = logit_gradient[0]
    return loss, errors @ rows, RowGradient(np.arange(len(rows)), np.outer(errors, vector))


def negative_sampling_loss(
    input_vector: ArrayLike, output_vectors: ArrayLike, target_id: int, negative_ids: ArrayLike
) -> Prediction:
    """Loss of one prediction under negative sampling, and its gradients.

    With v the input vector, u_w the output vectors, t the target, n_1 ... n_K the negatives and s the sigmoid:

        loss = -log s(u_t . v) - sum_k log s(-u_{n_k} . v)        [1, eq. 4]
        dloss/dv = (s(u_t . v) - 1) u_t + sum_k s(u_{n_k} . v) u_{n_k}
        dloss/du_t = (s(u_t . v) - 1) v
        dloss/du_{n_k} = s(u_{n_k} . v) v, added for each k

    A word id that occurs n times in ``negative_ids`` counts n times. If the target is among them, it also counts as a
    negative. The caller draws the negatives, and decides whether the target may be among them.

    Parameters
    ----------
    input_vector : float array, (D,)
    output_vectors : float array, (V, D)
    target_id : int in [0, V)
    negative_ids : int array, (K,), in [0, V); repeats allowed; K may be 0

    Returns
    -------
    loss : float, in nats
    input_gradient : float array, (D,)
    output_gradient : RowGradient
        The distinct rows of the target and the negatives, and their gradients; ``.to_dense(V)`` gives (V, D).

    Raises
    ------
    ShapeError, IdError, ParameterError

    References
    ----------
    [1] Mikolov, Sutskever, Chen, Corrado, Dean (2013), arXiv:1310.4546.
    """
    vector, rows = _vector_and_rows(input_vector, output_vectors, "output_vectors", "V, D")
    target = _one_id("target_id", target_id, len(rows))
    negatives = as_ids("negative_ids", negative_ids, len(rows))
    validate_dimensions("negative_ids", negatives, "K")
    labels = np.zeros(1 + len(negatives))
    labels[0] = 1
    return _binary_choices(vector, rows, np.concatenate([[target], negatives]), labels)


def one_vs_all_loss(input_vector: ArrayLike, output_vectors: ArrayLike, target_ids: ArrayLike) -> Prediction:
    """Loss of one prediction of a set of labels, a logistic loss for each label, and its gradients.

    With v the input vector, u_c the output vector of label c, y_c = 1 if c is a target and 0 if not, and s the sigmoid:

        loss = -sum_c [ y_c log s(u_c . v) + (1 - y_c) log s(-u_c . v) ]
        dloss/dv = sum_c (s(u_c . v) - y_c) u_c
        dloss/du_c = (s(u_c . v) - y_c) v

    Parameters
    ----------
    input_vector : float array, (D,)
    output_vectors : float array, (C, D)
    target_ids : int, or int array, (T,), in [0, C)
        Repeats count once. T may be 0: no label is a target.

    Returns
    -------
    loss : float, in nats
    input_gradient : float array, (D,)
    output_gradient : RowGradient
        The gradients of all C rows.

    Raises
    ------
    ShapeError, IdError, ParameterError

    References
    ----------
    Rifkin, Klautau (2004), In Defense of One-Vs-All Classification, JMLR 5.
    """
    vector, rows = _vector_and_rows(input_vector, output_vectors, "output_vectors", "C, D")
    targets = np.atleast_1d(as_ids("target_ids", target_ids, len(rows)))
    validate_dimensions("target_ids", targets, "T")
    labels = np.zeros(len(rows))
    labels[targets] = 1
    return _binary_choices(vector, rows, np.arange(len(rows)), labels)


def hierarchical_softmax_loss(
    input_vector: ArrayLike, node_vectors: ArrayLike, node_ids: ArrayLike, codes: ArrayLike
) -> Prediction:
    """Loss of one prediction under hierarchical softmax, and its gradients.

    With v the input vector, and along the target's path the inner nodes n_1 ... n_L, their vectors u, the codes
    c_1 ... c_L, the labels y_l = 1 - c_l, and s the sigmoid:

        loss = -sum_l [ y_l log s(u_{n_l} . v) + (1 - y_l) log s(-u_{n_l} . v) ]
        dloss/dv = sum_l (s(u_{n_l} . v) - y_l) u_{n_l}
        dloss/du_{n_l} = (s(u_{n_l} . v) - y_l) v

    The sum of exp(-loss) over all words of a tree is one.

    Parameters
    ----------
    input_vector : float array, (D,)
    node_vectors : float array, (V - 1, D)
        One row for each inner node.
    node_ids : int array, (L,), in [0, V - 1)
        ``HuffmanTree.path(target_id)`` gives these two.
    codes : int array, (L,), each 0 or 1

    Returns
    -------
    loss : float, in nats
    input_gradient : float array, (D,)
    node_gradient : RowGradient

    Raises
    ------
    ShapeError, IdError, ParameterError

    References
    ----------
    Morin, Bengio (2005); word2vec.c.
    """
    vector, rows = _vector_and_rows(input_vector, node_vectors, "node_vectors", "V - 1, D")
    nodes = as_ids("node_ids", node_ids, len(rows))
    validate_dimensions("node_ids", nodes, "L")
    code_array = np.asarray(codes)
    if code_array.shape != nodes.shape:
        raise ShapeError(f"codes must have the shape {nodes.shape} of the path, got {code_array.shape}")
    if not np.all((code_array == 0) | (code_array == 1)):
        raise ParameterError("codes must be 0 or 1, got another value")
    return _binary_choices(vector, rows, nodes, 1.0 - code_array.astype(np.float64))


def negative_sampling_losses(
    input_rows: ArrayLike, output_vectors: ArrayLike, target_ids: ArrayLike, negative_ids: ArrayLike
) -> tuple[FloatArray, FloatArray, RowGradient]:
    """:func:`negative_sampling_loss` of many predictions, each with its own negatives, computed together.

    Parameters
    ----------
    input_rows : float array, (B, D)
        The input vector of each prediction.
    output_vectors : float array, (V, D)
    target_ids : int array, (B,), in [0, V)
    negative_ids : int array, (B, K), in [0, V); repeats allowed; K may be 0

    Returns
    -------
    losses : float array, (B,), in nats
    input_gradients : float array, (B, D)
        The gradient of each prediction.
    output_gradient : RowGradient
        The sum of the gradients over the predictions.

    Raises
    ------
    ShapeError, IdError, ParameterError
    """
    inputs, rows = as_floats("input_rows", input_rows), as_floats("output_vectors", output_vectors)
    validate_dimensions("input_rows", inputs, "B, D")
    validate_dimensions("output_vectors", rows, "V, D")
    n_examples, n_dims = inputs.shape
    if rows.shape[1] != n_dims:
        raise ShapeError(f"output_vectors must have rows of {n_dims} dimensions, got {rows.shape}")
    targets = as_ids("target_ids", target_ids, len(rows))
    negatives = as_ids("negative_ids", negative_ids, len(rows))
    if targets.shape != (n_examples,):
        raise ShapeError(f"target_ids must have the shape ({n_examples},), got {targets.shape}")
    if negatives.ndim != 2 or len(negatives) != n_examples:
        raise ShapeError(f"negative_ids must have the shape ({n_examples}, K), got {negatives.shape}")

    output_ids = np.concatenate([targets[:, None], negatives], axis=1)
    choices = rows[output_ids]
    logits = np.einsum("bd,bkd->bk", inputs, choices)
    losses = -log_sigmoid(logits[:, 0]) - log_sigmoid(-logits[:, 1:]).sum(axis=1)
    errors = sigmoid(logits)
    errors[:, 0] = -sigmoid(-logits[:, 0])
    input_gradients = np.einsum("bk,bkd->bd", errors, choices)
    contributions = errors[:, :, None] * inputs[:, None, :]
    return losses, input_gradients, RowGradient.accumulate(output_ids.reshape(-1), contributions.reshape(-1, n_dims))


def _binary_choices(vector: FloatArray, rows: FloatArray, output_ids: IntArray, labels: FloatArray) -> Prediction:
    """Loss and gradients with one logistic regression for each output, a sampled word or a node of a path."""
    choices = rows[output_ids]
    loss, errors = binary_cross_entropy(choices @ vector, labels, reduction="sum")
    return loss, errors @ choices, RowGradient.accumulate(output_ids, np.outer(errors, vector))


def _vector_and_rows(vector: ArrayLike, rows: ArrayLike, name: str, letters: str) -> tuple[FloatArray, FloatArray]:
    vector, rows = as_floats("input_vector", vector), as_floats(name, rows)
    validate_dimensions("input_vector", vector, "D")
    validate_dimensions(name, rows, letters)
    if rows.shape[1] != len(vector):
        raise ShapeError(f"{name} must have rows of {len(vector)} dimensions, as input_vector, got {rows.shape}")
    return vector, rows


def _one_id(name: str, value: int, n_rows: int) -> int:
    ids = as_ids(name, value, n_rows)
    validate_dimensions(name, ids, "")
    return int(ids)
