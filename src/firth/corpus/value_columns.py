"""Room corpus: columns of single values, strings or numbers: from tables in files, frames in memory, and text files.

``firth.Pairs`` and the edges of graphs are read by it. Words of a corpus are read elsewhere (``sources``).

Tests: tests/corpus/test_pairs.py, tests/corpus/test_graphs.py.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firth.base.compression import COMPRESSED_SUFFIXES, compression_of
from firth.base.urls import refuse_url
from firth.corpus.blocks import decompress, read_blocks
from firth.corpus.paths import escape_existing_folders, missing_message, same_name
from firth.corpus.recognise import HEAD_BYTES, refuse_other_formats, strip_marks
from firth.corpus.table_files import open_column
from firth.corpus.table_text import Column
from firth.errors import CorpusError, CorpusTypeError, FirthError, ParameterError, StorageError

TABLE_FILES = (".parquet", ".pq", ".arrow", ".feather", ".ipc", ".jsonl", ".ndjson", ".csv", ".tsv", ".tab")


@dataclass(frozen=True)
class DataFile:
    """A file that is not empty, with its first bytes."""

    path: Path
    head: bytes
    n_bytes: int
    compression: str | None

    @property
    def suffix(self) -> str:
        """The ending of the name in lower case, without the ending of a compression."""
        endings = [ending.lower() for ending in self.path.suffixes if ending.lower() not in COMPRESSED_SUFFIXES]
        return endings[-1] if endings else ""

    def blocks(self) -> Iterator[bytes]:
        """Yield the decompressed bytes."""
        name = str(self.path)
        try:
            with open(self.path, "rb") as file:
                yield from (
                    read_blocks(file, name) if self.compression is None else decompress(file, self.compression, name)
                )
        except OSError as error:
            if isinstance(error, FirthError):
                raise
            raise StorageError(f"{name}: cannot be read: {error.strerror or error}") from error

    def column(self, title: str) -> Column:
        """A column of the table in the file, with a string or a number in each row."""
        return open_column(self.path, title, self.head, self.n_bytes, self.compression, self.blocks, wants_values=True)

    def lines(self) -> Iterator[tuple[int, list[bytes]]]:
        """Yield the number of the first line and consecutive lines of a text file, about a million bytes at once."""
        start, rest, name = 1, b"", str(self.path)
        is_first = True
        for block in self.blocks():
            if is_first:
                is_whole = len(block) < HEAD_BYTES
                refuse_other_formats(block[:HEAD_BYTES], name, is_whole=is_whole, as_text=True)
                block = strip_marks(block)
                is_first = False
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            yield start, lines
            start += len(lines)
        if rest:
            yield start, [rest]


def find_files(source: Any, name: str) -> list[DataFile]:
    """The files of a path, of a glob, or of a list of them.

    Raises
    ------
    StorageError
        A file is missing, is a folder or cannot be read.
    CorpusError
        A file is empty.
    """
    paths = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    return [_open(path) for given in paths for path in _matches(os.fspath(given), name)]


def _matches(given: str | bytes, name: str) -> list[Path]:
    path = os.fsdecode(given)
    refuse_url(path, "download the file first")
    if "\0" in path:
        raise CorpusTypeError(f"{name} must be a path, got a string with a NUL in it")
    if os.path.exists(path):
        return [Path(path)]
    twin = same_name(path)
    if twin is not None:
        return [twin]
    pattern = escape_existing_folders(path)
    found = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else []
    if not found:
        raise StorageError(missing_message(path))
    return [Path(match) for match in found]


def _open(path: Path) -> DataFile:
    try:
        if path.exists() and not path.is_file():
            what = "a folder" if path.is_dir() else "a pipe, which can be read only once"
            raise StorageError(f"{path} must be a file, got {what}; give the files")
        with open(path, "rb") as file:
            head, n_bytes = file.read(HEAD_BYTES), os.fstat(file.fileno()).st_size
    except OSError as error:
        if isinstance(error, FirthError):
            raise
        raise StorageError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not head:
        raise CorpusError(f"{path} is empty")
    return DataFile(path, head, n_bytes, compression_of(head))


def parse_titles(columns: object, what: Sequence[str]) -> list[str] | None:
    """The names of columns: as many as ``what`` has, or one less, because the last of ``what`` is the weight.

    Raises
    ------
    ParameterError
    """
    if columns is None:
        return None
    titles = list(columns) if isinstance(columns, (list, tuple)) else []
    if len(titles) not in (len(what) - 1, len(what)) or not all(isinstance(title, str) for title in titles):
        raise ParameterError(
            f"columns must be the names of two or three columns ({', '.join(what[:-1])}, and perhaps {what[-1]}), got"
            f" {columns!r:.80}"
        )
    if len(set(titles)) < len(titles):
        raise ParameterError(f"columns must be different columns, got {columns!r:.80}")
    return titles


def as_weight(value: Any, place: str, title: str) -> float:
    """The weight in a cell of a table.

    Raises
    ------
    CorpusTypeError
    """
    try:
        return float(value)
    except ValueError:
        raise CorpusTypeError(
            f"{place}: the column {title!r} must have numbers for weights, got {value!r:.60}"
        ) from None


__all__ = ["TABLE_FILES", "DataFile", "as_weight", "find_files", "parse_titles"]
