"""Room formats: decides whether rows after a header ``V D`` are text, binary or neither, and explains wrong rows.

Each kind needs its own evidence. Text has no control characters, or its rows end in as many numbers as the header says.
Binary rows are a word, a space and float32 numbers; either each row begins at the end of the row before, or the numbers
have magnitudes that are usual in vectors. Text with a fault in its first row counts as text, so its reader can name the
fault.

Tests: tests/bad_files/test_recognition.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from firth.formats.format import Sample, count_trailing_numbers, is_number
from firth.formats.source import MAX_WORD_BYTES

RowsKind = Literal["text", "binary", "neither"]
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_LOOK_LINES = 5
_WALKED_ROWS = 64
_SURE_ROWS = 2  # if this many rows end where a word begins, the rows are binary, whatever their numbers
# Range of magnitudes that are usual in vectors, and the share of the sample's numbers that must be in it. Of random
# bytes about a quarter are. Of printable bytes, digits read as float32 are below 2e-4 and small letters above 1e20.
_PLAUSIBLE = (1e-12, 1e6, 0.5)
_SURELY_PLAUSIBLE = (1e-12, 1e6, 0.9)
_PLAUSIBLE_IF_PRINTABLE = (1e-3, 1e3, 0.9)

_MAX_PIECE_BYTES = 100
_NUMBER = rb"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
_HINTS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), hint)
    for pattern, hint in (
        (rb"[+-]?\d*,\d+([eE][+-]?\d+)?", "a decimal comma: write the file with decimal points"),
        (_NUMBER + rb"[,;]", "a number and a separator: put only spaces between the numbers"),
        (
            rb"[+-]?nan\(.*\)|[+-]?1\.#(ind|qnan|snan|inf).*",
            "a NaN or an infinity in the notation of Windows: remove the row",
        ),
        (rb"\d+:" + _NUMBER, "an index and a value of a sparse row: write every number of each row"),
        (rb"[\[({][+-]?[\d.].*|.*\d[\])}],?", "a bracket of a printed list: write only the numbers"),
        (rb"\xe2\x88\x92[\d.].*", "a typographic minus sign (U+2212): write '-'"),
        (rb"[+-]?0x[\da-f].*", "a hexadecimal number: write decimal ones"),
    )
)


def recognise_rows(sample: Sample) -> RowsKind:
    """The kind of the rows after the header of word2vec's formats; "neither" also if there is no header."""
    header = sample.header
    if header is None:
        return "neither"
    n_rows, n_dims = header
    if any(count_trailing_numbers(line) >= n_dims for line in sample.lines[1 : 1 + _LOOK_LINES] if line):
        return "text"
    walk = _walk_binary(sample, n_rows, n_dims)
    if not is_printable(sample.rows):
        return "binary" if walk.is_sure or walk.is_whole or _are_plausible(walk.numbers, *_PLAUSIBLE) else "neither"
    if shows_numbers(sample):
        return "text"
    return "binary" if walk.is_whole or _are_plausible(walk.numbers, *_PLAUSIBLE_IF_PRINTABLE) else "text"


def is_whole_binary(sample: Sample) -> bool:
    """Whether the file is as long as its header says of binary rows, with bytes in the numbers that no text has."""
    if sample.header is None:
        return False
    walk = _walk_binary(sample, *sample.header)
    try:
        walk.numbers.tobytes().decode()
    except UnicodeDecodeError:
        return walk.is_whole
    return False


