"""Room numerics: loss and gradients of one window, skip-gram or CBOW, with any of the four output sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.base.values import validate_choice
from firth.errors import ParameterError, ShapeError
from firth.numerics._arrays import (
    REDUCTIONS,
    FloatArray,
    IntArray,
    as_floats,
    as_ids,
    validate_dimensions,
)
from firth.numerics.gradients import RowGradient
from firth.numerics.huffman import HuffmanTree
from firth.numerics.losses import binary_cross_entropy
from firth.numerics.predictions import (
    Prediction,
    hierarchical_softmax_loss,
    negative_sampling_loss,
    one_vs_all_loss,
    softmax_loss,
)

LOSSES = ("negative-sampling", "hierarchical-softmax", "softmax", "one-vs-all")
DIRECTIONS = ("context-to-center", "center-to-context")
CBOW_INPUTS = ("mean", "sum")

Window = tuple[float, RowGradient, RowGradient]
# A user's loss: (input_vector, output_vectors, target_id, **given) -> Prediction. ``given`` has ``negative_ids`` or
# ``tree`` if the window was called with them.
PredictionFunction = Callable[..., Prediction]
NegativeIds = Sequence[Any] | NDArray[np.integer[Any]]


def skipgram_window(
    center_id: int,
    context_ids: ArrayLike,
    input_vectors: ArrayLike,
    output_vectors: ArrayLike,
    *,
    loss: str | PredictionFunction,
    direction: str,
    reduction: str,
    negative_ids: NegativeIds | None = None,
    tree: HuffmanTree | None = None,
) -> Window:
    """Loss of one skip-gram window, and its gradients. There is one prediction for each context position.

    With c the center, o_1 ... o_M the contexts and loss(input row, target) a loss of :mod:`predictions`:

        "context-to-center" (word2vec.c, firth's training):  sum_m loss(v_{o_m}, c)
        "center-to-context" (the papers, the course):        sum_m loss(v_c, o_m)

    or the mean, 1/M of the sum. All gradients are evaluated at the given matrices. A row that is used several times, as
    context or as negative, gets the sum of its gradients.

    Parameters
    ----------
    center_id : int in [0, V)
    context_ids : int array, (M,), in [0, V); repeats allowed; M may be 0 where the reduction is "sum"
    input_vectors : float array, (V, D)
    output_vectors : float array, (V, D); for hierarchical softmax the inner nodes' vectors, (V - 1, D)
    loss : "negative-sampling", "hierarchical-softmax", "softmax", "one-vs-all", or a function of one prediction
    direction : "context-to-center" or "center-to-context"
    reduction : "sum" or "mean" over the M predictions
    negative_ids : for negative sampling
        An int array (K,) has the same negatives for every prediction of the window. An array (M, K), or a sequence of M
        arrays of any length, has the negatives of each prediction. An id that occurs n times counts n times.
    tree : HuffmanTree, for hierarchical softmax

    Returns
    -------
    loss : float, in nats
    input_gradient : RowGradient of ``input_vectors``
    output_gradient : RowGradient of ``output_vectors``

    Raises
    ------
    ShapeError, IdError, ParameterError

    References
    ----------
    Mikolov, Sutskever, Chen, Corrado, Dean (2013), arXiv:1310.4546; word2vec.c for the other direction.
    """
    validate_choice("direction", direction, DIRECTIONS)
    validate_choice("reduction", reduction, REDUCTIONS)
    inputs, outputs = _matrices(input_vectors, output_vectors)
    n_words, n_dims = inputs.shape
    center = int(as_ids("center_id", center_id, n_words))
    contexts = as_ids("context_ids", context_ids, n_words)
    validate_dimensions("context_ids", contexts, "M")
    n_pairs = len(contexts)
    if n_pairs == 0 and reduction == "mean":
        raise ShapeError('context_ids must have at least one word for reduction="mean", got none')
    side = _OutputSide(loss, outputs, n_words, negative_ids, tree, n_pairs)
    if n_pairs == 0:
        return 0.0, RowGradient.zero(n_dims), RowGradient.zero(n_dims)

    centers = np.full(n_pairs, center)
    input_ids, target_ids = (contexts, centers) if direction == "context-to-center" else (centers, contexts)
    if side.shared_negatives is not None:
        total, row_gradients, output_gradient = shared_negatives_loss(
            inputs[input_ids], outputs, target_ids, side.shared_negatives
        )
        input_gradient = RowGradient.accumulate(input_ids, row_gradients)
    else:
        predictions = [
            side.predict(inputs[input_id], int(target_id), pair)
            for pair, (input_id, target_id) in enumerate(zip(input_ids, target_ids, strict=True))
        ]
        total = sum(prediction[0] for prediction in predictions)
        input_gradient = RowGradient.accumulate(input_ids, np.stack([prediction[1] for prediction in predictions]))
        output_gradient = RowGradient.merge(prediction[2] for prediction in predictions)

    if reduction == "mean":
        return total / n_pairs, input_gradient * (1 / n_pairs), output_gradient * (1 / n_pairs)
    return total, input_gradient, output_gradient


def cbow_window(
    center_id: int,
    context_ids: ArrayLike,
    input_vectors: ArrayLike,
    output_vectors: ArrayLike,
    *,
    loss: str | PredictionFunction,
    cbow_input: str,
    negative_ids: NegativeIds | None = None,
    tree: HuffmanTree | None = None,
) -> Window:
    """Loss of one CBOW window, and its gradients. The mean or the sum of the contexts predicts the center.

    With c the center, o_1 ... o_M the contexts and g = dloss/dh:

        h = (1/M) sum_m v_{o_m}   ("mean")    dloss/dv_{o_m} = g / M, added for each m
        h = sum_m v_{o_m}         ("sum")     dloss/dv_{o_m} = g, added for each m
        loss = loss(h, c)

    These are the exact gradients for both. word2vec.c uses g, not g / M, also with the mean. That update is not a
    gradient of this loss; only the kernels offer it.

    Parameters
    ----------
    center_id : int in [0, V)
    context_ids : int array, (M,), in [0, V); repeats allowed, M at least 1
    input_vectors : float array, (V, D)
    output_vectors : float array, (V, D); for hierarchical softmax the inner nodes' vectors, (V - 1, D)
    loss : "negative-sampling", "hierarchical-softmax", "softmax", "one-vs-all", or a function of one prediction
    cbow_input : "mean" or "sum"
    negative_ids : int array, (K,), for negative sampling; repeats count as often as they stand
    tree : HuffmanTree, for hierarchical softmax

    Returns
    -------
    loss : float, in nats
    input_gradient : RowGradient of ``input_vectors``
    output_gradient : RowGradient of ``output_vectors``

    Raises
    ------
    ShapeError, IdError, ParameterError

    References
    ----------
    Mikolov, Chen, Corrado, Dean (2013), arXiv:1301.3781; Irsoy, Benton, Stratos (2021), arXiv:2012.15332, on the
    effect of the undivided update.
    """
    validate_choice("cbow_input", cbow_input, CBOW_INPUTS)
    inputs, outputs = _matrices(input_vectors, output_vectors)
    n_words, _ = inputs.shape
    center = int(as_ids("center_id", center_id, n_words))
    contexts = as_ids("context_ids", context_ids, n_words)
    validate_dimensions("context_ids", contexts, "M")
    n_contexts = len(contexts)
    if n_contexts == 0:
        raise ShapeError("context_ids must have at least one word, got none; skip such a window")
    share = 1 / n_contexts if cbow_input == "mean" else 1.0
    own_negatives = None if negative_ids is None else [negative_ids]
    side = _OutputSide(loss, outputs, n_words, own_negatives, tree, 1)
    total, gradient, output_gradient = side.predict(inputs[contexts].sum(axis=0) * share, center, 0)
    input_gradient = RowGradient.accumulate(contexts, np.tile(gradient * share, (n_contexts, 1)))
    return total, input_gradient, output_gradient


def shared_negatives_loss(
    input_rows: ArrayLike, output_vectors: ArrayLike, target_ids: ArrayLike, negative_ids: ArrayLike
) -> tuple[float, FloatArray, RowGradient]:
    """Loss of the predictions of one window with shared negatives, and its gradients, by matrix products.

    X is the M input rows. U' is the rows of all outputs: the distinct targets, then the negatives. Y are the labels:
    Y_mn = 1 if output n is the target of prediction m, else 0. W are the weights: W_mn = 0 if output n is the target of
    another prediction, and therefore not an output of m, else 1.

        L = X U'^T                       logits, M x n
        loss = sum_mn W_mn [ -Y_mn log s(L_mn) - (1 - Y_mn) log s(-L_mn) ]
        E = W (s(L) - Y)
        dloss/dX = E U',   dloss/dU' = E^T X

    This equals the sum of :func:`negative_sampling_loss` over the predictions.

    Parameters
    ----------
    input_rows : float array, (M, D)
    output_vectors : float array, (V, D)
    target_ids : int array, (M,), in [0, V)
    negative_ids : int array, (K,), in [0, V); repeats count as often as they stand

    Returns
    -------
    loss : float, in nats
    input_gradients : float array, (M, D)
        The gradient of each input row.
    output_gradient : RowGradient

    Raises
    ------
    ShapeError, IdError, ParameterError
    """
    rows, outputs = as_floats("input_rows", input_rows), as_floats("output_vectors", output_vectors)
    validate_dimensions("input_rows", rows, "M, D")
    validate_dimensions("output_vectors", outputs, "V, D")
    if rows.shape[1] != outputs.shape[1]:
        raise ShapeError(f"output_vectors must have rows of {rows.shape[1]} dimensions, got {outputs.shape}")
    targets = as_ids("target_ids", target_ids, len(outputs))
    negatives = as_ids("negative_ids", negative_ids, len(outputs))
    validate_dimensions("negative_ids", negatives, "K")
    if targets.shape != rows.shape[:1]:
        raise ShapeError(f"target_ids must have the shape ({len(rows)},) of the input rows, got {targets.shape}")

    distinct, slots = np.unique(targets, return_inverse=True)
    output_ids = np.concatenate([distinct, negatives])
    n_outputs, n_targets = len(output_ids), len(distinct)
    labels = np.zeros((len(rows), n_outputs))
    labels[np.arange(len(rows)), slots.reshape(-1)] = 1
    is_output = labels.astype(bool)
    is_output[:, n_targets:] = True

    choices = outputs[output_ids]
    logits = rows @ choices.T
    total, errors_of_outputs = binary_cross_entropy(logits[is_output], labels[is_output], reduction="sum")
    errors = np.zeros_like(logits)
    errors[is_output] = errors_of_outputs
    return total, errors @ choices, RowGradient.accumulate(output_ids, errors.T @ rows)


def predict(
    input_vector: FloatArray,
    output_vectors: FloatArray,
    target_id: int,
    *,
    loss: str | PredictionFunction,
    n_words: int,
    negative_ids: NegativeIds | None = None,
    tree: HuffmanTree | None = None,
) -> Prediction:
    """Loss of one prediction by any loss of this module, and its gradients. Use it to build other kinds of windows.

    Parameters
    ----------
    input_vector : float array, (D,)
    output_vectors : float array, (V, D), or (V - 1, D) for hierarchical softmax
    target_id : int in [0, V)
    loss, negative_ids, tree : as for :func:`cbow_window`
    n_words : int
        V.
    """
    own_negatives = None if negative_ids is None else [negative_ids]
    return _OutputSide(loss, output_vectors, n_words, own_negatives, tree, 1).predict(input_vector, target_id, 0)


class _OutputSide:
    """The arguments that a loss needs for a prediction; validated once for each window."""

    def __init__(
        self,
        loss: str | PredictionFunction,
        output_vectors: FloatArray,
        n_words: int,
        negative_ids: NegativeIds | None,
        tree: HuffmanTree | None,
        n_pairs: int,
    ) -> None:
        if not callable(loss):
            validate_choice("loss", loss, LOSSES)
        self.loss = loss
        self.output_vectors = output_vectors
        self.tree = tree
        self.shared_negatives: IntArray | None = None
        self.own_negatives: Sequence[ArrayLike] = ()
        if callable(loss):
            if negative_ids is not None:
                lists = list(negative_ids)
                self.own_negatives = lists if lists and np.ndim(lists[0]) == 1 else [lists] * n_pairs
            return
        if (negative_ids is not None) != (loss == "negative-sampling"):
            raise ParameterError(f'negative_ids must be given with loss="negative-sampling" and only then, got {loss=}')
        if (tree is not None) != (loss == "hierarchical-softmax"):
            raise ParameterError(f'tree must be given with loss="hierarchical-softmax" and only then, got {loss=}')
        n_outputs = n_words
        if tree is not None:
            n_outputs = tree.n_nodes
            if tree.n_words != n_words:
                raise ShapeError(f"tree must have {n_words} words, as input_vectors, got {tree.n_words}")
        if len(output_vectors) != n_outputs:
            raise ShapeError(f"output_vectors must have {n_outputs} rows for this loss, got {output_vectors.shape}")
        if negative_ids is None:
            return
        lists = list(negative_ids)
        if lists and np.ndim(lists[0]) == 1:
            self.own_negatives = lists
            if len(lists) != n_pairs:
                raise ShapeError(
                    f"negative_ids must be one list for all predictions or {n_pairs} lists, one each, got {len(lists)}"
                )
        else:
            self.shared_negatives = as_ids("negative_ids", lists, n_outputs)
            validate_dimensions("negative_ids", self.shared_negatives, "K")

    def predict(self, input_vector: FloatArray, target_id: int, pair: int) -> Prediction:
        if callable(self.loss):
            given: dict[str, Any] = {"tree": self.tree} if self.tree is not None else {}
            if self.own_negatives:
                given["negative_ids"] = self.own_negatives[pair]
            return self.loss(input_vector, self.output_vectors, target_id, **given)
        if self.loss in ("softmax", "one-vs-all"):
            loss = softmax_loss if self.loss == "softmax" else one_vs_all_loss
            return loss(input_vector, self.output_vectors, target_id)
        if self.tree is not None:
            node_ids, codes = self.tree.path(target_id)
            return hierarchical_softmax_loss(input_vector, self.output_vectors, node_ids, codes)
        return negative_sampling_loss(input_vector, self.output_vectors, target_id, self.own_negatives[pair])


def _matrices(input_vectors: ArrayLike, output_vectors: ArrayLike) -> tuple[FloatArray, FloatArray]:
    inputs, outputs = as_floats("input_vectors", input_vectors), as_floats("output_vectors", output_vectors)
    validate_dimensions("input_vectors", inputs, "V, D")
    validate_dimensions("output_vectors", outputs, "V, D")
    if inputs.shape[1] != outputs.shape[1]:
        raise ShapeError(f"output_vectors must have rows of {inputs.shape[1]} dimensions, got {outputs.shape}")
    return inputs, outputs
