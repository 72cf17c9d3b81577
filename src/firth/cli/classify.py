"""Room cli: ``firth classify``: train, predict with and evaluate classifiers of texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from firth.base.values import validate_choice
from firth.classification.folder import is_classifier_folder
from firth.classification.labelled_text import FORMATS, read_labelled_texts
from firth.classification.text_lines import LineBlock, is_table, read_line_blocks, read_table_blocks
from firth.cli.classify_options import (
    Delimiter,
    FileFormat,
    Header,
    LabelColumn,
    LabelPrefix,
    LabelSeparator,
    TextColumn,
    file_or_pipe,
)
from firth.cli.classify_train import train, warn_of_unknown
from firth.cli.classify_tune import tune
from firth.errors import ParameterError, StorageError
from firth.formats.target import whole_file, write_all

if TYPE_CHECKING:
    from firth.estimators.confusion import Confusion

app = typer.Typer(
    name="classify",
    add_completion=False,
    help="Classify texts: train or tune a classifier; predict, evaluate, quantize. fastText's models work too.",
    no_args_is_help=True,
)

app.command()(train)
app.command()(tune)

MAX_TABLE_CLASSES = 20  # a larger confusion matrix is not printed

ModelPath = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="Folder or file that `firth classify train` wrote, or fastText's .bin or .ftz."
    ),
]
Lines = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help="CSV, TSV, or lines; - or a pipe: standard input, lines unless --format says."),
]
LabelledLines = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help="CSV, TSV, or lines with __label__NAME; - or a pipe: standard input."),
]
Threshold = Annotated[float, typer.Option("--threshold", help="Least probability of a class, from 0 to 1.")]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        help="Number of threads; not with a classifier on given vectors. [default: the cores that may be used]",
    ),
]
SeveralLabels = Annotated[
    str,
    typer.Option(
        "--several-labels",
        help="If a line has several labels: error, first (use the first), or each (use the text once for each label).",
    ),
]


@app.command()
def predict(
    model: ModelPath,
    file: Lines = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for the predictions. [default: standard output]")
    ] = None,
    top: Annotated[int, typer.Option("--top", "-k", help="Classes for each text, the most probable first.")] = 1,
    threshold: Threshold = 0.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object for each text: labels and probabilities.")
    ] = False,
    threads: Threads = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output file.")] = False,
    file_format: FileFormat = "auto",
    delimiter: Delimiter = None,
    text_column: TextColumn = None,
    header: Header = True,
    label_prefix: LabelPrefix = "__label__",
) -> None:
    """Predict classes. Each text gives a line: classes and probabilities, separated by tabs.

    With a classifier that learned its own vectors (fastText's are such), the file is read in constant memory.

    \b
    firth classify predict cooking questions.txt -k 3
    echo "how to bake bread" | firth classify predict cooking
    """
    from firth.formats.target import validate_destination

    file = file_or_pipe(file, "texts")
    if output is not None:
        validate_destination(output, overwrite)
    if top < 1:
        raise ParameterError(f"top must be at least 1, got {top}")
    _validate_threshold(threshold)
    _validate_model_exists(model)
    if learns_own_vectors(model):
        from firth.cli.classify_lines import write_predictions

        blocks = _blocks(file, file_format, delimiter, text_column, None, header, label_prefix, None, with_labels=False)
        write_predictions(
            model, blocks, output, top=top, threshold=threshold, as_json=as_json, threads=threads, overwrite=overwrite
        )
        return
    _refuse_threads(threads)
    from firth.cli.classify_lines import format_answer
    from firth.estimators import TextClassifier

    classifier = TextClassifier.load(model)
    data = read_labelled_texts(
        file,
        file_format=file_format,
        delimiter=delimiter,
        text_column=text_column,
        header=header,
        label_prefix=label_prefix,
        with_labels=False,
    )
    probabilities = classifier.predict_proba(data.texts)
    best = probabilities.argsort(axis=1, kind="stable")[:, ::-1][:, :top]
    answers = (
        [(classifier.classes[label], row[label]) for label in labels if row[label] >= threshold]
        for row, labels in zip(probabilities, best, strict=True)
    )
    lines = (
        format_answer([name for name, _ in answer], [number for _, number in answer], as_json) for answer in answers
    )
    warn_of_unknown(classifier, data)
    if output is None:
        for line in lines:
            typer.echo(line)
    else:
        with whole_file(output, overwrite=overwrite, compress=False) as stream:
            write_all(stream, "".join(line + "\n" for line in lines).encode("utf-8"))


@app.command()
def evaluate(
    model: ModelPath,
    file: LabelledLines = None,
    top: Annotated[
        int,
        typer.Option(
            "--top", "-k", help="Predicted labels for each text that count; not with a classifier on given vectors."
        ),
    ] = 1,
    threshold: Threshold = 0.0,
    picture: Annotated[Path | None, typer.Option("--picture", help="Draw the confusion matrix to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    no_average_precision: Annotated[
        bool,
        typer.Option(
            "--no-average-precision",
            help="Leave out average precision, which takes long with thousands of labels.",
        ),
    ] = False,
    threads: Threads = None,
    file_format: FileFormat = "auto",
    delimiter: Delimiter = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    header: Header = True,
    label_prefix: LabelPrefix = "__label__",
    label_separator: LabelSeparator = None,
    several_labels: SeveralLabels = "error",
) -> None:
    """Evaluate a classifier on labelled texts: accuracy, macro and micro F1, scores by class, confusion matrix.

    Labels that the classifier was not trained on count as errors. With --several-labels each, a prediction is right
    if it is one of the text's labels. Otherwise it counts as an error of the text's first label.

    A classifier that learned its own vectors (fastText's are such) gets other scores: precision and recall at 1 and at
    --top, average precision, and F1 of each label. Texts may then have several labels, whatever --several-labels says,
    and the file is read in constant memory.

    \b
    firth classify evaluate cooking cooking.valid
    firth classify evaluate reviews test.csv --text-column review --label-column stars --picture confusion.png
    """
    file = file_or_pipe(file, "labelled texts")
    _validate_model_exists(model)
    if learns_own_vectors(model):
        from firth.cli.classify_lines import evaluate_lines

        if top < 1:
            raise ParameterError(f"top must be at least 1, got {top}")
        _validate_threshold(threshold)
        blocks = _blocks(
            file,
            file_format,
            delimiter,
            text_column,
            label_column,
            header,
            label_prefix,
            label_separator,
            with_labels=True,
        )
        evaluate_lines(
            model,
            blocks,
            k=top,
            threshold=threshold,
            as_json=as_json,
            picture=picture,
            threads=threads,
            with_order=not no_average_precision,
        )
        return
    _refuse_threads(threads)
    if top != 1 or threshold != 0:
        raise ParameterError(
            f"--top and --threshold must come with a classifier that learned its own vectors, got {model}, a"
            " classifier on given vectors; leave them out"
        )
    from firth.estimators import TextClassifier
    from firth.estimators.confusion import compute_confusion

    classifier = TextClassifier.load(model)
    if picture is not None:
        from firth.cli.classify_lines import validate_picture

        validate_picture(picture, len(classifier.classes))
    data = read_labelled_texts(
        file,
        file_format=file_format,
        delimiter=delimiter,
        text_column=text_column,
        label_column=label_column,
        header=header,
        label_prefix=label_prefix,
        label_separator=label_separator,
        several_labels=several_labels,
    )
    predicted = classifier.predict(data.texts)
    true = [label if label in labels else labels[0] for label, labels in zip(predicted, data.labels, strict=True)]
    confusion = compute_confusion(true, predicted, classifier.classes)
    n_unknown = warn_of_unknown(classifier, data)
    unseen = confusion.classes[len(classifier.classes) :]
    if unseen:
        n_unseen = sum(label in unseen for label in true)
        typer.echo(
            f"note: {n_unseen} texts have labels that the classifier was not trained on; they count as errors:"
            f" {', '.join(unseen[:10])}{', ...' if len(unseen) > 10 else ''}",
            err=True,
        )
    if picture is not None:
        confusion.save_picture(picture)
    if as_json:
        typer.echo(json.dumps(_as_json(confusion, len(data), n_unknown), ensure_ascii=False))
    else:
        _print_tables(confusion, len(data))


def _blocks(
    file: Path,
    file_format: str,
    delimiter: str | None,
    text_column: str | None,
    label_column: str | None,
    header: bool,
    label_prefix: str,
    label_separator: str | None,
    *,
    with_labels: bool,
) -> Iterator[LineBlock]:
    """The texts of a file in blocks, for a classifier that learned its own vectors."""
    validate_choice("format", file_format, FORMATS)
    columns = {
        "--delimiter": delimiter,
        "--text-column": text_column,
        "--label-column": label_column,
        "--label-separator": label_separator is not None,
    }
    if is_table(file, file_format, delimiter):
        return read_table_blocks(
            file,
            file_format=file_format,
            delimiter=delimiter,
            text_column=text_column,
            label_column=label_column,
            header=header,
            label_separator=label_separator,
            with_labels=with_labels,
        )
    given = [flag for flag, value in columns.items() if value]
    if given:
        raise ParameterError(
            f"{given[0]} must come with a table, got {file}, which is read as lines; give --format csv"
        )
    return read_line_blocks(file, label_prefix, with_labels=with_labels)


def _validate_model_exists(model: Path) -> None:
    if not model.exists():
        raise StorageError(
            f"{model} does not exist; give a classifier: the folder that `firth classify train` wrote, or fastText's"
            " .bin or .ftz"
        )


def learns_own_vectors(model: Path) -> bool:
    """Whether a path is a file, or the folder of a classifier that learned its own vectors.

    Reading the file checks later whether it is a classifier.
    """
    return model.is_file() or is_classifier_folder(model)


def _validate_threshold(threshold: float) -> None:
    if not 0 <= threshold <= 1:
        raise ParameterError(f"threshold must lie in 0 to 1, got {threshold}")


def _refuse_threads(threads: int | None) -> None:
    """Raise for --threads, which a classifier on given vectors cannot use."""
    if threads is not None:
        raise ParameterError(
            f"--threads must come with a classifier that learned its own vectors, got {threads}; leave it out"
        )


@app.command()
def quantize(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL", help="A classifier that learned its own vectors and is not quantized: a folder or .bin."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File for the small model, usually .ftz.")],
    cutoff: Annotated[
        int | None,
        typer.Option("--cutoff", help="Keep this number of rows of words and n-grams: those with the largest norms."),
    ] = None,
    norms: Annotated[bool, typer.Option("--norms/--no-norms", help="Quantize the norms of rows apart.")] = True,
    part_dims: Annotated[int, typer.Option("--part-dims", help="Columns that are stored in one byte.")] = 2,
    output_matrix: Annotated[
        bool, typer.Option("--output-matrix", help="Quantize the rows of the labels as well.")
    ] = False,
    retrain: Annotated[
        Path | None,
        typer.Option(
            "--retrain",
            metavar="FILE",
            help="After --cutoff, train the rows that are left again on these labelled texts.",
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Of --retrain: passes over the texts (5).")] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", help="Of --retrain: falls linearly from this (0.1).")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same model.")] = 1,
    threads: Annotated[
        int | None, typer.Option("--threads", help="Number of threads. [default: the cores that may be used]")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output file.")] = False,
    file_format: FileFormat = "auto",
    delimiter: Delimiter = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    header: Header = True,
    label_prefix: LabelPrefix = "__label__",
    label_separator: LabelSeparator = None,
) -> None:
    """Make a small copy of a classifier that learned its own vectors. fastText can load the copy.

    \b
    firth classify quantize model.bin -o model.ftz --cutoff 50000
    firth classify quantize cooking -o cooking.ftz --cutoff 10000 --retrain cooking.train
    """
    from firth.formats.target import validate_destination
    from firth.models.loading import open_classifier

    _validate_model_exists(model)
    validate_destination(output, overwrite)
    if not learns_own_vectors(model):
        raise ParameterError(f"MODEL must be a classifier that learned its own vectors, got {model}; give another one")
    table: dict[str, Any] = {
        "file_format": file_format,
        "delimiter": delimiter,
        "text_column": text_column,
        "label_column": label_column,
        "header": header,
        "label_prefix": label_prefix,
        "label_separator": label_separator,
    }
    again: dict[str, Any] = {"epochs": epochs, "learning_rate": learning_rate}
    if retrain is None:
        for name, value in again.items():
            if value is not None:
                raise ParameterError(f"--{name.replace('_', '-')} must come with --retrain, got {value}; leave it out")
        small = open_classifier(model).quantize(
            cutoff=cutoff, norms=norms, part_dims=part_dims, output=output_matrix, seed=seed, threads=threads
        )
    else:
        from firth.training.run.retraining import quantize_classifier

        if cutoff is None:
            raise ParameterError("--retrain must come with --cutoff, the rows to keep; without it nothing is pruned")
        small = quantize_classifier(
            open_classifier(model),
            retrain,
            cutoff=cutoff,
            norms=norms,
            part_dims=part_dims,
            quantize_output=output_matrix,
            seed=seed,
            threads=threads,
            **{name: value for name, value in again.items() if value is not None},
            **table,
        )
    files = [model] if model.is_file() else model.iterdir()
    before = sum(file.stat().st_size for file in files)  # before saving: the small model may replace the model
    small.save(output, overwrite=overwrite)
    after = output.stat().st_size
    typer.echo(f"{before:,} bytes became {after:,} ({after / before:.1%}); saved to {output}")


def _as_json(confusion: Confusion, n_texts: int, n_unknown: int) -> dict[str, Any]:
    return {
        "n_texts": n_texts,
        "n_without_known_word": n_unknown,
        "accuracy": confusion.accuracy,
        "macro_f1": confusion.macro_f1,
        "micro_f1": confusion.micro_f1,
        "classes": list(confusion.classes),
        "precision": confusion.precision.tolist(),
        "recall": confusion.recall.tolist(),
        "f1": confusion.f1.tolist(),
        "confusion_matrix": confusion.matrix.tolist(),
    }


def _print_tables(confusion: Confusion, n_texts: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from firth.cli.classify_lines import MAX_SHOWN_LABELS, label_cell

    console = Console(highlight=False)
    console.print(
        f"{n_texts} texts: accuracy {confusion.accuracy:.4f}, macro F1 {confusion.macro_f1:.4f},"
        f" micro F1 {confusion.micro_f1:.4f}",
        soft_wrap=True,
    )
    by_class = Table("class", title="by class")
    for name in ("texts", "precision", "recall", "F1"):
        by_class.add_column(name, justify="right")
    counts = confusion.matrix.sum(axis=1)
    shown = range(len(counts)) if len(counts) <= MAX_SHOWN_LABELS else np.argsort(-counts, kind="stable")
    for row in shown[:MAX_SHOWN_LABELS]:
        numbers = (confusion.precision[row], confusion.recall[row], confusion.f1[row])
        by_class.add_row(label_cell(confusion.classes[row]), str(counts[row]), *(f"{number:.4f}" for number in numbers))
    console.print(by_class)
    if len(counts) > MAX_SHOWN_LABELS:
        console.print(f"{len(counts) - MAX_SHOWN_LABELS} rarer classes are in --json", soft_wrap=True)
    if len(confusion.classes) > MAX_TABLE_CLASSES:
        console.print(f"the confusion matrix has {len(confusion.classes)} classes; see it with --picture or --json")
        return
    matrix = Table("true \\ predicted", title="confusion matrix")
    for name in confusion.classes:
        matrix.add_column(Text(name), justify="right")
    for name, numbers in zip(confusion.classes, confusion.matrix, strict=True):
        matrix.add_row(Text(name), *map(str, numbers))
    console.print(matrix)


__all__ = ["app"]
