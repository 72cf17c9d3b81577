"""Room formats: writes files completely or not at all, compressed if their suffix says so.

A file is written under a temporary name in the same folder and renamed when it is complete. So neither a full disk nor
``kill -9`` leaves half a file under the final name: see `firth.base.replace`. Data is synced to the disk only on
request, because an export can be repeated, but a model cannot.

Tests: tests/formats/test_writers.py.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np

from firth.base.compression import COMPRESSED_SUFFIXES, import_zstandard
from firth.base.machine import available_processors
from firth.base.replace import replaced_file, sync_folder, validate_destination, write_all
from firth.base.storage import storage_error
from firth.base.values import as_integer, validate_choice
from firth.errors import FormatError, StorageError
from firth.formats.source import MAX_WORD_BYTES


@dataclass(frozen=True)
class WriteOptions:
    """The options of writing, for every format. See `firth.formats.registry.write_vectors`."""

    overwrite: bool = False
    storage: str = "float32"
    threads: int | None = None

    def __post_init__(self) -> None:
        validate_choice("storage", self.storage, ("float32", "float16"))
        if self.threads is not None:
            as_integer("threads", self.threads, minimum=1)

    @property
    def n_threads(self) -> int:
        return self.threads if self.threads is not None else available_processors()


def plain_suffix(path: Path) -> str:
    """The suffix before a suffix of compression, in lower case: ``vectors.txt.gz`` has ``.txt``."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED_SUFFIXES:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


@contextlib.contextmanager
def whole_file(
    path: Path, *, overwrite: bool = False, sync: bool = False, compress: bool = True
) -> Iterator[IO[bytes]]:
    """Yield a stream to write to. If the block succeeds, its content becomes ``path``; otherwise nothing changes.

    Raises
    ------
    StorageError
        ``path`` exists and ``overwrite`` is false; the folder is missing or read-only; the disk is full.
    """
    validate_destination(path, overwrite)
    try:
        with replaced_file(path, sync=sync) as raw:
            suffix = os.path.splitext(os.path.realpath(path))[1].lower()  # the suffix of the file that a link points to
            stream = _compressed(raw, suffix if compress else "")
            try:
                yield stream
                stream.flush()
            finally:
                if stream is not raw:
                    stream.close()  # a compressor writes its last bytes here; the raw file stays open
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise storage_error(error, path) from error


def validate_words(words: list[str], *, path: Path, format_name: str, forbidden: str, advice: str) -> None:
    """Refuse words that the format cannot store: empty words, words with a forbidden character, and lone surrogates."""
    if _are_clean(words, forbidden):
        return
    for row, word in enumerate(words, 1):
        shown = next((character for character in forbidden if character in word), "\0" if "\0" in word else None)
        if shown is not None:
            raise FormatError(
                f"{path}: row {row}: {format_name} cannot hold the word {word!r}, which has {shown!r}; {advice}"
            )
        if not word:
            raise FormatError(f"{path}: row {row}: {format_name} cannot hold an empty word; {advice}")
        try:
            n_bytes = len(word.encode("utf-8"))
        except UnicodeEncodeError:
            raise FormatError(f"{path}: row {row}: the word {word!r} is no valid Unicode text; remove it") from None
        if n_bytes > MAX_WORD_BYTES:
            raise FormatError(
                f"{path}: row {row}: {format_name} cannot hold a word of {n_bytes} bytes, {MAX_WORD_BYTES} at most"
            )


def _are_clean(words: list[str], forbidden: str) -> bool:
    """Whether all words are valid, tested on their concatenation. False if there are no words."""
    try:
        data = "\0".join(words).encode("utf-8")
    except UnicodeEncodeError:
        return False
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 0)
    lengths = np.diff(ends, prepend=-1, append=len(data)) - 1
    return (
        len(lengths) == len(words)
        and bool(lengths.min() > 0 and lengths.max() <= MAX_WORD_BYTES)
        and not any(character.encode("utf-8") in data for character in forbidden if character != "\0")
    )


def _compressed(raw: io.FileIO, suffix: str) -> IO[bytes]:
    kind = COMPRESSED_SUFFIXES.get(suffix)
    if kind == "gzip":  # without a name and a time, so that equal vectors give equal bytes
        return cast("IO[bytes]", gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0))
    if kind == "bzip2":
        return cast("IO[bytes]", bz2.BZ2File(raw, "wb"))
    if kind == "xz":
        return cast("IO[bytes]", lzma.LZMAFile(raw, "wb"))
    if kind == "zstd":
        return cast("IO[bytes]", import_zstandard("write").ZstdCompressor().stream_writer(raw, closefd=False))
    return cast("IO[bytes]", raw)


__all__ = [
    "WriteOptions",
    "plain_suffix",
    "sync_folder",
    "validate_destination",
    "validate_words",
    "whole_file",
    "write_all",
]
