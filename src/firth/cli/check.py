"""Room cli: ``firth check``, the command of the grader."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from firth.checking import (
    KINDS,
    FileReport,
    Limits,
    check_paths,
    exit_status,
    format_csv,
    format_file,
    format_json,
    format_summary,
)


def check(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Python files, FILE:FUNCTION, notebooks or folders.")
    ],
    like: Annotated[
        str | None, typer.Option(help=f"Grade functions of any name as this kind: {', '.join(KINDS)}.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Compare with the functions of the same names in this file, by relative error.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object for each file.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV: one row for each function.")] = False,
    time_limit: Annotated[float, typer.Option(help="Limit for one function, in seconds.")] = 20.0,
    memory_limit: Annotated[int, typer.Option(help="Limit of memory for one function, in MiB (Linux).")] = 2048,
) -> None:
    """Grade functions that compute losses and gradients: report what is right and what is wrong.

    Finds functions that have the names used in Stanford's CS224n, and any f(x) that returns a loss and a gradient.
    Only definitions, imports and constants of a file are executed, in a child process with limits of time and memory.
    It is NOT a sandbox: the code runs with your rights.

    Exit status: 0 all functions are correct; 1 a function is wrong or fails; 2 a file does not parse or has no known
    function.
    """
    if json and csv:
        raise typer.BadParameter("--json and --csv exclude each other; give one of them")
    reports: list[FileReport] = []
    if csv:
        _print(format_csv([]))
    for report in check_paths(paths, like=like, against=against, limits=Limits(time_limit, memory_limit)):
        reports.append(report)
        if json:
            _print(format_json([report]))
        elif csv:
            _print(format_csv([report], header=False))
        else:
            _print(format_file(report))
    if not (json or csv):
        _print(format_summary(reports))
    raise typer.Exit(exit_status(reports))


def _print(text: str) -> None:
    """Print a text at once. Characters that the stream cannot encode are escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()
