"""Room kernels: input side CBOW: one input vector for each window, the mean or the sum of the context words' rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.kernels.sides.side import LEARNING_RATE, PART_WORDS, Config, InputSide, Options, Step, Window
from firth.numerics.windows import cbow_window

INPUTS = ("mean", "sum")
UPDATES = ("gradient", "word2vec")
GRADIENT_OF_MEAN_LEARNING_RATE = 0.075  # Irsoy, Benton, Stratos 2021 (koan)
LOAD = (
    4.0  # an update moves all rows of a window by the same step (measured: diverges at a quarter of skip-gram's load)
)


def _window(
    target_id: int,
    context_ids: ArrayLike,
    input_vectors: ArrayLike,
    output_vectors: ArrayLike,
    *,
    loss: Any,
    options: Options,
    **given: Any,
) -> Window:
    cbow_input = options.get("cbow_input", INPUTS[0])
    return cbow_window(target_id, context_ids, input_vectors, output_vectors, loss=loss, cbow_input=cbow_input, **given)


def _step(context_ids: NDArray[np.integer[Any]], options: Options) -> float:
    return pooled_step(context_ids, options.get("cbow_input", INPUTS[0]), options.get("cbow_update", UPDATES[0]))


def pooled_step(context_ids: NDArray[np.integer[Any]], cbow_input: str, cbow_update: str) -> float:
    """Factor by which the step of a context word's row differs from the gradient step.

    The factor is 1, except with word2vec's update and in wide windows. The input vector is h = b sum_w c_w v_w; the
    word w occurs c_w times among the M words of the context. b is 1/M for the mean and 1 for the sum. Each occurrence
    moves its row by a times the step s = -learning_rate dloss/dh; a = b for the gradient, and a = 1/(b M) for
    word2vec's update. So h moves by q s, q = a b sum_w c_w^2. In a wide window q can be thousands, and the run
    diverges. Therefore, in windows of more than ``PART_WORDS`` words, a is multiplied by min(1, PART_WORDS / q).
    """
    n_context = len(context_ids)
    b = 1.0 / n_context if cbow_input == "mean" else 1.0
    a = b if cbow_update == "gradient" else 1.0 / (b * n_context)
    if n_context > PART_WORDS:
        squares = float((np.unique(context_ids, return_counts=True)[1].astype(np.float64) ** 2).sum())
        a *= min(1.0, PART_WORDS / (a * b * squares))
    return a / b


def _default_learning_rate(config: Config) -> float:
    gradient_of_mean = config.cbow_input == "mean" and config.cbow_update == "gradient"
    return GRADIENT_OF_MEAN_LEARNING_RATE if gradient_of_mean else LEARNING_RATE


def _divides_step(config: Config) -> bool:
    return bool((config.cbow_input == "mean") == (config.cbow_update == "gradient"))


def _smaller_steps(config: Config) -> tuple[Step, ...]:
    if config.cbow_input == "sum":
        return (("take the mean of the context", "cbow_input", "mean"),)
    if config.cbow_update == "word2vec":
        return (("divide the update by the context's words", "cbow_update", "gradient"),)
    return ()


SIDE = InputSide(
    architecture="cbow",
    header="inputs_pool.hpp",
    examples="window",
    stretch_tokens=128,
    noise_sets=4,
    window=_window,
    options=(("cbow_input", INPUTS), ("cbow_update", UPDATES)),
    default_learning_rate=_default_learning_rate,
    step=_step,
    is_gradient=lambda options: options.get("cbow_update", UPDATES[0]) == "gradient",
    load=LOAD,
    divides_step=_divides_step,
    smaller_steps=_smaller_steps,
)
