"""Room cli: common parts of the commands that read a model folder or a vector file into WordVectors.

Tests: tests/cli/test_bad_input.py.
"""

from __future__ import annotations

import enum
import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from firth.errors import CorpusError, EncodingError, ParameterError

if TYPE_CHECKING:
    from firth.corpus.phrases import Phrases
    from firth.vectors.word_vectors import Neighbor, WordVectors

Top = Annotated[int, typer.Option("--top", "-n", help="Number of answers.")]
Restrict = Annotated[
    int | None, typer.Option("--restrict", help="Search only this many words, the most frequent ones.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def read_lines(path: str) -> list[str]:
    """The lines of a text file, without line ends. It may be compressed; "-" is standard input.

    Raises
    ------
    CorpusError, EncodingError, StorageError
        The message names the file.
    """
    from firth.corpus.sources import classify_source

    lines: list[str] = []
    files: Any = classify_source(path, as_text=True)
    for file in files:
        data = b"".join(file.blocks())
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise EncodingError(
                f"{file.name} must be UTF-8, got the byte {data[error.start]:#04x} in line {line:,}; convert the file"
            ) from None
        lines += [one.removesuffix("\r") for one in text.removesuffix("\n").split("\n")] if text else []
    if not lines:
        raise CorpusError(f"{files[0].name} must have a text in each line, got no line")
    return lines


def parse_words(vectors: WordVectors, words: list[str], phrases: Phrases | None = None) -> list[Any]:
    """Convert words from the command line to the type of the vectors' words: str, or int if the words are ids.

    With ``phrases``, the words of an argument such as ``"new york"`` are joined.

    Raises
    ------
    ParameterError
    """
    stored: Any = vectors.words
    if not isinstance(stored, np.ndarray):
        return list(words) if phrases is None else [token for word in words for token in phrases.join(word.split())]
    for word in words:
        if not word.removeprefix("-").isdecimal():
            raise ParameterError(f"words must be integers in vectors whose words are integers, got {word!r}")
    return [int(word) for word in words]


def make_choice(name: str, words: tuple[str, ...]) -> Any:
    """An enum whose members are the words. Typer offers them as the choices of a flag."""
    members = [(word, word) for word in words]
    return enum.Enum(name, members, type=str)


def choice_metavar(words: tuple[str, ...]) -> str | None:
    """How the help page names a choice: None, which shows all words, or ``WORD`` where they fill more than a column.

    The help text of such a flag lists the words, because a column would cut them in a terminal of 80 columns.
    """
    return "WORD" if len("|".join(words)) > 18 else None


def print_json(value: Any) -> None:
    """Print one line of JSON on standard output; NaN becomes null."""
    typer.echo(json.dumps(_without_nan(value), ensure_ascii=False))


def neighbors_to_json(neighbors: list[Neighbor]) -> list[dict[str, Any]]:
    """Words and similarities as types that JSON has."""
    return [{"word": neighbor.word, "similarity": float(neighbor.similarity)} for neighbor in neighbors]


def print_neighbors(neighbors: list[Neighbor], heading: str | None = None) -> None:
    """Print a line (similarity, word) for each neighbour, the most similar first."""
    if heading is not None:
        typer.echo(heading)
    for neighbor in neighbors:
        typer.echo(f"  {neighbor.similarity:6.3f}  {neighbor.word}")


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return value
