"""Room cli: a line on standard error that counts what is done, if it is a terminal. Commands that train have bars."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def count_shown(what: str, total: int | None = None, *, shown: bool = True) -> Iterator[Callable[[int], None]]:
    """Show a count while the block runs, and remove the line afterwards. Nothing is shown without a terminal.

    Parameters
    ----------
    what : str
        What is counted, for example ``"texts"``.
    total : int, optional
        Where the count ends, if that is known.
    shown : bool

    Yields
    ------
    function of int
        Adds to the count.
    """
    if not shown or sys.stderr is None or not sys.stderr.isatty():
        yield lambda number: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    goal = "" if total is None else f" of {total:,}"
    columns = (SpinnerColumn(), TextColumn(f"{{task.completed:,.0f}}{goal} {what}", markup=False), TimeElapsedColumn())
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as progress:
        task = progress.add_task(what, total=total)
        yield lambda number: progress.advance(task, number)


__all__ = ["count_shown"]
