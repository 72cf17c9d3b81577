"""Room kernels: one unit's update as the mathematics says it: it holds no formula, it calls numerics and applies.

The native kernels are held against this, update by update. It is slow, and meant to be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.corpus.plan import PART_WORDS
from firth.numerics.gradients import RowGradient
from firth.numerics.huffman import HuffmanTree
from firth.numerics.windows import cbow_window, skipgram_window

Window = tuple[ArrayLike, int]  # word ids of the context, word id of the target


def compute_unit_gradient(
    architecture: str,
    loss: str,
    input_vectors: NDArray[np.float64],
    output_vectors: NDArray[np.float64],
    context_ids: ArrayLike,
    target_id: int,
    *,
    negative_ids: ArrayLike | None = None,
    tree: HuffmanTree | None = None,
    cbow_input: str = "mean",
) -> tuple[float, RowGradient, RowGradient]:
    """Loss in nats of one unit and the gradients of both matrices, at the matrices as they are.

    Skip-gram in word2vec.c's direction: the inputs are the context's rows, the positive output is the center; a unit
    is a window, or a pair where the context is one word.

    Parameters
    ----------
    input_vectors : float64 array, (V, D)
    output_vectors : float64 array, (V, D), or (V - 1, D) for hierarchical softmax
    context_ids : int array, (M,), repeats allowed
    target_id : int
    negative_ids : int array, (K,), repeats allowed; for negative sampling
    tree : HuffmanTree, for hierarchical softmax
    """
    negatives = np.asarray(negative_ids, dtype=np.int64) if negative_ids is not None else None
    if architecture == "cbow":
        return cbow_window(
            target_id,
            context_ids,
            input_vectors,
            output_vectors,
            loss=loss,
            cbow_input=cbow_input,
            negative_ids=negatives,
            tree=tree,
        )
    return skipgram_window(
        target_id,
        context_ids,
        input_vectors,
        output_vectors,
        loss=loss,
        direction="context-to-center",
        reduction="sum",
        negative_ids=negatives,
        tree=tree,
    )


def compute_windows_gradient(
    architecture: str,
    loss: str,
    input_vectors: NDArray[np.float64],
    output_vectors: NDArray[np.float64],
    windows: Sequence[Window],
    *,
    negative_ids: ArrayLike | None = None,
    tree: HuffmanTree | None = None,
    cbow_input: str = "mean",
) -> tuple[float, RowGradient, RowGradient]:
    """Loss and gradients of a unit of several windows that share their negatives: the sums over its windows.

    Parameters
    ----------
    windows : sequence of (context ids, target id)
    """
    parts = [
        compute_unit_gradient(
            architecture,
            loss,
            input_vectors,
            output_vectors,
            context_ids,
            target_id,
            negative_ids=negative_ids,
            tree=tree,
            cbow_input=cbow_input,
        )
        for context_ids, target_id in windows
    ]
    losses, input_gradients, output_gradients = zip(*parts, strict=True)
    return sum(losses), RowGradient.merge(input_gradients), RowGradient.merge(output_gradients)


def update_unit(
    architecture: str,
    loss: str,
    input_vectors: NDArray[np.float64],
    output_vectors: NDArray[np.float64],
    windows: Sequence[Window],
    learning_rate: float,
    *,
    negative_ids: ArrayLike | None = None,
    tree: HuffmanTree | None = None,
    cbow_input: str = "mean",
    cbow_update: str = "gradient",
) -> float:
    """Move both matrices, in place, by -learning_rate times the gradient of one unit; returns its loss in nats.

    A unit is a window, (context ids, target id), or several that share their negatives.

    ``cbow_update="word2vec"`` is no gradient: with the mean of M context words it moves each by M times its gradient
    (word2vec.c adds dloss/dh undivided), with the sum by 1/M of it (gensim's ``cbow_mean=0``).

    In a CBOW window of more than ``PART_WORDS`` words, the step of the input vectors is damped (:func:`pooled_step`).
    """
    loss_nats, input_gradient, output_gradient = compute_windows_gradient(
        architecture,
        loss,
        input_vectors,
        output_vectors,
        windows,
        negative_ids=negative_ids,
        tree=tree,
        cbow_input=cbow_input,
    )
    factor = 1.0
    if architecture == "cbow":
        [(context_ids, _)] = windows
        factor = pooled_step(np.atleast_1d(np.asarray(context_ids)), cbow_input, cbow_update)
    input_vectors[input_gradient.row_ids] -= learning_rate * factor * input_gradient.rows
    output_vectors[output_gradient.row_ids] -= learning_rate * output_gradient.rows
    return loss_nats


def pooled_step(context_ids: NDArray[np.integer[Any]], cbow_input: str, cbow_update: str) -> float:
    """Steps of CBOW's context words, in gradients: 1 but for word2vec's update and for wide windows.

    A step of -learning_rate dloss/dh for each occurrence, times a, moves h by q = a b sum_w c_w^2 times that step:
    the word w occurs c_w times among the M words, and h has each occurrence b times. b is 1/M for the mean and 1 for
    the sum; a = b for the gradient, and 1/b/M for word2vec's update. q of a wide window can be thousands, and the run
    diverges; so in windows of more than ``PART_WORDS`` words, a is multiplied by min(1, PART_WORDS / q).
    """
    n_context = len(context_ids)
    b = 1.0 / n_context if cbow_input == "mean" else 1.0
    a = b if cbow_update == "gradient" else 1.0 / (b * n_context)
    if n_context > PART_WORDS:
        squares = float((np.unique(context_ids, return_counts=True)[1].astype(np.float64) ** 2).sum())
        a *= min(1.0, PART_WORDS / (a * b * squares))
    return a / b
