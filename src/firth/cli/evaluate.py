"""Room cli: ``firth evaluate`` scores vectors by analogies and word pairs; the output is a table or JSON."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from firth.cli.analogy import Method
from firth.cli.exits import EXIT_CHECK_FAILED, EXIT_REFUSED
from firth.cli.reading import AsJson, print_json
from firth.cli.vector_flags import VectorFile, reads_vectors
from firth.errors import ParameterError
from firth.vectors.evaluation import RESTRICT_VOCABULARY

if TYPE_CHECKING:
    from firth.vectors.evaluation_lines import LineCounts
    from firth.vectors.evaluation_scores import AnalogyScore, PairScore

NO_ARGS_IS_HELP = True


@reads_vectors
def evaluate(
    vectors: VectorFile,
    more_pairs: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="More files for --similarity.")
    ] = None,
    analogies: Annotated[
        Path | None, typer.Option("--analogies", metavar="FILE", help="Questions in the format of questions-words.txt.")
    ] = None,
    similarity: Annotated[
        list[Path] | None,
        typer.Option(
            "--similarity", metavar="FILE...", help="Word pairs with human scores; a line: word, word, score."
        ),
    ] = None,
    restrict: Annotated[
        int, typer.Option("--restrict", help="Use only this many words, the most frequent ones.")
    ] = RESTRICT_VOCABULARY,
    fold_case: Annotated[
        bool, typer.Option("--fold-case/--keep-case", help="Treat Paris and paris as the same word, or not.")
    ] = True,
    method: Annotated[
        Method, typer.Option("--method", help="Score of analogies: cosine with B - A + C, or a product (3CosMul).")
    ] = Method.ADD,
    sections: Annotated[
        bool, typer.Option("--sections", help="Print a line for each section of the analogies.")
    ] = False,
    compose: Annotated[
        bool,
        typer.Option(
            "--compose", help="Compose vectors of unknown words from n-grams. [default: leave their lines out]"
        ),
    ] = False,
    delimiter: Annotated[
        str | None,
        typer.Option(
            "--delimiter", help="Delimiter of the columns in --similarity: a character, or tab. [default: guessed]"
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="WORD,WORD,SCORE",
            help="Columns of word, word, score in --similarity: numbers from 1, or names. [default: guessed]",
        ),
    ] = None,
    skip_bad_lines: Annotated[
        bool, typer.Option("--skip-bad-lines", help="Exit with 0 even if some lines are not pairs or questions.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Score vectors by analogies and by human judgements of similarity. The scores equal gensim's.

    \b
    firth evaluate model --analogies questions-words.txt
    firth evaluate model --similarity combined.csv SimLex-999.txt --json
    firth evaluate model --similarity ratings.tsv --columns word1,word2,mean
    firth evaluate subword-model --similarity rare-words.tsv --compose

    Every line of a file is counted in the report. Exit status: 0 every line was used, except blank lines, comments and
    one heading; 1 other lines were not used (with --skip-bad-lines: 0); 2 nothing could be scored, and the message says
    why.
    """
    pair_files = [*(similarity or []), *(more_pairs or [])]
    if more_pairs and not similarity:
        raise ParameterError(f"a file must follow --analogies or --similarity, got {more_pairs[0]} alone")
    if analogies is None and not pair_files:
        raise ParameterError("something must be asked for: --analogies FILE, --similarity FILE..., or both")
    if not pair_files and (delimiter is not None or columns is not None):
        raise ParameterError("--delimiter and --columns must come with --similarity FILE..., got no such file")
    for path in [*([analogies] if analogies else []), *pair_files]:
        if not path.is_file():
            what = "is a folder; name a file in it" if path.is_dir() else "does not exist"
            raise ParameterError(f"{path} {what}")

    from firth.vectors.evaluation import score_analogies, score_word_pairs
    from firth.vectors.pair_files import read_word_pairs
    from firth.vectors.question_files import read_questions

    # All files are opened first, so that a missing file is an error before any work.
    chosen = _parse_columns(columns)
    mark = {"tab": "\t", "\\t": "\t", "space": " "}.get(delimiter or "", delimiter)
    questions = read_questions(analogies) if analogies is not None else None
    read_pairs = [(path, read_word_pairs(path, mark, chosen)) for path in pair_files]

    opened = vectors.open()
    unknown: Literal["compose", "skip"] = "compose" if compose else "skip"
    result: dict[str, Any] = {}
    accounts: list[tuple[Path, LineCounts]] = []
    unscored: list[tuple[Path, str]] = []
    if analogies is not None and questions is not None:
        score = score_analogies(
            opened,
            questions,
            restrict_vocabulary=restrict,
            fold_case=fold_case,
            unknown=unknown,
            method=method.value,
        )
        accounts.append((analogies, score.lines))
        if not score.total.n_answered:
            unscored.append((analogies, "every line has a word that the vectors lack"))
        result["analogies"] = {"file": str(analogies), **_analogies_to_json(score)}
        if not as_json:
            _print_analogies(analogies, score, sections)
    for path, file in read_pairs:
        pairs = score_word_pairs(opened, file, restrict_vocabulary=restrict, fold_case=fold_case, unknown=unknown)
        accounts.append((path, pairs.lines))
        if pairs.not_defined is not None:
            unscored.append((path, pairs.not_defined))
        result.setdefault("similarity", []).append({"file": str(path), **_pairs_to_json(pairs)})
        if not as_json:
            _print_pairs(path, pairs)
    if as_json:
        print_json(result)
    for path, reason in unscored:
        kind = "Error" if len(unscored) == len(accounts) else "note"
        typer.echo(
            f"{kind}: nothing of {path} could be scored: {reason}; compare with `firth info {vectors}`", err=True
        )
    if len(unscored) == len(accounts):
        raise typer.Exit(EXIT_REFUSED)
    bad = [(path, lines) for path, lines in accounts if lines.n_bad]
    for path, lines in bad:
        typer.echo(
            f"{'note' if skip_bad_lines else 'Error'}: {lines.n_bad:,} of {lines.n_lines:,} lines of {path} did not"
            f" count: {lines.describe_bad()}"
            + ("" if skip_bad_lines else "; correct these lines, or give --skip-bad-lines"),
            err=True,
        )
    if bad and not skip_bad_lines:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _parse_columns(columns: str | None) -> list[int | str] | None:
    if columns is None:
        return None
    names = [name.strip() for name in columns.split(",")]
    return [int(name) if name.isascii() and name.isdecimal() else name for name in names]


