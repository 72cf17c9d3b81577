"""Room kernels: the reference update of one unit: calls the formulas of numerics and applies the gradients.

Tests compare each update of the native kernels with this update. It is slow and written to be read.

Tests: tests/kernels/test_native_units.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.kernels.registry import Objective
from firth.kernels.sides.side import Options
from firth.numerics.bags import bag_means, spread_step
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
    """Loss in nats of one unit and the gradients of both matrices, at the given matrices.

    Skip-gram has the direction of word2vec.c: the inputs are the rows of the context words, and the positive output is
    the center. The unit is a window; with one context word it is a pair.

    Parameters
    ----------
    input_vectors : float64 array, (V, D)
    output_vectors : float64 array, (V, D), or (V - 1, D) for hierarchical softmax
    context_ids : int array, (M,), repeats allowed
    target_id : int
    negative_ids : int array, (K,), repeats allowed; for negative sampling
    tree : HuffmanTree, for hierarchical softmax
    options : mapping of parameter to word
        The parameters that only the input side reads.
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
    """Loss and gradients of a unit of several windows that share their negatives: the sums over the windows.

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
    bags: Sequence[ArrayLike] | None = None,
    bag_step: float = 1.0,
    frozen_rows: Sequence[int] = (),
) -> float:
    """Move both matrices, in place, by -learning_rate times the gradient of one unit; return the loss in nats.

    A unit is a window, (context ids, target id), or several windows that share their negatives. The step of the input
    rows is multiplied by a factor of the input side: CBOW's word2vec update is not a gradient, and CBOW damps wide
    windows.

    With ``bags``, ``input_vectors`` has rows whose means are the words' vectors, word w's those of ``bags[w]``. The
    step of a word's vector goes to each of its rows undivided, times ``bag_step``; ``frozen_rows`` stay as they are
    (numerics/bags.py).
    """
    hidden = input_vectors if bags is None else np.asarray(bag_means(input_vectors, bags), np.float64)
    loss_nats, input_gradient, output_gradient = compute_windows_gradient(
        objective, hidden, output_vectors, windows, negative_ids=negative_ids, tree=tree, options=options
    )
    factor = 1.0
    if len(windows) == 1:
        factor = objective.inputs.step(np.atleast_1d(np.asarray(windows[0][0])), options)
    step = input_gradient * (-learning_rate * factor)
    if bags is not None:
        step = spread_step(step, bags, len(input_vectors)) * bag_step
    moves = ~np.isin(step.row_ids, np.asarray(frozen_rows, np.int64))
    input_vectors[step.row_ids[moves]] += step.rows[moves]
    output_vectors[output_gradient.row_ids] -= learning_rate * output_gradient.rows
    return loss_nats
