"""Room kernels: explicit examples: bags of input rows, each with a target.

Twin of native/cpp/plan/examples.hpp.
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
from firth.kernels.plan.units import PlannedWindow, divide_into_parts, part_borders, shares_noise


def plan_examples(
    rows: NDArray[np.int32],
    offsets: NDArray[np.int64],
    targets: NDArray[np.int32],
    tables: PlanTables,
    config: TrainingConfig,
    *,
    epoch: int,
    start: int,
    stop: int,
    noise_purpose: Purpose = Purpose.NEGATIVES,
    target_offsets: NDArray[np.int64] | None = None,
) -> Iterator[PlannedWindow]:
    """The examples whose first row is at the positions [start, stop), in order.

    Example e has the input rows ``rows[offsets[e]:offsets[e + 1]]`` and the target ``targets[e]``. An example without
    rows is left out. With ``target_offsets`` it has the targets ``targets[target_offsets[e]:target_offsets[e + 1]]``;
    its ``target_id`` is one of them, drawn by epoch and position, or e if the loss takes all. Each example is one unit,
    or several parts if the bag is wide and the input side takes parts. If the examples of a stretch share noise sets,
    an example whose first row is at the position p of the stretch has slot p and the noise set p mod ``noise_sets``.
    """
    inputs = config.objective.inputs
    for example, (first, last) in enumerate(itertools.pairwise(offsets.tolist())):
        if first == last or not start <= first < stop:
            continue
        target_id = example
        if target_offsets is None:
            target_id = int(targets[example])
        elif not config.objective.outputs.takes_all_targets:
            own = targets[target_offsets[example] : target_offsets[example + 1]]
            word = int(draw_blocks(config.seed, Purpose.LABEL, epoch, first)[0])
            target_id = int(own[word * len(own) >> 32])
        bag = tuple(rows[first:last].tolist())
        borders = part_borders(config, len(bag))
        drawn: list[tuple[int, ...]] = [()] * (len(borders) - 1)
        if tables.noise is not None:
            slot = first % inputs.stretch_tokens if shares_noise(config) else 0
            noise_set = slot % inputs.noise_sets
            drawn, _ = draw_negatives(
                tables, config, noise_purpose, epoch, first, noise_set, target_id, len(borders) - 1
            )
        negatives = tuple(itertools.chain.from_iterable(drawn))
        yield PlannedWindow(first, target_id, bag, negatives, None, divide_into_parts(bag, borders, drawn))
