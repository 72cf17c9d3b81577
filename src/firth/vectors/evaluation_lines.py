"""Room vectors: reads the lines of an evaluation file and counts which were used, which were not, and why.

Tests: tests/vectors/test_evaluation.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from firth.corpus.recognise import HEAD_BYTES, refuse_other_formats, strip_marks
from firth.errors import CorpusError, EncodingError, FormatError, StorageError

LONGEST_LINE = 1 << 20  # bytes
EXAMPLE_CHARACTERS = 80
REASONS_TOLD = 5


@dataclass(frozen=True)
class BadLines:
    """``n_lines`` lines that were not used, for one ``reason``; ``example`` is line ``first_line``, counted from 1."""

    reason: str
    n_lines: int
    first_line: int
    example: str


@dataclass(frozen=True)
class LineCounts:
    """The number of lines of a file of each kind.

    ``n_lines`` is the sum of ``n_counted`` (pairs or questions, also with unknown words), ``n_blank`` (blank lines, and
    rows of a table without words and score), ``n_comments`` (lines that begin with ``#``), ``n_sections`` (lines that
    begin a section of an analogy file), ``n_bad``, and 1 if there is a heading. ``heading_line`` is the line number of
    the heading, from 1, and ``heading`` its text.
    """

    n_lines: int
    n_counted: int
    n_blank: int
    n_comments: int
    n_sections: int
    heading_line: int | None
    heading: str | None
    bad: tuple[BadLines, ...]

    @property
    def n_bad(self) -> int:
        """Number of lines that should have been used but were not."""
        return sum(item.n_lines for item in self.bad)

    @property
    def n_skipped(self) -> int:
        """Number of bad lines, plus 1 if there is a heading."""
        return self.n_bad + (self.heading_line is not None)

    def describe_bad(self) -> str:
        """The reasons with their counts and first examples, in descending order of the count."""
        told = [
            f"{item.n_lines:,} {'line' if item.n_lines == 1 else 'lines'}: {item.reason}"
            f" (first in line {item.first_line}: {item.example!r})"
            for item in self.bad[:REASONS_TOLD]
        ]
        n_more = sum(item.n_lines for item in self.bad[REASONS_TOLD:])
        return "; ".join([*told, f"{n_more:,} lines for other reasons"] if n_more else told)


class LineAccount:
    """Records every line of a file, and makes the `LineCounts`."""

    def __init__(self) -> None:
        self.n_counted = self.n_blank = self.n_comments = self.n_sections = 0
        self._heading: tuple[int, str] | None = None
        self._bad: dict[str, BadLines] = {}

    def add_heading(self, number: int, line: str) -> None:
        self._heading = (number, _shorten(line))

    def add_bad(self, reason: str, number: int, line: str) -> None:
        before = self._bad.get(reason)
        if before is None:
            self._bad[reason] = BadLines(reason, 1, number, _shorten(line))
        else:
            self._bad[reason] = BadLines(reason, before.n_lines + 1, before.first_line, before.example)

    def close(self) -> LineCounts:
        bad = tuple(sorted(self._bad.values(), key=lambda item: (-item.n_lines, item.first_line)))
        n_bad = sum(item.n_lines for item in bad)
        number, heading = self._heading if self._heading is not None else (None, None)
        n_lines = self.n_counted + self.n_blank + self.n_comments + self.n_sections + n_bad + (number is not None)
        return LineCounts(n_lines, self.n_counted, self.n_blank, self.n_comments, self.n_sections, number, heading, bad)


def validate_lines(path: str | os.PathLike[str], lines: LineCounts, what: str) -> None:
    """Raise FormatError if a line of the file should have been one of ``what`` and was not."""
    if lines.bad:
        raise FormatError(
            f"{path} must have only {what}, got {lines.n_bad:,} of {lines.n_lines:,} lines that are not {what}:"
            f" {lines.describe_bad()}; correct these lines,"
            ' or leave them out with bad_lines="skip" (on the command line --skip-bad-lines)'
        )


def read_lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines of a UTF-8 file with their numbers from 1, without line ends (LF, CR LF or CR).

    Byte-order marks (U+FEFF) at the start of a line are removed; joined files have such marks.

    Raises
    ------
    StorageError, EncodingError, FormatError
        The file does not exist, is UTF-16 or has other bytes that are not UTF-8, has another format, or has a line
        longer than ``LONGEST_LINE`` bytes.
    """
    path = Path(path)
    if not path.exists():
        raise StorageError(f"{path} must be a file, got a path that does not exist")
    if path.is_dir():
        raise StorageError(f"{path} must be a file, got a folder")
    offset = number = 0
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise FormatError(f"{path} must have lines of at most {LONGEST_LINE} bytes, got more at byte {offset}")
            if offset == 0:
                _refuse_other_formats(line[:HEAD_BYTES], path)
            plain = strip_marks(line)
            try:
                text = plain.decode("utf-8")
            except UnicodeDecodeError as error:
                at = offset + len(line) - len(plain) + error.start
                raise EncodingError(f"{path} must be UTF-8, got {error.reason} at byte {at}") from None
            offset += len(line)
            for piece in text.removesuffix("\n").removesuffix("\r").split("\r"):
                number += 1
                yield number, piece


def read_content_lines(path: str | os.PathLike[str], account: LineAccount) -> list[tuple[int, str]]:
    """The lines that are neither blank nor comments, with their numbers. The others are counted in the account.

    See :func:`read_lines` for the errors.
    """
    lines: list[tuple[int, str]] = []
    for number, line in read_lines(path):
        if not line.strip():
            account.n_blank += 1
        elif line.startswith("#"):
            account.n_comments += 1
        else:
            lines.append((number, line))
    return lines


def _refuse_other_formats(head: bytes, path: Path) -> None:
    try:
        refuse_other_formats(head, str(path), is_whole=False, as_text=True)
    except EncodingError:
        raise
    except CorpusError as error:
        raise FormatError(str(error)) from None


def _shorten(line: str) -> str:
    return line if len(line) <= EXAMPLE_CHARACTERS else line[:EXAMPLE_CHARACTERS] + "..."
