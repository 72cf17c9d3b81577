"""Room cli: ``firth phrases`` learns which words belong together, writes the table, and joins the words of a text."""

from __future__ import annotations

import enum
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from firth.base.replace import validate_destination
from firth.cli.reading import AsJson, make_choice, print_json
from firth.cli.run_flags import COLUMN_HELP, TokenizerName, paths_of
from firth.errors import ParameterError
from firth.numerics.phrases import SCORINGS

NO_ARGS_IS_HELP = True
_SHOWN = 5  # phrases that are printed

_Scoring: Any = make_choice("Scoring", SCORINGS)
_EncodingErrors: Any = make_choice("EncodingErrors", ("strict", "replace", "ignore"))
_WORD2VEC, _STRICT = _Scoring("word2vec"), _EncodingErrors("strict")


def phrases(
    corpus: Annotated[
        list[str],
        typer.Argument(metavar="CORPUS", help="Text files, globs or URLs, also .gz, .bz2, .xz, .zst; - is a pipe."),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File for the table of phrases.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--table", metavar="FILE", help="Learn nothing; use this table, for --join.")
    ] = None,
    join: Annotated[
        Path | None, typer.Option("--join", metavar="FILE", help="Write CORPUS to this file with its phrases joined.")
    ] = None,
    min_count: Annotated[int, typer.Option("--min-count", help="Smallest count of a phrase.")] = 5,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", help="A phrase has a score above it. [default: 100 word2vec, 10 gensim, 0.5 npmi]"),
    ] = None,
    scoring: Annotated[
        _Scoring,
        typer.Option("--scoring", help="word2vec multiplies by the words of the text, gensim by its vocabulary."),
    ] = _WORD2VEC,
    connector_words: Annotated[
        str,
        typer.Option("--connector-words", metavar="WORDS", help="Words inside of phrases: english, or of,the,and."),
    ] = "",
    passes: Annotated[int, typer.Option("--passes", help="Two passes find phrases of up to four words.")] = 1,
    delimiter: Annotated[str, typer.Option("--delimiter", help="Between the words of a joined phrase.")] = "_",
    lowercase: Annotated[bool, typer.Option("--lowercase", help="Lower-case every word.")] = False,
    encoding_errors: Annotated[
        _EncodingErrors,
        typer.Option("--encoding-errors", help="Bytes that are not UTF-8: an error, replaced by U+FFFD, or left out."),
    ] = _STRICT,
    as_text: Annotated[
        bool, typer.Option("--as-text", help="Read files as plain text even if they look like another format.")
    ] = False,
    column: Annotated[str | None, typer.Option("--column", metavar="NAME", help=COLUMN_HELP)] = None,
    tokenizer: TokenizerName = None,
    threads: Annotated[
        int | None, typer.Option("--threads", help="Number of threads. [default: all processors]")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the files of -o and --join.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find words that belong together, such as "new york", and join them to one token, new_york.

    \b
    firth phrases corpus.txt -o phrases.txt
    firth phrases corpus.txt -o phrases.txt --passes 2 --connector-words english
    firth train corpus.txt -o model --phrases phrases.txt
    firth phrases other.txt --table phrases.txt --join joined.txt

    Each line is a sequence. docs/phrases.md has the scores and what their thresholds mean.
    """
    from firth.corpus.learning_phrases import learn_phrases
    from firth.corpus.phrases import Phrases

    if output is None and join is None:
        raise ParameterError(
            "output must be given: -o FILE, the file for the table, or --join FILE for the joined text"
        )
    if table is not None and output is not None:
        raise ParameterError("--table must come without --output: the table exists already; give --join")
    if join is not None and "-" in corpus:
        raise ParameterError("--join must come with files, got - for standard input, which can be read only once")
    if output is not None and join is not None and os.path.realpath(output) == os.path.realpath(join):
        raise ParameterError(f"--join must be another file than that of --output, got {join} for both")
    for path in (output, join):
        if path is not None:
            validate_destination(path, overwrite)
    sources = paths_of(corpus, tokenizer)
    if table is not None:
        found = Phrases.load(table)
    else:
        found = learn_phrases(
            sources,
            min_count=min_count,
            threshold=threshold,
            scoring=_plain(scoring),
            connector_words=_words(connector_words),
            passes=passes,
            delimiter=delimiter,
            lowercase=lowercase,
            encoding_errors=_plain(encoding_errors),
            as_text=as_text,
            column=column,
            tokenizer=tokenizer,
            threads=threads,
        )
    if output is not None:
        found.save(output, overwrite=overwrite)
    n_lines = None
    if join is not None:
        n_lines = found.join_file(
            sources,
            join,
            lowercase=lowercase,
            as_text=as_text,
            encoding_errors=_plain(encoding_errors),
            overwrite=overwrite,
            column=column,
            tokenizer=tokenizer,
        )
    if as_json:
        print_json(
            {
                "phrases": len(found),
                "passes": [
                    {"phrases": len(one.scores), "words": one.n_words, "scored": one.n_scored} for one in found.passes
                ],
                "output": None if output is None else str(output),
                "joined": None if join is None else str(join),
                "lines": n_lines,
            }
        )
    elif not quiet:
        typer.echo(_describe(found, output, join, n_lines))


def _describe(found: Any, output: Path | None, join: Path | None, n_lines: int | None) -> str:
    lines = [
        f"pass {number}: {len(one.scores):,} phrases"
        + (
            f" of {one.n_scored:,} pairs that occur {found.min_count:,} times, in {one.n_words:,} words"
            if one.n_words
            else ""
        )
        for number, one in enumerate(found.passes, start=1)
    ]
    scores = sorted(found.scores.items(), key=lambda item: -item[1])[:_SHOWN]
    lines += [f"  {score:10.4g}  {' '.join(phrase)}" for phrase, score in scores]
    if output is not None:
        lines.append(f"{len(found):,} phrases written to {output}; try: firth train CORPUS -o model --phrases {output}")
    if join is not None:
        lines.append(f"{n_lines:,} lines written to {join}")
    return "\n".join(lines)


def _words(text: str) -> str | list[str]:
    if text == "english":
        return text
    return [word for word in text.split(",") if word]


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value
