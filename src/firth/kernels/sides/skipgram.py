"""Room kernels: input side skip-gram: the row of each context word is one input vector (word2vec.c's direction)."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from firth.kernels.sides.side import InputSide, Options, Window
from firth.numerics.windows import skipgram_window


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
    return skipgram_window(
        target_id,
        context_ids,
        input_vectors,
        output_vectors,
        loss=loss,
        direction="context-to-center",
        reduction="sum",
        **given,
    )


SIDE = InputSide(
    architecture="skipgram",
    header="inputs_rows.hpp",
    examples="context",
    window=_window,
    joined_windows=3,
    takes_parts=True,
    stretch_tokens=64,
    noise_sets=8,
)
