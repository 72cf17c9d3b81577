"""The training loss, callbacks, exceptions of threads: what happens while threads are at work."""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import TrainingError
from firth.kernels.engine import Engine, SliceResult
from firth.training.loop import loop as loop_module

SMALL: dict[str, Any] = {"dims": 12, "epochs": 4, "min_count": 1, "threads": 2, "progress": False}
Lines = list[list[str]]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Any:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


# ---- callbacks


class Recorder(firth.Callback):
    def __init__(self) -> None:
        self.ended: list[firth.TrainingState] = []
        self.progressed: list[firth.TrainingState] = []
        self.threads: set[str] = set()

    def on_epoch_end(self, state: firth.TrainingState) -> None:
        self.ended.append(state)
        self.threads.add(threading.current_thread().name)

    def on_progress(self, state: firth.TrainingState) -> None:
        self.progressed.append(state)
        self.threads.add(threading.current_thread().name)
        first = state.vectors.matrix
        time.sleep(0.01)
        np.testing.assert_array_equal(first, state.vectors.matrix, "no thread is at work meanwhile")


def test_callbacks_run_in_the_main_thread_between_slices(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "CALLBACK_INTERVAL_S", 0.0)
    recorder = Recorder()
    model = firth.train(lines, callbacks=[recorder], **SMALL)
    assert recorder.threads == {threading.main_thread().name}
    assert [state.epoch for state in recorder.ended] == [1, 2, 3, 4]
    assert [state.share_done for state in recorder.ended] == [0.25, 0.5, 0.75, 1.0]
    assert recorder.progressed
    last = recorder.ended[-1]
    assert last.loss_nats == model.history.epochs[-1].loss_nats
    assert last.learning_rate == pytest.approx(0.025e-4)
    assert last.heldout_loss_nats is None
    assert last.epochs == last.config.epochs == 4
    assert last.words_per_s > 0
    np.testing.assert_array_equal(last.vectors.matrix.shape, (200, 12))


class StopBy(firth.Callback):
    def __init__(self, method: str, way: str) -> None:
        self.way = way
        setattr(self, method, self._stop)

    def _stop(self, state: firth.TrainingState) -> bool:
        if self.way == "raise":
            raise firth.StopTraining
        return True


@pytest.mark.parametrize("way", ["raise", "return"])
@pytest.mark.parametrize("method", ["on_epoch_end", "on_progress"])
def test_callback_stops_the_run_in_order(
    way: str, method: str, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "CALLBACK_INTERVAL_S", 0.0)
    model = firth.train(lines, callbacks=[StopBy(method, way)], output=tmp_path / "model", **SMALL)
    assert model.history.stop_reason == "callback"
    assert len(model.history.epochs) == 1
    assert firth.load(tmp_path / "model").history == model.history
    share = model.history.words_trained / 18000
    assert share == 1 if method == "on_epoch_end" else 0 < share <= 1


def test_any_object_with_a_method_will_do(lines: Lines) -> None:
    class Own:
        epochs = 0

        def on_epoch_end(self, state: firth.TrainingState) -> None:
            self.epochs += 1

    own = Own()
    firth.train(lines, callbacks=(own,), **SMALL)
    assert own.epochs == 4


@pytest.mark.parametrize("method", ["on_epoch_end", "on_progress"])
def test_exception_of_a_callback_ends_the_run_with_it(
    method: str, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "CALLBACK_INTERVAL_S", 0.0)

    def fail(state: firth.TrainingState) -> None:
        raise ZeroDivisionError("in a callback")

    callback = firth.Callback()
    setattr(callback, method, fail)
    with pytest.raises(ZeroDivisionError, match="in a callback") as caught:
        firth.train(lines, callbacks=[callback], output=tmp_path / "model", **SMALL)
    assert firth.load(tmp_path / "model").history.stop_reason == "interrupted"
    assert not (tmp_path / "model" / ".work").exists()
    assert caught.value.partial_model_folder == tmp_path / "model"  # type: ignore[attr-defined]


