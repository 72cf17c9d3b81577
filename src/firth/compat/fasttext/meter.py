"""Room compat: fastText's scores of a classifier on labelled lines: precision, recall, F1, and curves of them.

Of n lines with G_i the known labels of line i and A_i the labels that it was answered:

    precision = sum_i |G_i and A_i| / sum_i |A_i|
    recall    = sum_i |G_i and A_i| / sum_i |G_i|
    F1        = 2 sum_i |G_i and A_i| / (sum_i |G_i| + sum_i |A_i|)

As in fastText, lines without a known label and lines without a row are left out. A ratio without a denominator is NaN.

Tests: tests/compat/fasttext/test_models.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from firth.base.ngrams import END_OF_SENTENCE
from firth.compat.fasttext.rows import Rows, tokenize_line

MISSED = -1.0  # the score of a true label that a line was not answered

Pairs = list[tuple[float, float]]


class Meter:
    """Counts of answers, label by label.

    Parameters
    ----------
    rows : Rows
    k : int
        The most labels of a line; -1: all.
    threshold : float
    keeps_scores : bool
        Whether the curves can be asked for.
    """

    def __init__(self, rows: Rows, k: int, threshold: float, *, keeps_scores: bool) -> None:
        self._rows = rows
        self._k = k
        self._threshold = threshold
        self._keeps_scores = keeps_scores
        n_labels = rows.model.n_labels
        self._gold, self._predicted, self._hits = (np.zeros(n_labels, np.int64) for _ in range(3))
        self._scores: list[Pairs] = [[] for _ in range(n_labels)]
        self._n_examples = 0

    def add_lines(self, lines: Iterable[bytes]) -> None:
        """Count the answers to lines with labels."""
        remaining = iter(lines)
        n_lines = self._rows.count_lines_at_once(self._k)
        while block := list(islice(remaining, n_lines)):
            self._add_block(block)

    def _add_block(self, lines: list[bytes]) -> None:
        rows = self._rows
        golds = [self._known_labels(line) for line in lines]
        kept = [number for number, gold in enumerate(golds) if gold]
        if not kept:
            return
        ids, probabilities = rows.predict([lines[number] for number in kept], self._k, self._threshold)
        for number, answered, scores in zip(kept, ids.tolist(), probabilities.tolist(), strict=True):
            gold = golds[number]
            best = [(label, score) for label, score in zip(answered, scores, strict=True) if label >= 0]
            if not best and not rows.line_rows(lines[number]):
                continue  # the line has no row
            self._n_examples += 1
            for label, score in best:
                is_hit = label in gold
                self._predicted[label] += 1
                self._hits[label] += is_hit
                if self._keeps_scores:
                    self._scores[label].append((min(score, 1.0), float(is_hit)))
            for label in gold:
                self._gold[label] += 1
                if self._keeps_scores and label not in {answer for answer, _ in best}:
                    self._scores[label].append((MISSED, 1.0))

    def _known_labels(self, line: bytes) -> list[int]:
        """The labels of a line before a word ``</s>``, repeated ones as often, as fastText counts them."""
        found = []
        for token in tokenize_line(line):
            if token == END_OF_SENTENCE:
                break
            label = self._rows.label_id(token)
            if label >= 0:
                found.append(label)
        return found

    @property
    def n_examples(self) -> int:
        return self._n_examples

    def precision(self, label: int | None = None) -> float:
        return _ratio(*self._counts(label)[:2])

    def recall(self, label: int | None = None) -> float:
        hits, _, gold = self._counts(label)
        return _ratio(hits, gold)

    def f1_score(self, label: int) -> float:
        hits, predicted, gold = self._counts(label)
        return _ratio(2 * hits, predicted + gold)

    def _counts(self, label: int | None) -> tuple[int, int, int]:
        arrays = (self._hits, self._predicted, self._gold)
        hits, predicted, gold = (int(array.sum() if label is None else array[label]) for array in arrays)
        return hits, predicted, gold

    def score_vs_true(self, label: int | None) -> NDArray[np.float64]:
        """float64 (n, 2): scores, rising, and whether each is of a true label; of one label or of all."""
        chosen = self._scores if label is None else self._scores[label : label + 1]
        pairs = sorted(pair for pairs in chosen for pair in pairs)
        return np.array(pairs, np.float64).reshape(-1, 2)

    def curve(self, label: int | None) -> NDArray[np.float64]:
        """float64 (n, 2): precision and recall at each score, the highest score first; then 1 and 0."""
        pairs = self.score_vs_true(label)[::-1]
        pairs = pairs[pairs[:, 0] >= 0]
        if not len(pairs):
            return np.zeros((0, 2))
        hits = np.cumsum(pairs[:, 1])
        is_last = np.append(pairs[1:, 0] != pairs[:-1, 0], True)  # of equal scores
        hits, n_answers = hits[is_last], (np.arange(len(pairs)) + 1.0)[is_last]
        n_gold = self._counts(label)[2]
        n_kept = min(len(hits), int(np.searchsorted(hits, n_gold)) + 1)
        recalls = hits[:n_kept] / n_gold if n_gold else np.full(n_kept, math.nan)
        points = np.stack([hits[:n_kept] / n_answers[:n_kept], recalls], axis=1)
        return np.concatenate([points, [[1.0, 0.0]]])

    def precision_at_recall(self, recall: float, label: int | None) -> float:
        curve = self.curve(label)
        return float(curve[curve[:, 1] >= recall, 0].max(initial=0.0))

    def recall_at_precision(self, precision: float, label: int | None) -> float:
        curve = self.curve(label)
        return float(curve[curve[:, 0] >= precision, 1].max(initial=0.0))


def _ratio(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else math.nan


__all__ = ["MISSED", "Meter"]
