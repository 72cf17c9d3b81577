"""Room cli: texts with labels from CSV and TSV columns or from lines with ``__label__``; the whole file or an error."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from firth.corpus.recognise import decode_text
from firth.errors import CorpusError, FormatError, ParameterError, StorageError

FORMATS = ("auto", "csv", "tsv", "lines")
SEVERAL_LABELS = ("error", "first", "each")
MAX_FIELD_CHARACTERS = 1 << 26


@dataclass
class LabelledTexts:
    """Texts in the order of the file, the labels of each, and where each stands (line numbers from 1)."""

    texts: list[str] = field(default_factory=list)
    labels: list[list[str]] = field(default_factory=list)
    line_numbers: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)


def read_labelled_texts(
    path: Path,
    *,
    file_format: str = "auto",
    text_column: str | None = None,
    label_column: str | None = None,
    header: bool = True,
    label_prefix: str = "__label__",
    with_labels: bool = True,
    several_labels: str = "error",
) -> LabelledTexts:
    """Read a file of texts.

    Parameters
    ----------
    path : Path
    file_format : "auto", "csv", "tsv" or "lines"
        "auto": by the ending (.csv; .tsv or .tab; all others are lines).
    text_column, label_column : str, optional
        Names in the header ("text" and "label" by default), or numbers from 1 with ``header=False`` (2 and 1).
    header : bool
        Whether the first row of a CSV or TSV file names the columns.
    label_prefix : str
        Words of a line that start with it, before the first word that does not, are its labels.
    with_labels : bool
        False: labels are not asked for; where lines have some they are taken off.
    several_labels : "error", "first" or "each"
        What a line with more than one label means.

    Raises
    ------
    StorageError
        A file that is missing or cannot be read.
    EncodingError
        Bytes that are not UTF-8.
    FormatError
        A row with too few columns, a column that does not exist, quotes that do not close.
    CorpusError
        A file without a text, a line without a label, or with nothing but one.
    """
    if file_format not in FORMATS:
        raise ParameterError(f"format must be one of {', '.join(FORMATS)}, got {file_format!r}")
    if several_labels not in SEVERAL_LABELS:
        raise ParameterError(f"several labels must be one of {', '.join(SEVERAL_LABELS)}, got {several_labels!r}")
    if not label_prefix or label_prefix.split() != [label_prefix]:
        raise ParameterError(f"label prefix must be a word without white space, got {label_prefix!r}")
    if file_format == "auto":
        file_format = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv"}.get(path.suffix.lower(), "lines")
    text = _read_text(path)
    if file_format == "lines":
        if text_column or label_column:
            raise ParameterError(f"columns must be of a CSV or TSV file, got {path}, read as lines; give the format")
        rows = _parse_lines(text, label_prefix)
    else:
        rows = _parse_columns(path, text, file_format, text_column, label_column, header, with_labels)

    result = LabelledTexts()
    for line_number, labels, words in rows:
        place = f"{path}, line {line_number}"
        if with_labels and not labels:
            wanted = f"a word that starts with {label_prefix}" if file_format == "lines" else "something in its column"
            raise CorpusError(f"{place} has no label; give it {wanted}, or take it out")
        if with_labels and not words.strip():
            raise CorpusError(f"{place} has nothing but its label {labels[0]!r}; give it a text, or take it out")
        if with_labels and len(labels) > 1 and several_labels == "error":
            raise CorpusError(
                f"{place} has {len(labels)} labels ({', '.join(labels[:5])}); choose --several-labels first, or each,"
                " which takes the text once for each label"
            )
        result.texts.append(words)
        result.labels.append(labels[:1] if several_labels == "first" else labels)
        result.line_numbers.append(line_number)
    if not result.texts:
        raise CorpusError(f"{path} must hold at least one text, got none")
    return result


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(error.errno, f"{path} cannot be read: {error.strerror}") from error
    return decode_text(data, str(path))


def _parse_lines(text: str, label_prefix: str) -> Iterator[tuple[int, list[str], str]]:
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    for line_number, line in enumerate(lines, start=1):
        words = line.split()
        n_labels = 0
        while n_labels < len(words) and words[n_labels].startswith(label_prefix):
            n_labels += 1
        labels = [word[len(label_prefix) :] for word in words[:n_labels]]
        yield line_number, [label for label in labels if label], " ".join(words[n_labels:])


def _parse_columns(
    path: Path,
    text: str,
    file_format: str,
    text_column: str | None,
    label_column: str | None,
    header: bool,
    with_labels: bool,
) -> Iterator[tuple[int, list[str], str]]:
    delimiter = "," if file_format == "csv" else "\t"
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = next(reader, None) if header else None
        if header and names is None:
            raise CorpusError(f"{path} must hold a header and at least one text, got an empty file")
        text_index = _column_index(path, text_column or ("text" if header else "2"), names)
        label_index = _column_index(path, label_column or ("label" if header else "1"), names) if with_labels else None
        previous = reader.line_num
        for row in reader:
            line_number, previous = previous + 1, reader.line_num
            if not row:
                continue  # csv's own reading of an empty line: no row at all
            needed = max(text_index, label_index if label_index is not None else 0)
            if len(row) <= needed or (names is not None and len(row) != len(names)):
                expected = len(names) if names is not None else needed + 1
                raise FormatError(
                    f"{path}, line {line_number}: a row must have {expected} columns, got {len(row)};"
                    " texts with the separator in them need quotes"
                )
            label = row[label_index].strip() if label_index is not None else ""
            yield line_number, [label] if label else [], row[text_index]
    except csv.Error as error:
        raise FormatError(f"{path}, line {reader.line_num}: {error}") from None


def _column_index(path: Path, column: str, names: list[str] | None) -> int:
    if names is None:
        if not column.isdecimal() or int(column) < 1:
            raise ParameterError(f"a column must be a number from 1 without a header, got {column!r}")
        return int(column) - 1
    if names.count(column) != 1:
        what = "stands twice in the header of" if column in names else "is no column of"
        raise FormatError(
            f"{column!r} {what} {path}, which has {', '.join(map(repr, names))};"
            " name others with --text-column and --label-column"
        )
    return names.index(column)


__all__ = ["FORMATS", "SEVERAL_LABELS", "LabelledTexts", "read_labelled_texts"]
