"""Room cli: the options of several ``firth classify`` commands: how a file of texts is read.

Tests: tests/cli/test_classify.py.
"""

from __future__ import annotations

from typing import Annotated

import typer

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
