"""Room cli: the flags that every command which trains vectors has: how text is read, and how a run goes.

Tests: tests/cli/test_main.py, tests/cli/test_documents.py.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

CORPUS_PANEL, RUN_PANEL = "Corpus", "Run"
COLUMN_HELP = "Column of texts or token lists: CORPUS is Parquet, Arrow, JSON lines, CSV or TSV."

Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the model in DIR when the new model is complete.")
]
Lowercase = Annotated[bool, typer.Option("--lowercase", help="Lower-case every word.", rich_help_panel=CORPUS_PANEL)]
TextErrors = Annotated[
    enum.Enum,
    typer.Option(
        "--encoding-errors",
        help="Bytes that are not UTF-8: an error, replaced by U+FFFD, or left out.",
        rich_help_panel=CORPUS_PANEL,
    ),
]
AsText = Annotated[
    bool,
    typer.Option(
        "--as-text",
        help="Read files as plain text even if they look like JSON, CSV, HTML, XML or vectors.",
        rich_help_panel=CORPUS_PANEL,
    ),
]
TokenizerName = Annotated[
    str | None,
    typer.Option(
        "--tokenizer",
        metavar="unicode|FILE.json",
        help="Words by Unicode's rules, or tokens of a Hugging Face tokenizer.json. [default: split at white space]",
        rich_help_panel=CORPUS_PANEL,
    ),
]
Patience = Annotated[
    int | None,
    typer.Option(
        "--patience",
        help="Stop after this many held-out losses without improvement; keep the best vectors.",
        rich_help_panel=RUN_PANEL,
    ),
]
OnInterrupt = Annotated[
    enum.Enum,
    typer.Option(
        "--on-interrupt",
        help="At Ctrl-C in a run without checkpoints: save the vectors learned so far as a model, or discard.",
        rich_help_panel=RUN_PANEL,
    ),
]
Matrices = Annotated[
    enum.Enum,
    typer.Option(
        "--matrices",
        help="Where the matrices are while training: in memory, or in files on the disk of DIR, larger than memory.",
        rich_help_panel=RUN_PANEL,
    ),
]
RunQuiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress and no summary.")]
RunJson = Annotated[bool, typer.Option("--json", help="Print one JSON object about the run.")]


def paths_of(corpus: Sequence[str], tokenizer: str | None) -> Any:
    """The value of CORPUS for ``firth.train``. With a tokenizer a list of strings would be a list of texts."""
    if len(corpus) == 1:
        return corpus[0]
    return list(corpus) if tokenizer is None else [path if path == "-" else Path(path) for path in corpus]
