"""Room kernels: one unit's update as the mathematics says it: it holds no formula, it calls numerics and applies.

The native kernels are held against this, update by update. It is slow, and meant to be read.

Tests: tests/kernels/test_native_units.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.kernels.registry import Objective
from firth.kernels.sides.side import Options
from firth.numerics.gradients import RowGradient
from firth.numerics.huffman import HuffmanTree

Window = tuple[ArrayLike, int]  # word ids of the context, word id of the target
NO_OPTIONS: Options = MappingProxyType({})


def compute_unit_gradient(
    objective: Objective,
    input_vectors: NDArray[np.float64],
    output_vectors: NDArray[np.float64],
    context_ids: ArrayLike,
    target_id: int,
    *,
    negative_ids: ArrayLike | None = None,
    tree: HuffmanTree | None = None,
    options: Options = NO_OPTIONS,
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
    options : mapping of parameter to word
        The input side's own choices.
    """
    return objective.inputs.window(
        target_id,
        context_ids,
        input_vectors,
        output_vectors,
        loss=objective.outputs.prediction,
        options=options,
        negative_ids=np.asarray(negative_ids, dtype=np.int64) if negative_ids is not None else None,
        tree=tree,
    )


def compute_windows_gradient(
    objective: Objective,
    input_vectors: NDArray[np.float64],
    output_vectors: NDArray[np.float64],
    windows: Sequence[Window],
    *,
    negative_ids: ArrayLike | None = None,
    tree: HuffmanTree | None = None,
    options: Options = NO_OPTIONS,
) -> tuple[float, RowGradient, RowGradient]:
    """Loss and gradients of a unit of several windows that share their negatives: the sums over its windows.

    Parameters
    ----------
    windows : sequence of (context ids, target id)
    """
    parts = [
        compute_unit_gradient(
            objective,
            input_vectors,
            output_vectors,
            context_ids,
            target_id,
            negative_ids=negative_ids,
            tree=tree,
            options=options,
        )
        for context_ids, target_id in windows
    ]
    losses, input_gradients, output_gradients = zip(*parts, strict=True)
    return sum(losses), RowGradient.merge(input_gradients), RowGradient.merge(output_gradients)


def update_unit(
    objective: Objective,
    input_vectors: NDArray[np.float64],
    output_vectors: NDArray[np.float64],
    windows: Sequence[Window],
    learning_rate: float,
    *,
    negative_ids: ArrayLike | None = None,
    tree: HuffmanTree | None = None,
    options: Options = NO_OPTIONS,
) -> float:
    """Move both matrices, in place, by -learning_rate times the gradient of one unit; returns its loss in nats.

    A unit is a window, (context ids, target id), or several that share their negatives. The input side says what the
    step of the input rows is multiplied by: CBOW's word2vec update is no gradient, and CBOW damps wide windows.
    """
    loss_nats, input_gradient, output_gradient = compute_windows_gradient(
        objective, input_vectors, output_vectors, windows, negative_ids=negative_ids, tree=tree, options=options
    )
    factor = 1.0
    if len(windows) == 1:
        factor = objective.inputs.step(np.atleast_1d(np.asarray(windows[0][0])), options)
    input_vectors[input_gradient.row_ids] -= learning_rate * factor * input_gradient.rows
    output_vectors[output_gradient.row_ids] -= learning_rate * output_gradient.rows
    return loss_nats
