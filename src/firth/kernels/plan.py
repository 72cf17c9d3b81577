"""Room kernels: the sampling plan in NumPy: which tokens are kept, how wide each window is, which negatives are drawn.

The twin of native/cpp/plan/plan.hpp, and its specification: native's plan of a slice equals this one exactly.
Everything is a function of (seed, epoch, token position, draw), so it does not depend on slices or threads.
``PlanTables`` turns the distributions of numerics into the integer thresholds that both compare random words with.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.philox import Purpose, draw_blocks
from firth.kernels.config import TrainingConfig
from firth.numerics.distributions import build_alias_table, keep_probabilities, noise_probabilities

WORD_RANGE = 2**32
NOISE_RANGE = 2**62  # about the sum of the noise's parts, which must stay below 2^64
# negative_sharing="block": the input side says how many tokens of the corpus a block has. The kept ones among them are
# numbered: these are their places. The side also says how many draws of negatives a block has, which its windows take
# in turns, and how many neighbouring windows have one draw, are a unit, and have one width, if it is dynamic.
UNIT_BORDER = 64  # tokens: no unit of windows reaches across a multiple of it
MAX_BLOCK_WINDOW = 10  # wider windows, and whole sequences, have a draw each

NOISE_COLUMN = np.dtype([("threshold", np.uint32), ("alias", np.int32)])


@dataclass(frozen=True)
class PlanTables:
    """What random words are compared with.

    Attributes
    ----------
    keep_thresholds : uint32 array, (V,), or None
        A token of word w is kept where its random word is <= keep_thresholds[w]: with probability
        ceil(p 2^32) / 2^32 for p = numerics' keep_probabilities. None: everything is kept.
    noise : array of (threshold uint32, alias int32), (V,), or None
        A negative is column c where its coin is < threshold[c], alias[c] elsewhere. None: no negatives.
    noise_parts : uint64 array, (V + 1,), or None
        The noise as parts of [0, noise_parts[V]): word w has [noise_parts[w], noise_parts[w + 1]), of round(q(w) 2^62)
        numbers, and at least one if q(w) > 0. A draw that equals the target is drawn anew from the other parts.
    """

    keep_thresholds: NDArray[np.uint32] | None
    noise: NDArray[Any] | None
    noise_parts: NDArray[np.uint64] | None = None

    @classmethod
    def build(
        cls,
        counts: NDArray[np.int64],
        config: TrainingConfig,
        noise_distribution: NDArray[np.float64] | None = None,
    ) -> PlanTables:
        """Tables for a vocabulary's counts; of noise only where the loss draws negatives.

        ``noise_distribution`` takes the place of the counts raised to ``noise_exponent``.
        """
        keep = None
        if config.subsample > 0:
            probabilities = keep_probabilities(counts, config.subsample)
            keep = (np.minimum(np.ceil(probabilities * WORD_RANGE), WORD_RANGE) - 1).astype(np.uint32)
        noise = noise_parts = None
        if config.objective.outputs.draws_negatives:
            if noise_distribution is None:
                noise_distribution = noise_probabilities(counts, config.noise_exponent)
            table = build_alias_table(noise_distribution)
            noise = np.empty(len(counts), NOISE_COLUMN)
            # A threshold of one has no 32-bit integer; such a column is its own alias: the coin does not matter.
            noise["threshold"] = np.minimum(np.round(table.threshold * WORD_RANGE), WORD_RANGE - 1).astype(np.uint32)
            noise["alias"] = table.alias
            weights = np.asarray(noise_distribution, np.float64)  # valid, but perhaps of another sum than 1
            parts = np.round(weights / weights.sum() * NOISE_RANGE).astype(np.uint64)
            noise_parts = np.zeros(len(counts) + 1, np.uint64)
            np.cumsum(np.maximum(parts, weights > 0), out=noise_parts[1:])
        return cls(keep, noise, noise_parts)


@dataclass(frozen=True)
class PlannedWindow:
    """One window: a center, its context in order, its negatives (one part's after the other's).

    ``parts`` are the context words and the negatives of each unit of training that the window is divided into: one
    unit, unless the window is wide or negatives are drawn by pair.

    ``unit`` is the same for neighbouring windows that are one unit of training: those of one sequence, block and group
    of places whose negatives are the group's draw, or the group's draw with one target drawn anew. It is None where
    each window is a unit of its own, and where a negative was left out.
    """

    position: int
    target_id: int
    context_ids: tuple[int, ...]
    negative_ids: tuple[int, ...]
    unit: tuple[int, int, int, int | None] | None = None
    parts: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = ()


def shares_by_block(config: TrainingConfig) -> bool:
    """Windows of a block share draws of negatives."""
    bounded = config.window_mode != "sequence" and config.window <= MAX_BLOCK_WINDOW
    return config.negative_sharing == "block" and bounded


def unit_windows(config: TrainingConfig) -> int:
    """Neighbouring places whose windows have one draw and one width, and are one unit."""
    return config.objective.inputs.joined_windows if shares_by_block(config) else 1


def part_borders(config: TrainingConfig, n_context: int) -> list[int]:
    """Where the parts of a window with so many context words begin, and the last one's end.

    Parts are as equal as can be: part p of n begins at context word floor(p n_context / n).
    """
    n_parts = 1
    if config.objective.inputs.takes_parts:
        n_parts = -(-n_context // config.objective.outputs.part_words(config, n_context))
    return [n_context * part // n_parts for part in range(n_parts + 1)]


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
) -> Iterator[PlannedWindow]:
    """The windows whose centers lie at the token positions [start, stop), in order.

    The random block p of purpose TOKEN has words for the tokens 2 p and 2 p + 1, two for each. A token is kept by its
    first one; a dynamic window is 1 + floor(second / 2^32 * window) words wide on each side, counted in *kept* tokens
    of the same sequence. Where neighbouring windows are a unit, they are 1 + (r + epoch + u) mod window words wide; u
    is the unit's number in its block, and r = floor(word / 2^32 * window) for the second word of the block's first
    token in epoch 0. A window without a context is none.
    """
    block_tokens, n_unit = config.objective.inputs.block_tokens, unit_windows(config)
    positions = np.arange(len(ids))
    pairs = draw_blocks(config.seed, Purpose.TOKEN, epoch, np.arange(-(-len(ids) // 2)))
    words = pairs.reshape(-1, 2)[: len(ids)]  # of each token
    kept = np.ones(len(ids), bool)
    if tables.keep_thresholds is not None:
        kept = words[:, 0] <= tables.keep_thresholds[ids]

    places = _number_within_blocks(kept, block_tokens)
    joins_windows = n_unit > 1 and tables.noise is not None
    widths = np.full(len(ids), config.window)
    if config.window_mode == "dynamic" and joins_windows:
        block_starts = positions // block_tokens * block_tokens
        first_words = draw_blocks(config.seed, Purpose.TOKEN, 0, block_starts // 2)[:, 1]
        turns = _scale_words(first_words, config.window)
        widths = 1 + (turns + epoch + places // n_unit) % config.window
    elif config.window_mode == "dynamic":
        widths = 1 + _scale_words(words[:, 1], config.window)
    for sequence, (first, last) in enumerate(itertools.pairwise(offsets)):
        line = positions[first:last][kept[first:last]]
        for slot, position in enumerate(line):
            if not start <= position < stop:
                continue
            width = len(line) if config.window_mode == "sequence" else int(widths[position])
            left, right = line[max(0, slot - width) : slot], line[slot + 1 : slot + width + 1]
            if config.window_side == "left":
                right = right[:0]
            if config.window_side == "right":
                left = left[:0]
            context = tuple(int(word) for word in ids[np.concatenate([left, right])])
            if not context:
                continue
            target = int(ids[position])
            borders = part_borders(config, len(context))
            drawn: list[tuple[int, ...]] = [()] * (len(borders) - 1)
            unit = None
            if tables.noise is not None:
                place = int(places[position])
                drawn, changed = draw_negatives(
                    tables, config, noise_purpose, epoch, int(position), place, target, len(borders) - 1
                )
                if joins_windows and not (changed and config.target_collision == "drop"):
                    group = (sequence, int(position) // block_tokens, place // n_unit)
                    unit = (*group, target if changed else None)
            contexts = [context[first:last] for first, last in itertools.pairwise(borders)]
            negatives = tuple(itertools.chain.from_iterable(drawn))
            yield PlannedWindow(
                int(position), target, context, negatives, unit, tuple(zip(contexts, drawn, strict=True))
            )


def group_units(windows: Iterable[PlannedWindow]) -> Iterator[tuple[PlannedWindow, ...]]:
    """The units of training that a plan's windows make with negative sampling, in order."""
    for unit, members in itertools.groupby(windows, key=lambda window: window.unit):
        if unit is None:
            yield from ((window,) for window in members)
        else:
            yield tuple(members)


