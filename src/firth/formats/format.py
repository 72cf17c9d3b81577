"""Room formats: the definition of a format: a name, a test of the first bytes, a reader, and sometimes a writer.

Tests: tests/formats/test_round_trip.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from firth.errors import FormatError
from firth.formats.source import ByteSource, ReadOptions
from firth.formats.table import VectorTable
from firth.formats.target import WriteOptions

SAMPLE_BYTES = 1 << 16
_NUMBER = re.compile(rb"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True)
class Sample:
    """The beginning of a file, from which a format decides whether it can read the file."""

    path: Path
    is_folder: bool
    head: bytes  # the first SAMPLE_BYTES after decompression; empty for a folder
    whole: bool  # whether head is the whole file

    @property
    def lines(self) -> list[bytes]:
        """The complete lines of the head, without line ends."""
        lines = self.head.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        if not self.whole and len(lines) > 1:
            lines.pop()
        return [line.rstrip(b"\r\t ") for line in lines]

    @property
    def header(self) -> tuple[int, int] | None:
        """The two numbers of the first line, or None if the line has anything else."""
        pieces = self.lines[0].split()
        if len(pieces) == 2 and all(piece.isdigit() and len(piece) <= 18 for piece in pieces) and b"\n" in self.head:
            return int(pieces[0]), int(pieces[1])
        return None

    @property
    def rows(self) -> bytes:
        """The bytes of the head after the first line."""
        return self.head.partition(b"\n")[2]


@dataclass(frozen=True)
class Format:
    """A file format. To add a format, write a module that makes a Format, and a line in `firth.formats.registry`.

    Attributes
    ----------
    name : str
        Name in ``format=`` and ``--to``.
    summary : str
        Description in one line, for messages.
    suffixes : tuple of str
        Suffixes of paths that are written in this format, without a suffix of compression. Files to read are recognised
        by content.
    matches : function of a Sample
        Whether the file probably has this format. The registry takes the first format that matches.
    read : function of a path and ReadOptions
    write : function of a path, a VectorTable and WriteOptions; None if firth only reads the format
    """

    name: str
    summary: str
    suffixes: tuple[str, ...]
    matches: Callable[[Sample], bool]
    read: Callable[[Path, ReadOptions], VectorTable]
    write: Callable[[Path, VectorTable, WriteOptions], None] | None = None


def take_sample(path: Path) -> Sample:
    """Read the beginning of a file. A folder gives an empty sample.

    Raises
    ------
    StorageError, FormatError
        The file cannot be read, or is empty.
    """
    if path.is_dir():
        return Sample(path, True, b"", False)
    with ByteSource(path) as source:
        head = source.read(SAMPLE_BYTES)
    if not head:
        raise FormatError(f"{path}: the file is empty")
    return Sample(path, False, head, len(head) < SAMPLE_BYTES)


def is_number(piece: bytes) -> bool:
    """Whether a piece of a row is a number; NaN and infinity are numbers."""
    return _NUMBER.fullmatch(piece) is not None


def count_trailing_numbers(line: bytes) -> int:
    """Count the numbers at the end of a row."""
    n_numbers = 0
    for piece in reversed(line.split()):
        if not is_number(piece):
            break
        n_numbers += 1
    return n_numbers


__all__ = ["Format", "Sample", "count_trailing_numbers", "is_number", "take_sample"]
