"""Room cli: ``firth analogy`` answers "A is to B as C is to what?".

Tests: tests/cli/test_main.py.
"""

from __future__ import annotations

import enum
from typing import Annotated

import typer

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

NO_ARGS_IS_HELP = True


class Method(str, enum.Enum):
    """The score of an answer, computed from the three words; see `WordVectors.most_similar`."""

    ADD = "add"
    MULTIPLY = "multiply"


@reads_vectors
def analogy(
    vectors: VectorFile,
    a: Annotated[str, typer.Argument(metavar="A")],
    b: Annotated[str, typer.Argument(metavar="B")],
    c: Annotated[str, typer.Argument(metavar="C")],
    top: Top = 10,
    restrict: Restrict = None,
    method: Annotated[
        Method, typer.Option("--method", help="Score: cosine with B - A + C, or a product of cosines (3CosMul).")
    ] = Method.ADD,
    as_json: AsJson = False,
) -> None:
    """A is to B as C is to what? Prints the words nearest to B - A + C; A, B and C themselves are left out.

    \b
    firth analogy model man king woman
    firth analogy model paris france rome --method multiply -n 3
    """
    opened, phrases = vectors.open_with_phrases()
    given = [a, b, c]
    if phrases is not None:
        given = [phrases.token(word) if len(word.split()) > 1 else word for word in given]
    words = parse_words(opened, given)
    found = opened.analogy(*words, top=top, restrict=restrict, method=method.value)
    if as_json:
        print_json({"a": words[0], "b": words[1], "c": words[2], "answers": neighbors_to_json(found)})
    else:
        print_neighbors(found, f"{a} : {b} = {c} : ?")
