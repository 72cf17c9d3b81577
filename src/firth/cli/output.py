"""Room cli: the standard streams of a command: any text is printed, and a stream that cannot be written is told."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO, cast

from firth.base.streams import QuietStream, ReadableStream


class OutputError(Exception):
    """Standard output cannot be written; no FirthError, so that no command takes it for an answer to a question."""


class ReaderGoneError(Exception):
    """The reader of standard output has left; no OSError, for which click would choose the exit status."""


class ResultStream(ReadableStream):
    """Standard output: a reader that leaves raises ReaderGoneError, anything else that fails an OutputError."""

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
    """Standard output and error as commands use them; those from before are put back.

    Notes, progress and errors go to standard error, which falls silent where it cannot be written: the exit status
    tells the result in any case.
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
    """Send what is still buffered nowhere, so that the interpreter does not complain when it ends."""
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError):  # closed, or no file of the system
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


def _as_output_error(error: OSError) -> Exception:
    if isinstance(error, BrokenPipeError):
        return ReaderGoneError()
    return OutputError(f"standard output cannot be written: {error.strerror or error}")
