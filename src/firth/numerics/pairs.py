"""Room numerics: loss and gradients of one weighted pair of a word and a context, with any output side."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from firth.errors import ParameterError, ShapeError
from firth.numerics._arrays import as_floats, as_ids, validate_dimensions
from firth.numerics.gradients import RowGradient
from firth.numerics.huffman import HuffmanTree
from firth.numerics.windows import NegativeIds, PredictionFunction, Window, predict


def weighted_pair(
    word_id: int,
    context_id: int,
    weight: float,
    input_vectors: ArrayLike,
    output_vectors: ArrayLike,
    *,
    loss: str | PredictionFunction,
    n_contexts: int | None = None,
    negative_ids: NegativeIds | None = None,
    tree: HuffmanTree | None = None,
) -> Window:
    """Loss of one pair of a word and a context with a weight, and its gradients.

    With loss(v, c) a loss of :mod:`predictions`, v_w the row of the word and c the context:

        weight * loss(v_w, c)

    Both gradients are those of loss(v_w, c), times the weight. Words and contexts are different sets, so a word and a
    context of the same number have nothing in common.

    Parameters
    ----------
    word_id : int in [0, V)
    context_id : int in [0, C)
    weight : float, finite and at least 0
    input_vectors : float array, (V, D), of words
    output_vectors : float array, (C, D), of contexts; for hierarchical softmax the inner nodes' vectors, (C - 1, D)
    loss, tree : as for :func:`cbow_window`
    n_contexts : int or None
        C. None: the number of output vectors, one more for hierarchical softmax.
    negative_ids : int array, (K,), in [0, C), for negative sampling

    Returns
    -------
    loss : float, in nats
    word_gradient : RowGradient of ``input_vectors``
    context_gradient : RowGradient of ``output_vectors``

    Raises
    ------
    ShapeError, IdError, ParameterError

    References
    ----------
    Levy, Goldberg (2014), Dependency-based word embeddings, ACL. The weight is not in the paper.
    """
    inputs, outputs = as_floats("input_vectors", input_vectors), as_floats("output_vectors", output_vectors)
    validate_dimensions("input_vectors", inputs, "V, D")
    validate_dimensions("output_vectors", outputs, "C, D")
    if inputs.shape[1] != outputs.shape[1]:
        raise ShapeError(f"output_vectors must have rows of {inputs.shape[1]} dimensions, got {outputs.shape}")
    if not (math.isfinite(weight) and weight >= 0):
        raise ParameterError(f"weight must be finite and at least 0, got {weight}")
    n_words, _ = inputs.shape
    n_outputs = len(outputs) + (tree is not None) if n_contexts is None else n_contexts
    word, context = int(as_ids("word_id", word_id, n_words)), int(as_ids("context_id", context_id, n_outputs))
    total, gradient, output_gradient = predict(
        inputs[word], outputs, context, loss=loss, n_words=n_outputs, negative_ids=negative_ids, tree=tree
    )
    return weight * total, RowGradient.accumulate([word], weight * gradient[None]), weight * output_gradient


__all__ = ["weighted_pair"]
