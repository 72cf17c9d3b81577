"""Room classification: scores of predictions if texts may have several labels: precision and recall at k, F1.

Tests: tests/cli/test_classify_lines.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firth.base.html import html_table
from firth.numerics.ratios import ratio


@dataclass(frozen=True, eq=False)
class LabelScores:
    """Scores of predictions for texts that have one label or several.

    With G_i the true labels of text i, and A_i the labels predicted for text i, at most k of them:

        precision at k = sum_i |G_i and A_i| / sum_i |A_i|
        recall at k    = sum_i |G_i and A_i| / sum_i |G_i|
        F1 at k        = 2 sum_i |G_i and A_i| / sum_i (|A_i| + |G_i|)
        F1 of label c  = 2 t_c / (g_c + a_c)

    g_c is the number of texts that have label c, a_c the number of texts for which c is predicted, and t_c the number
    of texts that count in both. A true label that the classifier does not know counts as missed. fastText's ``test``
    ignores unknown labels, and texts that have only unknown labels. A ratio whose denominator is 0 is 0.

    Attributes
    ----------
    labels : tuple of str, (C,)
    k : int
    n_texts : int
    n_without_answer : int
        Number of texts for which no label is predicted.
    n_unknown : int
        Number of occurrences of true labels that the classifier does not know.
    true_counts, answered_counts, hits : int64 arrays, (C,)
        g_c, a_c and t_c.
    """

    labels: tuple[str, ...]
    k: int
    n_texts: int
    n_without_answer: int
    n_unknown: int
    true_counts: NDArray[np.int64]
    answered_counts: NDArray[np.int64]
    hits: NDArray[np.int64]

    @property
    def precision(self) -> float:
        return float(ratio(self.hits.sum(), self.answered_counts.sum()))

    @property
    def recall(self) -> float:
        return float(ratio(self.hits.sum(), self.true_counts.sum() + self.n_unknown))

    @property
    def f1(self) -> float:
        """F1 at k of all labels together; with one label and one answer for each text, the accuracy."""
        n_true = self.true_counts.sum() + self.n_unknown
        return float(ratio(2 * self.hits.sum(), self.answered_counts.sum() + n_true))

    @property
    def label_precision(self) -> NDArray[np.float64]:
        return ratio(self.hits, self.answered_counts)

    @property
    def label_recall(self) -> NDArray[np.float64]:
        return ratio(self.hits, self.true_counts)

    @property
    def label_f1(self) -> NDArray[np.float64]:
        return ratio(2 * self.hits, self.true_counts + self.answered_counts)

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the labels that are true or predicted for at least one text."""
        occurs = (self.true_counts + self.answered_counts) > 0
        return float(self.label_f1[occurs].mean()) if occurs.any() else 0.0

    def __repr__(self) -> str:
        at_k = f"precision at {self.k} {self.precision:.4f}, recall at {self.k} {self.recall:.4f}"
        counts = f"{self.n_texts:,} texts, {len(self.labels):,} labels"
        return f"LabelScores({counts}, {at_k}, macro F1 {self.macro_f1:.4f})"

    def _repr_html_(self) -> str:
        counts = self.true_counts
        occurring = [row for row in np.argsort(-counts, kind="stable") if counts[row] or self.answered_counts[row]]
        columns = (self.label_precision, self.label_recall, self.label_f1)
        rows = [(self.labels[row], int(counts[row]), *(float(column[row]) for column in columns)) for row in occurring]
        return html_table(repr(self), ("label", "texts", "precision", "recall", "F1"), rows)


class ScoreCounter:
    """Counts true, predicted and correct labels for `LabelScores`, in memory independent of the number of texts."""

    def __init__(self, labels: Sequence[str], k: int) -> None:
        self._labels = tuple(labels)
        self._numbers = {label: number for number, label in enumerate(labels)}
        self._k = k
        self._n_texts = self._n_without_answer = self._n_unknown = 0
        self._true, self._answered, self._hits = (np.zeros(len(labels), np.int64) for _ in range(3))

    def add(self, true_labels: Iterable[Sequence[str]], ids: NDArray[np.int32]) -> None:
        """Count texts.

        Parameters
        ----------
        true_labels : iterable of sequences of str
            The true labels of each text.
        ids : int32 array, (n_texts, at least k)
            Numbers of the predicted labels, the best first; -1 for none. Only the first k columns count.
        """
        for names, answered in zip(true_labels, ids[:, : self._k].tolist(), strict=True):
            found = {label for label in answered if label >= 0}
            known = {self._numbers[name] for name in names if name in self._numbers}
            self._n_texts += 1
            self._n_without_answer += not found
            self._n_unknown += len({name for name in names if name not in self._numbers})
            for counts, labels in ((self._true, known), (self._answered, found), (self._hits, known & found)):
                for label in labels:
                    counts[label] += 1

    def scores(self) -> LabelScores:
        return LabelScores(
            self._labels,
            self._k,
            self._n_texts,
            self._n_without_answer,
            self._n_unknown,
            self._true.copy(),
            self._answered.copy(),
            self._hits.copy(),
        )


class PrecisionMean:
    """The mean average precision of the labels' order, over texts, added up block by block.

    All labels of a text are in order by falling probability. Its true labels are G, and n of them have the ranks
    r_1 < ... < r_n, from 1:

        average precision = (1 / |G|) sum_k k / r_k

    It is 1 if the true labels come first. True labels without a rank (unknown to the classifier, or left out by it) add
    nothing. Without equal probabilities it is scikit-learn's ``label_ranking_average_precision_score``.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self._numbers = {label: number for number, label in enumerate(labels)}
        self._sum, self._n_texts = 0.0, 0

    def add(self, true_labels: Iterable[Sequence[str]], ids: NDArray[np.int32]) -> None:
        """Add texts: the true labels of each, and all labels by falling probability; -1 for none."""
        n_labels = len(self._numbers)
        ranks = np.zeros(n_labels + 1, np.int64)  # the last one is of -1
        for names, ordered in zip(true_labels, ids, strict=True):
            own = {self._numbers.get(name, -1) for name in names}
            ranks[ordered] = np.arange(1, len(ordered) + 1)
            ranks[-1] = 0
            found = sorted(int(ranks[label]) for label in own if ranks[label])
            ranks[ordered] = 0
            self._sum += sum(k / rank for k, rank in enumerate(found, start=1)) / len(set(names))
            self._n_texts += 1

    @property
    def value(self) -> float:
        return self._sum / self._n_texts if self._n_texts else 0.0


__all__ = ["LabelScores", "PrecisionMean", "ScoreCounter"]
