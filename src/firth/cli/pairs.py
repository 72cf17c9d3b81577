"""Room cli: the flags of ``firth train --pairs``, and the pairs that they name.

Tests: tests/cli/test_pairs.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.cli.run_flags import CORPUS_PANEL
from firth.errors import ParameterError

if TYPE_CHECKING:
    from firth.corpus.pairs import Pairs

# The flags of text that pairs refuse.
OF_TEXT = (
    "lowercase",
    "tokenizer",
    "encoding_errors",
    "as_text",
    "column",
    "vocabulary",
    "phrases",
    "sequence_weights",
)

AsPairs = Annotated[
    bool,
    typer.Option(
        "--pairs",
        help="CORPUS is pairs: a word, a context and perhaps a weight in each line. Predict contexts from words.",
        rich_help_panel=CORPUS_PANEL,
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="A,B[,C]",
        help="With --pairs: the columns of words, contexts and weights, if CORPUS is a table.",
        rich_help_panel=CORPUS_PANEL,
    ),
]
OneVocabulary = Annotated[
    bool,
    typer.Option(
        "--one-vocabulary",
        help="With --pairs: words and contexts are one set, such as the nodes of a graph.",
        rich_help_panel=CORPUS_PANEL,
    ),
]


def split_columns(columns: str | None) -> list[str] | None:
    """The names of columns in the value of ``--columns``."""
    return None if columns is None else [title.strip() for title in columns.split(",")]


def refuse_without_pairs(columns: str | None, one_vocabulary: bool) -> None:
    """Raise ParameterError for the flags that only ``--pairs`` has."""
    if columns is not None:
        raise ParameterError("columns must come with --pairs, got --columns alone; for a column of texts give --column")
    if one_vocabulary:
        raise ParameterError("one_vocabulary must come with --pairs, got --one-vocabulary alone")


def open_pairs(
    sources: list[str],
    columns: str | None,
    one_vocabulary: bool,
    heldout: str | None,
    parameters: Mapping[str, Any],
    names: Sequence[str],
) -> tuple[Pairs, Any]:
    """The pairs of the command line, and what is held out: a share, or pairs of a file in the same form.

    ``parameters`` and ``names`` are the parameters and the flags that the user gave. They are checked before a file is
    read.
    """
    from firth.corpus.pairs import Pairs
    from firth.training.run.options import parse_heldout
    from firth.training.run.pair_rows import read_parameters, refuse_text_options

    read_parameters(parameters)
    refuse_text_options({name: name in names for name in OF_TEXT})
    if "-" in sources:
        raise ParameterError("CORPUS must be files with --pairs, got -, which is standard input")
    titles = split_columns(columns)
    pairs = Pairs(sources[0] if len(sources) == 1 else sources, columns=titles, one_vocabulary=one_vocabulary)
    parsed = parse_heldout(heldout)
    if parsed is not None and parsed.share is None:
        return pairs, Pairs(str(heldout), columns=titles, one_vocabulary=one_vocabulary)
    return pairs, heldout


__all__ = ["OF_TEXT", "AsPairs", "Columns", "OneVocabulary", "open_pairs", "refuse_without_pairs", "split_columns"]
