"""Room estimators: the confusion matrix: accuracy, F1 by class, macro and micro F1, and a picture of the matrix.

Tests: tests/estimators/test_text_classifier.py.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firth.base.html import html_table
from firth.errors import MissingExtraError, ParameterError
from firth.formats.target import whole_file, write_all
from firth.numerics.ratios import ratio

MAX_WRITTEN_CELLS = 30  # with more classes, a picture shows colours without numbers


@dataclass(frozen=True)
class Confusion:
    """The number of examples of each true class that were predicted as each class.

    Attributes
    ----------
    classes : tuple of str, (C,)
    matrix : int64 array, (C, C)
        Rows are true classes, columns are predicted classes.

    With t_c the diagonal, r_c the sum of row c and p_c the sum of column c:

        accuracy = sum_c t_c / n
        precision_c = t_c / p_c,  recall_c = t_c / r_c,  F1_c = 2 t_c / (r_c + p_c)
        macro F1 = mean of F1_c over the classes that are true or predicted at least once
        micro F1 = 2 sum_c t_c / sum_c (r_c + p_c)

    A precision or recall whose denominator is 0 is 0. With one label for each text, micro F1 equals accuracy.
    """

    classes: tuple[str, ...]
    matrix: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.matrix) / self.matrix.sum())

    @property
    def precision(self) -> NDArray[np.float64]:
        return ratio(np.diag(self.matrix), self.matrix.sum(axis=0))

    @property
    def recall(self) -> NDArray[np.float64]:
        return ratio(np.diag(self.matrix), self.matrix.sum(axis=1))

    @property
    def f1(self) -> NDArray[np.float64]:
        return ratio(2 * np.diag(self.matrix), self.matrix.sum(axis=0) + self.matrix.sum(axis=1))

    @property
    def macro_f1(self) -> float:
        occurs = (self.matrix.sum(axis=0) + self.matrix.sum(axis=1)) > 0
        return float(self.f1[occurs].mean())

    @property
    def micro_f1(self) -> float:
        return float(2 * np.trace(self.matrix) / (2 * self.matrix.sum()))

    def __repr__(self) -> str:
        n_texts = int(self.matrix.sum())
        return (
            f"Confusion({n_texts:,} texts, {len(self.classes):,} classes, accuracy {self.accuracy:.4f},"
            f" macro F1 {self.macro_f1:.4f})"
        )

    def _repr_html_(self) -> str:
        rows = [(name, *map(int, row)) for name, row in zip(self.classes, self.matrix, strict=True)]
        return html_table(repr(self), ("true \\ predicted", *self.classes), rows)

    def save_picture(self, path: str | os.PathLike[str], *, title: str = "") -> None:
        """Draw the matrix to a file, whose suffix decides the file type. Colours show shares of the true class (row).

        Raises
        ------
        MissingExtraError
            matplotlib is not installed.
        StorageError, ParameterError
            The file cannot be written, or matplotlib cannot write files of this suffix.
        """
        target = validate_picture_suffix(path)
        from matplotlib.figure import Figure

        n_classes = len(self.classes)
        shares = ratio(self.matrix, self.matrix.sum(axis=1, keepdims=True))
        size = min(3 + 0.6 * n_classes, 24)
        figure = Figure(figsize=(size + 0.8, size), layout="constrained")
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
        if n_classes <= 2 * MAX_WRITTEN_CELLS:
            axes.set_xticks(range(n_classes), self.classes, rotation=45, ha="right")
            axes.set_yticks(range(n_classes), self.classes)
        if n_classes <= MAX_WRITTEN_CELLS:
            for row in range(n_classes):
                for column in range(n_classes):
                    color = "white" if shares[row, column] > 0.5 else "black"
                    axes.text(column, row, str(self.matrix[row, column]), ha="center", va="center", color=color)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.set_title(title or f"accuracy {self.accuracy:.1%}")
        drawn = io.BytesIO()
        figure.savefig(drawn, format=target.suffix[1:].lower(), dpi=150)
        with whole_file(target, overwrite=True, compress=False) as file:
            write_all(file, drawn.getvalue())


def validate_picture_suffix(path: str | os.PathLike[str]) -> Path:
    """The path of a picture, with ``.png`` if it has no suffix.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    ParameterError
        matplotlib cannot write files of this suffix.
    """
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "a picture of the confusion matrix needs matplotlib; run `pip install 'firth[plot]'`"
        ) from error
    target = Path(path)
    if not target.suffix:
        return target.with_name(f"{target.name}.png")
    kinds = sorted(FigureCanvasBase.get_supported_filetypes())
    if target.suffix[1:].lower() not in kinds:
        raise ParameterError(
            f"picture must have the suffix of a picture, such as .png, got {path} (one of .{', .'.join(kinds)})"
        )
    return target


def compute_confusion(
    true_labels: Sequence[str], predicted_labels: Sequence[str], classes: Sequence[str] = ()
) -> Confusion:
    """Count the pairs of true and predicted label.

    Parameters
    ----------
    true_labels, predicted_labels : sequences of str, n >= 1 of them
    classes : sequence of str
        The order of classes in the matrix. Labels that are not in ``classes`` follow, sorted.

    Raises
    ------
    ParameterError
    """
    if len(true_labels) != len(predicted_labels) or not len(true_labels):
        raise ParameterError(
            "labels must be at least one, with one predicted label for each true label,"
            f" got {len(true_labels)} and {len(predicted_labels)}"
        )
    listed = list(dict.fromkeys(classes))
    names = (*listed, *sorted({*true_labels, *predicted_labels}.difference(listed)))
    positions = {name: position for position, name in enumerate(names)}
    matrix = np.zeros((len(names), len(names)), np.int64)
    rows = [positions[label] for label in true_labels]
    columns = [positions[label] for label in predicted_labels]
    np.add.at(matrix, (rows, columns), 1)
    return Confusion(names, matrix)


__all__ = ["Confusion", "compute_confusion", "validate_picture_suffix"]
