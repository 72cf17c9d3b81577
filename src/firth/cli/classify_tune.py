"""Room cli: ``firth classify tune``: searches for the parameters of a classifier, and trains the best ones.

Tests: tests/training/test_tuning.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from firth.cli.classify_options import (
    Delimiter,
    FileFormat,
    Header,
    LabelColumn,
    LabelPrefix,
    LabelSeparator,
    TextColumn,
)


def tune(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV, TSV, or lines with __label__NAME, compressed or not; - reads stdin."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the trials and the best classifier.")
    ],
    valid: Annotated[Path | None, typer.Option("--valid", metavar="FILE", help="Labelled texts to measure on.")] = None,
    heldout: Annotated[
        str | None,
        typer.Option("--heldout", metavar="SHARE", help="Without --valid: share of FILE to measure on. [default: 10%]"),
    ] = None,
    trials: Annotated[int | None, typer.Option("--trials", help="Trials to make; earlier calls count.")] = None,
    budget_seconds: Annotated[
        float | None,
        typer.Option("--budget-seconds", help="Seconds for trials; earlier calls count. Then the best is trained."),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option("--max-size", help="Quantize: at most so many bytes, like 2M or 500k, saved as classifier.ftz."),
    ] = None,
    loss: Annotated[str | None, typer.Option("--loss", help="Try this loss alone. [default: all four]")] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", help="Threads that learn. [default: the cores that may be used]")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Decides every random draw.")] = 1,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same scores whatever --threads is: one thread learns.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress and no table.")] = False,
    file_format: FileFormat = "auto",
    delimiter: Delimiter = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    header: Header = True,
    label_prefix: LabelPrefix = "__label__",
    label_separator: LabelSeparator = None,
) -> None:
    """Search for the parameters of a classifier by Optuna, and train the best ones; `pip install 'firth[tune]'`.

    Each trial is measured by F1 at 1 on texts that it does not learn from. The trials stand in DIR/trials.tsv and are
    printed. The same command continues a search that was interrupted, or that is given more --trials or time.

    \b
    firth classify tune cooking.train -o tuned --valid cooking.valid --budget-seconds 600
    firth classify tune reviews.csv -o tuned --trials 30 --max-size 2M --text-column review --label-column stars
    """
    from firth.training.run.tuning import format_table, tune_classifier

    tuned = tune_classifier(
        file,
        output=output,
        valid=valid,
        heldout=heldout,
        trials=trials,
        budget_seconds=budget_seconds,
        max_size=max_size,
        loss=loss,
        threads=threads,
        seed=seed,
        deterministic=deterministic,
        file_format=file_format,
        text_column=text_column,
        label_column=label_column,
        delimiter=delimiter,
        header=header,
        label_prefix=label_prefix,
        label_separator=label_separator,
        progress=not quiet,
    )
    if quiet:
        return
    typer.echo(format_table(tuned.trials), nl=False)
    flags = " ".join(_flag(name, value) for name, value in tuned.parameters.items())
    typer.echo(f"best: F1 {tuned.score:.4f} with {flags}; saved to {tuned.path}")


def _flag(name: str, value: Any) -> str:
    number = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f"--{name.replace('_', '-')} {number}"


__all__ = ["tune"]