# ---- threads


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("error", [MemoryError("none left"), ValueError("odd"), SystemExit(3)])
def test_exception_of_a_thread_ends_the_run_with_it(
    threads: int, error: BaseException, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_slice = Engine.train_slice

    def failing(self: Engine, start: int, stop: int, epoch: int) -> SliceResult:
        if epoch == 2 and stop > 9000:
            raise error
        return train_slice(self, start, stop, epoch)

    monkeypatch.setattr(Engine, "train_slice", failing)
    started = time.monotonic()
    with pytest.raises(type(error)) as caught:
        firth.train(lines, output=tmp_path / "model", checkpoint_every="1000words", **{**SMALL, "threads": threads})
    assert caught.value is error
    assert time.monotonic() - started < 10
    assert (tmp_path / "model" / ".work" / "run.json").exists(), "the last checkpoint stands"
    monkeypatch.undo()
    model = firth.resume(tmp_path / "model", progress=False)
    assert model.history.words_trained == 4 * 18000


@pytest.mark.parametrize("deterministic", [False, True])
def test_each_token_is_trained_once_whatever_happens_around(
    deterministic: bool, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Callbacks, evaluations and checkpoints all the time, an interruption in each epoch, other numbers of threads."""
    monkeypatch.setattr(loop_module, "CALLBACK_INTERVAL_S", 0.0)
    trained: list[tuple[int, int, int]] = []
    train_slice, train_rounds = Engine.train_slice, Engine.train_rounds

    def slice_recorded(self: Engine, start: int, stop: int, epoch: int) -> SliceResult:
        trained.append((epoch, start, stop))
        return train_slice(self, start, stop, epoch)

    def rounds_recorded(self: Engine, start: int, stop: int, epoch: int, threads: int) -> SliceResult:
        trained.append((epoch, start, stop))
        return train_rounds(self, start, stop, epoch, threads)

    monkeypatch.setattr(Engine, "train_slice", slice_recorded)
    monkeypatch.setattr(Engine, "train_rounds", rounds_recorded)

    class Interrupt(firth.Callback):
        calls = 0

        def on_progress(self, state: firth.TrainingState) -> None:
            self.calls += 1
            if self.calls == 3:
                raise KeyboardInterrupt

    output = tmp_path / "model"
    options = {**SMALL, "epochs": 3, "heldout": "5%", "heldout_every": "3kwords", "checkpoint_every": "1kwords"}
    with pytest.raises(KeyboardInterrupt):
        firth.train(lines, output=output, callbacks=[Interrupt()], deterministic=deterministic, **options)
    n_interruptions, model = 1, None
    while model is None:
        try:
            model = firth.resume(output, callbacks=[Interrupt()], threads=1 + n_interruptions % 3, progress=False)
        except KeyboardInterrupt:
            n_interruptions += 1
    assert n_interruptions > 2
    n_tokens = model.corpus.n_tokens
    expected = (0, 0)
    for epoch, start, stop in sorted(trained):
        assert (epoch, start) == expected
        expected = (epoch + 1, 0) if stop == n_tokens else (epoch, stop)
    assert expected == (3, 0)
    assert len(model.history.epochs) == 3


def test_not_finite_keeps_the_last_good_checkpoint(
    lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_slice = Engine.train_slice

    def failing(self: Engine, start: int, stop: int, epoch: int) -> SliceResult:
        if epoch == 3:
            return SliceResult(math.nan, 1.0, 1, 1)
        return train_slice(self, start, stop, epoch)

    monkeypatch.setattr(Engine, "train_slice", failing)
    output = tmp_path / "model"
    with pytest.raises(
        TrainingError,
        match=r"^the loss stopped being finite in epoch 4 at a learning rate of 0\.00625\d+; lower the learning rate"
        r" \(learning_rate=0\.0063\) or .*; the last good checkpoint stays in .*model/\.work/checkpoint, but ",
    ):
        firth.train(lines, output=output, checkpoint_every="10000words", **SMALL)
    monkeypatch.undo()
    model = firth.resume(output, progress=False)
    assert np.isfinite(model.vectors.matrix).all()
    assert len(model.history.epochs) == 4


def test_a_row_that_is_not_finite_is_found_at_the_end_of_the_epoch(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(self: Engine, start: int, stop: int, epoch: int) -> SliceResult:
        vectors = self.input_vectors
        vectors[3, 3] = np.inf
        self.load_vectors(vectors, self.output_vectors)
        return SliceResult(1.0, 1.0, 1, 1)

    monkeypatch.setattr(Engine, "train_slice", spoil)
    with pytest.raises(TrainingError, match=r"^a vector \(input vector of word 3 .*in epoch 1 at a learning rate"):
        firth.train(lines, **SMALL)
