"""Room tests/training: progress that cannot be shown ends no run, and swallows nothing else."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import firth
from firth.base.streams import QuietStream, ReadableStream
from firth.errors import ParameterError
from firth.training.loop.progress import BarProgress, LineProgress, NotebookProgress, ProgressReport, make_progress

PACKAGE = str(Path(firth.__file__).parents[1])
REPORT = ProgressReport(2, 5, 0.5, 0.2, 5.31e6, 0.0183, 2.31449, None, 41.4)


class Failing(io.StringIO):
    """A stream that fails from the first or a later write on."""

    def __init__(self, error: Exception, n_good: int = 0, is_terminal: bool = False) -> None:
        super().__init__()
        self.error, self.n_left, self.n_failed, self.is_terminal = error, n_good, 0, is_terminal

    def isatty(self) -> bool:
        return self.is_terminal

    def write(self, text: str) -> int:
        self.n_left -= 1
        if self.n_left < 0:
            self.n_failed += 1
            raise self.error
        return super().write(text)


def _show(display: Any) -> None:
    display.note("memory: 80 MB")
    display.encoding("count", 5, 10)
    display._next_refresh = display._next_line = 0.0
    display.update(REPORT)
    display.epoch_ended("epoch 2/5: loss 2.3")
    display.close()


FAILURES = [
    OSError(errno.ENOSPC, "No space left on device"),
    BrokenPipeError(errno.EPIPE, "Broken pipe"),
    OSError(errno.EIO, "Input/output error"),
    BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
]


@pytest.mark.parametrize("is_terminal", [False, True])
@pytest.mark.parametrize("n_good", [0, 1, 3])
@pytest.mark.parametrize("error", FAILURES, ids=lambda error: error.strerror)
def test_a_display_that_fails_falls_silent(error: OSError, n_good: int, is_terminal: bool) -> None:
    stream = Failing(error, n_good, is_terminal)
    display = make_progress(None, stream)
    assert isinstance(display, BarProgress if is_terminal else LineProgress)
    _show(display)
    assert display.failure == error.strerror
    assert stream.n_failed == 1, "it is not tried again"


def test_a_closed_stream_falls_silent() -> None:
    stream = io.StringIO()
    stream.close()
    display = make_progress(None, stream)
    _show(display)
    assert "closed" in str(display.failure)


@pytest.mark.parametrize("is_terminal", [False, True])
@pytest.mark.parametrize("error", [ValueError("odd"), RuntimeError("a bug"), MemoryError()], ids=repr)
def test_other_exceptions_are_raised(error: Exception, is_terminal: bool) -> None:
    with pytest.raises(type(error)):
        make_progress(None, Failing(error, 0, is_terminal)).note("text")


def test_a_notebook_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("IPython")

    class Handle:
        def update(self, thing: object) -> None:
            raise RuntimeError("the kernel's socket is closed")

    monkeypatch.setattr("IPython.display.display", lambda thing, display_id: Handle())
    display = NotebookProgress()
    _show(display)
    assert display.failure == "the kernel's socket is closed"


def test_the_run_goes_on_and_its_history_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stderr", Failing(FAILURES[0], 2))
    firth.train([["a", "b", "c"]] * 500, output=tmp_path / "model", epochs=2, dims=4)
    history = firth.load(tmp_path / "model").history
    assert history.notes == ["progress could not be shown (No space left on device); training continued"]
    assert (history.stop_reason, len(history.epochs)) == ("finished", 2)


def test_histories_from_before_notes_are_read() -> None:
    values = firth.History().to_json()
    del values["notes"]
    assert firth.History.from_json(values) == firth.History()


def test_a_callback_that_raises_ends_the_run_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    class Print(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            raise BrokenPipeError(errno.EPIPE, "the user's own")

    monkeypatch.setattr(sys, "stderr", Failing(FAILURES[0]))
    with pytest.raises(BrokenPipeError, match="the user's own"):
        firth.train([["a", "b", "c"]] * 500, epochs=2, dims=4, callbacks=[Print()])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_log_in_a_program(tmp_path: Path) -> None:
    code = (
        "import firth, sys\n"
        "texts = [['a', 'b'], ['c', 'd']] * 500\n"  # learned: no warning of Python's own is lost in the full log
        "print(firth.train(texts, output=sys.argv[1], epochs=9, dims=4, subsample=0).history.notes)\n"
    )
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "model")],
            env={**os.environ, "PYTHONPATH": PACKAGE, "PYTHONUNBUFFERED": ""},
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0
    assert "No space left on device" in done.stdout


def test_the_courses_lines_end_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from firth.compat.cs224n.sgd import sgd

    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", Failing(FAILURES[1]))
        assert sgd(lambda x: (float(x**2), 2 * x), 1.0, 0.1, 20, PRINT_EVERY=5) < 0.1


@pytest.mark.slow  # scikit-learn's import
def test_the_classifiers_bar_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    from firth.estimators import SigmoidNetworkClassifier

    network = SigmoidNetworkClassifier(2, max_iter=20, progress=True, random_state=1)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", Failing(FAILURES[2]))
        network.fit([[0.0, 1.0], [1.0, 0.0]] * 10, [0, 1] * 10)
    assert network.n_iter_ > 0


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_every_text_is_written_and_its_escapes_are_jsons(encoding: str) -> None:
    text = "whale é 鯨 😀 \udc80"
    bytes_ = io.BytesIO()
    stream = io.TextIOWrapper(bytes_, encoding=encoding)
    assert ReadableStream(stream).write(json.dumps(text, ensure_ascii=False)) == len(text) + 2
    stream.flush()
    assert json.loads(bytes_.getvalue().decode(encoding)) == text
    assert b"whale" in bytes_.getvalue()
    assert not hasattr(QuietStream(stream), "buffer")


def test_on_interrupt_is_checked_before_any_work() -> None:
    with pytest.raises(ParameterError, match=r"^on_interrupt must be one of 'save', 'discard', got 'ask'"):
        firth.train([["a", "b"]], on_interrupt="ask")
    with pytest.raises(ParameterError, match=r"^on_interrupt must be 'save' with checkpoint_every, got 'discard'"):
        firth.train([["a", "b"]], on_interrupt="discard", checkpoint_every="1h", output="nowhere")
