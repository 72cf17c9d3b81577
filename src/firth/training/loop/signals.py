"""Room training: Ctrl-C, SIGTERM and SIGHUP during a run: a handler records the signal; the loop acts on it later."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """A context that records the first SIGINT, SIGTERM or SIGHUP in ``received``; a second signal interrupts at once.

    ``came_twice`` is true after a second signal: then nothing more is saved. A terminal sends SIGHUP when it closes; a
    program under ``nohup`` ignores SIGHUP, and so does this class.

    Handlers can be set in the main thread only; in other threads this class does nothing. It does not replace a SIGINT
    handler that the user set; if that handler raises in the main thread, the run ends. At the end of the context, the
    previous handlers are restored, and a recorded signal that was not handled is raised.
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
        """Restore the previous handlers."""
        for number, previous in self._previous.items():
            signal.signal(number, previous)
        self._previous.clear()

    @contextlib.contextmanager
    def at_once(self, active: bool = True) -> Iterator[None]:
        """A context in which a signal acts at once, as without this class; for the user's code in the main thread.

        ``active=False`` inside such a context records signals again.
        """
        before, self._at_once = self._at_once, active
        try:
            yield
        finally:
            self._at_once = before

    def raise_received(self) -> NoReturn:
        """Act on the recorded signal: SIGINT raises KeyboardInterrupt; others call the previous handler, then exit."""
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
