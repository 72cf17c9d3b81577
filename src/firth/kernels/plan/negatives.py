"""Room kernels: the drawing of noise words. Twin of native/cpp/plan/negatives.hpp."""

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

    Part p has the draws p K to (p + 1) K - 1, of K = ``config.negatives``.
    Draw d takes words 2 (d mod 2) and the next of random block d // 2: column floor(word / 2^32 * n_targets), then the
    coin. Random blocks are those of the center's position. Where windows share the noise sets of a stretch, those of a
    window of one part are of the stretch's first position plus the number of the noise set in its stretch. A draw that
    equals the target is kept ("count"), left out ("drop"), or drawn anew ("reject") from the noise without the target:
    the two words of the same random block's second attempt are one number r of 64 bits, and
    floor(r / 2^64 * (total - the target's part)) is a place in the parts of the other words, one behind the other.
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
        block = draw_blocks(config.seed, noise_purpose, epoch, shared, number // 2, attempt)
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
