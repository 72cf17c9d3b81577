"""The held-out loss and the user's metric on the way; patience, and the best vectors that are kept."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import ParameterError
from firth.models.history import Evaluation

SMALL: dict[str, Any] = {"dims": 12, "epochs": 4, "min_count": 1, "threads": 2, "progress": False}
Lines = list[list[str]]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Any:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_heldout_loss_falls_and_does_not_depend_on_threads(lines: Lines) -> None:
    options = {**SMALL, "heldout": "10%", "learning_rate": 0.1}
    model = firth.train(lines, **{**options, "threads": 1})
    losses = model.history.heldout_loss_nats
    assert len(losses) == 4
    assert losses[-1] < losses[0]
    assert [record.heldout_loss_nats for record in model.history.epochs] == losses
    again = firth.train(lines, heldout=0.1, **{**SMALL, "learning_rate": 0.1, "threads": 1})
    assert again.history.heldout_loss_nats == losses
    n_read = model.corpus.n_tokens_read
    assert 0.85 * 18000 < n_read < 0.95 * 18000
    assert model.history.words_trained == 4 * n_read


def test_heldout_file_with_the_training_vocabulary(lines: Lines, tmp_path: Path) -> None:
    (tmp_path / "held.txt").write_text("\n".join(" ".join([*line, "unheard"]) for line in lines[:100]))
    model = firth.train(lines[100:], heldout=tmp_path / "held.txt", **SMALL)
    assert "unheard" not in model.vectors
    assert len(model.history.heldout_loss_nats) == 4
    lists = firth.train(lines[100:], heldout=iter(lines[:100]), **{**SMALL, "threads": 1})
    one = firth.train(lines[100:], heldout=tmp_path / "held.txt", **{**SMALL, "threads": 1})
    assert lists.history.heldout_loss_nats == one.history.heldout_loss_nats


@pytest.mark.parametrize("deterministic", [False, True])
def test_heldout_every_so_many_words(lines: Lines, deterministic: bool) -> None:
    model = firth.train(lines, heldout="10%", heldout_every="5kwords", deterministic=deterministic, **SMALL)
    done = [evaluation.epochs_done for evaluation in model.history.evaluations]
    assert done[-1] == 4.0
    looks = math.ceil(model.history.words_trained / 5000)
    # in rounds: at the end of the first round that is due
    assert len(done) == looks if not deterministic else 4 < len(done) <= looks
    assert done == sorted(set(done))


def test_patience_keeps_the_best_vectors(lines: Lines) -> None:
    scores = iter([1.0, 3.0, 2.0, 2.5, 9.0])
    seen: list[Any] = []

    def metric(vectors: firth.WordVectors) -> float:
        seen.append(np.array(vectors.matrix))
        return next(scores)

    model = firth.train(lines, patience=2, stop_metric=metric, **{**SMALL, "epochs": 9})
    assert [evaluation.metric for evaluation in model.history.evaluations] == [1.0, 3.0, 2.0, 2.5]
    assert model.history.stop_reason == "patience"
    assert len(model.history.epochs) == 4
    assert model.history.kept == Evaluation(2.0, None, 3.0)
    np.testing.assert_array_equal(model.vectors.matrix, seen[1])


def test_best_vectors_are_kept_where_the_run_ends_by_itself(lines: Lines) -> None:
    seen: list[Any] = []

    def metric(vectors: firth.WordVectors) -> int:
        seen.append(np.array(vectors.matrix))
        return -len(seen)

    model = firth.train(lines, patience=10, stop_metric=metric, **SMALL)
    assert model.history.stop_reason == "finished"
    np.testing.assert_array_equal(model.vectors.matrix, seen[0])
    unkept = firth.train(lines, stop_metric=lambda vectors: -1.0, **{**SMALL, "threads": 1})
    assert unkept.history.kept is None


def test_patience_with_the_heldout_loss_stops_overtraining() -> None:
    generator = np.random.default_rng(0)
    noise = [[f"w{word}" for word in row] for row in generator.integers(200, size=(150, 8)).tolist()]
    model = firth.train(noise, heldout="30%", patience=2, **{**SMALL, "epochs": 200, "learning_rate": 0.2})
    assert model.history.stop_reason == "patience"
    losses = model.history.heldout_loss_nats
    assert model.history.kept is not None
    assert model.history.kept.heldout_loss_nats == min(losses)
    assert len(losses) == losses.index(min(losses)) + 3


@pytest.mark.parametrize("value", [math.nan, "good", None, True])
def test_bad_metric(lines: Lines, value: Any) -> None:
    with pytest.raises(ParameterError, match="^stop_metric must return a finite number"):
        firth.train(lines, stop_metric=lambda vectors: value, **SMALL)
