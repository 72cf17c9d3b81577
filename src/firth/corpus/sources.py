"""Room corpus: decides what kind of corpus a user passed: files, streams, lists of tokens, or arrays of ids.

``counting`` and ``encode`` read and count it.
"""

from __future__ import annotations

import glob
import io
import itertools
import os
import stat
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from firth.base.compression import COMPRESSED_SUFFIXES, compression_of
from firth.base.urls import is_url, local_path, url_of
from firth.corpus.blocks import read_blocks
from firth.corpus.data_sets import is_data_set, is_streamed, open_data_set
from firth.corpus.paths import escape_existing_folders, missing_message, path_exists, same_name, skip_empty
from firth.corpus.places import Place, find_places
from firth.corpus.recognise import HEAD_BYTES, STANDARD_INPUT, refuse_other_formats
from firth.corpus.table_files import open_column, open_json_lines, open_place_column
from firth.corpus.table_text import LIST, Column, missing_warning, require_same_types
from firth.corpus.tables import (
    ListColumn,
    TextColumn,
    Tokenizer,
    column_of,
    column_tokens,
    read_table,
    split_text,
    tokenize_texts,
)
from firth.corpus.text_files import TextFile
from firth.corpus.tokenizers import BatchTokenizer
from firth.corpus.tokenizing import tokenized_texts
from firth.corpus.walks import Walks
from firth.errors import (
    CorpusError,
    CorpusTypeError,
    FirthError,
    ParameterError,
    ShapeError,
    StorageError,
)

FROM_STANDARD_INPUT = "-"


@dataclass(frozen=True)
class IdSequences:
    """Sequences of ids in two arrays. The words of the vocabulary are these ids.

    Parameters
    ----------
    ids : integer array, (n_tokens,)
        64-bit integers of any value. A memory-mapped array is read block by block.
    offsets : integer array, (n_sequences + 1,)
        Sequence ``i`` is ``ids[offsets[i]:offsets[i + 1]]``. The offsets rise from 0 to n_tokens.

    Raises
    ------
    CorpusTypeError, ShapeError
    """

    ids: NDArray[Any]
    offsets: NDArray[Any]

    def __post_init__(self) -> None:
        for name, array in (("ids", self.ids), ("offsets", self.offsets)):
            if not isinstance(array, np.ndarray) or (array.dtype.kind not in "iu" and array.size):
                kind = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
                raise CorpusTypeError(f"{name} must be an array of integers, got {kind}")
            if array.ndim != 1:
                raise ShapeError(f"{name} must have one dimension, got shape {array.shape}")
        n_tokens = len(self.ids)
        if (
            len(self.offsets) == 0
            or int(self.offsets[0]) != 0
            or int(self.offsets[-1]) != n_tokens
            or np.any(self.offsets[1:] < self.offsets[:-1])
        ):
            raise ShapeError(
                f"offsets must rise from 0 to the number of ids ({n_tokens}), one for each sequence and one more; for a"
                " list of sequences pass [[...], ...] instead of a tuple of two arrays"
            )


@dataclass(frozen=True)
class TokenLists:
    """Sequences of tokens from an iterable that is read once. ``is_tokenized``: a tokenizer made them from texts.

    ``columns``: the columns of tables that the sequences come from.
    """

    sequences: Iterable[Any]
    is_tokenized: bool = False
    columns: tuple[Column, ...] = ()


