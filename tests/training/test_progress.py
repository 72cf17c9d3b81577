"""What a run shows: plain lines, a bar, a notebook's text, or nothing."""

from __future__ import annotations

import io
import re
import time
from typing import Any

import pytest

import firth
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

SMALL: dict[str, Any] = {"dims": 12, "epochs": 4, "min_count": 1, "threads": 2, "progress": False}
Lines = list[list[str]]


def _report(share: float) -> ProgressReport:
    return ProgressReport(2, 5, share, 0.2 + share / 5, 5.31e6, 0.0183, 2.31449, None, 41.4)


def test_plain_lines_where_there_is_no_terminal(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    firth.train(lines, heldout="10%", **{**SMALL, "progress": None})
    output = capsys.readouterr()
    assert output.out == ""
    assert "\x1b" not in output.err
    assert "\r" not in output.err
    shown = output.err.splitlines()
    assert "words read" in shown[0]
    assert "vocabulary of 200" in shown[0]
    assert re.search(r"; read in 0:0\d$", shown[0])
    assert shown[1].startswith("memory: ")
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
    assert shown[0].startswith("2")
    assert "%, epoch 2/5: " in shown[0]
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


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_bar_fits_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    display = BarProgress(stream)
    display._next_refresh = -1.0
    report = ProgressReport(12, 15, 0.5, 0.77, 5.31e6, 0.0183, 2.31449, 2.41, 3641.4)
    display.update(report)
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue()).strip().split("\r")[-1]
    assert len(drawn) <= width
    assert drawn.startswith("epoch 12/15 ")
    assert " 77% " in drawn, "the percentage is the run's"
    assert drawn.endswith("1:00:41 left")
    assert "…" not in drawn
    assert ("loss 2.3145" in drawn, "learning rate" in drawn) == (True, width == 120)


def test_the_least_important_parts_are_left_out_first() -> None:
    report = _report(0.5)
    whole = report.describe()
    assert whole == "5.31 M words/s, learning rate 0.0183, loss 2.3145, 0:41 left"
    assert report.describe(len(whole)) == whole
    assert report.describe(len(whole) - 1) == "5.31 M words/s, loss 2.3145, 0:41 left"
    assert report.describe(30) == "loss 2.3145, 0:41 left"
    assert report.describe(1) == "0:41 left"
