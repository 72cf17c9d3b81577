"""Room corpus: what a user may pass as a corpus, told apart: files, streams, lists of tokens, arrays of ids.

Here is decided what something is; reading and counting are in ``encode``.
"""

from __future__ import annotations

import glob
import io
import itertools
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from firth.base.compression import COMPRESSED_SUFFIXES, compression_of, import_zstandard
from firth.corpus.recognise import HEAD_BYTES, MARK, STANDARD_INPUT, refuse_other_formats
from firth.corpus.tables import (
    ListColumn,
    TextColumn,
    Tokenizer,
    column_tokens,
    read_table,
    split_text,
    tokenize_texts,
)
from firth.errors import CorpusError, CorpusTypeError, FirthError, ShapeError, StorageError

FROM_STANDARD_INPUT = "-"
BLOCK_BYTES = 1 << 20  # what is read from a stream at once

_ZSTD_BYTES = 1024  # given to the decompressor at once: 3 bytes can become 128 KiB, and its output cannot be bounded


@dataclass(frozen=True)
class TextFile:
    """One text, read from its start to its end.

    ``n_bytes`` is the size on disk, None where it is not known. A plain file can be read in chunks at any place
    (``path`` and ``n_bytes`` are set then); a stream only in order. A stream that ``may_block`` is read in the main
    thread, so that Ctrl-C ends the waiting. ``as_text``: see ``recognise.refuse_other_formats``.
    """

    name: str
    kind: str  # "plain", "stream", or a compression: "gzip", "bzip2", "xz", "zstd"
    path: Path | None = None
    n_bytes: int | None = None
    handle: BinaryIO | None = None
    may_block: bool = False
    as_text: bool = False

    def blocks(self) -> Iterator[bytes]:
        """The bytes of the text in blocks; the byte-order mark of UTF-8 is no text.

        Raises
        ------
        CorpusError, EncodingError
            Before the first block: the text is of another format or encoding.
        """
        blocks = self._decompressed()
        first: list[bytes] = []  # enough of them to tell the format
        for block in blocks:
            first.append(block)
            if sum(map(len, first)) >= HEAD_BYTES:
                break
        head = b"".join(first)
        is_whole = len(head) < HEAD_BYTES
        refuse_other_formats(head[:HEAD_BYTES], self.name, is_whole=is_whole, as_text=self.as_text)
        n_skipped = len(MARK) if head.startswith(MARK) else 0
        for block in itertools.chain(first, blocks):
            kept = block[n_skipped:]
            n_skipped -= len(block) - len(kept)
            if kept:
                yield kept

    def _decompressed(self) -> Iterator[bytes]:
        if self.handle is not None:
            yield from _read_blocks(self.handle, self.name)
            return
        assert self.path is not None
        try:
            with open(self.path, "rb") as file:
                if self.kind in ("plain", "stream"):
                    yield from _read_blocks(file, self.name)
                else:
                    yield from _decompress(file, self.kind, self.name)
        except OSError as error:
            if isinstance(error, FirthError):
                raise
            raise StorageError(f"{self.name}: cannot be read: {error.strerror or error}") from error


