"""Room classification: reads texts and labels from a table or from lines with ``__label__``; no row is ever skipped.

Tests: tests/cli/test_text_files.py.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from firth.base.values import validate_choice
from firth.classification.byte_input import read_bytes, table_of
from firth.corpus.recognise import decode_text
from firth.errors import CorpusError, FormatError, ParameterError

FORMATS = ("auto", "csv", "tsv", "lines")
SEVERAL_LABELS = ("error", "first", "each")
MAX_FIELD_CHARACTERS = 1 << 26
TAB = "\t"
SEPARATORS = ",;|" + TAB  # candidates for the hint, if a table has only one column
GLUE = ",;|"  # people write these after a label, but only white space ends a label, here and in fastText


@dataclass
class LabelledTexts:
    """Texts in the order of the file, with the labels and the line number (from 1) of each text."""

    texts: list[str] = field(default_factory=list)
    labels: list[list[str]] = field(default_factory=list)
    line_numbers: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)


def read_labelled_texts(
    path: Path,
    *,
    file_format: str = "auto",
    delimiter: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    header: bool = True,
    label_prefix: str = "__label__",
    with_labels: bool = True,
    several_labels: str = "error",
    label_separator: str | None = None,
) -> LabelledTexts:
    """Read a file of labelled texts.

    Parameters
    ----------
    path : Path
        It may be compressed; ``-`` is standard input.
    file_format : "auto", "csv", "tsv" or "lines"
        With "auto" the suffix decides (.csv; .tsv or .tab; any other suffix means lines). A delimiter means a table.
    delimiter : str, optional
        Delimiter of the columns of a table: one character, or "tab". The default is a comma; for TSV a tab.
    text_column, label_column : str, optional
        Names in the header (default "text" and "label"). With ``header=False`` numbers from 1 (default 2 and 1).
    header : bool
        Whether the first row of a CSV or TSV file names the columns.
    label_prefix : str
        Words that start with this prefix are labels, at any position of the line, as in fastText.
    with_labels : bool
        If False, labels are not required, and labels in the lines are removed.
    several_labels : "error", "first" or "each"
        Treatment of a line with several labels: an error, use the first, or repeat the text for each.
    label_separator : str, optional
        Between the labels in a column of a table; a space means any white space. None: a column has one label.

    Raises
    ------
    StorageError
        The file is missing or cannot be read.
    EncodingError
        The file has bytes that are not UTF-8.
    FormatError
        A row has too few columns, a column does not exist, or a quote is not closed.
    CorpusError
        The file has no text; or lines have no label, nothing but labels, an empty label, several labels, or a label
        joined to other characters. The message names the first such line and the number of lines of each kind.
    """
    validate_choice("format", file_format, FORMATS)
    validate_choice("several labels", several_labels, SEVERAL_LABELS)
    if not label_prefix or label_prefix.split() != [label_prefix]:
        raise ParameterError(f"label prefix must be a word without white space, got {label_prefix!r}")
    if file_format == "auto":
        by_ending = table_of(path) or "lines"
        file_format = "csv" if delimiter is not None and by_ending == "lines" else by_ending
    separator = _parse_delimiter(delimiter, file_format)
    if label_separator is not None:
        if file_format == "lines":
            raise ParameterError(
                f"label_separator must be of a table, got {path}, which is read as lines; give --format csv or"
                " --delimiter"
            )
        if not label_separator or label_separator == separator:
            raise ParameterError(
                f"label_separator must be at least one character and differ from the columns' delimiter"
                f" {separator!r}, got {label_separator!r}"
            )
    text = _read_text(path)
    if file_format == "lines":
        if text_column or label_column:
            raise ParameterError(
                f"--text-column and --label-column must come with a table, got {path}, which is read as lines;"
                " give --format csv or --delimiter"
            )
        rows = _parse_lines(text, label_prefix)
    else:
        rows = _parse_columns(path, text, separator, text_column, label_column, header, with_labels)
        if label_separator is not None:
            rows = _split_labels(rows, label_separator)

    result = LabelledTexts()
    faults = _Faults(path)
    wanted = f"a word that starts with {label_prefix}" if file_format == "lines" else "a value in the label column"
    for line_number, labels, words in rows:
        result.texts.append(words)
        result.labels.append(labels[:1] if several_labels == "first" else labels)
        result.line_numbers.append(line_number)
        if not with_labels:
            continue
        glued = _find_glued(labels, words, label_prefix) if file_format == "lines" else []
        if "" in labels:
            empty = f"{label_prefix} without a name" if file_format == "lines" else "an empty label in its column"
            faults.add("empty label", line_number, f"has {empty}; name the label")
        elif glued:
            faults.add(
                "joined label",
                line_number,
                f"has a label that is joined to other characters, {glued[0][:60]!r}; put a space between labels and"
                f" words, and use no {' '.join(GLUE)} in the names of labels",
            )
        elif not labels:
            faults.add("no label", line_number, f"has no label; give it {wanted}, or remove it")
        elif not words.strip():
            faults.add("no text", line_number, f"has nothing but its label {labels[0]!r}; give it a text, or remove it")
        elif len(labels) > 1 and several_labels == "error":
            faults.add(
                "several labels",
                line_number,
                f"has {len(labels)} labels ({', '.join(labels[:5])}); give --several-labels first, or each,"
                " which repeats the text for each label",
            )
    faults.raise_any(len(result), is_lines=file_format == "lines")
    if not result.texts:
        raise CorpusError(f"{path} must hold at least one text, got none")
    return result


class _Faults:
    """Faults found in the lines of a file: the number of each kind, and the first fault."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counts: Counter[str] = Counter()
        self._first: tuple[int, str] | None = None

    def add(self, kind: str, line_number: int, message: str) -> None:
        self._counts[kind] += 1
        if self._first is None:
            self._first = line_number, message

    def raise_any(self, n_texts: int, *, is_lines: bool) -> None:
        if self._first is None:
            return
        line_number, message = self._first
        counts = "; ".join(f"{kind}: {n:,} of {n_texts:,} texts" for kind, n in self._counts.items())
        hint = ""
        if is_lines and self._counts["no label"] == n_texts:
            hint = "; if the file is a table, give --format csv or --delimiter"
        raise CorpusError(f"{self._path}, line {line_number} {message}{hint} ({counts})")


