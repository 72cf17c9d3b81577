"""Room kernels: draws noise words. Twin of native/cpp/plan/negatives.hpp."""

from __future__ import annotations

import numpy as np

from firth.corpus.philox import Purpose, draw_blocks
from firth.kernels.config import TrainingConfig
from firth.kernels.plan.tables import PlanTables
from firth.kernels.plan.units import shares_noise


def draw_negatives(
    tables: PlanTables,
    config: TrainingConfig,
    noise_purpose: Purpose,
    epoch: int,
    position: int,
    noise_set: int,
    target_id: int,
    n_parts: int,
) -> tuple[list[tuple[int, ...]], bool]:
    """The negatives of each part of one center, and whether any draw equalled the target and was not kept.

    Part p has the draws p K to (p + 1) K - 1, for K = ``config.negatives``. Draw d reads two random words, number
    2 (d mod 2) and the next, of random block d // 2. The first word gives the column floor(word / 2^32 * n_targets);
    the second word is the coin.

    The random blocks belong to a position: the center's, or, for a window of one part that shares the noise sets of its
    stretch, the first position of the stretch plus the index of the noise set in the stretch.

    A draw that equals the target is kept ("count"), left out ("drop"), or drawn again from the noise without the target
    ("reject"). The new draw reads the two words of the same random block's second attempt as one 64-bit number r. The
    parts of the other words are joined in order, and floor(r / 2^64 * (total - the target's part)) is an offset in
    them.
    """
    assert tables.noise is not None
    assert tables.noise_parts is not None
    noise, parts = tables.noise, tables.noise_parts
    n_targets = len(noise)
    shared = position
    if shares_noise(config) and n_parts == 1:
        stretch_tokens = config.objective.inputs.stretch_tokens
        shared = position // stretch_tokens * stretch_tokens + noise_set

    def random_words(number: int, attempt: int) -> tuple[int, int]:
        block = draw_blocks(tables.noise_seed, noise_purpose, epoch, shared, number // 2, attempt)
        return int(block[2 * (number % 2)]), int(block[2 * (number % 2) + 1])

    def draw(number: int) -> int:
        column_word, coin = random_words(number, 0)
        column = column_word * n_targets >> 32
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
