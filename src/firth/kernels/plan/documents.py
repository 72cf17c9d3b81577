"""Room kernels: documents: each kept token is predicted from the tags of its document, and from its window.

Twin of native/cpp/plan/documents.hpp.

Tests: tests/kernels/test_documents.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from firth.corpus.philox import Purpose
from firth.kernels.config import TrainingConfig
from firth.kernels.plan.tables import PlanTables
from firth.kernels.plan.units import PlannedWindow
from firth.kernels.plan.windows import plan_windows


def plan_documents(
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    tag_offsets: NDArray[np.int64],
    tag_rows: NDArray[np.int32],
    tables: PlanTables,
    config: TrainingConfig,
    *,
    with_words: bool,
    epoch: int,
    start: int,
    stop: int,
    noise_purpose: Purpose = Purpose.NEGATIVES,
) -> Iterator[PlannedWindow]:
    """The tokens at the positions [start, stop) that subsampling keeps, in order.

    The context of a token of document s is the words of its window, if ``with_words``, then the rows
    ``tag_rows[tag_offsets[s]:tag_offsets[s + 1]]``. Tokens, windows and negatives are drawn as for windows over text.
    Without words, neighbouring tokens are one unit, like neighbouring windows.
    """

    def make_inputs(document: int, context: tuple[int, ...]) -> tuple[int, ...]:
        tags = tuple(tag_rows[tag_offsets[document] : tag_offsets[document + 1]].tolist())
        return context + tags if with_words else tags

    return plan_windows(
        ids,
        offsets,
        tables,
        config,
        epoch=epoch,
        start=start,
        stop=stop,
        noise_purpose=noise_purpose,
        make_inputs=make_inputs,
        joins=not with_words,
    )
