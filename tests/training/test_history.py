"""The history of a run: through JSON, and as a plot."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import MissingExtraError
from firth.models.history import EpochRecord, Evaluation, History

SMALL: dict[str, Any] = {"dims": 12, "epochs": 4, "min_count": 1, "threads": 2, "progress": False}
Lines = list[list[str]]


def test_history_round_trip_and_words_per_s() -> None:
    history = History(
        epochs=[EpochRecord(1, math.nan, 0, 1e6, 0.01, 2.0), EpochRecord(2, 2.5, 7, 2e6, 0.0, 1.0, 3.5)],
        evaluations=[Evaluation(2.0, 3.5, None)],
        encode_seconds=1.5,
        train_seconds=3.0,
        words_trained=6e6,
        stop_reason="patience",
        kept=Evaluation(2.0, 3.5, None),
    )
    import json

    again = History.from_json(json.loads(json.dumps(history.to_json(), allow_nan=False)))
    assert math.isnan(again.epochs[0].loss_nats)
    assert again.epochs[1:] == history.epochs[1:]
    assert (again.evaluations, again.kept, again.stop_reason) == (history.evaluations, history.kept, "patience")
    assert again.words_per_s == 2e6
    assert again.loss_nats[1:] == [2.5]
    assert again.heldout_loss_nats == [3.5]


def test_plot(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    model = firth.train(lines, heldout="10%", patience=9, **SMALL)
    axes = model.history.plot()
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["training", "held out", "kept"]
    np.testing.assert_array_equal(axes.get_lines()[0].get_ydata(), model.history.loss_nats)
    assert model.history.plot(ax=axes) is axes
    pyplot.close("all")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'firth\[plot\]'"):
        model.history.plot()
