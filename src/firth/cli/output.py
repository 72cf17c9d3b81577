"""Room cli: the standard streams of a command. Any text can be printed; a stream that cannot be written is an error."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO, cast

from firth.base.streams import QuietStream, ReadableStream


class OutputError(Exception):
    """Standard output cannot be written. Not a FirthError, because commands handle those as answers to a query."""


class ReaderGoneError(Exception):
    """The reader closed standard output. Not an OSError, because click chooses the exit status of an OSError."""


class ResultStream(ReadableStream):
    """Standard output. Raises ReaderGoneError if the reader closed it, and OutputError for any other failure."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise _as_output_error(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise _as_output_error(error) from error


@contextlib.contextmanager
def command_streams() -> Iterator[None]:
    """Replace standard output and standard error for the duration of a command, then restore both.

    Notes, progress and errors go to standard error. If standard error cannot be written, they are dropped; the exit
    status still reports the result.
    """
    before = sys.stdout, sys.stderr
    if sys.stdout is not None:
        sys.stdout = cast(TextIO, ResultStream(sys.stdout))
    if sys.stderr is not None:
        sys.stderr = cast(TextIO, QuietStream(sys.stderr))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def discard_unwritten(stream: TextIO | None) -> None:
    """Discard buffered output. Otherwise the interpreter would report an error when it flushes the stream at exit."""
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError):  # the stream is closed, or has no file descriptor
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


def _as_output_error(error: OSError) -> Exception:
    if isinstance(error, BrokenPipeError):
        return ReaderGoneError()
    return OutputError(f"standard output cannot be written: {error.strerror or error}")
