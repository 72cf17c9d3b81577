"""Room cli: ``firth evaluate``: analogies and word pairs, as tables or JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.cli.analogy import Method
from firth.cli.reading import AsJson, Vectors, open_vectors, print_json
from firth.errors import ParameterError
from firth.vectors.evaluation import RESTRICT_VOCABULARY

if TYPE_CHECKING:
    from firth.vectors.evaluation import AnalogyScore, PairScore

NO_ARGS_IS_HELP = True


def evaluate(
    vectors: Vectors,
    more_pairs: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="More files for --similarity.")
    ] = None,
    analogies: Annotated[
        Path | None, typer.Option("--analogies", metavar="FILE", help="Questions in the form of questions-words.txt.")
    ] = None,
    similarity: Annotated[
        list[Path] | None,
        typer.Option("--similarity", metavar="FILE...", help="Pairs with people's scores: word, word, score a line."),
    ] = None,
    restrict: Annotated[
        int, typer.Option("--restrict", help="Only the so many most frequent words take part.")
    ] = RESTRICT_VOCABULARY,
    fold_case: Annotated[
        bool, typer.Option("--fold-case/--keep-case", help="Whether Paris and paris are the same word.")
    ] = True,
    method: Annotated[
        Method, typer.Option("--method", help="Of the analogies: nearest to B - A + C, or by products (3CosMul).")
    ] = Method.ADD,
    sections: Annotated[bool, typer.Option("--sections", help="A line for each section of the analogies.")] = False,
    as_json: AsJson = False,
) -> None:
    """Score vectors by analogies and by people's judgements of similarity; the same numbers as gensim's.

    \b
    firth evaluate model --analogies questions-words.txt
    firth evaluate model --similarity wordsim353.tsv simlex999.tsv --json
    """
    pair_files = [*(similarity or []), *(more_pairs or [])]
    if more_pairs and not similarity:
        raise ParameterError(f"a file must follow --analogies or --similarity, got {more_pairs[0]} alone")
    if analogies is None and not pair_files:
        raise ParameterError("something must be asked for: --analogies FILE, --similarity FILE..., or both")
    for path in [*([analogies] if analogies else []), *pair_files]:
        if not path.is_file():
            what = "is a folder; name a file in it" if path.is_dir() else "does not exist"
            raise ParameterError(f"{path} {what}")

    from firth.vectors.evaluation import evaluate_analogies, evaluate_word_pairs

    opened = open_vectors(vectors)
    result: dict[str, Any] = {}
    if analogies is not None:
        score = evaluate_analogies(
            opened, analogies, restrict_vocabulary=restrict, fold_case=fold_case, method=method.value
        )
        result["analogies"] = {"file": str(analogies), **_analogies_to_json(score)}
        if not as_json:
            _print_analogies(analogies, score, sections)
    for path in pair_files:
        pairs = evaluate_word_pairs(opened, path, restrict_vocabulary=restrict, fold_case=fold_case)
        result.setdefault("similarity", []).append({"file": str(path), **vars(pairs)})
        if not as_json:
            _print_pairs(path, pairs)
    if as_json:
        print_json(result)


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
    }


def _print_analogies(path: Path, score: AnalogyScore, with_sections: bool) -> None:
    shown = [*(score.sections if with_sections else ()), score.semantic, score.syntactic, score.total]
    width = max(len(section.name) for section in shown)
    typer.echo(f"{path}: analogies")
    for section in shown:
        typer.echo(
            f"  {section.name:<{width}}  {section.accuracy:6.1%}  {section.n_correct:,} of {section.n_answered:,}"
            f" right, {section.n_unknown:,} with an unknown word"
        )


def _print_pairs(path: Path, score: PairScore) -> None:
    typer.echo(
        f"{path}: Spearman {score.spearman:.4f}, Pearson {score.pearson:.4f} over {score.n_pairs:,} pairs,"
        f" {score.unknown_share:.1%} unknown"
    )
