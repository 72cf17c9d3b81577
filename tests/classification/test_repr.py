"""What a prompt and a notebook show for predictions and scores: one line, and a table."""

from __future__ import annotations

import numpy as np

from firth.classification.classifier import Predictions
from firth.classification.scores import LabelScores, ScoreCounter
from firth.estimators.confusion import compute_confusion


def scores() -> LabelScores:
    counter = ScoreCounter(["<a>", "b", "never"], 1)
    counter.add([["<a>"], ["<a>"], ["b"], ["b"]], np.array([[0], [1], [1], [1]], np.int32))
    return counter.scores()


def test_predictions_are_one_line() -> None:
    one = Predictions(["a", "b"], np.array([0.75, 0.25], np.float32))
    assert repr(one) == "Predictions(labels=['a', 'b'], probabilities=array([0.75, 0.25], dtype=float32))"
    assert "\n" not in repr(Predictions(["a"] * 50, np.full(50, 0.015625, np.float32)))
    several = Predictions([["a"], ["b"]], np.array([[0.75, 0], [0.5, 0]], np.float32))
    assert repr(several) == "Predictions(2 texts, at most 2 labels each)"
    assert several == (several.labels, several.probabilities)  # a tuple still


def test_scores_are_one_line_and_a_table() -> None:
    line = "LabelScores(4 texts, 3 labels, precision at 1 0.7500, recall at 1 0.7500, macro F1 0.7333)"
    assert repr(scores()) == line
    shown = scores()._repr_html_()
    assert line in shown
    assert "<tr><td>&lt;a&gt;</td><td>2</td><td>1</td><td>0.5</td><td>0.6667</td></tr>" in shown
    assert "never" not in shown


def test_a_confusion_is_one_line_and_a_table() -> None:
    confusion = compute_confusion(["a", "a", "b", "b"], ["a", "b", "b", "b"])
    assert repr(confusion) == "Confusion(4 texts, 2 classes, accuracy 0.7500, macro F1 0.7333)"
    assert "<tr><td>a</td><td>1</td><td>1</td></tr><tr><td>b</td><td>0</td><td>2</td></tr>" in confusion._repr_html_()