def find_binary_width(sample: Sample) -> int | None:
    """The true dimensions of binary rows whose header gives another number; None if they are not certain.

    If the assumed width is too large, the last number of a row contains letters of the next word, and its magnitude is
    unusual for a vector. If the width is too small, the next row begins with numbers, not with a word.
    """
    if sample.header is None:
        return None
    n_rows, announced = sample.header
    walk = _walk_binary(sample, n_rows, announced)
    if not (walk.is_broken and walk.n_rows <= _SURE_ROWS) and not walk.swallows_words:
        return None
    for n_dims in range(1, len(sample.rows) // (4 * _SURE_ROWS) + 1):
        walk = _walk_binary(sample, n_rows, n_dims)
        if walk.is_sure and walk.is_clean and walk.is_plausible:
            return n_dims if n_dims != announced else None
    return None


def shows_numbers(sample: Sample) -> bool:
    """Whether a row after the header is text: its word is followed by a number in text form, well-formed or not."""
    rows = [line.split() for line in sample.lines[1 : 1 + _LOOK_LINES]]
    return any(_is_numeric(piece) for row in rows for piece in row[1:])


def is_printable(data: bytes) -> bool:
    """Whether the bytes have no control characters except white space."""
    return _CONTROLS.search(data) is None


def ends_lines_with_cr(head: bytes) -> bool:
    """Whether the lines of a text end in carriage returns without newlines."""
    return b"\r" in head.rstrip(b"\r\n") and b"\n" not in head.rstrip(b"\r\n") and is_printable(head)


def has_no_words(lines: list[bytes]) -> bool:
    """Whether each of several rows begins with a number in place of a word, and most of these are fractions."""
    firsts = [line.split(None, 1)[0] for line in lines if line.strip()]
    return len(firsts) > 1 and all(map(is_number, firsts)) and 2 * sum(b"." in first for first in firsts) > len(firsts)


def explain_piece(piece: bytes) -> str:
    """Explain a piece of a row that is not a number; an empty string if there is no explanation."""
    if len(piece) > _MAX_PIECE_BYTES:
        return ""
    return next((hint for pattern, hint in _HINTS if pattern.fullmatch(piece)), "")


def explain_row(row: bytes) -> str:
    """Explain the first piece after the word that is not a number; an empty string if most of the row is prose."""
    pieces = row.split()[1:]
    if 2 * sum(map(_is_numeric, pieces)) < len(pieces):
        return ""
    for piece in pieces:
        if not is_number(piece) and (hint := explain_piece(piece)):
            return f"{piece[:60].decode('utf-8', 'backslashreplace')!r} is {hint}"
    return ""


def explain_sample(sample: Sample) -> str:
    """Explain from its first rows why a file matches no format. The text follows the name of the file in a message."""
    if ends_lines_with_cr(sample.head):
        return "its lines end in a carriage return alone, without a newline; convert it: tr '\\r' '\\n' < FILE > NEW"
    lines = [line for line in sample.lines[:20] if line]
    if lines and has_no_words(lines):
        return (
            "its rows are numbers without a word before them; the projector's format (--from projector) reads the words"
            " from a file of metadata in the same folder"
        )
    if sample.header is not None:
        n_rows, n_dims = sample.header
        return (
            f"the header announces {n_rows} rows of {n_dims} dimensions, but what follows is neither rows of text nor"
            f" word2vec's binary rows: {_shown(sample.rows)}"
        )
    for number, line in enumerate(sample.lines[:20], 1):
        if line and is_printable(line) and (hint := explain_row(line)):
            return f"row {number}: a word and its numbers are needed, but {hint}"
    return f"it begins with {_shown(sample.head)}"


def _is_numeric(piece: bytes) -> bool:
    return is_number(piece) or explain_piece(piece) != ""


@dataclass(frozen=True)
class _Walk:
    """The properties of binary rows, read with an assumed width.

    Attributes
    ----------
    numbers : float32 array
        The numbers of all rows; the sample may end inside the last row.
    n_rows : int
        Number of complete rows.
    is_broken : bool
        A row does not begin with a word and a space.
    is_clean : bool
        No word has a control character, and after the first row either all rows begin with a newline or none does.
    is_whole : bool
        The rows that the header announces are the whole file.
    """

    numbers: NDArray[np.float32]
    n_dims: int
    n_rows: int
    is_broken: bool
    is_clean: bool
    is_whole: bool

    @property
    def swallows_words(self) -> bool:
        """Whether the last number of most rows has an unusual magnitude, and the other numbers have usual ones."""
        whole = self.numbers[: self.n_rows * self.n_dims].reshape(self.n_rows, self.n_dims)
        return (
            self.n_rows >= _SURE_ROWS
            and _are_plausible(whole[:, :-1].ravel(), *_SURELY_PLAUSIBLE)
            and not _are_plausible(whole[:, -1], *_PLAUSIBLE)
        )

    @property
    def is_plausible(self) -> bool:
        last_column = self.numbers[self.n_dims - 1 : self.n_rows * self.n_dims : self.n_dims]
        return _are_plausible(self.numbers, *_SURELY_PLAUSIBLE) and _are_plausible(last_column, *_SURELY_PLAUSIBLE)

    @property
    def is_sure(self) -> bool:
        return self.n_rows >= _SURE_ROWS and not self.is_broken


def _walk_binary(sample: Sample, n_rows: int, n_dims: int) -> _Walk:
    rows, found, at = sample.rows, list[NDArray[np.float32]](), 0
    n_walked, is_broken, is_clean = 0, False, True
    newlines = set()
    while n_walked < min(n_rows, _WALKED_ROWS) and at < len(rows):
        newline = rows[at : at + 1] == b"\n"
        start = at + newline
        space = rows.find(b" ", start, start + MAX_WORD_BYTES + 1)
        word = rows[start:space]
        if space <= start or b"\n" in word or b"\0" in word:
            is_broken = not (space < 0 and len(rows) - start <= MAX_WORD_BYTES and not sample.whole)
            break
        if at > 0:
            newlines.add(newline)
        is_clean = is_clean and is_printable(word)
        at = space + 1 + 4 * n_dims
        data = rows[space + 1 : at]
        found.append(np.frombuffer(data[: len(data) // 4 * 4], dtype="<f4"))
        n_walked += at <= len(rows)
    is_whole = sample.whole and n_walked == n_rows and rows[at:] in (b"", b"\n")
    numbers = np.concatenate(found) if found else np.empty(0, np.float32)
    return _Walk(numbers, n_dims, n_walked, is_broken, is_clean and len(newlines) < 2, is_whole)


def _are_plausible(numbers: NDArray[np.float32], smallest: float, largest: float, share: float) -> bool:
    sizes = np.abs(numbers)  # a NaN compares as false
    fit = int(np.count_nonzero((sizes == 0) | ((sizes >= smallest) & (sizes <= largest))))
    return len(numbers) > 0 and fit >= share * len(numbers)


def _shown(data: bytes) -> str:
    return repr(data[:40].decode("utf-8", "backslashreplace")) + ("..." if len(data) > 40 else "")


__all__ = [
    "ends_lines_with_cr",
    "explain_piece",
    "explain_row",
    "explain_sample",
    "find_binary_width",
    "has_no_words",
    "is_printable",
    "is_whole_binary",
    "recognise_rows",
    "shows_numbers",
]
