"""Room tests/cli: what ``firth train`` keeps when it is interrupted, or cannot save its model where it was asked to."""

from __future__ import annotations

import errno
import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import firth
from firth.training.loop.checkpoints import CheckpointWarning
from firth.training.loop.loop import TrainingLoop
from firth.training.loop.signals import StopSignals

PACKAGE = str(Path(firth.__file__).parents[1])


def start(arguments: list[object], folder: Path, **streams: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "firth", "train", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": PACKAGE},
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
    )


def interrupt(number: signal.Signals, arguments: list[object], folder: Path) -> tuple[int, str, str]:
    """Send a signal in the second epoch; exit status, standard output and the rest of standard error."""
    with start([*arguments, "--epochs", 1_000_000], folder) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 2"):
                break
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_was_learned_is_saved(number: signal.Signals, run: Any, corpus_file: Path, tmp_path: Path) -> None:
    status, output, errors = interrupt(number, [corpus_file, "-o", "m", "--json"], tmp_path)
    assert status == 128 + number
    assert "Traceback" not in errors
    assert errors.count("is saved to m") == 1
    record = json.loads(output)
    assert (record["stop_reason"], record["output"]) == ("interrupted", "m")
    assert record["epochs"] >= 2
    history = firth.load(tmp_path / "m").history
    assert (history.stop_reason, len(history.epochs)) == ("interrupted", record["epochs"])
    shown = run("info", "m").stdout
    assert "interrupted" in shown
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_discard_throws_it_away(corpus_file: Path, tmp_path: Path) -> None:
    flags = [corpus_file, "-o", "m", "--on-interrupt", "discard", "--json"]
    status, output, errors = interrupt(signal.SIGINT, flags, tmp_path)
    assert status == 130
    assert "Interrupted: nothing of the run was saved." in errors
    assert json.loads(output) == {"output": None, "stop_reason": "interrupted"}
    assert list(tmp_path.iterdir()) == []


def test_a_finished_model_is_not_replaced_by_an_interrupted_one(corpus_file: Path, tmp_path: Path) -> None:
    firth.train(corpus_file, output=tmp_path / "m", dims=4, epochs=1, progress=False)
    status, _, errors = interrupt(signal.SIGINT, [corpus_file, "-o", "m", "--overwrite"], tmp_path)
    assert status == 130
    assert f"is saved to {tmp_path / 'm-interrupted'}" in errors
    assert firth.load(tmp_path / "m").history.stop_reason == "finished"
    assert firth.load(tmp_path / "m-interrupted").history.stop_reason == "interrupted"


def test_a_terminal_that_closes(corpus_file: Path, tmp_path: Path) -> None:
    """The run that the terminal controls gets SIGHUP and saves; another one goes on in silence."""
    import fcntl
    import termios

    def begin(is_controlled: bool, *flags: object) -> tuple[int, subprocess.Popen[str]]:
        ours, its = pty.openpty()

        def take() -> None:
            os.setsid()
            if is_controlled:
                fcntl.ioctl(its, termios.TIOCSCTTY, 0)

        process = start([corpus_file, *flags], tmp_path, stdin=its, stderr=its, preexec_fn=take)
        os.close(its)
        return ours, process

    hung_up = begin(True, "-o", "hung-up", "--epochs", 1_000_000)
    goes_on = begin(False, "-o", "goes-on", "--epochs", 250, "--dims", 300, "--threads", 1)
    seen = {ours: b"" for ours, _ in (hung_up, goes_on)}
    deadline = time.monotonic() + 60
    while not all(b"epoch 2/" in text for text in seen.values()) and time.monotonic() < deadline:
        for ours in select.select(list(seen), [], [], 0.1)[0]:
            seen[ours] += os.read(ours, 1 << 16)
    assert goes_on[1].poll() is None, "it is at work"
    for ours in seen:
        os.close(ours)
    output, _ = goes_on[1].communicate(timeout=120)
    assert (goes_on[1].returncode, firth.load(tmp_path / "goes-on").history.stop_reason) == (0, "finished")
    assert "progress could not be shown (Input/output error)" in output
    assert hung_up[1].communicate(timeout=60)[0] == ""
    assert hung_up[1].returncode == 129
    assert firth.load(tmp_path / "hung-up").history.stop_reason == "interrupted"


