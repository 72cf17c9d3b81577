"""Room kernels: plans windows over text: chooses the kept tokens and the width of each window.

Twin of native/cpp/plan/windows.hpp.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from firth.corpus.philox import Purpose, draw_blocks
from firth.kernels.config import TrainingConfig
from firth.kernels.plan.negatives import draw_negatives
from firth.kernels.plan.tables import PlanTables
from firth.kernels.plan.units import PlannedWindow, divide_into_parts, part_borders, unit_windows


def plan_windows(
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    tables: PlanTables,
    config: TrainingConfig,
    *,
    epoch: int,
    start: int,
    stop: int,
    noise_purpose: Purpose = Purpose.NEGATIVES,
    make_inputs: Callable[[int, tuple[int, ...]], tuple[int, ...]] | None = None,
    joins: bool = True,
    noise_sets: int | None = None,
    begin: int = 0,
) -> Iterator[PlannedWindow]:
    """The windows whose centers are at the token positions [start, stop), in order.

    The random block p of purpose TOKEN has two random words for each of the tokens 2 p and 2 p + 1. The first word
    decides whether the token is kept. The second word decides the width of a dynamic window:
    1 + floor(second / 2^32 * window) words on each side, counted in *kept* tokens of the same sequence.

    If neighbouring windows are one unit, their width is 1 + (r + epoch + u) mod window; u is the index of the unit in
    its stretch, and r = floor(word / 2^32 * window) for the second word of the stretch's first token in epoch 0. A
    window without context is left out.

    ``make_inputs(sequence, context)`` replaces the context of each window, for a source that is made from windows.
    ``joins=False``: each window is a unit. ``noise_sets`` replaces the input side's number of noise sets of a stretch.
    ``begin``, a multiple of the tokens of a stretch, is the position in the
    corpus of the first of ``ids``; ``offsets`` count from it.
    """
    stretch_tokens, n_unit = config.objective.inputs.stretch_tokens, unit_windows(config) if joins else 1
    positions = np.arange(len(ids))
    pairs = draw_blocks(config.seed, Purpose.TOKEN, epoch, begin // 2 + np.arange(-(-len(ids) // 2)))
    words = pairs.reshape(-1, 2)[: len(ids)]  # (n_tokens, 2): the random words of each token
    kept = np.ones(len(ids), bool)
    if tables.keep_thresholds is not None:
        kept = words[:, 0] <= tables.keep_thresholds[ids]

    slots = _number_within_stretches(kept, stretch_tokens)
    joins_windows = n_unit > 1 and tables.noise is not None
    widths = np.full(len(ids), config.window)
    if config.window_mode == "dynamic" and joins_windows:
        starts = begin + positions // stretch_tokens * stretch_tokens
        first_words = draw_blocks(config.seed, Purpose.TOKEN, 0, starts // 2)[:, 1]
        first_widths = _scale_words(first_words, config.window)
        widths = 1 + (first_widths + epoch + slots // n_unit) % config.window
    elif config.window_mode == "dynamic":
        widths = 1 + _scale_words(words[:, 1], config.window)
    for sequence, (first, last) in enumerate(itertools.pairwise(offsets)):
        line = positions[first:last][kept[first:last]]
        for index, position in enumerate(line):
            in_corpus = begin + int(position)
            if not start <= in_corpus < stop:
                continue
            width = len(line) if config.window_mode == "sequence" else int(widths[position])
            left, right = line[max(0, index - width) : index], line[index + 1 : index + width + 1]
            if config.window_side == "left":
                right = right[:0]
            if config.window_side == "right":
                left = left[:0]
            context = tuple(int(word) for word in ids[np.concatenate([left, right])])
            if make_inputs is not None:
                context = make_inputs(sequence, context)
            if not context:
                continue
            target = int(ids[position])
            borders = part_borders(config, len(context))
            drawn: list[tuple[int, ...]] = [()] * (len(borders) - 1)
            unit = None
            if tables.noise is not None:
                group = int(slots[position]) // n_unit
                noise_set = group % (noise_sets or config.objective.inputs.noise_sets)
                drawn, changed = draw_negatives(
                    tables, config, noise_purpose, epoch, in_corpus, noise_set, target, len(borders) - 1
                )
                if joins_windows and not (changed and config.target_collision == "drop"):
                    unit = (sequence, in_corpus // stretch_tokens, group, target if changed else None)
            negatives = tuple(itertools.chain.from_iterable(drawn))
            parts = divide_into_parts(context, borders, drawn)
            yield PlannedWindow(in_corpus, target, context, negatives, unit, parts)


def _scale_words(words: NDArray[np.uint32], stop: int) -> NDArray[np.int64]:
    """floor(word / 2^32 * stop): integers in [0, stop), almost uniform."""
    return (words.astype(np.uint64) * np.uint64(stop) >> np.uint64(32)).astype(np.int64)


def _number_within_stretches(kept: NDArray[np.bool_], stretch_tokens: int) -> NDArray[np.int64]:
    """The slot of each token: the number of kept tokens before it in its stretch."""
    before = np.zeros(len(kept) + 1, np.int64)
    np.cumsum(kept, out=before[1:])
    positions = np.arange(len(kept))
    return np.asarray(before[positions] - before[positions // stretch_tokens * stretch_tokens])
