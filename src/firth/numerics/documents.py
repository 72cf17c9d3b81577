"""Room numerics: document vectors: loss and gradients of one token, by PV-DBOW or PV-DM, with any output side."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from firth.base.values import validate_choice
from firth.errors import ShapeError
from firth.numerics._arrays import as_floats, as_ids, validate_dimensions
from firth.numerics.gradients import RowGradient
from firth.numerics.huffman import HuffmanTree
from firth.numerics.windows import CBOW_INPUTS, NegativeIds, PredictionFunction, predict

METHODS = ("dbow", "dm")

TokenGradients = tuple[float, RowGradient, RowGradient, RowGradient]


def document_token(
    word_id: int,
    tag_ids: ArrayLike,
    context_ids: ArrayLike,
    tag_vectors: ArrayLike,
    word_vectors: ArrayLike,
    output_vectors: ArrayLike,
    *,
    method: str,
    loss: str | PredictionFunction,
    dm_input: str = "mean",
    negative_ids: NegativeIds | None = None,
    tree: HuffmanTree | None = None,
) -> TokenGradients:
    """Loss of one token w of a document, and its gradients.

    The document has the tags t_1 ... t_N with the rows d_t; c_1 ... c_M are the context words of the token, with the
    rows v_c. With loss(h, w) a loss of :mod:`predictions` and g(h) its input gradient:

        "dbow":  sum_n loss(d_{t_n}, w) + sum_m loss(v_{c_m}, w)      each row gets its own g
        "dm":    loss(h, w),  h = sum_n d_{t_n} + sum_m v_{c_m}       each row gets g(h)
                 or h = 1/(N + M) of this sum                         each row gets g(h) / (N + M)

    PV-DBOW alone has no context words. With context words, "dbow" trains skip-gram's word vectors together with the
    document vectors. A row that is used several times gets the sum of its gradients.

    Parameters
    ----------
    word_id : int in [0, V)
    tag_ids : int array, (N,), in [0, T); N at least 1
    context_ids : int array, (M,), in [0, V); repeats allowed; M may be 0
    tag_vectors : float array, (T, D)
    word_vectors : float array, (V, D)
    output_vectors : float array, (V, D); for hierarchical softmax the inner nodes' vectors, (V - 1, D)
    method : "dbow" or "dm"
    loss, tree : as for :func:`cbow_window`
    dm_input : "mean" or "sum"; only "dm" uses it
    negative_ids : int array, (K,), for negative sampling: the negatives of every prediction of the token

    Returns
    -------
    loss : float, in nats
    tag_gradient : RowGradient of ``tag_vectors``
    word_gradient : RowGradient of ``word_vectors``
    output_gradient : RowGradient of ``output_vectors``

    Raises
    ------
    ShapeError, IdError, ParameterError

    References
    ----------
    Le, Mikolov (2014), Distributed representations of sentences and documents, arXiv:1405.4053.
    """
    validate_choice("method", method, METHODS)
    validate_choice("dm_input", dm_input, CBOW_INPUTS)
    tag_rows, word_rows = as_floats("tag_vectors", tag_vectors), as_floats("word_vectors", word_vectors)
    outputs = as_floats("output_vectors", output_vectors)
    for name, matrix, letters in (
        ("tag_vectors", tag_rows, "T, D"),
        ("word_vectors", word_rows, "V, D"),
        ("output_vectors", outputs, "V, D"),
    ):
        validate_dimensions(name, matrix, letters)
        if matrix.shape[1] != tag_rows.shape[1]:
            raise ShapeError(f"{name} must have rows of {tag_rows.shape[1]} dimensions, got {matrix.shape}")
    n_words, n_dims = word_rows.shape
    word = int(as_ids("word_id", word_id, n_words))
    tags, contexts = as_ids("tag_ids", tag_ids, len(tag_rows)), as_ids("context_ids", context_ids, n_words)
    validate_dimensions("tag_ids", tags, "N")
    validate_dimensions("context_ids", contexts, "M")
    n_tags, n_contexts = len(tags), len(contexts)
    if n_tags == 0:
        raise ShapeError("tag_ids must have at least one tag, got none")
    rows = np.concatenate([tag_rows[tags], word_rows[contexts]])
    share = 1 / len(rows) if dm_input == "mean" else 1.0
    vectors = rows if method == "dbow" else rows.sum(axis=0, keepdims=True) * share
    predictions = [
        predict(vector, outputs, word, loss=loss, n_words=n_words, negative_ids=negative_ids, tree=tree)
        for vector in vectors
    ]
    total = float(sum(prediction[0] for prediction in predictions))
    gradients = np.stack([prediction[1] for prediction in predictions])
    if method == "dm":
        gradients = np.tile(gradients * share, (len(rows), 1))
    word_gradient = RowGradient.zero(n_dims)
    if n_contexts:
        word_gradient = RowGradient.accumulate(contexts, gradients[n_tags:])
    return (
        total,
        RowGradient.accumulate(tags, gradients[:n_tags]),
        word_gradient,
        RowGradient.merge(prediction[2] for prediction in predictions),
    )
