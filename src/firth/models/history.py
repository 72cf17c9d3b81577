"""Room models: the record of a run: its epochs, its evaluations, its seconds.

Tests: tests/training/test_history.py.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from firth.base.html import html_table
from firth.base.json_file import as_object
from firth.errors import MissingExtraError
from firth.models.records import as_list, read_record, require


@dataclass(frozen=True)
class EpochRecord:
    """The record of one epoch, a pass over the corpus.

    Attributes
    ----------
    epoch : int
        Number of the epoch, from 1.
    loss_nats : float
        Mean training loss in nats per positive example with its K negatives (CBOW: per centre), summed in float64. The
        loss of an example is computed before its update, and is weighted by the weight of its sequence. NaN if the sum
        of the weights is zero.
    n_examples : int
        Number of positive examples: pairs of words for skip-gram, windows for CBOW.
    words_per_s : float
        Words read, before minimum count and subsampling, per second of training.
    learning_rate : float
        The learning rate at the end of the epoch.
    seconds : float
        Seconds spent on the epoch, including held-out evaluations and checkpoints.
    heldout_loss_nats : float or None
        The held-out loss at the end of the epoch.
    """

    epoch: int
    loss_nats: float
    n_examples: int
    words_per_s: float
    learning_rate: float
    seconds: float
    heldout_loss_nats: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """One evaluation by the held-out loss, by the user's metric, or by both.

    Attributes
    ----------
    epochs_done : float
        Epochs trained before the evaluation: 1.5 is in the middle of the second epoch.
    heldout_loss_nats : float or None
        Mean loss in nats per example of the held-out part, with full fixed windows, no subsampling, fixed negatives.
    metric : float or None
        The result of ``stop_metric``; larger is better.
    """

    epochs_done: float
    heldout_loss_nats: float | None
    metric: float | None

    def is_better_than(self, other: Evaluation | None) -> bool:
        """Whether this evaluation is better than the other: by the metric if it has one, else by the held-out loss."""
        if other is None:
            return True
        if self.metric is not None and other.metric is not None:
            return self.metric > other.metric
        if self.heldout_loss_nats is not None and other.heldout_loss_nats is not None:
            return self.heldout_loss_nats < other.heldout_loss_nats
        return False


@dataclass
class History:
    """The record of a run.

    Attributes
    ----------
    epochs : list of EpochRecord
    evaluations : list of Evaluation
    encode_seconds, train_seconds : float
        Seconds of reading and encoding the corpus; seconds of training, including held-out evaluations and checkpoints.
        Seconds before an interruption are included.
    words_trained : float
        Words read, before minimum count and subsampling, over all epochs.
    stop_reason : str
        ``"finished"``, ``"patience"`` or ``"callback"``; ``"interrupted"`` if a signal or an exception interrupted the
        run; ``"diverged"`` for ``DivergenceError.model``; ``""`` before the run ends.
    kept : Evaluation or None
        If ``patience`` was given: the evaluation whose vectors were kept.
    guessing_loss_nats : float or None
        The training loss if every logit is zero: (K + 1) ln 2 for negative sampling, ln V for softmax, the mean length
        of the Huffman codes times ln 2 for hierarchical softmax. None in models of earlier versions.
    notes : list of str
        Other information about the run for the user, such as progress that could not be shown.
    """

    epochs: list[EpochRecord] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    encode_seconds: float = 0.0
    train_seconds: float = 0.0
    words_trained: float = 0.0
    stop_reason: str = ""
    kept: Evaluation | None = None
    guessing_loss_nats: float | None = None
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        parts = [f"{len(self.epochs)} epochs"]
        parts += [f"loss {self.loss_nats[-1]:.4f} nats"] if self.epochs else []
        parts += [f"held out {self.heldout_loss_nats[-1]:.4f} nats"] if self.heldout_loss_nats else []
        parts += [f"{self.train_seconds:.1f} s", self.stop_reason or "not ended"]
        return f"History({', '.join(parts)})"

    def _repr_html_(self) -> str:
        """The table that a notebook shows: a row for each epoch."""
        columns = ("epoch", "loss, nats", "held out, nats", "examples", "words/s", "learning rate", "seconds")
        rows = [
            (
                one.epoch,
                one.loss_nats,
                one.heldout_loss_nats,
                one.n_examples,
                round(one.words_per_s) if math.isfinite(one.words_per_s) else None,
                one.learning_rate,
                one.seconds,
            )
            for one in self.epochs
        ]
        return html_table(repr(self), columns, rows)

    @property
    def loss_nats(self) -> list[float]:
        """The mean training loss of each epoch, in nats."""
        return [record.loss_nats for record in self.epochs]

    @property
    def heldout_loss_nats(self) -> list[float]:
        """The held-out loss of each evaluation, in nats; empty without a held-out part."""
        return [e.heldout_loss_nats for e in self.evaluations if e.heldout_loss_nats is not None]

    @property
    def words_per_s(self) -> float:
        """Words read (before minimum count and subsampling, over all epochs) per second of training."""
        return self.words_trained / self.train_seconds if self.train_seconds > 0 else math.nan

    def plot(self, ax: Any = None) -> Any:
        """Plot the training loss of each epoch, and the held-out loss if there is one.

        Parameters
        ----------
        ax : matplotlib Axes or None
            None: a new figure.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        MissingExtraError
            matplotlib is not installed.
        """
        if ax is None:
            try:
                from matplotlib import pyplot
            except ImportError as error:
                raise MissingExtraError(
                    "history.plot() needs matplotlib, which is not installed; `pip install 'firth[plot]'` installs it"
                ) from error
            _, ax = pyplot.subplots()
        ax.plot([record.epoch for record in self.epochs], self.loss_nats, marker="o", label="training")
        heldout = [e for e in self.evaluations if e.heldout_loss_nats is not None]
        if heldout:
            ax.plot(
                [e.epochs_done for e in heldout], [e.heldout_loss_nats for e in heldout], marker="s", label="held out"
            )
        if self.kept is not None:
            ax.axvline(self.kept.epochs_done, linestyle=":", color="gray", label="kept")
        ax.set_xlabel("epochs")
        ax.set_ylabel("mean loss (nats)")
        ax.legend()
        return ax

    def to_json(self) -> dict[str, Any]:
        """A dictionary of JSON types, with null for NaN; :meth:`from_json` makes the same history from it."""
        values = dataclasses.asdict(self)
        for record in values["epochs"]:
            record.update({k: None for k, v in record.items() if isinstance(v, float) and math.isnan(v)})
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> History:
        """Read a history that :meth:`to_json` wrote; raise ValueError for any other value."""
        rest = {key: value for key, value in as_object(values, "history").items() if key not in _LISTS}
        kept = require(values, "kept", "history")
        return read_record(
            cls,
            {key: value for key, value in rest.items() if key != "kept"},
            "history",
            epochs=[
                read_record(EpochRecord, _epoch_values(as_object(record, "history.epochs")), "history.epochs")
                for record in as_list(require(values, "epochs", "history"), "history.epochs")
            ],
            evaluations=[
                read_record(Evaluation, evaluation, "history.evaluations")
                for evaluation in as_list(require(values, "evaluations", "history"), "history.evaluations")
            ],
            kept=None if kept is None else read_record(Evaluation, kept, "history.kept"),
        )


_LISTS = ("epochs", "evaluations")
_NAN_NAMES = ("loss_nats", "words_per_s")  # null means NaN
_FORMER_NAMES = ("loss_standard_error",)  # earlier versions estimated the loss of long corpora


def _epoch_values(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: math.nan if key in _NAN_NAMES and value is None else value
        for key, value in record.items()
        if key not in _FORMER_NAMES
    }
