"""Room checking: the ``dataset`` of the course with scripted draws, so that the grader knows the draws.

Tests: tests/checking/test_objective.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

WORDS = "abcdefghijklmnopqrstuvwxyz"


class ScriptedDataset:
    """Has ``sampleTokenIdx()`` and ``getRandomContext(C)``. The draws are ``script``, then those of a generator.

    Parameters
    ----------
    script : sequence of int
        The first draws, in order.
    n_words : int
        After the script, every id in [0, n_words) occurs again and again, so a loop of redraws ends.
    """

    def __init__(self, script: Sequence[int], n_words: int) -> None:
        self._script = [int(word_id) for word_id in script]
        self._n_words = n_words
        self._generator = np.random.RandomState(7)
        self.drawn: list[int] = []

    def stream(self, n_draws: int) -> list[int]:
        """The first ``n_draws`` draws of this dataset."""
        while len(self._script) < n_draws:
            self._script.append(int(self._generator.randint(self._n_words)))
        return self._script[:n_draws]

    def __len__(self) -> int:
        return self._n_words

    def rewind(self) -> None:
        self.drawn = []

    def sampleTokenIdx(self, *ignored: Any) -> int:
        word_id = self.stream(len(self.drawn) + 1)[-1]
        self.drawn.append(word_id)
        return word_id

    def getRandomContext(self, C: int = 5) -> tuple[str, list[str]]:
        ids = self._generator.randint(self._n_words, size=2 * C + 1)
        words = [WORDS[word_id % len(WORDS)] for word_id in ids]
        return words[0], words[1:]

    def tokens(self) -> dict[str, int]:
        return {WORDS[word_id]: word_id for word_id in range(self._n_words)}
