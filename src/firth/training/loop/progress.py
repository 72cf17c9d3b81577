"""Room training: displays the progress of a run: a bar on a terminal or in a notebook, plain lines, or nothing."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from typing import Any, TextIO, cast

from firth.base.streams import QuietStream, ReadableStream
from firth.errors import ParameterError

REFRESH_S = 0.25
FIRST_LINE_S = 5.0  # time of the first plain line; the gaps then double, up to a minute. Each epoch has a line too.
LONGEST_GAP_S = 60.0
STAGES = {"count": "counting words", "encode": "encoding"}


@dataclass(frozen=True)
class ProgressReport:
    """The progress of a run at one time."""

    epoch: int
    epochs: int
    share_of_epoch: float
    share_done: float
    words_per_s: float
    learning_rate: float
    loss_nats: float
    heldout_loss_nats: float | None
    seconds_left: float

    def describe(self, width: int | None = None) -> str:
        """The progress as text: ``5.31 M words/s, learning rate 0.0183, loss 2.3145, 0:41 left``.

        With a ``width`` in characters, the parts that do not fit are left out, the least important first: the learning
        rate, the held-out loss, the speed, the loss.
        """
        parts = {
            "speed": f"{format_count(self.words_per_s)} words/s",
            "rate": f"learning rate {self.learning_rate:.3g}",
        }
        if not math.isnan(self.loss_nats):
            parts["loss"] = f"loss {self.loss_nats:.4f}"
        if self.heldout_loss_nats is not None:
            parts["held out"] = f"held-out loss {self.heldout_loss_nats:.4f}"
        if not math.isnan(self.seconds_left):
            parts["left"] = f"{format_duration(self.seconds_left)} left"
        for name in ("rate", "held out", "speed", "loss"):
            if width is None or len(", ".join(parts.values())) <= width:
                break
            parts.pop(name, None)
        return ", ".join(parts.values())


class ProgressDisplay:
    """Shows nothing: the base class of the other displays, and the display of ``progress=False``.

    A display that cannot be written stops writing. It does not end the run, and ``failure`` has the reason.
    """

    @property
    def failure(self) -> str | None:
        """Why the display stopped writing; None if it works."""
        return None

    def note(self, text: str) -> None:
        """Show information for the user: an estimate, a checkpoint, the reason of a stop."""

    def encoding(self, stage: str, done: int, total: int | None) -> None:
        """Show the progress of counting ("count") or encoding ("encode") the corpus, in bytes or tokens."""

    def update(self, report: ProgressReport) -> None:
        """Show the progress of training."""

    def epoch_ended(self, text: str) -> None:
        """Show one line about an epoch that has ended."""

    def close(self) -> None:
        """Restore the terminal."""


class LineProgress(ProgressDisplay):
    """A small number of plain lines, for logs and pipes."""

    def __init__(self, stream: TextIO | QuietStream) -> None:
        self._stream = _as_quiet(stream)
        self._gap_s = FIRST_LINE_S
        self._next_line = time.monotonic() + self._gap_s

    @property
    def failure(self) -> str | None:
        return self._stream.failure

    def note(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def encoding(self, stage: str, done: int, total: int | None) -> None:
        if self._is_time():
            self.note(f"{STAGES.get(stage, stage)} {_share(done, total)}")

    def update(self, report: ProgressReport) -> None:
        if self._is_time():
            self.note(f"{report.share_done:.1%}, epoch {report.epoch}/{report.epochs}: {report.describe()}")

    def epoch_ended(self, text: str) -> None:
        self.note(text)

    def _is_time(self) -> bool:
        now = time.monotonic()
        if now < self._next_line:
            return False
        self._gap_s = min(2 * self._gap_s, LONGEST_GAP_S)
        self._next_line = now + self._gap_s
        return True


class BarProgress(ProgressDisplay):
    """A bar on a terminal, drawn by the package rich."""

    def __init__(self, stream: TextIO | QuietStream) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
        from rich.table import Column

        self._stream = _as_quiet(stream)
        bar = BarColumn(bar_width=24)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            bar,
            TaskProgressColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[moment]}", markup=False, table_column=Column(no_wrap=True)),
            console=Console(file=cast(TextIO, self._stream)),
            transient=True,
            # if standard output is redirected to a file, the callbacks' prints go to that file
            redirect_stdout=sys.stdout is not None and ReadableStream(sys.stdout).isatty(),
            auto_refresh=False,  # the training loop refreshes the bar, so no other thread is needed
        )
        bar.bar_width = self._bar_width()
        self._task: Any = None
        self._next_refresh = 0.0

    @property
    def failure(self) -> str | None:
        return self._stream.failure

    def note(self, text: str) -> None:
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def update(self, report: ProgressReport) -> None:
        description = f"epoch {report.epoch}/{report.epochs}"
        room = self._bar.console.width - len(description) - self._bar_width() - len(" 100%   ")
        self._draw(description, report.share_done, report.describe(room))

    def encoding(self, stage: str, done: int, total: int | None) -> None:
        self._draw(STAGES.get(stage, stage), done / total if total else 0.0, "" if total else _share(done, total))

    def _bar_width(self) -> int:
        """Columns of the bar: an eighth of the terminal, at most 24."""
        return min(24, self._bar.console.width // 8)

    def _draw(self, description: str, share_done: float, moment: str) -> None:
        now = time.monotonic()
        if now < self._next_refresh:
            return
        self._next_refresh = now + REFRESH_S
        if self._task is None:
            self._bar.start()
            self._task = self._bar.add_task("", total=1.0, moment="")
        self._bar.update(
            self._task, completed=min(share_done, 1.0), description=description, moment=moment, refresh=True
        )

    def epoch_ended(self, text: str) -> None:
        self.note(text)

    def close(self) -> None:
        if self._task is not None:
            self._bar.stop()
            self._task = None


class NotebookProgress(ProgressDisplay):
    """A bar of text in the cell of a notebook, redrawn in place, without widgets."""

    WIDTH = 24

    def __init__(self) -> None:
        from IPython.display import display

        self._lines: list[str] = []
        self._bar = ""
        self._failure: str | None = None
        self._handle: Any = None
        self._next_refresh = 0.0
        try:
            self._handle = display(_PlainText(""), display_id=True)
        except Exception as error:  # code of the notebook, which may raise any class
            self._fall_silent(error)

    @property
    def failure(self) -> str | None:
        return self._failure

    def note(self, text: str) -> None:
        self._lines.append(text)
        self._draw()

    def update(self, report: ProgressReport) -> None:
        self._draw_bar(f"epoch {report.epoch}/{report.epochs}", report.share_done, report.describe())

    def encoding(self, stage: str, done: int, total: int | None) -> None:
        self._draw_bar(STAGES.get(stage, stage), done / total if total else 0.0, _share(done, total))

    def _draw_bar(self, description: str, share_done: float, moment: str) -> None:
        now = time.monotonic()
        if now < self._next_refresh:
            return
        self._next_refresh = now + REFRESH_S
        full = round(self.WIDTH * min(share_done, 1.0))
        bar = "█" * full + "░" * (self.WIDTH - full)
        self._bar = f"{description} {bar} {share_done:.0%} {moment}"
        self._draw()

    def epoch_ended(self, text: str) -> None:
        self.note(text)

    def close(self) -> None:
        self._bar = ""
        self._draw()

    def _draw(self) -> None:
        if self._handle is None or self._failure is not None:
            return
        text = _PlainText("\n".join([*self._lines, self._bar]).rstrip())
        try:
            self._handle.update(text)
        except Exception as error:  # code of the notebook, which may raise any class
            self._fall_silent(error)

    def _fall_silent(self, error: Exception) -> None:
        self._failure = str(error) or type(error).__name__


class _PlainText:
    """A text that a notebook shows without quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def make_progress(progress: bool | None, stream: TextIO | QuietStream | None = None) -> ProgressDisplay:
    """Choose a display. None or True: a bar in a notebook or on a terminal, else plain lines; False: no display.

    Raises
    ------
    ParameterError
    """
    if progress is not None and not isinstance(progress, bool):
        raise ParameterError(f"progress must be None, True or False, got {progress!r}")
    if progress is False:
        return ProgressDisplay()
    if stream is None:
        if _in_notebook():
            return NotebookProgress()
        stream = sys.stderr
    if stream is None:  # a program without standard streams, such as pythonw
        return ProgressDisplay()
    quiet = _as_quiet(stream)
    return BarProgress(quiet) if quiet.isatty() else LineProgress(quiet)


def _as_quiet(stream: TextIO | QuietStream) -> QuietStream:
    return stream if isinstance(stream, QuietStream) else QuietStream(stream)


def _share(done: int, total: int | None) -> str:
    return f"{done / total:.0%}" if total else format_count(done)


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    if ipython is None:
        return False
    shell = ipython.get_ipython()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


def format_count(number: float) -> str:
    """``5.31 M``, ``48.2 k``, ``912``."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= limit:
            return f"{number / limit:.3g} {letter}"
    return "?" if math.isnan(number) else f"{number:.0f}"


def format_bytes(number: float) -> str:
    """``1.2 GB``, ``80 MB``: powers of ten."""
    for limit, letter in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= limit:
            return f"{number / limit:.3g} {letter}"
    return f"{number:.0f} bytes"


def format_duration(seconds: float) -> str:
    """``0:41``, ``12:05``, ``3:07:00``."""
    whole = max(0, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