def test_a_second_ctrl_c_ends_at_once(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    """Both come before the loop looks at the first; and the second one while the model is being saved."""
    attend = TrainingLoop._attend

    def press_twice(self: TrainingLoop) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        attend(self)

    monkeypatch.setattr(TrainingLoop, "_attend", press_twice)
    done = run("train", corpus_file, "-o", "m", "--epochs", 1000)
    assert done.returncode == 130
    assert not (tmp_path / "m").exists()

    def press(self: TrainingLoop) -> None:
        if self._state.epoch > 2:
            signal.raise_signal(signal.SIGINT)
        attend(self)

    def save(self: firth.Model, *arguments: Any, **options: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("goes on after a second Ctrl-C")

    monkeypatch.setattr(TrainingLoop, "_attend", press)
    monkeypatch.setattr(firth.Model, "save", save)
    done = run("train", corpus_file, "-o", "m", "--epochs", 1000)
    assert done.returncode == 130
    assert not (tmp_path / "m").exists()


def refuse(folder: Path | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no model be saved into a folder; None: into any."""
    save = firth.Model.save

    def fail(self: firth.Model, place: Any, *arguments: Any, **options: Any) -> None:
        if folder is None or Path(place).absolute() == folder:
            raise OSError(errno.ENOSPC, "No space left on device", str(place))
        save(self, place, *arguments, **options)

    monkeypatch.setattr(firth.Model, "save", fail)


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_a_model_that_cannot_be_saved_goes_elsewhere(
    is_interrupted: bool, run: Any, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(tmp_path / "m", monkeypatch)
    if is_interrupted:
        attend = TrainingLoop._attend

        def press(self: TrainingLoop) -> None:
            if self._state.epoch > 2:
                signal.raise_signal(signal.SIGINT)
            attend(self)

        monkeypatch.setattr(TrainingLoop, "_attend", press)
    done = run("train", corpus_file, "-o", "m", "--epochs", 1000 if is_interrupted else 2, "--dims", 4)
    place = tmp_path / ("m-interrupted" if is_interrupted else "m-rescued")
    assert done.returncode == (130 if is_interrupted else 2)
    assert str(place) in done.stderr
    assert "No space left on device" in done.stderr
    if not is_interrupted:
        assert "could not be saved: No space left on device; the model is saved to" in done.stderr
    assert firth.load(place).history.stop_reason == ("interrupted" if is_interrupted else "finished")


def test_a_model_that_no_place_takes_is_said_to_be_lost(
    run: Any, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    refuse(None, monkeypatch)
    done = run("train", corpus_file, "-o", "m", "--epochs", 2, "--dims", 4)
    assert done.returncode == 2
    assert "no other folder can be written, so the model is lost" in done.stderr
    assert list(tmp_path.iterdir()) == [], "no empty folder is left"


def test_in_python_the_exception_has_the_model(corpus_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Press(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            if state.epoch == 2:
                signal.raise_signal(signal.SIGINT)

    options: dict[str, Any] = {"dims": 4, "callbacks": [Press()], "progress": False}
    with pytest.raises(KeyboardInterrupt) as caught:
        firth.train(corpus_file, **options)
    model = caught.value.partial_model  # type: ignore[attr-defined]
    assert (model.history.stop_reason, len(model.history.epochs)) == ("interrupted", 2)
    assert caught.value.partial_model_folder is None  # type: ignore[attr-defined]
    assert "what was learned in 2.00 of 5 epochs" in str(caught.value)
    with pytest.raises(KeyboardInterrupt) as caught:
        firth.train(corpus_file, on_interrupt="discard", **options)
    assert not hasattr(caught.value, "partial_model")
    refuse(None, monkeypatch)
    with pytest.raises(firth.UnsavedModelError, match="could not be saved: No space") as unsaved:
        firth.train(corpus_file, output="m", overwrite=True, dims=4, progress=False)
    assert unsaved.value.model.history.stop_reason == "finished"


def test_a_callback_that_fails_at_the_last_epochs_end_loses_nothing(corpus_file: Path, tmp_path: Path) -> None:
    class Fail(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            if state.epoch == state.epochs:
                raise ZeroDivisionError

    options: dict[str, Any] = {"dims": 4, "epochs": 3, "callbacks": [Fail()], "progress": False}
    with pytest.raises(ZeroDivisionError):
        firth.train(corpus_file, output=tmp_path / "m", checkpoint_every="1h", **options)
    history = firth.resume(tmp_path / "m", progress=False).history
    assert (history.stop_reason, len(history.epochs)) == ("finished", 3)


def test_a_last_checkpoint_that_fails_leaves_the_model(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Press(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            raise KeyboardInterrupt

    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("firth.training.loop.checkpoints.write_checkpoint", fail)
    options: dict[str, Any] = {"dims": 4, "callbacks": [Press()], "progress": False, "checkpoint_every": "1h"}
    with pytest.warns(CheckpointWarning, match="could not be written"), pytest.raises(KeyboardInterrupt) as caught:
        firth.train(corpus_file, output=tmp_path / "m", **options)
    assert caught.value.partial_model_folder == tmp_path / "m"  # type: ignore[attr-defined]
    assert firth.load(tmp_path / "m").history.stop_reason == "interrupted"


def test_sighup_is_ignored_under_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    thread = threading.Thread(target=lambda: StopSignals().__enter__())  # elsewhere than in the main thread: nothing
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGHUP) == before
