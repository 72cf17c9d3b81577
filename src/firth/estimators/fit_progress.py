"""Room estimators: the progress of a fit, as a bar on standard error or as calls of a user's function.

Tests: tests/estimators/test_network.py.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, cast

from firth.base.streams import QuietStream

Progress = Callable[[int, float], None]


@contextmanager
def show_progress(progress: bool | Progress, total: int) -> Iterator[Progress]:
    """A function of the number and the loss of each epoch or iteration, out of ``total``."""
    if callable(progress):
        yield progress
        return
    if not progress:
        yield lambda number, loss: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("loss {task.fields[loss]:.5f}"), TimeElapsedColumn())
    file = None if sys.stderr is None else cast(IO[str], QuietStream(sys.stderr))  # what fails to be shown ends no fit
    with RichProgress(*columns, console=Console(file=file, stderr=True)) as bar:
        task = bar.add_task("fit", total=total, loss=float("nan"))

        def show(number: int, loss: float) -> None:
            bar.update(task, advance=1, loss=loss)

        yield show
