"""Room cli: ``firth convert`` writes vectors in another file format.

Tests: tests/cli/test_main.py.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any

import typer

from firth.cli.reading import make_choice
from firth.cli.vector_flags import (
    Duplicates,
    Encoding,
    EncodingErrors,
    Limit,
    OnDuplicates,
    OnEncodingErrors,
    SourceFormat,
)
from firth.formats.registry import WRITABLE, keeps_ngrams
from firth.formats.registry import convert as convert_file

NO_ARGS_IS_HELP = True

_Writable: Any = make_choice("Writable", WRITABLE)


class Storage(str, enum.Enum):
    """The floating-point type of the numbers in a model folder."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Model folder or vector file.")],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="Its suffix decides the format; no suffix: a model folder.")
    ],
    source_format: SourceFormat = None,
    target_format: Annotated[
        _Writable | None,
        typer.Option("--to", metavar="FORMAT", help=f"Format of OUT: {', '.join(WRITABLE)}. [default: by the suffix]"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT when the new file is complete.")] = False,
    encoding: Encoding = "utf-8",
    encoding_errors: OnEncodingErrors = EncodingErrors.STRICT,
    duplicates: OnDuplicates = Duplicates.ERROR,
    limit: Limit = None,
    storage: Annotated[
        Storage, typer.Option("--storage", help="Number type of a model folder; float16 halves the size.")
    ] = Storage.FLOAT32,
    threads: Annotated[
        int | None,
        typer.Option("--threads", help="Number of threads. [default: all processors]"),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")] = False,
) -> None:
    """Read vectors in one program's format and write them in another's. OUT is written completely or not at all.

    \b
    firth convert model vectors.txt                          word2vec text
    firth convert model vectors.bin --to word2vec-binary
    firth convert GoogleNews.bin.gz google --storage float16
    firth convert glove.6B.300d.txt glove.npz --from glove
    firth convert cc.sw.300.bin.gz swahili                   fastText's, with n-grams
    """
    table = convert_file(
        source,
        target,
        source_format=None if source_format is None else source_format.value,
        target_format=None if target_format is None else target_format.value,
        overwrite=overwrite,
        encoding=encoding,
        encoding_errors=encoding_errors.value,
        duplicates=duplicates.value,
        limit=limit,
        storage=storage.value,
        threads=threads,
    )
    if not quiet:
        n_words, n_dims = table.matrix.shape
        typer.echo(f"{n_words:,} words x {n_dims} dims written to {target}")
        if not keeps_ngrams(target, table, None if target_format is None else target_format.value):
            typer.echo(
                "note: OUT has the vectors of the vocabulary alone, and not the n-grams of IN, from which vectors of"
                " other words are composed; a model folder and --to fasttext-bin keep them",
                err=True,
            )
