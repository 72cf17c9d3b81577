"""Room base: finds words with a spelling similar to an unknown word, for the messages of errors.

Tests: tests/vectors/test_word_vectors.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

SEARCHED_WORDS = 500_000  # the most frequent words; words beyond are not searched for spellings
_BLOCK_WORDS = 1 << 15
_MAX_LENGTH = 40  # characters; longer words get no suggestions


def did_you_mean(near: Sequence[str]) -> str:
    """The end of a message about an unknown word; empty if there is no similar spelling."""
    return f"; did you mean {', '.join(map(repr, near))}?" if near else ""


def near_spellings(word: str, words: Iterable[str], n_best: int = 3) -> list[str]:
    """Words at the smallest edit distance, ignoring case. Among equal distances, the first (more frequent) words.

    The distance is the optimal string alignment distance (insert, delete, replace and swap of neighbours cost 1),
    computed for a block of words at a time. The largest accepted distance is a sixth to a third of the word's length.
    """
    target = word.lower()
    if not 0 < len(target) <= _MAX_LENGTH:
        return []
    limit = 1 if len(target) < 6 else 2 if len(target) < 12 else 3
    best: list[tuple[int, int, str]] = []
    remaining = enumerate(words)
    while block := list(islice(remaining, _BLOCK_WORDS)):
        block = [(place, other) for place, other in block if abs(len(other) - len(target)) <= limit]
        if not block:
            continue
        letters = np.array([other.lower() for _, other in block], dtype=f"U{len(target) + limit}")
        codes = letters.view(np.uint32).reshape(len(block), -1)
        lengths = np.count_nonzero(codes, axis=1)
        distances = _edit_distances(np.array([target]).view(np.uint32), codes.T, lengths)
        near = np.flatnonzero(distances <= limit)
        best.extend((int(distances[place]), *block[place]) for place in near.tolist())
        best = sorted(best)[:n_best]
    return [other for _, _, other in best]


def _edit_distances(
    target: NDArray[np.uint32], letters: NDArray[np.uint32], lengths: NDArray[np.int64]
) -> NDArray[np.int16]:
    """Distances (N,) of ``target`` (T,) from N words given as ``letters`` (L, N), of ``lengths`` (N,)."""
    width, n_words = letters.shape
    n_target = len(target)
    distances = np.full(n_words, n_target, dtype=np.int16)
    before = np.zeros((0, n_words), dtype=np.int16)
    previous = np.repeat(np.arange(n_target + 1, dtype=np.int16)[:, None], n_words, axis=1)
    for column in range(1, width + 1):
        current = np.empty_like(previous)
        current[0] = column
        letter = letters[column - 1]
        for row in range(1, n_target + 1):
            cost = previous[row - 1] + (letter != target[row - 1])
            np.minimum(cost, previous[row] + 1, out=cost)
            np.minimum(cost, current[row - 1] + 1, out=cost)
            if row > 1 and column > 1:
                swapped = (letter == target[row - 2]) & (letters[column - 2] == target[row - 1])
                cost = np.where(swapped, np.minimum(cost, before[row - 2] + 1), cost)
            current[row] = cost
        before, previous = previous, current
        ended = lengths == column
        distances[ended] = current[n_target][ended]
    return distances


__all__ = ["SEARCHED_WORDS", "did_you_mean", "near_spellings"]
