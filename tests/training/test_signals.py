"""Ctrl-C and SIGTERM while a run is on, and in between; handlers of the user's own are put back."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import firth
from firth.errors import ParameterError
from firth.training.loop.signals import StopSignals

SMALL: dict[str, Any] = {"dims": 12, "epochs": 4, "min_count": 1, "threads": 2, "progress": False}
Lines = list[list[str]]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Any:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


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