def _find_glued(labels: list[str], words: str, label_prefix: str) -> list[str]:
    """Labels that contain one of GLUE or another label, and words that contain a label."""
    is_word = len(label_prefix) > 1  # a single "@" or "#" occurs inside many words and names
    return [
        *(label for label in labels if any(mark in label for mark in GLUE) or (is_word and label_prefix in label)),
        *(word for word in words.split() if is_word and label_prefix in word),
    ]


def _parse_delimiter(delimiter: str | None, file_format: str) -> str:
    if delimiter is None:
        return "\t" if file_format == "tsv" else ","
    if file_format == "lines":
        raise ParameterError("--delimiter must come with a table, got --format lines; leave out one of the two")
    character = "\t" if delimiter in ("tab", "\\t") else delimiter
    if len(character) != 1 or character in '"\r\n':
        raise ParameterError(f"--delimiter must be one character, or tab, got {delimiter!r}")
    return character


def _read_text(path: Path) -> str:
    return decode_text(b"".join(read_bytes(path)), str(path))


def _parse_lines(text: str, label_prefix: str) -> Iterator[tuple[int, list[str], str]]:
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    for line_number, line in enumerate(lines, start=1):
        words = line.split()
        labels = [word[len(label_prefix) :] for word in words if word.startswith(label_prefix)]
        yield line_number, labels, " ".join(word for word in words if not word.startswith(label_prefix))


def _parse_columns(
    path: Path,
    text: str,
    separator: str,
    text_column: str | None,
    label_column: str | None,
    header: bool,
    with_labels: bool,
) -> Iterator[tuple[int, list[str], str]]:
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        names = next(reader, None) if header else None
        if header and names is None:
            raise CorpusError(f"{path} must hold a header and at least one text, got an empty file")
        text_index = _column_index(path, text_column or ("text" if header else "2"), names, separator)
        label_index = (
            _column_index(path, label_column or ("label" if header else "1"), names, separator) if with_labels else None
        )
        previous = reader.line_num
        for row in reader:
            line_number, previous = previous + 1, reader.line_num
            if not row:
                continue  # the csv module skips empty lines as well
            needed = max(text_index, label_index if label_index is not None else 0)
            if len(row) <= needed or (names is not None and len(row) != len(names)):
                expected = len(names) if names is not None else needed + 1
                raise FormatError(
                    f"{path}, line {line_number}: a row must have {expected} columns, got {len(row)};"
                    f" texts with the separator in them need quotes{_hint_of_delimiter(row, separator)}"
                )
            label = row[label_index].strip() if label_index is not None else ""
            yield line_number, [label] if label else [], row[text_index]
    except csv.Error as error:
        raise FormatError(f"{path}, line {reader.line_num}: {error}") from None


def _split_labels(rows: Iterator[tuple[int, list[str], str]], separator: str) -> Iterator[tuple[int, list[str], str]]:
    """Rows whose label is divided at a separator; each label once."""
    for line_number, labels, text in rows:
        parts = labels[0].split(separator if separator.strip() else None) if labels else []
        yield line_number, [*dict.fromkeys(part.strip() for part in parts)], text


def _hint_of_delimiter(row: list[str], separator: str) -> str:
    """A hint to give --delimiter, if the row has one field and that field contains another delimiter."""
    if len(row) == 1:
        for other in SEPARATORS.replace(separator, ""):
            if other in row[0]:
                return (
                    f"; if the columns are separated by {'tabs' if other == TAB else repr(other)}, give --delimiter"
                    + (" tab" if other == TAB else f" {other!r}")
                )
    return ""


def _column_index(path: Path, column: str, names: list[str] | None, separator: str) -> int:
    if names is None:
        if not column.isdecimal() or int(column) < 1:
            raise ParameterError(f"without a header, a column must be a number of at least 1, got {column!r}")
        return int(column) - 1
    if names.count(column) != 1:
        what = "occurs more than once in the header of" if column in names else "is not a column of"
        raise FormatError(
            f"{column!r} {what} {path}, which has {', '.join(map(repr, names))};"
            f" choose columns with --text-column and --label-column{_hint_of_delimiter(names, separator)}"
        )
    return names.index(column)


__all__ = ["FORMATS", "SEVERAL_LABELS", "LabelledTexts", "read_labelled_texts"]