def classify_source(
    source: Any, tokenizer: Tokenizer | None = None, *, as_text: bool = False, column: str | None = None
) -> list[TextFile] | IdSequences | TokenLists | Walks:
    """Decide what kind of corpus the source is.

    - Files: a path, glob or URL, or a list of paths, globs and URLs. ``"-"`` is standard input. A binary file object is
      read from its current position.
    - Texts: a column of strings (a Series, an Arrow array, a frame with one column); with ``tokenizer`` also a list or
      another iterable of strings. The tokenizer splits each text; without one, white space does.
    - Sequences of tokens: a column of lists, or any other iterable, also one that can be read only once.
    - Random walks on a graph: ``firth.Walks``.
    - Ids: ``IdSequences``, a tuple of two integer arrays ``(ids, offsets)``, an integer array of two dimensions (one
      sequence a row), or a frame whose columns are all integers (one sequence a row).
    - Tables, if ``column`` names their column of texts or of lists: files (Parquet, Arrow, JSON lines, CSV, TSV), a
      frame, a data set of Hugging Face's ``datasets``, or a stream of JSON lines.

    Raises
    ------
    CorpusTypeError
        The source is none of these; the message says what to pass.
    StorageError
        A file is missing, is a folder or cannot be read.
    CorpusError
        Every file is empty. If some are, a CorpusWarning names them, and they are left out.
    """
    if column is not None:
        if not isinstance(column, str):
            raise CorpusTypeError(f"column must be the name of a column, got {column!r:.60} ({type(column).__name__})")
        if as_text:
            raise ParameterError("as_text must be left out if a column of a table is read")
        paths = _paths_of(source)
        if paths is not None:
            return _table_files(_text_files(paths, True, column))
        if _is_binary_file(source):
            return _table_files([_json_stream(source, str(getattr(source, "name", "file object")), column)])
        if is_data_set(source):
            table_of_set = open_data_set(source, column)
            streamed = is_streamed(source)
            return _table_files([TextFile(table_of_set.name, "table", may_block=streamed, table=table_of_set)])
        source = column_of(source, column)
    if isinstance(source, (str, os.PathLike)):
        return _text_files([source], as_text)
    if isinstance(source, Walks):
        return source
    table = read_table(source)
    if isinstance(table, TextColumn):
        arrow = table.as_arrow() if tokenizer is None or tokenizer is split_text else None
        if arrow is not None:  # the native counter splits at white space
            return [TextFile("corpus", "table", n_bytes=arrow.n_bytes, table=arrow)]
        return _tokenized(table, tokenizer or split_text, is_listed=True)
    if isinstance(table, ListColumn):
        return TokenLists(table)
    if table is not None:
        source = table
    if isinstance(source, IdSequences):
        return source
    if isinstance(source, tuple) and len(source) == 2 and all(_is_id_vector(part) for part in source):
        return IdSequences(*source)
    if isinstance(source, np.ndarray) and source.dtype.kind in "iu" and source.ndim != 1:
        if source.ndim != 2:
            raise ShapeError(
                f"corpus must have two dimensions if it is a single array of ids, got shape {source.shape}"
            )
        source = np.asarray(source)  # not a numpy.matrix, which always has two dimensions
        n_sequences, n_positions = source.shape
        return IdSequences(source.reshape(-1), np.arange(n_sequences + 1, dtype=np.int64) * n_positions)
    if isinstance(source, np.ndarray) and source.dtype.kind in "iuf":
        raise CorpusTypeError(
            f"corpus must be (ids, offsets) if it is arrays of ids, got one array of {source.dtype} with shape"
            f" {source.shape}; pass (ids, np.array([0, len(ids)])) for one long sequence"
        )
    if isinstance(source, (bytes, bytearray, memoryview)):
        raise CorpusTypeError(
            'corpus must be a path or lists of tokens, got bytes; pass [text.decode("utf-8").split()]'
        )
    if isinstance(source, io.TextIOBase):
        raise CorpusTypeError("corpus must be a path or a file opened in binary mode, got a text file; pass its path")
    if _is_binary_file(source):
        return [_stream_of_handle(source, str(getattr(source, "name", "file object")), as_text)]
    if isinstance(source, (Mapping, set, frozenset)):
        raise CorpusTypeError(
            f"corpus must be a sequence of token lists, got a {type(source).__name__}, which has no order;"
            " to make a vocabulary from counts use Vocabulary.from_counts"
        )
    if isinstance(source, (list, tuple)):
        if not source:
            raise CorpusError("corpus must have at least one sequence, got an empty list")
        if all(isinstance(item, (str, os.PathLike)) for item in source) and (
            tokenizer is None or all(isinstance(item, os.PathLike) or item == FROM_STANDARD_INPUT for item in source)
        ):
            _refuse_texts(source)
            return _text_files(list(source), as_text)
        if tokenizer is not None and all(isinstance(item, str) for item in source):
            refuse_names_of_files(source)
            return _tokenized(TextColumn(source, "corpus"), tokenizer, is_listed=True)
        if tokenizer is not None and any(isinstance(item, str) for item in source):
            return _tokenized(TextColumn(source, "corpus"), tokenizer, is_listed=True)
        return TokenLists(source)
    if not isinstance(source, Iterable):
        raise CorpusTypeError(
            f"corpus must be a path, an iterable of token lists or (ids, offsets), got {type(source).__name__}"
        )
    if tokenizer is not None:  # only texts have a tokenizer
        return _tokenized(TextColumn(source, "corpus"), tokenizer, is_listed=False)
    return TokenLists(source)


def _paths_of(source: Any) -> list[Any] | None:
    """The paths and globs in a source; None if the source is something else."""
    if isinstance(source, (str, os.PathLike)):
        return [source]
    if isinstance(source, (list, tuple)) and source and all(isinstance(item, (str, os.PathLike)) for item in source):
        return list(source)
    return None


