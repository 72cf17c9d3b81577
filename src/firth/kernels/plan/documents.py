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

DOCUMENT_NOISE_SETS = 8  # native/cpp/plan/documents.hpp
_MAX_NOISE_SETS = 64  # native/cpp/plan/plan_rules.hpp


def count_inference_sets(config: TrainingConfig, *, with_words: bool) -> int:
    """Noise sets of a stretch in inference: one for each unit."""
    inputs = config.objective.inputs
    joined = 1 if with_words else inputs.joined_windows
    return min(-(-inputs.stretch_tokens // joined), _MAX_NOISE_SETS)


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
    noise_sets: int | None = None,
) -> Iterator[PlannedWindow]:
    """The tokens at the positions [start, stop) that subsampling keeps, in order.

    The context of a token of document s is the words of its window, if ``with_words``, then the rows
    ``tag_rows[tag_offsets[s]:tag_offsets[s + 1]]``. Tokens, windows and negatives are drawn as for windows over text.
    Without words, neighbouring tokens are one unit, like neighbouring windows. With words, a stretch has
    ``DOCUMENT_NOISE_SETS``. ``noise_sets`` replaces the number; inference has ``count_inference_sets``.
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
        noise_sets=DOCUMENT_NOISE_SETS if noise_sets is None and with_words else noise_sets,
    )