def _analogies_to_json(score: AnalogyScore) -> dict[str, Any]:
    def numbers(section: Any) -> dict[str, Any]:
        return {
            "accuracy": section.accuracy,
            "n_correct": section.n_correct,
            "n_answered": section.n_answered,
            "n_unknown": section.n_unknown,
        }

    return {
        **numbers(score.total),
        "semantic": numbers(score.semantic),
        "syntactic": numbers(score.syntactic),
        "sections": [{"name": section.name, **numbers(section)} for section in score.sections],
        "n_skipped_lines": score.n_skipped_lines,
        "lines": _lines_to_json(score.lines),
    }


def _pairs_to_json(score: PairScore) -> dict[str, Any]:
    return {
        "spearman": score.spearman,
        "pearson": score.pearson,
        "n_pairs": score.n_pairs,
        "n_unknown": score.n_unknown,
        "unknown_share": score.unknown_share,
        "n_composed": score.n_composed,
        "n_skipped_lines": score.n_skipped_lines,
        "tags_removed": score.tags_removed,
        "not_defined": score.not_defined,
        "lines": _lines_to_json(score.lines),
        "layout": dataclasses.asdict(score.layout),
    }


def _lines_to_json(lines: LineCounts) -> dict[str, Any]:
    return {**dataclasses.asdict(lines), "n_bad": lines.n_bad}


def _print_analogies(path: Path, score: AnalogyScore, with_sections: bool) -> None:
    shown = [*(score.sections if with_sections else ()), score.semantic, score.syntactic, score.total]
    width = max(len(section.name) for section in shown)
    typer.echo(f"{path}: analogies")
    for section in shown:
        typer.echo(
            f"  {section.name:<{width}}  {section.accuracy:6.1%}  {section.n_correct:,} of {section.n_answered:,}"
            f" right, {section.n_unknown:,} with an unknown word"
        )
    _print_lines(score.lines, "questions")


def _print_pairs(path: Path, score: PairScore) -> None:
    found = f"Spearman {score.spearman:.4f}, Pearson {score.pearson:.4f}"
    typer.echo(
        f"{path}: {found if score.not_defined is None else 'no correlation'} over {score.n_pairs:,} pairs,"
        f" {score.unknown_share:.1%} unknown"
    )
    tags = '; "sun-n" looked up as "sun"' if score.tags_removed else ""
    typer.echo(f"  {score.layout.describe()}{tags}")
    _print_lines(score.lines, "pairs")


def _print_lines(lines: LineCounts, what: str) -> None:
    parts = [f"{lines.n_counted:,} {what}"]
    for n, name in ((lines.n_sections, "sections"), (lines.n_blank, "blank"), (lines.n_comments, "comments")):
        if n:
            parts.append(f"{n:,} {name}")
    if lines.heading_line is not None:
        parts.append(f"a heading in line {lines.heading_line} ({lines.heading!r})")
    if lines.n_bad:
        parts.append(f"{lines.n_bad:,} that did not count")
    typer.echo(f"  {lines.n_lines:,} lines: {', '.join(parts)}")
    for item in lines.bad:
        typer.echo(f"    {item.n_lines:,}: {item.reason}; first in line {item.first_line}: {item.example!r}")
