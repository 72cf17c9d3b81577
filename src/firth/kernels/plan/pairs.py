"""Room kernels: pairs: an input row and a target each.

Twin of native/cpp/plan/pairs.hpp.

Tests: tests/kernels/test_pairs.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from firth.corpus.philox import Purpose, draw_blocks
from firth.kernels.config import TrainingConfig
from firth.kernels.plan.negatives import draw_negatives
from firth.kernels.plan.tables import PlanTables
from firth.kernels.plan.units import PlannedWindow, shares_noise


def plan_pairs(
    inputs: NDArray[np.int32],
    targets: NDArray[np.int32],
    tables: PlanTables,
    config: TrainingConfig,
    *,
    epoch: int,
    start: int,
    stop: int,
    noise_purpose: Purpose = Purpose.NEGATIVES,
) -> Iterator[PlannedWindow]:
    """The pairs at the positions [start, stop) that subsampling keeps, in order; each is one unit.

    The random block b of purpose TOKEN has two random words for each of the pairs 2 b and 2 b + 1. The pair is kept if
    the first word keeps its input row, and the second word keeps its target. If the pairs of a stretch share noise
    sets, the pair at the position p of the stretch has the noise set p mod ``noise_sets``.
    """
    side = config.objective.inputs
    blocks = draw_blocks(config.seed, Purpose.TOKEN, epoch, np.arange(-(-len(inputs) // 2)))
    words = blocks.reshape(-1, 2)[: len(inputs)]
    kept = np.ones(len(inputs), bool)
    if tables.keep_thresholds is not None:
        assert tables.input_keep_thresholds is not None
        kept = (words[:, 0] <= tables.input_keep_thresholds[inputs]) & (words[:, 1] <= tables.keep_thresholds[targets])
    for position in (start + np.flatnonzero(kept[start:stop])).tolist():
        target_id, bag = int(targets[position]), (int(inputs[position]),)
        drawn: list[tuple[int, ...]] = [()]
        if tables.noise is not None:
            noise_set = position % side.stretch_tokens % side.noise_sets if shares_noise(config) else 0
            drawn, _ = draw_negatives(tables, config, noise_purpose, epoch, position, noise_set, target_id, 1)
        negatives = tuple(itertools.chain.from_iterable(drawn))
        yield PlannedWindow(position, target_id, bag, negatives, None, ((bag, negatives),))
