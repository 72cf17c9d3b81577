"""Room cli: ``firth plot`` draws words at the first two principal components of their vectors.

Tests: tests/cli/test_main.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firth.cli.reading import parse_words
from firth.cli.vector_flags import VectorFile, reads_vectors
from firth.errors import StorageError

NO_ARGS_IS_HELP = True


@reads_vectors
def plot(
    vectors: VectorFile,
    words: Annotated[list[str], typer.Argument(metavar="WORD", help="The words to draw.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Picture: .png, .svg or .pdf.")],
    neighbors: Annotated[
        int, typer.Option("--neighbors", help="Also draw this many nearest neighbours of each word, in grey.")
    ] = 0,
    title: Annotated[str | None, typer.Option("--title", help="Title above the picture.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")] = False,
) -> None:
    """Draw words at the first two principal components of their unit vectors. Labels do not overlap.

    \b
    firth plot model king queen man woman -o words.png
    firth plot model whale --neighbors 20 -o whale.svg
    """
    from firth.vectors.plot import plot_words

    if output.exists() and not overwrite:
        raise StorageError(f"{output} exists; choose another file, or give --overwrite")
    opened = vectors.open()
    plot_words(opened, parse_words(opened, words), output, neighbors=neighbors, title=title)
    if not quiet:
        typer.echo(f"written to {output}")
