"""Room cli: the options of several ``firth classify`` commands: how a file of texts is read.

Tests: tests/cli/test_classify.py.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Annotated

import typer

from firth.classification.byte_input import STANDARD_INPUT
from firth.errors import ParameterError

FileFormat = Annotated[str, typer.Option("--format", help="auto (by the suffix), csv, tsv or lines.")]
Delimiter = Annotated[
    str | None,
    typer.Option("--delimiter", help="Separates the columns: a character, or tab. [default: comma; for tsv, tab]"),
]
TextColumn = Annotated[
    str | None, typer.Option("--text-column", help="Column of the texts: its name, or its number with --no-header.")
]
LabelColumn = Annotated[
    str | None, typer.Option("--label-column", help="Column of the labels: its name, or its number with --no-header.")
]
Header = Annotated[bool, typer.Option("--header/--no-header", help="Whether the first row names the columns.")]
LabelPrefix = Annotated[str, typer.Option("--label-prefix", help="Words that begin with this are labels.")]
LabelSeparator = Annotated[
    str | None,
    typer.Option("--label-separator", help="Between several labels in a table's label column; a space: white space."),
]


def file_or_pipe(file: Path | None, what: str, other: str = "") -> Path:
    """FILE; if FILE is left out, standard input, provided that a pipe or a file is connected to it.

    Parameters
    ----------
    file : Path or None
    what : str
        What FILE has, for the message.
    other : str
        What may be given in the place of FILE, for the message.

    Raises
    ------
    ParameterError
        Nothing is given, and standard input is a terminal, the null device or closed.
    """
    if file is not None:
        return file
    if _has_input():
        return STANDARD_INPUT
    raise ParameterError(f"FILE must be given: {what}, or - for standard input{other}")


def _has_input() -> bool:
    if sys.stdin is None:  # Python sets None if the caller closed the descriptor
        return False
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):  # no descriptor is behind the stream
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