def _table_files(files: list[TextFile]) -> list[TextFile] | TokenLists:
    """The files of a column of texts; or the token lists of a column of lists."""
    columns = tuple(text.table for text in files if text.table is not None)
    require_same_types(columns)
    if columns[0].kind == LIST:
        return TokenLists(itertools.chain.from_iterable(one.sequences() for one in columns), columns=columns)
    return files


def warn_of_missing(classified: list[TextFile] | IdSequences | TokenLists | Walks) -> None:
    """Warn once of the rows without a value in the tables that were read."""
    columns = [text.table for text in classified if text.table is not None] if isinstance(classified, list) else []
    found = missing_warning(columns or getattr(classified, "columns", ()))
    if found is not None:
        warnings.warn(found, stacklevel=2)


def _json_stream(handle: BinaryIO | Any, name: str, column: str) -> TextFile:
    """A stream of JSON lines. Its first rows are not examined before the stream is read, because it is read once."""
    table = open_json_lines(name, column, lambda: read_blocks(handle, name), peek=False)
    return TextFile(name, "table", may_block=True, table=table)


def _tokenized(texts: TextColumn, tokenizer: Tokenizer, *, is_listed: bool) -> TokenLists | list[TextFile]:
    """Texts and their tokenizer; what is not listed is read in the main thread."""
    if isinstance(tokenizer, BatchTokenizer) and tokenizer.is_joinable:
        lines = tokenized_texts("corpus", texts, tokenizer)
        return [TextFile("corpus", "table", may_block=not is_listed, tokenized=lines)]
    return TokenLists(tokenize_texts(texts, tokenizer), is_tokenized=True)


def refuse_names_of_files(texts: list[Any] | tuple[Any, ...]) -> None:
    """Raise an error if the texts are names of files. With a tokenizer the names would be read as texts in silence."""
    if all(path_exists(text) or is_url(text) for text in texts):
        raise CorpusTypeError(
            f"corpus must be texts if it is a list of strings and a tokenizer is given, got names of files, such as"
            f" {texts[0]!r}; to read the files pass pathlib.Path objects: [Path(name) for name in names]"
        )


def tokens_of(sequence: Any, number: int) -> Any:
    """An iterable over the tokens of the ``number``-th sequence.

    Raises
    ------
    CorpusTypeError
        The sequence is a string, has no order, is a frame, or cannot be iterated; or a value of a column is a text.
    """
    if isinstance(sequence, (list, tuple)):
        return sequence
    if isinstance(sequence, str):
        raise CorpusTypeError(string_message(sequence, f"sequence {number}"))
    if isinstance(sequence, (bytes, bytearray)):
        raise CorpusTypeError(f"sequence {number} must be a list of tokens, got bytes; use .decode('utf-8').split()")
    if isinstance(sequence, np.ndarray) and sequence.ndim != 1:
        raise CorpusTypeError(f"sequence {number} must have one dimension, got an array of shape {sequence.shape}")
    if isinstance(sequence, (set, frozenset, Mapping)):
        raise CorpusTypeError(
            f"sequence {number} must be a list of tokens, got a {type(sequence).__name__}, which has no order;"
            " use sorted(...)"
        )
    tokens = column_tokens(sequence, f"sequence {number}")
    if tokens is not None:
        return tokens
    if not isinstance(sequence, Iterable):
        raise CorpusTypeError(
            f"sequence {number} must be a list of tokens, got {sequence!r} ({type(sequence).__name__});"
            " a corpus is a list of sequences: [[token, ...], ...]"
        )
    return sequence


def string_message(text: str, what: str) -> str:
    text = str.__str__(text)  # a plain str: the repr of a subclass may differ
    shown = text if len(text) <= 40 else text[:37] + "..."
    return (
        f"{what} must be a list of tokens, got the string {shown!r}, whose letters would become the words; split it:"
        ' corpus = [text.split() for text in texts], or pass tokenizer="whitespace"'
    )


def _is_binary_file(source: Any) -> bool:
    return isinstance(source, io.IOBase) and not isinstance(source, io.TextIOBase)


def _is_id_vector(part: object) -> bool:
    return isinstance(part, np.ndarray) and part.dtype.kind in "iu"


def _refuse_texts(items: list[Any] | tuple[Any, ...]) -> None:
    """Raise an error if a list of strings is texts: no item exists as a path or looks like a path."""
    if any(not isinstance(item, str) or item == FROM_STANDARD_INPUT or path_exists(item) for item in items):
        return
    if any(" " not in item and (os.sep in item or Path(item).suffix) for item in items if item):
        return
    raise CorpusTypeError(
        string_message(items[0], "corpus[0]")
        + " (no file has this name; firth reads a list of strings as a list of paths)"
    )


