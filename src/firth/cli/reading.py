"""Room cli: common parts of the commands that read a model folder or a vector file into WordVectors.

Tests: tests/cli/test_bad_input.py.
"""

from __future__ import annotations

import enum
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from firth.errors import ParameterError

if TYPE_CHECKING:
    from firth.corpus.phrases import Phrases
    from firth.vectors.word_vectors import Neighbor, WordVectors

Vectors = Annotated[
    Path, typer.Argument(metavar="DIR", help="Model folder, or a vector file in any format that firth reads.")
]
Top = Annotated[int, typer.Option("--top", "-n", help="Number of answers.")]
Restrict = Annotated[
    int | None, typer.Option("--restrict", help="Search only this many words, the most frequent ones.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def open_vectors(path: Path) -> WordVectors:
    """The word vectors of a model folder (memory-mapped), or of a vector file (its content decides the format)."""
    return open_with_phrases(path)[0]


def open_with_phrases(path: Path) -> tuple[WordVectors, Phrases | None]:
    """The word vectors, and the phrases that were joined in the model's corpus; None for a vector file."""
    from firth.formats.model_folder import is_model
    from firth.vectors.conversion import as_word_vectors

    if path.is_dir() and is_model(path):
        from firth.models.model import load

        model = load(path)
        return model.vectors, model.phrases
    return as_word_vectors(path), None


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
