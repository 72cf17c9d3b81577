"""Room training: functions of the user's that run between slices, what they see, and how they stop a run.

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
    """Raised by a callback to end the run in order: the model of that moment is returned and saved."""


@dataclass(frozen=True)
class TrainingState:
    """What a callback sees of a run. All threads stand still while it looks.

    Attributes
    ----------
    epoch : int
        The epoch at work, or that just ended, from 1.
    epochs : int
    share_done : float
        Of the whole run, in [0, 1].
    words_per_s : float
        Words read, before minimum count and subsampling.
    learning_rate : float
    loss_nats : float
        Mean training loss of this epoch so far; NaN before the first example whose loss is taken.
    heldout_loss_nats : float or None
        The latest held-out loss.
    seconds_left : float
        An estimate.
    history : History
        Of the epochs that have ended.
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

    @property
    def vectors(self) -> WordVectors:
        """The input vectors of this moment, as a copy: float32 (V, D)."""
        return self._make_vectors()

    @property
    def output_vectors(self) -> NDArray[np.float32]:
        """The output vectors of this moment, as a copy: as ``Model.output_vectors``."""
        return self._copy_output_vectors()


class Callback:
    """Base class of callbacks: overwrite what you need.

    Both methods run in the main thread, between slices. Return True, or raise :class:`StopTraining`, to end the run in
    order; any other exception ends it with that exception. An object of another class with one of these methods will
    do as well.
    """

    def on_epoch_end(self, state: TrainingState) -> bool | None:
        """After each epoch, when its record is in ``state.history``."""
        return None

    def on_progress(self, state: TrainingState) -> bool | None:
        """About once a second."""
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
        """Whether any callback has an ``on_epoch_end`` of its own."""
        return bool(self._on_epoch_end)

    @property
    def wants_progress(self) -> bool:
        """Whether any callback has an ``on_progress`` of its own, for which threads must be halted."""
        return bool(self._on_progress)

    def epoch_ended(self, state: TrainingState) -> bool:
        """Call every ``on_epoch_end``; True where one asked to stop."""
        return _ask_all(self._on_epoch_end, state)

    def progressed(self, state: TrainingState) -> bool:
        """Call every ``on_progress``; True where one asked to stop."""
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
