"""Room kernels: groups windows into units of training, divides wide windows into parts, and defines stretches.

Twin of native/cpp/plan/units.hpp. With ``negative_sharing="block"`` the windows of a *stretch* share noise sets. The
input side defines three numbers: the tokens of a stretch, the *noise sets* of a stretch (each of K noise words), and
the neighbouring windows that are one unit. The *slot* of a kept token is its index among the kept tokens of its
stretch. The units of a stretch use the noise sets in a cycle. The windows of a unit have one noise set, and one width
if widths are dynamic.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from firth.kernels.config import TrainingConfig

UNIT_BORDER = 64  # tokens: no unit contains windows on both sides of a multiple of this number
MAX_STRETCH_WINDOW = 10  # context words on a side; wider windows, and whole sequences, do not share noise sets


@dataclass(frozen=True)
class PlannedWindow:
    """One center: its target, its context in order, and its negatives in the order of its parts.

    ``context_ids`` are word ids, or the input rows of an explicit example. ``position`` is the center's position in the
    corpus.

    ``parts`` are the context and the negatives of each part of the window. There is one part, unless the window is wide
    or negatives are drawn by pair.

    ``unit`` is equal for neighbouring windows that are one unit: windows of the same sequence, stretch and group of
    slots that have the same negatives. If a noise word equalled the target, the negatives are the same only for windows
    of the same target. ``unit`` is None if each window is a unit, or if a negative was left out.
    """

    position: int
    target_id: int
    context_ids: tuple[int, ...]
    negative_ids: tuple[int, ...]
    unit: tuple[int, int, int, int | None] | None = None
    parts: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = ()


def shares_noise(config: TrainingConfig) -> bool:
    """Whether the windows of a stretch share its noise sets."""
    bounded = config.window_mode != "sequence" and config.window <= MAX_STRETCH_WINDOW
    return config.negative_sharing == "block" and bounded


def unit_windows(config: TrainingConfig) -> int:
    """Number of neighbouring slots whose windows are one unit, with one noise set and one width."""
    return config.objective.inputs.joined_windows if shares_noise(config) else 1


def part_borders(config: TrainingConfig, n_context: int) -> list[int]:
    """Index of the first context word of each part of a window with ``n_context`` context words, then ``n_context``.

    The sizes of parts differ by at most one word: part p of n begins at context word floor(p n_context / n).
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
    """Group the windows of a plan into units for negative sampling, in order."""
    for unit, members in itertools.groupby(windows, key=lambda window: window.unit):
        if unit is None:
            yield from ((window,) for window in members)
        else:
            yield tuple(members)
