"""Room base: text streams that take any text, and streams whose failure ends nothing: for progress and notes.

Tests: tests/training/test_streams.py.
"""

from __future__ import annotations

import codecs
import os
from typing import Any, TextIO

ESCAPES = "firth-escapes"


def _escape(error: UnicodeError) -> tuple[str, int]:
    """What "backslashreplace" does, in the one form that JSON's strings know too: ``\\u00e9``, never ``\\xe9``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[first : first + 4]}" for first in range(0, len(units), 4)), error.end


codecs.register_error(ESCAPES, _escape)


class ReadableStream:
    """Writes to a stream of text; characters that the stream's encoding lacks become escapes such as ``\\u9be8``.

    Errors of the stream are raised. There is no ``buffer``: who writes bytes would go around the escapes.

    Parameters
    ----------
    stream : text stream
    """

    errors = ESCAPES

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write a text; the number of its characters."""
        self._stream.write(text.encode(self.encoding, ESCAPES).decode(self.encoding))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        """A person looks at the stream; False for a stream that is closed."""
        return not self._is_closed() and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":
            raise AttributeError(f"{type(self).__name__} takes text alone")
        return getattr(self._stream, name)

    def _is_closed(self) -> bool:
        return bool(getattr(self._stream, "closed", False))


class QuietStream(ReadableStream):
    """A stream that falls silent when it cannot be written: a full disk, a reader or a terminal that is gone.

    Attributes
    ----------
    failure : str or None
        Why the stream fell silent.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.failure: str | None = None

    def write(self, text: str) -> int:
        if self.failure is None:
            try:
                super().write(text)
            except (OSError, ValueError) as error:
                self._fall_silent(error)
        return len(text)

    def flush(self) -> None:
        if self.failure is None:
            try:
                super().flush()
            except (OSError, ValueError) as error:
                self._fall_silent(error)

    def _fall_silent(self, error: OSError | ValueError) -> None:
        if isinstance(error, ValueError) and not self._is_closed():  # a closed stream raises a ValueError
            raise error
        self.failure = (error.strerror if isinstance(error, OSError) else None) or str(error)
        if isinstance(error, OSError):
            _discard_pending(self._stream)


def _discard_pending(stream: TextIO) -> None:
    """Empty the buffers of a stream that cannot be written.

    Python flushes its standard streams at exit. If that fails, the exit status is 120, whatever the program returned.
    So the pending bytes are written to the null device, through the same file descriptor, which is restored afterwards.
    """
    try:
        descriptor = stream.fileno()
        kept = os.dup(descriptor)
    except (AttributeError, OSError, ValueError):  # no file behind the stream, or a closed one: no flush can reach it
        return
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, descriptor)
        stream.flush()
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
        os.close(null)
