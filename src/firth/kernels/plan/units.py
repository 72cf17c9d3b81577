"""Room kernels: which centers are one unit of training, which parts a wide window has, and stretches of tokens.

Twin of native/cpp/plan/units.hpp. With ``negative_sharing="block"`` the windows of a *stretch* of the corpus share
noise words. The input side says how many tokens a stretch has. The kept ones among them are numbered: these are their
*slots*. The side also says how many *noise sets* of K noise words a stretch has, which its windows take in turns, and
how many neighbouring windows have one noise set, are a unit, and have one width, if it is dynamic.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from firth.kernels.config import TrainingConfig

UNIT_BORDER = 64  # tokens: no unit of windows reaches across a multiple of it
MAX_STRETCH_WINDOW = 10  # wider windows, and whole sequences, have a noise set each


@dataclass(frozen=True)
class PlannedWindow:
    """One center: its target, its context in order, its negatives (one part's after the other's).

    ``context_ids`` are word ids, or input rows of an explicit example. ``position`` is the center's in the corpus.

    ``parts`` are the context and the negatives of each unit of training that the window is divided into: one unit,
    unless the window is wide or negatives are drawn by pair.

    ``unit`` is the same for neighbouring windows that are one unit of training: those of one sequence, stretch and
    group of slots that have one noise set, or the noise set with one target drawn anew. It is None where each window is
    a unit of its own, and where a negative was left out.
    """

    position: int
    target_id: int
    context_ids: tuple[int, ...]
    negative_ids: tuple[int, ...]
    unit: tuple[int, int, int, int | None] | None = None
    parts: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = ()


def shares_noise(config: TrainingConfig) -> bool:
    """The windows of a stretch share its noise sets."""
    bounded = config.window_mode != "sequence" and config.window <= MAX_STRETCH_WINDOW
    return config.negative_sharing == "block" and bounded


def unit_windows(config: TrainingConfig) -> int:
    """Neighbouring slots whose windows have one noise set and one width, and are one unit."""
    return config.objective.inputs.joined_windows if shares_noise(config) else 1


def part_borders(config: TrainingConfig, n_context: int) -> list[int]:
    """Where the parts of a window with so many context words begin, and the last one's end.

    Parts are as equal as can be: part p of n begins at context word floor(p n_context / n).
    """
    n_parts = 1
    if config.objective.inputs.takes_parts:
        n_parts = -(-n_context // config.objective.outputs.part_words(config, n_context))
    return [n_context * part // n_parts for part in range(n_parts + 1)]


def divide_into_parts(
    context: tuple[int, ...], borders: list[int], drawn: list[tuple[int, ...]]
) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """Context and negatives of each part of a window."""
    contexts = [context[first:last] for first, last in itertools.pairwise(borders)]
    return tuple(zip(contexts, drawn, strict=True))


def group_units(windows: Iterable[PlannedWindow]) -> Iterator[tuple[PlannedWindow, ...]]:
    """The units of training that a plan's windows make with negative sampling, in order."""
    for unit, members in itertools.groupby(windows, key=lambda window: window.unit):
        if unit is None:
            yield from ((window,) for window in members)
        else:
            yield tuple(members)
