"""Room classification: reads the texts and labels that a user passes: a file, texts with label marks, or two lists.

Tests: tests/training/test_train_classifier.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firth.base.values import is_integer
from firth.classification.text_lines import is_table, read_line_blocks, read_table_blocks
from firth.corpus.tables import is_missing, rows_of
from firth.errors import CorpusError, CorpusTypeError, EncodingError, ParameterError

LABEL_PREFIX = "__label__"
END_OF_SENTENCE = b"</s>"


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """Options for reading a file of labelled texts; ``firth.classification.labelled_text`` explains them."""

    file_format: str = "auto"
    text_column: str | None = None
    label_column: str | None = None
    delimiter: str | None = None
    header: bool = True
    label_prefix: str = LABEL_PREFIX
    label_separator: str | None = None


@dataclass(frozen=True)
class TrainingTexts:
    """Texts as bytes, without label marks, and the names of each text's labels: at least one name a text."""

    texts: list[bytes]
    labels: list[list[str]]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, numbers: Iterable[int]) -> TrainingTexts:
        """The texts with these numbers, in this order."""
        chosen = list(numbers)
        return TrainingTexts([self.texts[n] for n in chosen], [self.labels[n] for n in chosen])


def read_training_texts(texts: Any, labels: Any, options: TableOptions, name: str = "texts") -> TrainingTexts:
    """Read texts and labels: from a path, from texts with marks like ``__label__NAME``, or from texts and labels.

    Raises
    ------
    CorpusError
        There is no text, a text has no word, no label or a label without a name, or the numbers of texts and labels
        differ.
    CorpusTypeError, EncodingError, ParameterError, StorageError, FormatError
    """
    if isinstance(texts, str | os.PathLike):
        if labels is not None:
            raise ParameterError(
                f"labels must be None if {name} is a path, because the file has the labels, got"
                f" {type(labels).__name__}; leave labels out"
            )
        found = _read_file(Path(texts), options)
    elif labels is None:
        found = _split_marks(_encode_all(texts, name), options.label_prefix, name)
    else:
        encoded, names = _encode_all(texts, name), _read_labels(labels)
        if len(encoded) != len(names):
            raise CorpusError(f"labels must have an entry for each of the {len(encoded)} {name}, got {len(names)}")
        found = TrainingTexts(encoded, names)
    if not len(found):
        raise CorpusError(f"{name} must hold at least one text, got none")
    for position, text in enumerate(found.texts):
        if not text.strip():
            raise CorpusError(
                f"{name} must have at least one word each, got none at position {position}, whose label is"
                f" {found.labels[position][0]!r}; give this text a word, or remove it"
            )
    return found


def _read_file(path: Path, options: TableOptions) -> TrainingTexts:
    if is_table(path, options.file_format, options.delimiter):
        blocks = read_table_blocks(
            path,
            file_format=options.file_format,
            delimiter=options.delimiter,
            text_column=options.text_column,
            label_column=options.label_column,
            header=options.header,
            label_separator=options.label_separator,
        )
    elif options.text_column or options.label_column or options.delimiter or options.label_separator is not None:
        raise ParameterError(
            f"text_column, label_column, delimiter and label_separator must come with a table, got {path}, which is"
            ' read as lines; give file_format="csv" (--format csv)'
        )
    else:
        blocks = read_line_blocks(path, options.label_prefix, with_labels=True)
    found = TrainingTexts([], [])
    for block in blocks:
        for index, names in enumerate(block.labels):
            if "" in names:
                raise CorpusError(
                    f"{path}, line {block.first_line + index} has {options.label_prefix} without a name; name the label"
                )
            if not block.texts[index].strip():
                raise CorpusError(
                    f"{path}, line {block.first_line + index} has nothing but its label {names[0]!r}; give it a text,"
                    " or remove it"
                )
        found.texts.extend(block.texts)
        found.labels.extend(block.labels)
    return found


def _encode_all(texts: Any, name: str) -> list[bytes]:
    if isinstance(texts, Mapping | set | frozenset | bytes):
        raise CorpusTypeError(f"{name} must be a path or a list of texts, got {type(texts).__name__}")
    rows = rows_of(texts, name)
    if not isinstance(rows, Iterable):
        raise CorpusTypeError(f"{name} must be a path or a list of texts, got {type(texts).__name__}")
    encoded: list[bytes] = []
    for position, text in enumerate(rows):
        if isinstance(text, bytes):
            encoded.append(text)
            continue
        if not isinstance(text, str):
            raise CorpusTypeError(
                f"{name} must be strings, got {type(text).__name__} at position {position}; join tokens by spaces"
            )
        try:
            encoded.append(text.encode())
        except UnicodeEncodeError as error:
            raise EncodingError(
                f"{name} must be valid Unicode, got a lone surrogate at character {error.start} of the text at position"
                f" {position}; give bytes, or replace the surrogate"
            ) from None
    return encoded


def _split_marks(texts: list[bytes], label_prefix: str, name: str) -> TrainingTexts:
    prefix = label_prefix.encode()
    found = TrainingTexts([], [])
    for position, text in enumerate(texts):
        words = text.split()
        names = [word[len(prefix) :].decode("utf-8", "backslashreplace") for word in words if word.startswith(prefix)]
        if not names or "" in names:
            what = f"{label_prefix} without a name" if names else "no label"
            raise CorpusError(
                f"{name} must have marks like {label_prefix}NAME if labels are not passed, got {what} at position"
                f" {position}; pass labels="
            )
        found.texts.append(b" ".join(word for word in words if not word.startswith(prefix)))
        found.labels.append(names)
    return found


def _read_labels(labels: Any) -> list[list[str]]:
    if isinstance(labels, str | bytes | Mapping):
        raise CorpusTypeError(f"labels must be a list with an entry for each text, got {type(labels).__name__}")
    rows = rows_of(labels, "labels")
    if not isinstance(rows, Iterable):
        raise CorpusTypeError(f"labels must be a list with an entry for each text, got {type(labels).__name__}")
    found: list[list[str]] = []
    for position, entry in enumerate(rows):
        if is_missing(entry):
            raise CorpusError(f"labels must have a value for each text, got {entry!r} at position {position}")
        several = sorted(entry, key=str) if isinstance(entry, set | frozenset) else entry
        listed = several if isinstance(several, list | tuple) else [several]
        names = [_label_name(label, position) for label in listed]
        if not names:
            raise CorpusError(f"labels must have at least one label for each text, got none at position {position}")
        found.append([*dict.fromkeys(names)] if len(names) > 1 else names)
    return found


def _label_name(label: Any, position: int) -> str:
    if is_integer(label):
        return str(int(label))
    if not isinstance(label, str):
        raise CorpusTypeError(f"labels must be strings or integers, got {type(label).__name__} at position {position}")
    if not label or "\0" in label:
        raise CorpusError(
            "labels must be names of at least one character and without a byte of 0, got"
            f" {label!r} at position {position}"
        )
    try:
        label.encode()
    except UnicodeEncodeError as error:
        raise EncodingError(
            f"labels must be valid Unicode, got a lone surrogate at character {error.start} of {label!r} at position"
            f" {position}; replace the surrogate"
        ) from None
    return label


__all__ = ["END_OF_SENTENCE", "LABEL_PREFIX", "TableOptions", "TrainingTexts", "read_training_texts"]
