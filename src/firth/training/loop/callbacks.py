"""Room training: callbacks: functions of the user that run between slices, read the state, and can stop the run.

Tests: tests/training/test_loop.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import ParameterError

if TYPE_CHECKING:
    from firth.kernels.config import TrainingConfig
    from firth.models.history import History
    from firth.vectors.word_vectors import WordVectors


class StopTraining(Exception):
    """Raised by a callback to end the run without an error: the model at that time is returned and saved."""


@dataclass(frozen=True)
class TrainingState:
    """The state of a run for a callback. No thread trains while a callback runs.

    Attributes
    ----------
    epoch : int
        Number of the current epoch, or of the epoch that just ended, from 1.
    epochs : int
        Number of epochs of the run.
    share_done : float
        Share of the whole run that is done, in [0, 1].
    words_per_s : float
        Words read per second, before minimum count and subsampling.
    learning_rate : float
    loss_nats : float
        Mean training loss of this epoch up to now; NaN before the first example.
    heldout_loss_nats : float or None
        The latest held-out loss.
    seconds_left : float
        Estimated time to the end of the run.
    history : History
        The record of the epochs that have ended.
    config : TrainingConfig
    """

    epoch: int
    epochs: int
    share_done: float
    words_per_s: float
    learning_rate: float
    loss_nats: float
    heldout_loss_nats: float | None
    seconds_left: float
    history: History
    config: TrainingConfig
    _make_vectors: Callable[[], WordVectors] = field(repr=False)
    _copy_output_vectors: Callable[[], NDArray[np.float32]] = field(repr=False)
    _make_documents: Callable[[], WordVectors] | None = field(default=None, repr=False)

    @property
    def vectors(self) -> WordVectors:
        """A copy of the current input vectors: float32 (V, D). With documents, as ``Model.vectors``."""
        return self._make_vectors()

    @property
    def documents(self) -> WordVectors | None:
        """A copy of the current vectors of the tags of documents; None in a run of words."""
        return None if self._make_documents is None else self._make_documents()

    @property
    def output_vectors(self) -> NDArray[np.float32]:
        """A copy of the current output vectors, with the shape of ``Model.output_vectors``."""
        return self._copy_output_vectors()


class Callback:
    """Base class of callbacks: override the methods that you need.

    Both methods run in the main thread, between slices. To end the run without an error, return True or raise
    :class:`StopTraining`. Any other exception ends the run with that exception. A callback may also be an object of
    another class that has one of these methods.
    """

    def on_epoch_end(self, state: TrainingState) -> bool | None:
        """Called after each epoch; the record of the epoch is in ``state.history``."""
        return None

    def on_progress(self, state: TrainingState) -> bool | None:
        """Called about once a second."""
        return None


class CallbackList:
    """The callbacks of a run, validated."""

    def __init__(self, callbacks: Iterable[Any]) -> None:
        if isinstance(callbacks, (str, bytes)) or not isinstance(callbacks, Iterable):
            raise ParameterError(f"callbacks must be a list of callbacks, got {callbacks!r}")
        self._on_epoch_end: list[Callable[[TrainingState], object]] = []
        self._on_progress: list[Callable[[TrainingState], object]] = []
        for callback in callbacks:
            methods = {name: getattr(callback, name, None) for name in ("on_epoch_end", "on_progress")}
            if isinstance(callback, type) or not any(callable(method) for method in methods.values()):
                raise ParameterError(
                    "callbacks must be objects with a method on_epoch_end(state) or on_progress(state),"
                    f" got {callback!r}; derive from firth.Callback"
                )
            if callable(methods["on_epoch_end"]) and not _inherited(callback, "on_epoch_end"):
                self._on_epoch_end.append(methods["on_epoch_end"])
            if callable(methods["on_progress"]) and not _inherited(callback, "on_progress"):
                self._on_progress.append(methods["on_progress"])

    @property
    def wants_epochs(self) -> bool:
        """Whether any callback overrides ``on_epoch_end``."""
        return bool(self._on_epoch_end)

    @property
    def wants_progress(self) -> bool:
        """Whether any callback overrides ``on_progress``. The threads must pause for it."""
        return bool(self._on_progress)

    def epoch_ended(self, state: TrainingState) -> bool:
        """Call every ``on_epoch_end``; return True if any callback asked to stop."""
        return _ask_all(self._on_epoch_end, state)

    def progressed(self, state: TrainingState) -> bool:
        """Call every ``on_progress``; return True if any callback asked to stop."""
        return _ask_all(self._on_progress, state)


def _inherited(callback: object, name: str) -> bool:
    return name not in vars(callback) and getattr(type(callback), name, None) is getattr(Callback, name)


def _ask_all(methods: list[Callable[[TrainingState], object]], state: TrainingState) -> bool:
    stop = False
    for method in methods:
        try:
            stop = method(state) is True or stop
        except StopTraining:
            stop = True
    return stop
