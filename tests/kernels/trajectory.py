"""Room tests/kernels: training by the float64 reference, update by update: the second opinion on whole runs.

The windows, units and noise words are those of the plan in NumPy (kernels/plan.py), the updates those of
kernels/reference.py. Nothing here is compiled code but the initial vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from engines import make_config, make_engine
from numpy.typing import NDArray

from firth.kernels.plan import PlanTables, group_units, plan_windows
from firth.kernels.reference import update_unit
from firth.kernels.subwords import BAG_TOKENS, WordBags
from firth.numerics.bags import bag_means, spread_step
from firth.numerics.gradients import RowGradient
from firth.numerics.huffman import build_huffman_tree

Slice = tuple[int, int, int]  # first token, token after the last, epoch
Matrix = NDArray[np.float64]


class Hidden:
    """The words' vectors in a bag stretch: means of rows when it begins, whose changes go to the rows when it ends."""

    def __init__(self, bags: WordBags, bag_step: float, rows: Matrix) -> None:
        offsets = bags.bags.offsets
        self.bags = [bags.bags.rows[offsets[word] : offsets[word + 1]] for word in range(len(bags.words))]
        self.bag_step, self.rows = bag_step, rows
        self.stretch = -1
        self.vectors = self.before = np.zeros((0, rows.shape[1]))

    def enter(self, position: int) -> Matrix:
        if position // BAG_TOKENS != self.stretch:
            self.spread()
            self.stretch = position // BAG_TOKENS
            self.vectors = np.asarray(bag_means(self.rows, self.bags), np.float64)
            self.before = self.vectors.copy()
        return self.vectors

    def spread(self) -> None:
        changes = RowGradient(np.arange(len(self.vectors)), self.vectors - self.before)
        step = spread_step(changes, self.bags, len(self.rows)) * self.bag_step
        self.rows[step.row_ids] += step.rows
        self.stretch = -1
        self.before = self.vectors.copy()


def train_by_reference(
    corpus: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    parameters: dict[str, Any],
    slices: Sequence[Slice] | None = None,
    begin: int = 0,
) -> tuple[Matrix, Matrix, list[float]]:
    """Input vectors, output vectors, and the loss in nats of each slice, after training from the initial vectors.

    Parameters
    ----------
    corpus : ids, offsets, counts
    parameters : dict
        Keywords of make_engine; ``subsample``, ``seed``, ``epochs`` and both learning rates must be among them. With
        ``bags`` the first matrix has the rows that words are means of.
    slices : sequence of (start, stop, epoch), or None
        None: one epoch.
    begin : int
        The position in the corpus of the first of the ids; the tokens before it are not trained.
    """
    ids, offsets, counts = corpus
    if parameters.get("frozen") is not None:
        raise ValueError("frozen must be None here, got words: the reference moves every row")
    config = make_config(**parameters)
    objective = config.objective
    draws = objective.outputs.draws_negatives
    tables = PlanTables.build(counts, config, parameters.get("noise_distribution"))
    tree = build_huffman_tree(counts) if objective.outputs.needs_tree else None
    options = {name: parameters[name] for name, _ in objective.inputs.options if name in parameters}
    weights = parameters.get("sequence_weights")
    rate, last_rate, epochs = (parameters[name] for name in ("learning_rate", "min_learning_rate", "epochs"))

    start = make_engine(ids, offsets, counts, **parameters)
    inputs, outputs = start.input_vectors.astype(np.float64), start.output_vectors.astype(np.float64)
    bags = Hidden(parameters["bags"], start.bag_step, inputs) if parameters.get("bags") is not None else None
    losses = []
    n_tokens = begin + len(ids)
    for first_token, stop, epoch in slices or [(0, len(ids), 0)]:
        total = 0.0
        windows = plan_windows(ids, offsets, tables, config, epoch=epoch, start=first_token, stop=stop, begin=begin)
        for members in group_units(windows):
            first = members[0]
            hidden = inputs if bags is None else bags.enter(int(first.position))
            sequence = np.searchsorted(offsets, first.position - begin, side="right") - 1
            weight = 1.0 if weights is None else float(weights[sequence])
            done = (epoch * n_tokens + first.position) / (epochs * n_tokens)
            units = [([(window.context_ids, window.target_id) for window in members], first.negative_ids)]
            if len(first.parts) > 1:
                units = [([(context_ids, first.target_id)], negative_ids) for context_ids, negative_ids in first.parts]
            for unit, negatives in units:
                total += weight * update_unit(
                    objective,
                    hidden,
                    outputs,
                    unit,
                    weight * (rate + (last_rate - rate) * done),
                    negative_ids=negatives if draws else None,
                    tree=tree,
                    options=options,
                )
        if bags is not None:
            bags.spread()
        losses.append(total)
    return inputs, outputs, losses
