"""Room training: Ctrl-C, SIGTERM and SIGHUP while a run is on: noted by a handler, acted upon between slices."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """While active, the first SIGINT, SIGTERM or SIGHUP is noted in ``received``; a second one interrupts at once.

    ``came_twice`` says that a second one came: nothing more is to be saved. A terminal that closes sends SIGHUP; a
    program under ``nohup`` ignores SIGHUP, here as well.

    Handlers can be set in the main thread only; elsewhere this does nothing, and neither does it replace a handler of
    the user's own for SIGINT (one that raises in the main thread ends the run all the same). The handlers from before
    are put back at the end; a signal that was noted and not acted upon by then is acted upon.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.came_twice = False
        self._at_once = False
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                previous = signal.getsignal(number)
                own = number == signal.SIGINT and previous is not signal.default_int_handler
                if previous is None or previous == signal.SIG_IGN or own:
                    continue
                self._previous[number] = previous
                signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None and self.received is not None:
            self.raise_received()
        self.restore()

    def restore(self) -> None:
        """Put back the handlers from before."""
        for number, previous in self._previous.items():
            signal.signal(number, previous)
        self._previous.clear()

    @contextlib.contextmanager
    def at_once(self, active: bool = True) -> Iterator[None]:
        """While the user's own code runs in the main thread: a signal does what it would do without us.

        ``active=False`` within it notes signals again.
        """
        before, self._at_once = self._at_once, active
        try:
            yield
        finally:
            self._at_once = before

    def raise_received(self) -> NoReturn:
        """Do what the noted signal is for: KeyboardInterrupt; else the handler from before, then exit."""
        received, self.received = self.received, None
        previous = None if received is None else self._previous.get(received)
        self.restore()
        if received not in (None, signal.SIGINT) and callable(previous):
            previous(int(received), None)
        _raise_for(received)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        previous = self._previous.get(signal.Signals(number))
        if self._at_once and callable(previous):
            previous(number, frame)
            return
        again = self.received is not None
        self.came_twice = self.came_twice or again
        self.received = self.received or signal.Signals(number)
        if again or self._at_once:
            _raise_for(self.received)


def _raise_for(number: signal.Signals | None) -> NoReturn:
    if number is None or number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + int(number))
