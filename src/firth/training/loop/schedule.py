"""Room training: hands out slices of about 50 ms to threads, in corpus order, with barriers between."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firth.kernels.engine import SliceResult

SLICE_SECONDS = 0.05
TAIL_SLICE_SECONDS = 0.002  # the last slices before a barrier are shorter, so that threads wait less for each other
FIRST_SLICE_TOKENS = 16  # before the speed is measured; with a slow loss, a larger slice could take many seconds
MAX_GROWTH = 8
SPEED_MEMORY = 0.7  # weight of the past in the running mean of the speed


def learning_rate_at(start: float, end: float, epochs: int, n_tokens: int, epoch: int, position: int) -> float:
    """alpha = start + (end - start) * (epoch * n_tokens + position) / (epochs * n_tokens)."""
    return start + (end - start) * (epoch * n_tokens + position) / (epochs * n_tokens)


@dataclass(frozen=True)
class TrainingSlice:
    """The tokens [start, stop) of one epoch, given to one thread once; slices are numbered in corpus order."""

    number: int
    epoch: int
    start: int
    stop: int


@dataclass(frozen=True)
class FinishedSlice:
    """A slice and its result."""

    slice: TrainingSlice
    result: SliceResult
    elapsed_s: float


class SliceQueue:
    """Hands out slices of a range of tokens in order, and collects their results.

    The main thread calls open, pause and wait; worker threads call take and finish. A barrier is reached when no slice
    is being trained and none will be handed out. At a barrier, each token of [start of the range, cursor) has been
    trained exactly once.

    Parameters
    ----------
    n_workers : int
    granule : int
        Slices start and stop at multiples of it, or at the end of the epoch. It is a round of deterministic training,
        or the tokens that no unit crosses, so that units do not depend on the speed of the machine.
    """

    def __init__(self, n_workers: int, *, granule: int = 1) -> None:
        self._n_workers = n_workers
        self._granule = granule
        self._changed = threading.Condition()
        self._epoch = 0
        self._cursor = 0
        self._stop = 0
        self._next_number = 0
        self._n_active = 0
        self._paused = False
        self._closed = False
        self._tokens_per_s = 0.0
        self._slice_tokens = FIRST_SLICE_TOKENS
        self._finished: deque[FinishedSlice] = deque()
        self._error: BaseException | None = None

    # for the main thread

    def open(self, epoch: int, start: int, stop: int) -> None:
        """Begin a range of tokens. The previous range must have reached its barrier."""
        with self._changed:
            self._epoch, self._cursor, self._stop, self._paused = epoch, start, stop, False
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> tuple[list[FinishedSlice], int | None]:
        """Wait for the barrier or the timeout; return the finished slices, and the cursor if a barrier is reached.

        Raises the first exception of a worker.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while self._error is None and not self._at_barrier():
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            if self._error is not None:
                raise self._error
            finished = list(self._finished)
            self._finished.clear()
            return finished, self._cursor if self._at_barrier() else None

    @property
    def has_failed(self) -> bool:
        """Whether a worker ended by an exception."""
        with self._changed:
            return self._error is not None

    @property
    def cursor(self) -> int:
        """The next token to hand out. At a barrier, every token before it has been trained."""
        with self._changed:
            return self._cursor

    def pause(self) -> None:
        """Hand out no more slices. A barrier is reached when the current slices are finished."""
        with self._changed:
            self._paused = True
            self._changed.notify_all()

    def resume(self) -> None:
        """Hand out slices again after ``pause``."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def close(self) -> None:
        """Never hand out slices again. Workers that wait return."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # for the workers

    def take(self) -> TrainingSlice | None:
        """The next slice. Waits if there is none now; None if the queue is closed."""
        with self._changed:
            while not self._closed and (self._paused or self._cursor >= self._stop):
                self._changed.wait()
            if self._closed:
                return None
            start = self._cursor
            stop = min(self._stop, start + self._size_of_next_slice())
            self._cursor = stop
            self._n_active += 1
            self._next_number += 1
            return TrainingSlice(self._next_number - 1, self._epoch, start, stop)

    def finish(self, training_slice: TrainingSlice, result: SliceResult, elapsed_s: float) -> None:
        """Report a slice that is completely trained."""
        with self._changed:
            self._finished.append(FinishedSlice(training_slice, result, elapsed_s))
            self._n_active -= 1
            n_tokens = training_slice.stop - training_slice.start
            speed = n_tokens / max(elapsed_s, 1e-6)
            past = SPEED_MEMORY if self._tokens_per_s else 0.0
            self._tokens_per_s = past * self._tokens_per_s + (1 - past) * speed
            grown = MAX_GROWTH * max(self._slice_tokens, FIRST_SLICE_TOKENS)
            self._slice_tokens = max(1, min(grown, int(SLICE_SECONDS * self._tokens_per_s)))
            if self._at_barrier():
                self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Report the exception that ended a slice. The run ends with the first such exception."""
        with self._changed:
            self._n_active -= 1
            self._closed = True
            if self._error is None:
                self._error = error
            self._changed.notify_all()

    def abandon(self) -> None:
        """Report a slice that was not completed because the engine was asked to stop."""
        with self._changed:
            self._n_active -= 1
            self._closed = True
            self._changed.notify_all()

    def _at_barrier(self) -> bool:
        return self._n_active == 0 and (self._paused or self._closed or self._cursor >= self._stop)

    def _size_of_next_slice(self) -> int:
        size = self._slice_tokens
        if self._n_workers > 1:
            tail = max(int(TAIL_SLICE_SECONDS * self._tokens_per_s), FIRST_SLICE_TOKENS)
            share = (self._stop - self._cursor) // (2 * self._n_workers)
            size = min(size, max(share, tail))
        return max(size // self._granule, 1) * self._granule
