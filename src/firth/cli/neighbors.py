"""Room cli: ``firth neighbors`` prints the words nearest to words from its arguments, a pipe or a prompt.

Tests: tests/cli/test_main.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from firth.cli.exits import EXIT_REFUSED
from firth.cli.reading import (
    AsJson,
    Restrict,
    Top,
    neighbors_to_json,
    parse_words,
    print_json,
    print_neighbors,
)
from firth.cli.vector_flags import VectorFile, reads_vectors
from firth.errors import FirthError, ParameterError

if TYPE_CHECKING:
    from firth.corpus.phrases import Phrases
    from firth.vectors.word_vectors import WordVectors

NO_ARGS_IS_HELP = True


@reads_vectors
def neighbors(
    vectors: VectorFile,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORD", help="Each word is a query. Without words, a prompt asks."),
    ] = None,
    top: Top = 10,
    restrict: Restrict = None,
    threshold: Annotated[float | None, typer.Option("--threshold", help="Smallest cosine that is printed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the words nearest to a word, by the cosine of their vectors.

    \b
    firth neighbors model whale
    firth neighbors model whale ship -n 5 --json     one JSON object for each word, one a line
    firth neighbors model "new york"                 one query, if the model has the phrase
    firth neighbors GoogleNews.bin.gz whale          any format that firth reads
    firth neighbors model                            asks at a prompt, or reads words from a pipe
    """
    opened, phrases = vectors.open_with_phrases()
    if words:
        queries = parse_words(opened, words, phrases)
        answers = opened.neighbors(queries, top=top, restrict=restrict, threshold=threshold)
        for query, answer in zip(queries, answers, strict=True):
            if as_json:
                print_json({"word": query, "neighbors": neighbors_to_json(answer)})
            else:
                print_neighbors(answer, str(query))
        return
    if sys.stdin is None:  # Python sets None if the caller closed the descriptor
        raise ParameterError("words must be given if standard input is closed: firth neighbors DIR WORD...")
    n_unknown = sum(
        not _answer(opened, phrases, line, top=top, restrict=restrict, threshold=threshold, as_json=as_json)
        for line in _ask(opened)
    )
    if n_unknown and not sys.stdin.isatty():
        raise typer.Exit(EXIT_REFUSED)


def _ask(vectors: WordVectors) -> Iterator[str]:
    """Yield lines from the prompt until an empty line, or all lines of a pipe."""
    if not sys.stdin.isatty():
        yield from (line.strip() for line in sys.stdin if line.strip())
        return
    typer.echo(f"{len(vectors):,} words; an empty line ends.", err=True)
    while True:
        try:
            line = input("word> ").strip()
        except EOFError:
            typer.echo(err=True)
            return
        if not line:
            return
        yield line


def _answer(
    vectors: WordVectors,
    phrases: Phrases | None,
    line: str,
    *,
    top: int,
    restrict: int | None,
    threshold: float | None,
    as_json: bool,
) -> bool:
    """Answer a line; each word is a query. An unknown word is reported, and the next word is answered."""
    try:
        for query in parse_words(vectors, line.split() if phrases is None else [line], phrases):
            answer = vectors.neighbors(query, top=top, restrict=restrict, threshold=threshold)
            if as_json:
                print_json({"word": query, "neighbors": neighbors_to_json(answer)})
            else:
                print_neighbors(answer, str(query))
    except FirthError as error:
        typer.echo(f"Error: {error}", err=True)
        return False
    return True