def _scale_words(words: NDArray[np.uint32], stop: int) -> NDArray[np.int64]:
    """floor(word / 2^32 * stop): integers of 0 .. stop - 1, about uniform."""
    return (words.astype(np.uint64) * np.uint64(stop) >> np.uint64(32)).astype(np.int64)


def _number_within_blocks(kept: NDArray[np.bool_], block_tokens: int) -> NDArray[np.int64]:
    """Of each token, how many kept ones stand before it in its block."""
    before = np.zeros(len(kept) + 1, np.int64)
    np.cumsum(kept, out=before[1:])
    positions = np.arange(len(kept))
    return np.asarray(before[positions] - before[positions // block_tokens * block_tokens])


def draw_negatives(
    tables: PlanTables,
    config: TrainingConfig,
    noise_purpose: Purpose,
    epoch: int,
    position: int,
    place: int,
    target_id: int,
    n_parts: int,
) -> tuple[list[tuple[int, ...]], bool]:
    """The negatives of each part of one center, and whether any draw equalled the target and was not kept.

    Part p has the draws p K to (p + 1) K - 1, of K = ``config.negatives``.
    Draw d takes words 2 (d mod 2) and the next of random block d // 2: column floor(word / 2^32 * V), then the coin.
    Random blocks are those of the center's position, or, where windows share the draws of a block of tokens, of the
    block's first position plus the number of the draw in its block. A draw that equals the target is kept ("count"),
    left out ("drop"), or drawn anew ("reject") from the noise without the target: the two words of the same random
    block's second attempt are one number r of 64 bits, and floor(r / 2^64 * (total - the target's part)) is a place in
    the parts of the other words, one behind the other.
    """
    assert tables.noise is not None
    assert tables.noise_parts is not None
    noise, parts = tables.noise, tables.noise_parts
    n_words = len(noise)
    shared = position
    if shares_by_block(config):
        block_tokens = config.objective.inputs.block_tokens
        which = place // unit_windows(config) % config.objective.inputs.block_draws
        shared = position // block_tokens * block_tokens + which

    def random_words(number: int, attempt: int) -> tuple[int, int]:
        block = draw_blocks(config.seed, noise_purpose, epoch, shared, number // 2, attempt)
        return int(block[2 * (number % 2)]), int(block[2 * (number % 2) + 1])

    def draw(number: int) -> int:
        column_word, coin = random_words(number, 0)
        column = column_word * n_words >> 32
        return column if coin < int(noise["threshold"][column]) else int(noise["alias"][column])

    def redraw(number: int) -> int:
        high, low = random_words(number, 1)
        start, stop, total = int(parts[target_id]), int(parts[target_id + 1]), int(parts[-1])
        at = (high << 32 | low) * (total - (stop - start)) >> 64
        if at >= start:
            at += stop - start
        return int(np.searchsorted(parts, np.uint64(at), side="right")) - 1

    drawn: list[list[int]] = [[] for _ in range(n_parts)]
    changed = False
    for number in range(n_parts * config.negatives):
        word = draw(number)
        if word == target_id and config.target_collision != "count":
            changed = True
            if config.target_collision == "drop":
                continue
            word = redraw(number)
        drawn[number // config.negatives].append(word)
    return [tuple(part) for part in drawn], changed