@dataclass(frozen=True)
class IdSequences:
    """Sequences of ids in two arrays; the ids are then the words.

    Parameters
    ----------
    ids : integer array, (n_tokens,)
        Any 64-bit integers; a memory-mapped array is read block by block.
    offsets : integer array, (n_sequences + 1,)
        Sequence ``i`` is ``ids[offsets[i]:offsets[i + 1]]``; rises from 0 to n_tokens.

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
    """Sequences of tokens from any iterable, read once. ``is_tokenized``: a tokenizer made them of texts."""

    sequences: Iterable[Any]
    is_tokenized: bool = False


def classify_source(
    source: Any, tokenizer: Tokenizer | None = None, *, as_text: bool = False
) -> list[TextFile] | IdSequences | TokenLists:
    """Tell what a corpus is.

    - a path or glob, or a list of them: files; ``"-"`` is standard input; a binary file object is read from where it is
    - a column of strings (a Series, an Arrow array, a frame of one column), and with ``tokenizer`` any other iterable
      of strings, a list too: texts, whose tokens the tokenizer gives (white space where there is none)
    - a column of lists: sequences of tokens; a frame whose columns are all integers: a sequence a row
    - ``IdSequences``, a tuple of two integer arrays ``(ids, offsets)``, or an integer array of two dimensions (one
      sequence a row): ids
    - any other iterable, one-shot ones too: sequences of tokens

    Raises
    ------
    CorpusTypeError
        Something else; the message says what to pass.
    StorageError
        A file is missing, is a folder or cannot be read.
    CorpusError
        A file is empty.
    """
    if isinstance(source, (str, os.PathLike)):
        return _text_files([source], as_text)
    table = read_table(source)
    if isinstance(table, TextColumn):
        return TokenLists(tokenize_texts(table, tokenizer or split_text), is_tokenized=True)
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
            raise ShapeError(f"corpus must have two dimensions where it is one array of ids, got shape {source.shape}")
        source = np.asarray(source)  # a matrix has two dimensions whatever its shape
        n_sequences, n_positions = source.shape
        return IdSequences(source.reshape(-1), np.arange(n_sequences + 1, dtype=np.int64) * n_positions)
    if isinstance(source, np.ndarray) and source.dtype.kind in "iuf":
        raise CorpusTypeError(
            f"corpus must be (ids, offsets) where it is arrays of ids, got one array of {source.dtype} with shape"
            f" {source.shape}; pass (ids, np.array([0, len(ids)])) for one long sequence"
        )
    if isinstance(source, (bytes, bytearray, memoryview)):
        raise CorpusTypeError(
            'corpus must be a path or lists of tokens, got bytes; pass [text.decode("utf-8").split()]'
        )
    if isinstance(source, io.TextIOBase):
        raise CorpusTypeError("corpus must be a path or a file opened in binary mode, got a text file; pass its path")
    if isinstance(source, (io.RawIOBase, io.BufferedIOBase)):
        return [_stream_of_handle(source, str(getattr(source, "name", "file object")), as_text)]
    if isinstance(source, (Mapping, set, frozenset)):
        raise CorpusTypeError(
            f"corpus must be a sequence of token lists, got a {type(source).__name__}, which has no order; for given"
            " counts use Vocabulary.from_counts"
        )
    if isinstance(source, (list, tuple)):
        if not source:
            raise CorpusError("corpus must have at least one sequence, got an empty list")
        if tokenizer is not None and all(isinstance(item, str) for item in source):
            _refuse_names_of_files(source)
            return _tokenized(source, tokenizer)
        if all(isinstance(item, (str, os.PathLike)) for item in source):
            _refuse_texts(source)
            return _text_files(list(source), as_text)
        if tokenizer is not None and any(isinstance(item, str) for item in source):
            return _tokenized(source, tokenizer)
        return TokenLists(source)
    if not isinstance(source, Iterable):
        raise CorpusTypeError(
            f"corpus must be a path, an iterable of token lists or (ids, offsets), got {type(source).__name__}"
        )
    if tokenizer is not None:  # nothing but texts can be meant
        return _tokenized(source, tokenizer)
    return TokenLists(source)


def _tokenized(texts: Iterable[Any], tokenizer: Tokenizer) -> TokenLists:
    return TokenLists(tokenize_texts(TextColumn(texts, "corpus"), tokenizer), is_tokenized=True)


def _refuse_names_of_files(texts: list[Any] | tuple[Any, ...]) -> None:
    """With a tokenizer a list of strings is texts; nothing else would show that the names of files were meant."""
    if all(_exists(text) for text in texts):
        raise CorpusTypeError(
            f"corpus must be texts where it is a list of strings and a tokenizer is given, got the names of files, such"
            f" as {texts[0]!r}; for files pass pathlib.Path objects: [Path(name) for name in names]"
        )


def tokens_of(sequence: Any, number: int) -> Any:
    """What can be iterated to get the tokens of the ``number``-th sequence.

    Raises
    ------
    CorpusTypeError
        It is a string, has no order, is a frame, or is no sequence at all; a value of a column is a text.
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
            f"sequence {number} must be a list of tokens, got a {type(sequence).__name__}, which has no order of its"
            " own; use sorted(...)"
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
    text = str.__str__(text)  # not a subclass, whose repr may differ
    shown = text if len(text) <= 40 else text[:37] + "..."
    return (
        f"{what} must be a list of tokens, got the string {shown!r}, whose letters would become the words; split it:"
        ' corpus = [text.split() for text in texts], or pass tokenizer="whitespace"'
    )


