"""Room cli: `firth classify predict` and `evaluate` with a classifier that learned its own vectors."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from firth.classification.classifier import Classifier
from firth.classification.scores import LabelScores, PrecisionMean, ScoreCounter
from firth.classification.text_lines import LineBlock
from firth.cli.counter import count_shown
from firth.errors import CorpusError, ParameterError
from firth.estimators.confusion import compute_confusion, validate_picture_suffix
from firth.formats.target import whole_file, write_all
from firth.models.loading import open_classifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.text import Text

MAX_SHOWN_LABELS = 20  # rows of the printed table, which then fits a screen
MAX_PICTURE_LABELS = 50
MAX_ORDERED = 1 << 22  # labels of texts that are in memory at once


def format_answer(labels: Iterable[str], probabilities: Iterable[float], as_json: bool) -> str:
    """The output line of one text: labels and probabilities separated by tabs, or a JSON object."""
    if as_json:
        record = {"labels": list(labels), "probabilities": [round(float(number), 6) for number in probabilities]}
        return json.dumps(record, ensure_ascii=False)
    return "\t".join(f"{label}\t{number:.6f}" for label, number in zip(labels, probabilities, strict=False))


def write_predictions(
    model_file: Path,
    blocks: Iterator[LineBlock],
    output: Path | None,
    *,
    top: int,
    threshold: float,
    as_json: bool,
    threads: int | None,
    overwrite: bool,
) -> None:
    """Predict texts block by block and write a line for each. Standard error says how many texts have no label."""
    model = open_classifier(model_file)
    n_texts, without = 0, list[int]()
    n_without = 0
    shown = output is not None or not (sys.stdout is not None and sys.stdout.isatty())
    with _writer(output, overwrite) as write, count_shown("texts", shown=shown) as add:
        for block in blocks:
            labels, probabilities = model.predict(block.texts, top, threshold, threads=threads)
            rows = zip(labels, probabilities.tolist(), strict=True)
            write("".join(format_answer(names, row[: len(names)], as_json) + "\n" for names, row in rows))
            empty = [block.first_line + index for index, names in enumerate(labels) if not names]
            n_texts += len(labels)
            add(len(labels))
            n_without += len(empty)
            without.extend(empty[: 5 - len(without)])
    if n_without:
        typer.echo(
            f"note: {n_without} of {n_texts} texts have no label{f' of at least {threshold:g}' if threshold else ''}"
            f" (line {', '.join(map(str, without))}{', ...' if n_without > len(without) else ''})",
            err=True,
        )


def evaluate_lines(
    model_file: Path,
    blocks: Iterator[LineBlock],
    *,
    k: int,
    threshold: float,
    as_json: bool,
    picture: Path | None,
    threads: int | None,
    with_order: bool,
) -> None:
    """Precision and recall at 1 and at k, average precision, and F1 by label, of labelled texts read block by block.

    ``with_order``: whether average precision is computed, for which all labels of each text are put in order.
    """
    model = open_classifier(model_file)
    if picture is not None:
        validate_picture(picture, len(model.labels))
    order = PrecisionMean(model.labels) if with_order else None
    at_1, at_k = ScoreCounter(model.labels, 1), ScoreCounter(model.labels, k)
    true: list[str] = []
    predicted: list[str] = []
    with count_shown("texts") as add:
        for block in blocks:
            ids, _ = model.predict_ids(block.texts, k, threshold, threads=threads)
            at_1.add(block.labels, ids)
            at_k.add(block.labels, ids)
            if order is not None:
                _add_order(order, model, block, threads)
            if picture is not None:
                _collect_pairs(model, block, ids, true, predicted)
            add(len(block.texts))
    scores, best = at_k.scores(), at_1.scores()
    if scores.n_texts == 0:
        raise CorpusError("the file must hold at least one text, got none")
    if scores.n_unknown:
        typer.echo(
            "note: 1 label of the texts is unknown to the classifier and counts as missed"
            if scores.n_unknown == 1
            else f"note: {scores.n_unknown} labels of the texts are unknown to the classifier and count as missed",
            err=True,
        )
    if picture is not None:
        compute_confusion(true, predicted, model.labels).save_picture(picture)
    average = None if order is None else order.value
    if as_json:
        typer.echo(json.dumps(_as_json(best, scores, average), ensure_ascii=False))
    else:
        _print_scores(best, scores, average)


def validate_picture(picture: Path, n_labels: int) -> None:
    """Refuse a picture that nobody can read, or that cannot be written, before texts are classified.

    Raises
    ------
    ParameterError
    """
    if n_labels > MAX_PICTURE_LABELS:
        raise ParameterError(
            f"--picture must come with a classifier of at most {MAX_PICTURE_LABELS} labels, got {n_labels}; give"
            " --json in its place"
        )
    validate_picture_suffix(picture)


def _add_order(order: PrecisionMean, model: Classifier, block: LineBlock, threads: int | None) -> None:
    """Add a block's texts, some at a time: all labels of each text are in memory."""
    step = max(1, MAX_ORDERED // len(model.labels))
    for first in range(0, len(block.texts), step):
        part = slice(first, first + step)
        ids, _ = model.predict_ids(block.texts[part], None, threads=threads)
        order.add(block.labels[part], ids)


def _collect_pairs(
    model: Classifier, block: LineBlock, ids: np.ndarray[Any, Any], true: list[str], predicted: list[str]
) -> None:
    """Append the true and the predicted label of each text for which a label is predicted.

    If a text has several true labels, the predicted one counts if it is true, else the first.
    """
    for names, label in zip(block.labels, ids[:, 0].tolist(), strict=True):
        if label >= 0:
            answer = model.labels[label]
            predicted.append(answer)
            true.append(answer if answer in names else names[0])


@contextlib.contextmanager
def _writer(output: Path | None, overwrite: bool) -> Iterator[Callable[[str], None]]:
    if output is None:
        yield lambda text: typer.echo(text, nl=False)
        return
    with whole_file(output, overwrite=overwrite, compress=False) as stream:
        yield lambda text: write_all(stream, text.encode("utf-8"))


def _as_json(at_1: LabelScores, at_k: LabelScores, average: float | None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "n_texts": at_k.n_texts,
        "n_without_answer": at_k.n_without_answer,
        "n_unknown_labels": at_k.n_unknown,
    }
    for scores in (at_1, at_k) if at_k.k > 1 else (at_1,):
        record[f"precision_at_{scores.k}"] = scores.precision
        record[f"recall_at_{scores.k}"] = scores.recall
        record[f"f1_at_{scores.k}"] = scores.f1
    if average is not None:
        record["average_precision"] = average
    record["macro_f1"] = at_1.macro_f1
    record["labels"] = {
        label: {
            "texts": int(at_1.true_counts[number]),
            "predicted": int(at_1.answered_counts[number]),
            "precision": float(at_1.label_precision[number]),
            "recall": float(at_1.label_recall[number]),
            "f1": float(at_1.label_f1[number]),
        }
        for number, label in enumerate(at_1.labels)
        if at_1.true_counts[number] or at_1.answered_counts[number]
    }
    return record


def _print_scores(at_1: LabelScores, at_k: LabelScores, average: float | None) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    parts = [
        f"precision at {scores.k} {scores.precision:.4f}, recall at {scores.k} {scores.recall:.4f}"
        for scores in ((at_1, at_k) if at_k.k > 1 else (at_1,))
    ]
    if average is not None:
        parts.append(f"average precision {average:.4f}")
    console.print(f"{at_k.n_texts} texts: {', '.join(parts)}, macro F1 {at_1.macro_f1:.4f}", soft_wrap=True)
    order = np.argsort(-at_1.true_counts, kind="stable")
    occurring = [int(number) for number in order if at_1.true_counts[number] or at_1.answered_counts[number]]
    table = Table("label", title="by label, the best answer")
    for name in ("texts", "precision", "recall", "F1"):
        table.add_column(name, justify="right")
    for number in occurring[:MAX_SHOWN_LABELS]:
        numbers = (at_1.label_precision[number], at_1.label_recall[number], at_1.label_f1[number])
        cells = (str(at_1.true_counts[number]), *(f"{value:.4f}" for value in numbers))
        table.add_row(label_cell(at_1.labels[number]), *cells)
    console.print(table)
    if len(occurring) > MAX_SHOWN_LABELS:
        console.print(f"--json shows {len(occurring) - MAX_SHOWN_LABELS} rarer labels too", soft_wrap=True)


def label_cell(label: str) -> Text:
    """A label as a cell of a table: one line, cut where the table would not fit."""
    from rich.text import Text

    return Text(label, no_wrap=True, overflow="ellipsis")


__all__ = ["MAX_SHOWN_LABELS", "evaluate_lines", "format_answer", "label_cell", "validate_picture", "write_predictions"]
