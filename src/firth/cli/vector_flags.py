"""Room cli: the flags with which every command reads vectors: --from, --encoding, --duplicates, --limit and others.

Tests: tests/cli/test_vector_flags.py.
"""

from __future__ import annotations

import enum
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.cli.reading import make_choice
from firth.formats.registry import READABLE

if TYPE_CHECKING:
    from firth.corpus.phrases import Phrases
    from firth.vectors.word_vectors import WordVectors

_PANEL = "Reading vectors"
_Readable: Any = make_choice("Readable", READABLE)


class EncodingErrors(str, enum.Enum):
    """Treatment of bytes that are invalid in the encoding."""

    STRICT = "strict"
    REPLACE = "replace"


class Duplicates(str, enum.Enum):
    """Treatment of a word that occurs twice."""

    ERROR = "error"
    FIRST = "first"


SourceFormat = Annotated[
    _Readable | None,
    typer.Option(
        "--from",
        metavar="FORMAT",
        help=f"Format of the file: {', '.join(READABLE)}. [default: recognised by content]",
        rich_help_panel=_PANEL,
    ),
]
Encoding = Annotated[str, typer.Option("--encoding", help="Encoding of the words.", rich_help_panel=_PANEL)]
OnEncodingErrors = Annotated[
    EncodingErrors,
    typer.Option(
        "--encoding-errors", help="Invalid bytes in a word: an error, or replaced by U+FFFD.", rich_help_panel=_PANEL
    ),
]
OnDuplicates = Annotated[
    Duplicates,
    typer.Option(
        "--duplicates", help="A word that occurs twice: an error, or its first row is used.", rich_help_panel=_PANEL
    ),
]
Limit = Annotated[
    int | None, typer.Option("--limit", help="Read only this many rows, the first ones.", rich_help_panel=_PANEL)
]


@dataclass(frozen=True)
class VectorFile:
    """A model folder or a vector file, and how the user wants it to be read."""

    path: Path
    format: str | None = None
    encoding: str = "utf-8"
    encoding_errors: str = "strict"
    duplicates: str = "error"
    limit: int | None = None

    def open(self) -> WordVectors:
        """The word vectors: of a model folder, memory-mapped; of a file, its content decides the format."""
        return self.open_with_phrases()[0]

    def open_with_phrases(self) -> tuple[WordVectors, Phrases | None]:
        """The word vectors, and the phrases that were joined in the model's corpus; None for a vector file."""
        from firth.formats.model_folder import is_model
        from firth.vectors.files import read_vectors

        if self == VectorFile(self.path) and self.path.is_dir() and is_model(self.path):
            from firth.models.model import load

            model = load(self.path)
            return model.vectors, model.phrases
        vectors = read_vectors(
            self.path,
            self.format,
            encoding=self.encoding,
            encoding_errors=self.encoding_errors,
            duplicates=self.duplicates,
            limit=self.limit,
        )
        return vectors, None


def reads_vectors(command: Callable[..., Any]) -> Callable[..., None]:
    """A decorator: the command's first parameter, a `VectorFile`, becomes the argument DIR and the flags of reading."""
    first, *others = inspect.signature(command, eval_str=True).parameters.values()
    path = Annotated[
        Path, typer.Argument(metavar="DIR", help="Model folder, or a vector file in any format that firth reads.")
    ]
    flags: dict[str, tuple[Any, Any]] = {
        "source_format": (SourceFormat, None),
        "encoding": (Encoding, "utf-8"),
        "encoding_errors": (OnEncodingErrors, EncodingErrors.STRICT),
        "duplicates": (OnDuplicates, Duplicates.ERROR),
        "limit": (Limit, None),
    }

    @functools.wraps(command)
    def wrapped(**given: Any) -> None:
        known = given.pop("source_format")
        source = VectorFile(
            given.pop(first.name),
            None if known is None else known.value,
            given.pop("encoding"),
            given.pop("encoding_errors").value,
            given.pop("duplicates").value,
            given.pop("limit"),
        )
        command(source, **given)

    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(first.name, kind, annotation=path),
        *(one.replace(kind=kind) for one in others),
        *(inspect.Parameter(name, kind, default=default, annotation=a) for name, (a, default) in flags.items()),
    ]
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {one.name: one.annotation for one in parameters}
    return wrapped
