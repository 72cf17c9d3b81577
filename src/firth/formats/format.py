"""Room formats: what a format is: a name, a look at the first bytes, a reader, and perhaps a writer.

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
    """What a format sees of a file when it is asked whether the file is one of its own."""

    path: Path
    is_folder: bool
    head: bytes  # the first SAMPLE_BYTES after decompression; empty for a folder
    whole: bool  # whether head is all there is

    @property
    def lines(self) -> list[bytes]:
        """The whole lines of the head, without their ends."""
        lines = self.head.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        if not self.whole and len(lines) > 1:
            lines.pop()
        return [line.rstrip(b"\r\t ") for line in lines]

    @property
    def header(self) -> tuple[int, int] | None:
        """The two numbers of a first line that holds nothing else."""
        pieces = self.lines[0].split()
        if len(pieces) == 2 and all(piece.isdigit() and len(piece) <= 18 for piece in pieces) and b"\n" in self.head:
            return int(pieces[0]), int(pieces[1])
        return None

    @property
    def rows(self) -> bytes:
        """What follows the first line."""
        return self.head.partition(b"\n")[2]


@dataclass(frozen=True)
class Format:
    """One format. A new one is a file that makes one of these, and a line in `firth.formats.registry`.

    Attributes
    ----------
    name : str
        As given to ``format=`` and ``--to``.
    summary : str
        One line for the command line's help.
    suffixes : tuple of str
        What a path to be written ends in, compression aside, for this format to be taken. Reading goes by content.
    matches : function of a Sample
        Whether the file is likely of this format. The first of the registry that says so is taken.
    read : function of a path and ReadOptions
    write : function of a path, a VectorTable and WriteOptions; None where firth only reads the format
    """

    name: str
    summary: str
    suffixes: tuple[str, ...]
    matches: Callable[[Sample], bool]
    read: Callable[[Path, ReadOptions], VectorTable]
    write: Callable[[Path, VectorTable, WriteOptions], None] | None = None


def take_sample(path: Path) -> Sample:
    """The beginning of a file, or the fact that it is a folder.

    Raises
    ------
    StorageError, FormatError
        It cannot be read, or is empty.
    """
    if path.is_dir():
        return Sample(path, True, b"", False)
    with ByteSource(path) as source:
        head = source.read(SAMPLE_BYTES)
    if not head:
        raise FormatError(f"{path}: the file is empty")
    return Sample(path, False, head, len(head) < SAMPLE_BYTES)


def is_number(piece: bytes) -> bool:
    """Whether a piece of a row reads as a number, NaN and infinity included."""
    return _NUMBER.fullmatch(piece) is not None


def count_trailing_numbers(line: bytes) -> int:
    """How many numbers a row ends in."""
    n_numbers = 0
    for piece in reversed(line.split()):
        if not is_number(piece):
            break
        n_numbers += 1
    return n_numbers


__all__ = ["Format", "Sample", "count_trailing_numbers", "is_number", "take_sample"]