def _text_files(paths: list[Any], as_text: bool, column: str | None = None) -> list[TextFile]:
    files: list[TextFile] = []
    empty: list[str] = []

    def add(path: Path) -> None:
        text = _text_file(path, as_text, column)
        if text is None:
            empty.append(str(path))
        else:
            files.append(text)

    for path in paths:
        url = url_of(path)
        if url is not None and local_path(url) is None:
            for place in find_places(url):
                if place.n_bytes == 0:
                    empty.append(place.url)
                else:
                    files.append(_text_at(place, as_text, column))
            continue
        if url is not None:
            path = local_path(url)
        if path == FROM_STANDARD_INPUT:
            if column is None:
                files.append(_stream_of_handle(_standard_input(), STANDARD_INPUT, as_text))
            else:
                files.append(_json_stream(_standard_input(), STANDARD_INPUT, column))
            continue
        text_path = os.fspath(path)
        if isinstance(text_path, bytes):
            text_path = os.fsdecode(text_path)
        if "\0" in text_path:
            raise CorpusTypeError("corpus must be a path, got a string with a NUL in it")
        if os.path.exists(text_path):
            add(Path(text_path))
            continue
        twin = same_name(text_path)
        if twin is not None:
            add(twin)
            continue
        pattern = escape_existing_folders(text_path)
        matches = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else []
        if not matches:
            raise StorageError(missing_message(text_path))
        found = [Path(match) for match in matches if not os.path.isdir(match)]
        if not found:
            raise StorageError(f"{text_path} must match files, got only folders; add /* to read the files in them")
        for match in found:
            add(match)
    skip_empty(empty, len(files) + len(empty))
    return files


def _standard_input() -> BinaryIO:
    if sys.stdin is None:  # Python sets None if the caller closed the descriptor
        raise StorageError(
            "standard input must be open, got a closed one; pipe a text into it, as in"
            " `cat corpus.txt | firth train - -o model`"
        )
    return sys.stdin.buffer


def _text_file(path: Path, as_text: bool, column: str | None = None) -> TextFile | None:
    """The file, or None if it is empty."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise StorageError(f"{path} is a folder, not a file; to read the files in it pass {path / '*'}")
        if not stat.S_ISREG(status.st_mode):  # a pipe, a terminal
            if column is not None:
                text = TextFile(str(path), "stream", path=path)
                table = open_json_lines(str(path), column, text.raw_blocks, peek=False)
                return TextFile(str(path), "table", may_block=True, table=table)
            return TextFile(str(path), "stream", path=path, may_block=True, as_text=as_text)
        with open(path, "rb") as file:
            first = file.read(HEAD_BYTES)
        if not first:
            return None
        if status.st_size == 0:  # the kernel makes the content on reading, as in /proc
            return TextFile(str(path), "stream", path=path, as_text=as_text)
    except OSError as error:
        if isinstance(error, FirthError):
            raise
        raise StorageError(f"{path}: cannot be read: {error.strerror or error}") from error
    found = compression_of(first)
    named = COMPRESSED_SUFFIXES.get(path.suffix.lower())
    if named is not None and found != named:
        raise CorpusError(f"{path} has the name of a {named} file but is {found or 'not compressed'}; rename it")
    if column is not None:
        packed = TextFile(str(path), found or "plain", path=path)
        table = open_column(path, column, first, status.st_size, found, packed.raw_blocks)
        return TextFile(str(path), "table", path=path, n_bytes=status.st_size, table=table)
    if found is None:  # the content of a compressed file is examined while it is decompressed
        is_whole = status.st_size <= len(first)
        refuse_other_formats(first, str(path), is_whole=is_whole, as_text=as_text)
    return TextFile(str(path), found or "plain", path=path, n_bytes=status.st_size, as_text=as_text)


def _text_at(place: Place, as_text: bool, column: str | None) -> TextFile:
    if column is not None:
        table = open_place_column(place, column)
        return TextFile(place.url, "table", n_bytes=table.n_bytes, may_block=True, table=table)
    kind = place.compression or "stream"
    return TextFile(place.url, kind, n_bytes=place.n_bytes, may_block=True, as_text=as_text, place=place)


def _stream_of_handle(handle: Any, name: str, as_text: bool) -> TextFile:
    return TextFile(name, "stream", handle=handle, may_block=True, as_text=as_text)