def _is_id_vector(part: object) -> bool:
    return isinstance(part, np.ndarray) and part.dtype.kind in "iu"


def _refuse_texts(items: list[Any] | tuple[Any, ...]) -> None:
    """Tell a list of paths from a list of texts: of paths, at least one exists or looks like one."""
    if any(not isinstance(item, str) or item == FROM_STANDARD_INPUT or _exists(item) for item in items):
        return
    if any(" " not in item and (os.sep in item or Path(item).suffix) for item in items if item):
        return
    raise CorpusTypeError(
        string_message(items[0], "corpus[0]")
        + " (it is not the path of a file either; a list of strings is a list of paths)"
    )


def _exists(path: str) -> bool:
    try:
        pattern = _escape_existing_folders(path)
        return os.path.exists(path) or bool(glob.has_magic(pattern) and glob.glob(pattern, recursive=True))
    except ValueError:  # a NUL in it
        return False


def _text_files(paths: list[Any], as_text: bool) -> list[TextFile]:
    files: list[TextFile] = []
    for path in paths:
        if path == FROM_STANDARD_INPUT:
            files.append(_stream_of_handle(_standard_input(), STANDARD_INPUT, as_text))
            continue
        text_path = os.fspath(path)
        if isinstance(text_path, bytes):
            text_path = os.fsdecode(text_path)
        if "\0" in text_path:
            raise CorpusTypeError("corpus must be a path, got a string with a NUL in it")
        if os.path.exists(text_path):
            files.append(_text_file(Path(text_path), as_text))
            continue
        pattern = _escape_existing_folders(text_path)
        matches = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else []
        if not matches:
            raise StorageError(_missing_message(text_path))
        found = [_text_file(Path(match), as_text) for match in matches if not os.path.isdir(match)]
        if not found:
            raise StorageError(f"{text_path} matches folders alone; add /* to take the files in them")
        files.extend(found)
    return files


def _standard_input() -> BinaryIO:
    if sys.stdin is None:  # as Python has it where the caller closed the descriptor
        raise StorageError("standard input is closed; give it a text, as in `cat corpus.txt | firth train - -o model`")
    return sys.stdin.buffer


def _escape_existing_folders(path: str) -> str:
    """A glob in which folders that exist stand for themselves: ``Set [a]/*`` means the folder ``Set [a]``."""
    parts = path.split(os.sep)
    for n_parts in range(len(parts) - 1, 0, -1):
        folder = os.sep.join(parts[:n_parts])
        if folder and os.path.isdir(folder):
            return os.sep.join([glob.escape(folder), *parts[n_parts:]])
    return path


def _missing_message(path: str) -> str:
    if " " in path.strip() and len(path.split()) > 3:
        return f"{path[:60]!r} is no file; if it is the text itself, pass [text.split()]"
    if glob.has_magic(path):
        return f"{path}: no file matches"
    return f"{path}: no such file"


def _text_file(path: Path, as_text: bool) -> TextFile:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise StorageError(f"{path} is a folder, not a file; to take the files in it pass {path / '*'}")
        if not stat.S_ISREG(status.st_mode):  # a pipe, a terminal
            return TextFile(str(path), "stream", path=path, may_block=True, as_text=as_text)
        with open(path, "rb") as file:
            first = file.read(HEAD_BYTES)
        if not first:
            raise CorpusError(f"{path} is empty")
        if status.st_size == 0:  # made by the kernel while it is read, as in /proc
            return TextFile(str(path), "stream", path=path, as_text=as_text)
    except OSError as error:
        if isinstance(error, FirthError):
            raise
        raise StorageError(f"{path}: cannot be read: {error.strerror or error}") from error
    found = compression_of(first)
    named = COMPRESSED_SUFFIXES.get(path.suffix.lower())
    if named is not None and found != named:
        raise CorpusError(f"{path} is named as a {named} file but is {found or 'not compressed'}; rename it")
    if found is None:  # compressed data is looked at when it is decompressed
        is_whole = status.st_size <= len(first)
        refuse_other_formats(first, str(path), is_whole=is_whole, as_text=as_text)
    return TextFile(str(path), found or "plain", path=path, n_bytes=status.st_size, as_text=as_text)


