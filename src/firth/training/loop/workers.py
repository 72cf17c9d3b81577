"""Room training: the threads that train slices, and a way to end a long native call by a signal.

Tests: tests/training/test_loop.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from firth.native.loader import StoppedError
from firth.training.loop.options import TrainableEngine
from firth.training.loop.schedule import SliceQueue, TrainingSlice
from firth.training.loop.signals import StopSignals

if TYPE_CHECKING:
    from firth.kernels.engine import SliceResult

POLL_S = 0.1
JOIN_S = 10.0  # the native core reads the stop flag about every millisecond

_T = TypeVar("_T")


class WorkerThreads:
    """Threads that take slices from a queue, train them, and report the results or the exception.

    Parameters
    ----------
    engine : Engine
        ``halt`` asks the engine to stop.
    queue : SliceQueue
    n_workers : int
    train : function of a slice
    """

    def __init__(
        self,
        engine: TrainableEngine,
        queue: SliceQueue,
        n_workers: int,
        train: Callable[[TrainingSlice], SliceResult],
    ) -> None:
        self._engine = engine
        self._queue = queue
        self._train = train
        self._threads = [
            threading.Thread(target=self._work, name=f"firth-{number}", daemon=True) for number in range(n_workers)
        ]

    def start(self) -> None:
        """Start all threads."""
        for thread in self._threads:
            thread.start()

    def halt(self) -> None:
        """Close the queue, stop the current slices, and wait for the threads that were started."""
        self._queue.close()
        if any(thread.is_alive() for thread in self._threads):
            self._engine.request_stop()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(JOIN_S)
        self._engine.clear_stop()

    def _work(self) -> None:
        """The function of a worker thread."""
        queue, stopped = self._queue, False
        while not stopped:
            piece = queue.take()
            if piece is None:
                return
            started = time.perf_counter()
            try:
                result = self._train(piece)
            except StoppedError:
                queue.abandon()
                stopped = True
            except BaseException as error:  # raised again in the main thread
                queue.fail(error)
                stopped = True
            else:
                queue.finish(piece, result, time.perf_counter() - started)


def run_watched(function: Callable[[], _T], engine: TrainableEngine, signals: StopSignals) -> _T:
    """Run a long native call of the engine in another thread, so that a signal can stop it."""
    results: list[_T] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            results.append(function())
        except BaseException as error:  # raised again below
            errors.append(error)

    thread = threading.Thread(target=call, name="firth-evaluation", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(POLL_S)
        if signals.received is not None:
            engine.request_stop()
            thread.join(JOIN_S)
            engine.clear_stop()
            signals.raise_received()
    if errors:
        raise errors[0]
    return results[0]
