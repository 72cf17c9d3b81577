"""Callbacks, exceptions of threads, held-out loss, patience, progress: what happens while threads are at work."""

from __future__ import annotations

import io
import math
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import MissingExtraError, ParameterError, TrainingError
from firth.kernels import engine as engine_module
from firth.kernels.engine import Engine, SliceResult
from firth.models.history import EpochRecord, Evaluation, History
from firth.training.loop import loop as loop_module
from firth.training.loop.progress import (
    BarProgress,
    LineProgress,
    ProgressDisplay,
    ProgressReport,
    format_bytes,
    format_count,
    format_duration,
    make_progress,
)
from firth.training.loop.signals import StopSignals

SMALL: dict[str, Any] = {"dims": 12, "epochs": 4, "min_count": 1, "threads": 2, "progress": False}
Lines = list[list[str]]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Any:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


# ---- the training loss


def test_the_loss_of_a_long_corpus_is_an_estimate_with_its_error(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = SMALL | {"threads": 1, "deterministic": True}
    exact = firth.train(lines, **options)
    monkeypatch.setattr(engine_module, "EXACT_LOSS_TOKENS", 1000)
    model = firth.train(lines, **options | {"progress": True})
    np.testing.assert_array_equal(model.vectors.matrix, exact.vectors.matrix)
    assert {record.loss_standard_error for record in exact.history.epochs} == {0.0}
    for record, true in zip(model.history.epochs, exact.history.epochs, strict=True):
        assert record.loss_nats != true.loss_nats
        assert 0 < record.loss_standard_error < 0.05
        assert abs(record.loss_nats - true.loss_nats) < 4 * record.loss_standard_error
        assert record.n_examples == true.n_examples
    last = model.history.epochs[-1]
    assert f"loss {last.loss_nats:.4f} ± {last.loss_standard_error:.4f}" in capsys.readouterr().err
    assert History.from_json(model.history.to_json()) == model.history


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
            return SliceResult(math.nan, 1.0, (0.0, 0.0, 0.0), 1, 1)
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
        return SliceResult(1.0, 1.0, (0.0, 0.0, 0.0), 1, 1)

    monkeypatch.setattr(Engine, "train_slice", spoil)
    with pytest.raises(TrainingError, match=r"^a vector \(input vector of word 3 .*in epoch 1 at a learning rate"):
        firth.train(lines, **SMALL)


def test_training_from_another_thread_leaves_signals_alone(lines: Lines) -> None:
    models: list[firth.Model] = []
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=lambda: models.append(firth.train(lines, **SMALL)))
    thread.start()
    thread.join()
    assert models[0].history.stop_reason == "finished"
    assert signal.getsignal(signal.SIGTERM) is before


def test_handlers_are_put_back(lines: Lines) -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    seen: list[Any] = []

    class Look(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            seen.append(signal.getsignal(signal.SIGTERM))

    firth.train(lines, callbacks=[Look()], **SMALL)
    with pytest.raises(ParameterError):
        firth.train(lines, noise_distribution=[1.0], **SMALL)
    assert seen[0] is not handlers[signal.SIGTERM]
    assert {number: signal.getsignal(number) for number in handlers} == handlers


def test_a_handler_of_the_users_own_is_called() -> None:
    calls: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: calls.append(number))
    try:
        with StopSignals() as signals:
            signal.raise_signal(signal.SIGTERM)
            assert signals.received == signal.SIGTERM
            with pytest.raises(SystemExit) as caught:
                signals.raise_received()
            assert caught.value.code == 143
        assert calls == [signal.SIGTERM]
        with StopSignals() as signals, signals.at_once():
            signal.raise_signal(signal.SIGTERM)
            assert signals.received is None
        assert calls == [signal.SIGTERM] * 2
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_second_signal_interrupts_at_once() -> None:
    steps: list[str] = []

    def press_twice() -> None:
        with StopSignals() as signals:
            signal.raise_signal(signal.SIGINT)
            assert signals.received == signal.SIGINT
            steps.append("noted")
            signal.raise_signal(signal.SIGINT)
            steps.append("still there")

    with pytest.raises(KeyboardInterrupt):
        press_twice()
    assert steps == ["noted"]


