"""Room formats: what stands behind a header ``V D``: rows of text, rows of binary, or neither; and what wrong rows are.

Neither kind is assumed because the other one does not fit. Text holds no control characters, or rows that end in as many
numbers as the header announces. Binary rows are a word, a space, and float32 numbers, each row where the one before
ends, or of a size that the numbers of vectors have. A file of text with a fault in its first row is text, so that its reader names the fault.
"""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from firth.formats.format import Sample, count_trailing_numbers, is_number
from firth.formats.source import MAX_WORD_BYTES

RowsKind = Literal["text", "binary", "neither"]
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_LOOK_LINES = 5
_WALKED_ROWS = 64
_SURE_ROWS = 2  # so many rows that end where the next word begins are no accident, whatever their numbers are
# Sizes that numbers of vectors have, and the share of the numbers in sight that must have them. Of random bytes about a
# quarter do. Of bytes that are all printable, digits read as float32 are below 2e-4 and small letters above 1e20.
_PLAUSIBLE = (1e-12, 1e6, 0.5)
_PLAUSIBLE_IF_PRINTABLE = (1e-3, 1e3, 0.9)

_NUMBER = rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_HINTS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), hint)
    for pattern, hint in (
        (rb"[+-]?\d*,\d+([eE][+-]?\d+)?", "a decimal comma: write the file with decimal points"),
        (_NUMBER + rb"[,;]", "a separator between numbers must be a space or a tab"),
        (rb"[+-]?nan\(.*\)|[+-]?1\.#(ind|qnan|snan|inf).*", "a NaN or an infinity as Windows writes it: remove the row"),
        (rb"\d+:" + _NUMBER, "an index and a value of a sparse row: write every number of each row"),
        (rb"[\[({].*|.*[\])}]", "a bracket of a printed list: write the numbers alone"),
        (rb"\xe2\x88\x92.*", "a minus sign of typography (U+2212): write '-'"),
        (rb"[+-]?0x.*", "a hexadecimal number: write decimal ones"),
    )
)


def recognise_rows(sample: Sample) -> RowsKind:
    """What follows the header of word2vec's formats; "neither" too where there is no header."""
    header = sample.header
    if header is None:
        return "neither"
    n_rows, n_dims = header
    if any(count_trailing_numbers(line) >= n_dims for line in sample.lines[1 : 1 + _LOOK_LINES] if line):
        return "text"
    numbers, follow, is_whole = _walk_binary(sample, n_rows, n_dims)
    if not is_printable(sample.rows):
        return "binary" if follow or is_whole or _are_plausible(numbers, *_PLAUSIBLE) else "neither"
    if shows_numbers(sample):
        return "text"
    return "binary" if is_whole or _are_plausible(numbers, *_PLAUSIBLE_IF_PRINTABLE) else "text"


def shows_numbers(sample: Sample) -> bool:
    """Whether a row behind the header is text: behind its word it has a number in letters, a right or a wrong one."""
    rows = [line.split() for line in sample.lines[1 : 1 + _LOOK_LINES]]
    return any(_is_numeric(piece) for row in rows for piece in row[1:])


def is_printable(data: bytes) -> bool:
    """Whether the bytes hold no control characters but those of white space."""
    return _CONTROLS.search(data) is None


def ends_lines_with_cr(head: bytes) -> bool:
    """Whether text has carriage returns where its line ends should be."""
    return b"\r" in head.rstrip(b"\r\n") and b"\n" not in head.rstrip(b"\r\n") and is_printable(head)


def has_no_words(lines: list[bytes]) -> bool:
    """Whether each of several rows begins with a number, most of them fractions, where its word should stand."""
    firsts = [line.split(None, 1)[0] for line in lines if line.strip()]
    return len(firsts) > 1 and all(map(is_number, firsts)) and 2 * sum(b"." in first for first in firsts) > len(firsts)


def explain_piece(piece: bytes) -> str:
    """What a piece of a row is that is no number, in words; empty where nothing is known about it."""
    return next((hint for pattern, hint in _HINTS if pattern.fullmatch(piece)), "")


def explain_row(row: bytes) -> str:
    """The first piece behind the word about which something is known, and that; empty where most of the row is prose."""
    pieces = row.split()[1:]
    if 2 * sum(map(_is_numeric, pieces)) < len(pieces):
        return ""
    for piece in pieces:
        if not is_number(piece) and (hint := explain_piece(piece)):
            return f"{piece[:60].decode('utf-8', 'backslashreplace')!r} is {hint}"
    return ""


def explain_sample(sample: Sample) -> str:
    """Why a file that no format knows is none, from its first rows, in words that follow its name."""
    if ends_lines_with_cr(sample.head):
        return "its lines end in a carriage return alone, not in a newline; convert it: tr '\\r' '\\n' < FILE > NEW"
    lines = [line for line in sample.lines[:20] if line]
    if lines and has_no_words(lines):
        return (
            "its rows are numbers without a word before them; the projector's format (--from projector) takes the words"
            " from a file of metadata beside it"
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


def _walk_binary(sample: Sample, n_rows: int, n_dims: int) -> tuple[NDArray[np.float32], bool, bool]:
    """The numbers of the first binary rows in sight; whether such rows follow each other; whether they are the file."""
    rows, found, at = sample.rows, list[NDArray[np.float32]](), 0
    n_walked, is_broken = 0, False
    while n_walked < min(n_rows, _WALKED_ROWS) and at < len(rows):
        start = at + (rows[at : at + 1] == b"\n")
        space = rows.find(b" ", start, start + MAX_WORD_BYTES + 1)
        word = rows[start:space]
        if space <= start or b"\n" in word or b"\0" in word:
            is_broken = True
            break
        at = space + 1 + 4 * n_dims
        data = rows[space + 1 : at]
        found.append(np.frombuffer(data[: len(data) // 4 * 4], dtype="<f4"))
        n_walked += at <= len(rows)
    is_whole = sample.whole and n_walked == n_rows and rows[at:] in (b"", b"\n")
    numbers = np.concatenate(found) if found else np.empty(0, np.float32)
    return numbers, n_walked >= _SURE_ROWS and not is_broken, is_whole


def _are_plausible(numbers: NDArray[np.float32], smallest: float, largest: float, share: float) -> bool:
    sizes = np.abs(numbers)  # a NaN compares as false
    fit = np.count_nonzero((sizes == 0) | ((sizes >= smallest) & (sizes <= largest)))
    return len(numbers) > 0 and fit >= share * len(numbers)


def _shown(data: bytes) -> str:
    return repr(data[:40].decode("utf-8", "backslashreplace")) + ("..." if len(data) > 40 else "")


__all__ = [
    "ends_lines_with_cr",
    "explain_piece",
    "explain_row",
    "explain_sample",
    "has_no_words",
    "is_printable",
    "recognise_rows",
    "shows_numbers",
]
