"""Room native: native calls that can be stopped: the flag that they check, and the threads that run them.

Python runs the handler of Ctrl-C only in the main thread, and only between two Python instructions. Therefore a long
native call runs in another thread; the caller's thread waits, and sets the flag if it is interrupted.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from firth.native.loader import StoppedError, library

POLL_S = 0.05  # time between two reports of progress and two checks for Ctrl-C

_Result = TypeVar("_Result")


class StopFlag:
    """A flag in memory that native calls check. Once set, it stays set."""

    def __init__(self) -> None:
        self._value = ctypes.c_int32(0)

    def set(self) -> None:
        self._value.value = 1

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """A context in which native calls of this thread end with ``StoppedError`` soon after the flag is set."""
        watch = _watch_stop_flag()
        watch(ctypes.addressof(self._value))
        try:
            yield
        finally:
            watch(None)


class Team:
    """Runs workers in threads while the caller's thread reports progress and handles Ctrl-C."""

    def __init__(self) -> None:
        self.stop = threading.Event()  # workers end after their current task
        self._interrupted = StopFlag()  # native calls end at once
        self._errors: list[tuple[tuple[int, ...], BaseException]] = []

    def run(self, workers: Sequence[Callable[[], None]], poll: Callable[[], None] = lambda: None) -> None:
        """Run all workers to their end; raise the first error in the order of the work."""
        threads = [threading.Thread(target=self._guarded, args=(worker,), daemon=True) for worker in workers]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(POLL_S)
                    poll()
        except BaseException:
            self._interrupted.set()
            raise
        finally:
            self.stop.set()
            for thread in threads:
                while thread.ident is not None and thread.is_alive():
                    # A second Ctrl-C must not free memory that a thread still uses. The thread ends soon.
                    with contextlib.suppress(KeyboardInterrupt):
                        thread.join()
        if self._errors:
            raise min(self._errors, key=lambda error: error[0])[1]

    def fail(self, order: tuple[int, ...], error: BaseException) -> None:
        self._errors.append((order, error))
        self.stop.set()

    def _guarded(self, worker: Callable[[], None]) -> None:
        try:
            with self._interrupted.watched():
                worker()
        except BaseException as error:
            self.fail((1 << 62,), error)


def run_stoppable(call: Callable[[], _Result]) -> _Result:
    """Return the result of a long call of the native core; Ctrl-C ends it within a fraction of a second.

    Threads other than the main thread get no Ctrl-C, so there the call runs directly.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    results: list[_Result] = []
    Team().run([lambda: results.append(call())])
    return results[0]


@functools.cache
def _watch_stop_flag() -> Callable[[int | None], None]:
    function = library().firth_watch_stop_flag
    function.argtypes = [ctypes.c_void_p]
    function.restype = None
    return function


__all__ = ["POLL_S", "StopFlag", "StoppedError", "Team", "run_stoppable"]
