"""Room training: when training counts as diverged, and the copies of the vectors that are kept in case it does."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from firth.base.machine import available_memory_bytes
from firth.errors import DivergenceError, TrainingError

if TYPE_CHECKING:
    from firth.kernels.engine import Engine, SliceResult
    from firth.training.loop.checkpoints import RunState, Snapshot
    from firth.training.loop.options import TrainableEngine

NOT_FINITE = "the loss stopped being finite"
LOSS_EXAMPLES = 10_000  # a mean loss is judged over at least so many examples
# and over so many windows: all examples of a wide window have one target, and a few rare targets in a row have a loss
# far above the mean (a rare word's code in the Huffman tree is long)
LOSS_WINDOWS = 1_000
TIMES_GUESSING = 3.0
# A logit of 17 leaves a gradient of 2^-24, below float32's resolution: there an example stops to move its rows, whose
# logits therefore stay below some 20. Two rows with norms of 1,000 that point the same way have a logit of 1,000,000.
LARGEST_NORM = 1000.0
TIMES_START_NORM = 10.0  # start vectors may be on a scale of their own
COPY_SHARE = 1 / 200  # of the time, at most, goes into copies
HALT_S = 0.1  # until every thread stands still, at least: slices take 0.05 s, more on a busy machine
COPY_BYTES_PER_S = 1e9  # a cautious guess for the first copy; the later ones are measured


def loss_bound(engine: Engine, has_start_vectors: bool) -> float:
    """The mean loss in nats above which a run has diverged.

    3 times guessing, or, for a run with start vectors, 3 times the loss of the first 10,000 examples at the start
    vectors where that is more: vectors of another program may be far worse than guessing before they are trained.
    """
    own = engine.first_loss(LOSS_EXAMPLES) if has_start_vectors else 0.0
    return TIMES_GUESSING * (max(own, engine.guessing_loss_nats) if math.isfinite(own) else engine.guessing_loss_nats)


def norm_bound(engine: Engine, has_start_vectors: bool) -> float:
    """The norm above which a vector has exploded: 1,000, or 10 times the longest start vector if that is more."""
    return max(LARGEST_NORM, TIMES_START_NORM * engine.largest_norm()) if has_start_vectors else LARGEST_NORM


class DivergenceGuard:
    """Judges losses and vectors by the bounds in a run's state.

    Parameters
    ----------
    engine : Engine
    state : RunState
        With its two bounds.
    advice : str
        What may help: the end of every error.
    learning_rate_at : function of epoch and position
    """

    def __init__(
        self, engine: TrainableEngine, state: RunState, advice: str, learning_rate_at: Callable[[int, int], float]
    ) -> None:
        assert state.loss_bound_nats is not None
        assert state.norm_bound is not None
        self._loss_bound, self._norm_bound = state.loss_bound_nats, state.norm_bound
        self._engine = engine
        self._state = state
        self._advice = advice
        self._learning_rate_at = learning_rate_at
        # of the present stretch of at least LOSS_EXAMPLES examples and LOSS_WINDOWS windows
        self._loss = self._weight = self._examples = self._windows = 0.0
        self._last_mean = 0.0

    @property
    def is_good(self) -> bool:
        """The mean losses of the present stretch of examples and of the last slice, however short, are below the bound.

        So vectors that are kept may not have diverged, though too few examples say so to end the run.
        """
        return max(self._mean, self._last_mean) <= self._loss_bound

    @property
    def _mean(self) -> float:
        return self._loss / self._weight if self._weight > 0 else 0.0

    def take(self, result: SliceResult, epoch: int, position: int) -> None:
        """Take a slice in; raise DivergenceError where the mean loss of enough examples is above the bound."""
        self._loss += result.loss_nats
        self._weight += result.weight
        self._examples += result.n_examples
        self._windows += result.n_centers
        if result.weight > 0:
            self._last_mean = result.loss_nats / result.weight
        if self._examples < LOSS_EXAMPLES or self._windows < LOSS_WINDOWS:
            return
        if self._mean > self._loss_bound:
            what = f"the mean loss of {self._examples:,.0f} examples rose to {self._mean:.4g} nats"
            raise self.diverged(f"{what}, above the bound of {self._loss_bound:.4g},", epoch, position)
        self._loss = self._weight = self._examples = self._windows = 0.0

    def validate_last_loss(self) -> None:
        """Raise DivergenceError where the last epoch's mean loss is above the bound, however few its examples."""
        record = self._state.history.epochs[-1]
        if record.loss_nats > self._loss_bound:
            what = f"the mean loss rose to {record.loss_nats:.4g} nats, above the bound of {self._loss_bound:.4g},"
            raise self.diverged(what, record.epoch - 1, self._state.position)

    def validate_vectors(self) -> None:
        """Raise DivergenceError where a vector is not finite or longer than the bound."""
        try:
            self._engine.check_finite(self._norm_bound)
        except TrainingError as error:
            what = f"a vector ({error}) grew beyond a norm of {self._norm_bound:,.0f}"
            raise self.diverged(what, self._state.epoch, self._state.position) from error

    def diverged(self, what: str, epoch: int, position: int) -> DivergenceError:
        """The error that ends the run."""
        rate = self._learning_rate_at(epoch, position)
        return DivergenceError(f"{what} in epoch {epoch + 1} at a learning rate of {rate:.6g}; {self._advice}")


class VectorKeeper:
    """Keeps one copy of the vectors in memory, renewed so seldom that it costs less than 0.5 % of the time.

    Parameters
    ----------
    n_bytes : int
        Of both matrices.
    """

    def __init__(self, n_bytes: int) -> None:
        self._n_bytes = n_bytes
        self.snapshot: Snapshot | None = None
        self.postpone(n_bytes / COPY_BYTES_PER_S)

    def is_due(self, *, at_barrier: bool) -> bool:
        """Whether it is time for a copy, and there is memory for it: twice its size, unless it replaces one.

        Where threads are at work (``at_barrier=False``), halting them costs time as well, so copies are rarer.
        """
        if time.monotonic() < (self._next_s if at_barrier else self._next_halt_s):
            return False
        available = available_memory_bytes() if self.snapshot is None else None
        if available is not None and available < 2 * self._n_bytes:
            self.postpone(0.0)
            return False
        return True

    def keep(self, take: Callable[[], Snapshot], started_s: float) -> None:
        """Put a new copy in the place of the old one; ``started_s`` is when the cost began."""
        self.snapshot = None  # never two at once
        self.snapshot = take()
        self.postpone(time.monotonic() - started_s)

    def postpone(self, cost_s: float) -> None:
        """The next copy comes when one at this cost is a small share of the time."""
        self._next_s = time.monotonic() + cost_s / COPY_SHARE
        self._next_halt_s = time.monotonic() + max(cost_s, HALT_S) / COPY_SHARE
