"""Room classification: reads lines, and their labels, from a file or standard input in blocks of bounded memory.

Tests: tests/cli/test_classify_lines.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from firth.classification.byte_input import STANDARD_INPUT, read_bytes, table_of
from firth.classification.labelled_text import read_labelled_texts
from firth.corpus.recognise import HEAD_BYTES, refuse_other_formats
from firth.corpus.recognise import STANDARD_INPUT as STANDARD_INPUT_NAME
from firth.errors import CorpusError, ParameterError

MAX_LINE_BYTES = 1 << 28
BLOCK_LINES = 1 << 14
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class LineBlock(NamedTuple):
    """Consecutive lines of a file: the number of the first line (from 1), and the text and the labels of each line."""

    first_line: int
    texts: list[bytes]
    labels: list[list[str]]


def read_line_blocks(path: Path, label_prefix: str, *, with_labels: bool) -> Iterator[LineBlock]:
    """Read the lines of a file, compressed or not, or of standard input (``-``).

    Words that begin with the prefix are the labels of a line and are removed from its text. Bytes need not be UTF-8.

    Parameters
    ----------
    path : Path
    label_prefix : str
    with_labels : bool
        Whether every line must have a label.

    Raises
    ------
    StorageError, FormatError, CorpusError, ParameterError
        A line is longer than 256 MiB; a line has no label, but ``with_labels`` is True; or the first bytes are the
        beginning of a file that is not text, such as a model.
    EncodingError
        The file begins with the byte-order mark of UTF-16 or UTF-32.
    """
    if not label_prefix or label_prefix.split() != [label_prefix]:
        raise ParameterError(f"label prefix must be a word without white space, got {label_prefix!r}")
    prefix = label_prefix.encode()
    first_line = 1
    for lines in _read_lines(path):
        labels: list[list[str]] = []
        for index, line in enumerate(lines):
            found: list[str] = []
            if prefix in line:
                found, lines[index] = _take_labels(line, prefix)
            if with_labels and not found:
                raise CorpusError(
                    f"{path}, line {first_line + index} has no label; give it a word that starts with {label_prefix},"
                    " or remove the line"
                )
            labels.append(found)
        yield LineBlock(first_line, lines, labels)
        first_line += len(lines)


def read_table_blocks(path: Path, **options: Any) -> Iterator[LineBlock]:
    """Read a table whole and yield its rows in blocks. The options are those of `read_labelled_texts`.

    A text may have several labels.
    """
    data = read_labelled_texts(path, several_labels="each", **options)
    for first in range(0, len(data), BLOCK_LINES):
        block = slice(first, first + BLOCK_LINES)
        yield LineBlock(data.line_numbers[first], [text.encode() for text in data.texts[block]], data.labels[block])


def is_table(path: Path, file_format: str, delimiter: str | None) -> bool:
    """Whether a file is read as a table. Its suffix and a delimiter decide if the format is "auto"."""
    if file_format == "auto":
        return delimiter is not None or table_of(path) is not None
    return file_format != "lines"


def _read_lines(path: Path) -> Iterator[list[bytes]]:
    parts: list[bytes] = []  # pieces of a line whose end is not read yet
    is_first = True
    for data in read_bytes(path):
        if is_first:
            name = STANDARD_INPUT_NAME if path == STANDARD_INPUT else str(path)
            refuse_other_formats(data[:HEAD_BYTES], name, is_whole=len(data) <= HEAD_BYTES, as_text=True, is_utf8=False)
            data, is_first = data.removeprefix(_BYTE_ORDER_MARK), False
        if b"\n" not in data:
            parts.append(data)
            if sum(map(len, parts)) > MAX_LINE_BYTES:
                raise CorpusError(f"{path} must have lines of at most {MAX_LINE_BYTES} bytes, got a longer one")
            continue
        *lines, rest = b"".join([*parts, data]).split(b"\n")
        parts = [rest] if rest else []
        for first in range(0, len(lines), BLOCK_LINES):
            yield lines[first : first + BLOCK_LINES]
    if parts:
        yield [b"".join(parts)]


def _take_labels(line: bytes, prefix: bytes) -> tuple[list[str], bytes]:
    """The labels of a line, and the rest of it. Labels are mostly at the beginning: then no other word is looked at."""
    found: list[str] = []
    while (parts := line.split(None, 1)) and parts[0].startswith(prefix):
        found.append(_decode(parts[0][len(prefix) :]))
        line = parts[1] if len(parts) == 2 else b""
    if prefix in line:
        words = line.split()
        found += [_decode(word[len(prefix) :]) for word in words if word.startswith(prefix)]
        line = b" ".join(word for word in words if not word.startswith(prefix))
    return found, line


def _decode(label: bytes) -> str:
    return label.decode("utf-8", "backslashreplace")


__all__ = ["STANDARD_INPUT", "LineBlock", "is_table", "read_line_blocks", "read_table_blocks"]