def test_a_signal_that_was_noted_is_not_lost() -> None:
    with pytest.raises(KeyboardInterrupt), StopSignals():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_while_the_model_is_saved_comes_after_it(
    lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = firth.Model.save

    def press(self: firth.Model, *arguments: Any, **options: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        save(self, *arguments, **options)

    monkeypatch.setattr(firth.Model, "save", press)
    with pytest.raises(KeyboardInterrupt) as caught:
        firth.train(lines, output=tmp_path / "model", **SMALL)
    assert caught.value.partial_model.history.stop_reason == "finished"  # type: ignore[attr-defined]
    assert len(firth.load(tmp_path / "model").vectors) == 200
    assert not (tmp_path / "model" / ".work").exists()


def test_ctrl_c_while_a_callback_runs(lines: Lines, tmp_path: Path) -> None:
    class Press(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("interrupted before")

    with pytest.raises(KeyboardInterrupt):
        firth.train(lines, callbacks=[Press()], output=tmp_path / "model", checkpoint_every="1h", **SMALL)
    assert firth.resume(tmp_path / "model", progress=False).history.words_trained == 4 * 18000


# ---- the held-out part


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


# ---- history


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


# ---- progress


def _report(share: float) -> ProgressReport:
    return ProgressReport(2, 5, share, 0.2 + share / 5, 5.31e6, 0.0183, 2.31449, None, 41.4)


def test_plain_lines_where_there_is_no_terminal(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    firth.train(lines, heldout="10%", **{**SMALL, "progress": None})
    output = capsys.readouterr()
    assert output.out == ""
    assert "\x1b" not in output.err
    assert "\r" not in output.err
    shown = output.err.splitlines()
    assert shown[0].startswith("encoding: memory ")
    assert any("words read" in line and "vocabulary of 200" in line for line in shown)
    assert any(line.startswith("memory: ") for line in shown)
    epochs = [line for line in shown if line.startswith("epoch ")]
    assert len(epochs) == 4
    assert all("loss" in line and "held-out loss" in line and "words/s" in line for line in epochs)


def test_silence_when_asked(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    firth.train(lines, **{**SMALL, "progress": False})
    assert capsys.readouterr() == ("", "")


def test_lines_come_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("firth.training.loop.progress.time.monotonic", lambda: now)
    stream = io.StringIO()
    display = LineProgress(stream)
    for tick in range(3000):
        now = tick / 10
        display.update(_report(tick / 3000))
        display.encoding("count", tick, 3000)
    shown = stream.getvalue().splitlines()
    assert 5 <= len(shown) <= 9
    assert shown[0].startswith("epoch 2/5: ")
    assert "5.31 M words/s, learning rate 0.0183, loss 2.3145, 0:41 left" in shown[0]


def test_bar_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    display = make_progress(None, stream)
    assert isinstance(display, BarProgress)
    display.note("memory: [red]80 MB[/red]")
    display.encoding("count", 5, 10)
    time.sleep(0.3)
    display.update(_report(0.5))
    display.epoch_ended("epoch 2/5: loss 2.3")
    display.close()
    display.close()
    text = stream.getvalue()
    assert "memory: [red]80 MB[/red]" in text
    assert "epoch 2/5" in text
    assert isinstance(make_progress(True, io.StringIO()), LineProgress)
    assert type(make_progress(False, stream)) is ProgressDisplay


def test_notebook_display_is_redrawn_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("IPython")
    import IPython

    from firth.training.loop.progress import NotebookProgress

    drawn: list[str] = []

    class Handle:
        def update(self, thing: object) -> None:
            drawn.append(repr(thing))

    class ZMQInteractiveShell:
        pass

    monkeypatch.setattr(IPython, "get_ipython", ZMQInteractiveShell)
    monkeypatch.setattr("IPython.display.display", lambda thing, display_id: Handle())
    display = make_progress(None)
    assert isinstance(display, NotebookProgress)
    display.note("80 MB")
    display.update(_report(0.5))
    display.epoch_ended("epoch 2/5 is over")
    display.close()
    assert drawn[1].startswith("80 MB\nepoch 2/5 ███████░")
    assert drawn[-1] == "80 MB\nepoch 2/5 is over"


def test_numbers_for_people() -> None:
    assert [format_count(n) for n in (5.31e6, 48_213, 912.4, 2.5e9)] == ["5.31 M", "48.2 k", "912", "2.5 G"]
    assert [format_bytes(n) for n in (80e6, 1.234e9, 12)] == ["80 MB", "1.23 GB", "12 bytes"]
    assert [format_duration(n) for n in (41.4, 725, 11220, -1)] == ["0:41", "12:05", "3:07:00", "0:00"]


def test_ctrl_c_while_encoding_leaves_nothing(tmp_path: Path) -> None:
    """The corpus is a stream that never ends: only the signal ends the program."""
    code = (
        "import firth, itertools, sys\n"
        "def corpus():\n"
        "    yield ['a', 'b']\n"
        "    print('encoding', flush=True)\n"
        "    while True:\n"
        "        yield ['a', 'b']\n"
        f"firth.train(corpus(), output={str(tmp_path / 'model')!r}, progress=False)\n"
    )
    for number, expected in ((signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={"PYTHONPATH": str(Path(firth.__file__).parents[1])},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "encoding\n"
        process.send_signal(number)
        process.communicate(timeout=30)
        assert process.returncode == expected
        assert not (tmp_path / "model").exists()