def _stream_of_handle(handle: Any, name: str, as_text: bool) -> TextFile:
    return TextFile(name, "stream", handle=handle, may_block=True, as_text=as_text)


def _read_blocks(handle: Any, name: str) -> Iterator[bytes]:
    first = handle.read(BLOCK_BYTES)
    if not isinstance(first, bytes):
        raise CorpusTypeError(f"{name} must be opened in binary mode")
    kind = compression_of(first)
    if kind is not None:
        yield from _decompress(_Prefixed(first, handle), kind, name)
        return
    block = first
    while block:
        yield block
        block = handle.read(BLOCK_BYTES)


class _Prefixed(io.RawIOBase):
    """A stream whose first bytes have been read already."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first, self._rest = first, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._first[: len(buffer)]
        if block:
            self._first = self._first[len(block) :]
        else:
            block = self._rest.read(len(buffer)) or b""
        buffer[: len(block)] = block
        return len(block)


def _decompress(file: Any, kind: str, name: str) -> Iterator[bytes]:
    """Decompressed blocks of at most some MiB; a cut or damaged file is a CorpusError."""
    make, errors = _decompressor(kind)
    decompressor: Any = None
    n_members = 0
    data = b""
    try:
        while True:
            data = file.read(1 << 18)
            if not data:
                break
            pending = True
            while data or pending:
                if decompressor is None:
                    if not data or (n_members and kind == "gzip" and not data.strip(b"\0")):
                        break  # zeros behind the last member are padding, as gzip has it
                    decompressor = make()
                    n_members += 1
                out, data, pending, ended = decompressor(data)
                if out:
                    yield out
                if ended:
                    decompressor = None
    except errors as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise CorpusError(f"{name}: the {kind} data is damaged: {error}") from error
    if decompressor is not None:
        raise CorpusError(f"{name}: the {kind} data ends too soon; the file was cut")


_Step = Callable[[bytes], tuple[bytes, bytes, bool, bool]]


def _decompressor(kind: str) -> tuple[Callable[[], _Step], tuple[type[Exception], ...]]:
    """What makes a step, and the errors of it.

    A step takes data and gives its output, the data that it left, whether more output waits for no more data, and
    whether the member ended. The output of one step is bounded, so a file of zeros cannot fill the memory.
    """
    if kind == "gzip":
        import zlib

        def make_gzip() -> _Step:
            state = zlib.decompressobj(wbits=31)

            def step(data: bytes) -> tuple[bytes, bytes, bool, bool]:
                out = state.decompress(data, BLOCK_BYTES)
                return out, state.unused_data if state.eof else state.unconsumed_tail, False, state.eof

            return step

        return make_gzip, (zlib.error,)
    if kind in ("bzip2", "xz"):
        import bz2
        import lzma

        def make_bounded() -> _Step:
            state: Any = bz2.BZ2Decompressor() if kind == "bzip2" else lzma.LZMADecompressor()

            def step(data: bytes) -> tuple[bytes, bytes, bool, bool]:
                out = state.decompress(data, BLOCK_BYTES)
                return out, state.unused_data if state.eof else b"", not (state.eof or state.needs_input), state.eof

            return step

        return make_bounded, (OSError, lzma.LZMAError, EOFError, ValueError)
    zstandard = import_zstandard("read")

    def make_zstd() -> _Step:
        state = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()

        def step(data: bytes) -> tuple[bytes, bytes, bool, bool]:
            given = data[:_ZSTD_BYTES]
            out = state.decompress(given)
            rest = state.unused_data + data[_ZSTD_BYTES:] if state.eof else data[_ZSTD_BYTES:]
            return out, rest, False, state.eof

        return step

    return make_zstd, (zstandard.ZstdError,)
