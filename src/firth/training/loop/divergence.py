"""Room training: decides when training has diverged, and keeps copies of earlier vectors for that case."""

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
LOSS_EXAMPLES = 10_000  # minimum number of examples of a mean loss that is compared with the bound
# Minimum number of windows of such a mean. All examples of a wide window have one target, so a few rare targets in
# sequence have a loss far above the mean (the Huffman code of a rare word is long).
LOSS_WINDOWS = 1_000
TIMES_GUESSING = 3.0
# At a logit of 17 the gradient is 2^-24, below the resolution of float32, so the example no longer moves its rows.
# Therefore logits stay below about 20. Two rows of norm 1,000 in the same direction have a logit of 1,000,000.
LARGEST_NORM = 1000.0
TIMES_START_NORM = 10.0  # start vectors may have another scale
COPY_SHARE = 1 / 200  # maximum share of the time that is spent on copies
HALT_S = 0.1  # seconds until all threads have paused, at least: a slice takes 0.05 s, more on a busy machine
COPY_BYTES_PER_S = 1e9  # a low estimate for the first copy; later copies are measured


def loss_bound(engine: Engine, has_start_vectors: bool) -> float:
    """The mean loss in nats above which a run has diverged.

    The bound is 3 times the loss of guessing. For a run with start vectors it is at least 3 times the loss of the first
    10,000 examples at the start vectors, because vectors of another program may be far worse than guessing before they
    are trained.
    """
    own = engine.first_loss(LOSS_EXAMPLES) if has_start_vectors else 0.0
    return TIMES_GUESSING * (max(own, engine.guessing_loss_nats) if math.isfinite(own) else engine.guessing_loss_nats)


def norm_bound(engine: Engine, has_start_vectors: bool) -> float:
    """The norm above which a vector has diverged: 1,000, or 10 times the largest norm of a start vector if larger."""
    return max(LARGEST_NORM, TIMES_START_NORM * engine.largest_norm()) if has_start_vectors else LARGEST_NORM


class DivergenceGuard:
    """Compares losses and vectors with the bounds in the state of a run.

    Parameters
    ----------
    engine : Engine
    state : RunState
        Its two bounds must not be None.
    advice : str
        The end of every error: what may help.
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
        # sums since the last comparison, which needs LOSS_EXAMPLES examples and LOSS_WINDOWS windows
        self._loss = self._weight = self._examples = self._windows = 0.0
        self._last_mean = 0.0

    @property
    def is_good(self) -> bool:
        """Whether the mean losses since the last comparison, and of the last slice, are not above the bound.

        This includes means over too few examples to end the run. It decides whether the current vectors may be kept.
        """
        return max(self._mean, self._last_mean) <= self._loss_bound

    @property
    def _mean(self) -> float:
        return self._loss / self._weight if self._weight > 0 else 0.0

    def take(self, result: SliceResult, epoch: int, position: int) -> None:
        """Add the result of a slice; raise DivergenceError if the mean loss of enough examples is above the bound."""
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
        """Raise DivergenceError if the mean loss of the last epoch is above the bound, for any number of examples."""
        record = self._state.history.epochs[-1]
        if record.loss_nats > self._loss_bound:
            what = f"the mean loss rose to {record.loss_nats:.4g} nats, above the bound of {self._loss_bound:.4g},"
            raise self.diverged(what, record.epoch - 1, self._state.position)

    def validate_vectors(self) -> None:
        """Raise DivergenceError if a vector is not finite or its norm is above the bound."""
        try:
            self._engine.check_finite(self._norm_bound)
        except TrainingError as error:
            what = f"a vector ({error}) grew beyond a norm of {self._norm_bound:,.0f}"
            raise self.diverged(what, self._state.epoch, self._state.position) from error

    def diverged(self, what: str, epoch: int, position: int) -> DivergenceError:
        """Make the error that ends the run."""
        rate = self._learning_rate_at(epoch, position)
        return DivergenceError(f"{what} in epoch {epoch + 1} at a learning rate of {rate:.6g}; {self._advice}")


class VectorKeeper:
    """Keeps one copy of the vectors in memory. Copies take less than 0.5 % of the time.

    Parameters
    ----------
    n_bytes : int
        Size of both matrices.
    """

    def __init__(self, n_bytes: int) -> None:
        self._n_bytes = n_bytes
        self.snapshot: Snapshot | None = None
        self.postpone(n_bytes / COPY_BYTES_PER_S)

    def is_due(self, *, at_barrier: bool) -> bool:
        """Whether it is time for a copy and there is memory for it: twice its size, unless it replaces a copy.

        If threads are training (``at_barrier=False``), pausing them takes time too, so copies are less frequent.
        """
        if time.monotonic() < (self._next_s if at_barrier else self._next_halt_s):
            return False
        available = available_memory_bytes() if self.snapshot is None else None
        if available is not None and available < 2 * self._n_bytes:
            self.postpone(0.0)
            return False
        return True

    def keep(self, take: Callable[[], Snapshot], started_s: float) -> None:
        """Replace the old copy by a new one. ``started_s`` is the time at which the work for the copy began."""
        self.snapshot = None  # frees the old copy first, so that memory never holds two
        self.snapshot = take()
        self.postpone(time.monotonic() - started_s)

    def postpone(self, cost_s: float) -> None:
        """Delay the next copy until a copy of this cost is a small share of the time."""
        self._next_s = time.monotonic() + cost_s / COPY_SHARE
        self._next_halt_s = time.monotonic() + max(cost_s, HALT_S) / COPY_SHARE
