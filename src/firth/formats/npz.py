"""Room formats: NumPy's ``.npz``, a zip archive of arrays; `numpy.load` reads it without firth.

Grammar
-------
::

    npz      = zip archive (stored or deflated) of members NAME ".npy"
    vectors  = float array (V, D)                         also called: matrix, embeddings, syn0
    words    = array of strings (V,), Unicode or UTF-8    also called: vocab, keys, index_to_key
             | uint8 array, with word_offsets int64 (V+1,)
    counts   = int64 array (V,), may be missing

firth writes ``words`` as strings. If a few long words would waste memory, it writes bytes with offsets, because an
array of strings needs the size of the longest word for each word. Other members are ignored. Pickled objects are
refused.

Source: NumPy, `numpy.savez`, and numpy.lib.format; PKWARE, APPNOTE.TXT 6.3.

Tests: tests/formats/test_round_trip.py.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from firth.base.words import pack_words
from firth.errors import FormatError
from firth.formats.format import Format, Sample
from firth.formats.npy import (
    ArrayHeader,
    as_counts,
    as_vectors,
    open_member,
    opened_zip,
    read_array_data,
    read_array_header,
    validate_size,
)
from firth.formats.rows import decode_words, finish_table, validate_finite
from firth.formats.source import ByteSource, ReadOptions
from firth.formats.table import VectorTable
from firth.formats.target import WriteOptions, validate_words, whole_file

VECTOR_NAMES = ("vectors", "matrix", "embeddings", "syn0")
WORD_NAMES = ("words", "vocab", "keys", "index_to_key")
_STRING_BYTES = 1 << 20
_STRING_WASTE = 64  # words are packed if an array of strings needs more bytes than this for each character
_MAX_MEMBERS = 1000


def looks_like(sample: Sample) -> bool:
    """Whether the file is a zip archive whose first member is an array."""
    return sample.head.startswith(b"PK\x03\x04") and b".npy" in sample.head[:512]


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read an ``.npz`` file; see `firth.formats.registry.read_vectors`."""
    with ByteSource(path) as source:  # raises the errors for a missing file, a folder, a pipe
        if source.compression != "none":
            source.fail("an .npz file must not be compressed again; decompress it first")
    with opened_zip(path) as archive:
        return _Archive(path, archive).read(options)


class _Archive:
    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self.archive = archive
        infos = archive.infolist()
        if len(infos) > _MAX_MEMBERS:
            self.fail(f"the archive has {len(infos)} members; it must have at most {_MAX_MEMBERS}")
        self.members = {info.filename: info for info in infos}
        if len(self.members) != len(infos):
            self.fail("the archive has two members of the same name")

    def read(self, options: ReadOptions) -> VectorTable:
        vectors_name = self.find(VECTOR_NAMES, "vectors")
        words_name = self.find(WORD_NAMES, "words")
        matrix = as_vectors(self.array(vectors_name, "f", options.limit), f"{self.path}: {vectors_name}")
        words = self.words(words_name, options)
        counts = None
        if "counts.npy" in self.members:
            counts = as_counts(self.array("counts", "iu", options.limit), f"{self.path}: counts")
            if counts.shape != (len(words),):
                self.fail(f"counts must have one number a word, got the shape {counts.shape} for {len(words)} words")
        if len(words) != len(matrix):
            self.fail(f"there must be as many words as vectors, got {len(words)} and {len(matrix)}")
        validate_finite(self.path, matrix)
        return finish_table(self.path, words, matrix, counts, options)

    def words(self, name: str, options: ReadOptions) -> list[str]:
        array = self.array(name, "USu", None if "word_offsets.npy" in self.members else options.limit)
        if array.ndim != 1:
            self.fail(f"{name} must have one dimension, got the shape {array.shape}")
        if array.dtype.kind == "U":
            points = array.view(array.dtype.str[0] + "u4")  # NumPy raises SystemError for invalid code points
            if points.size and (points.max() > sys.maxunicode or np.any((points >= 0xD800) & (points < 0xE000))):
                self.fail(f"{name} must be Unicode text, got a code point beyond U+10FFFF or a surrogate")
            words: list[str] = array.tolist()
        elif array.dtype.kind == "S":
            words = decode_words(self.path, [(word, 0) for word in array.tolist()], options)
        else:
            offsets = self.array("word_offsets", "iu", None).astype(np.int64) if array.dtype == np.uint8 else None
            if offsets is None or offsets.ndim != 1 or len(offsets) < 1:
                self.fail(f"{name} must be strings, or bytes with word_offsets, got {array.dtype}")
            if offsets[0] != 0 or offsets[-1] != len(array) or np.any(np.diff(offsets) < 0):
                self.fail(f"word_offsets must rise from 0 to {len(array)}, the number of bytes")
            data, ends = array.tobytes(), offsets.tolist()
            last = len(ends) - 1 if options.limit is None else min(options.limit, len(ends) - 1)
            words = decode_words(self.path, [(data[ends[i] : ends[i + 1]], ends[i]) for i in range(last)], options)
        for row, word in enumerate(words, 1):
            if not word:
                raise FormatError(f"{self.path}: row {row}: {name} has an empty word")
        return words

    def array(self, name: str, kinds: str, n_rows: int | None) -> NDArray[Any]:
        what = f"{self.path}: {name}"
        info = self.members.get(f"{name}.npy")
        if info is None:
            raise FormatError(f"{what}: missing from the archive")
        with open_member(self.archive, info, self.path) as member:
            header: ArrayHeader = read_array_header(member.read, what, kinds)
            validate_size(header, info.file_size, what)
            return read_array_data(member.read, header, what, n_rows)

    def find(self, names: tuple[str, ...], what: str) -> str:
        for name in names:
            if f"{name}.npy" in self.members:
                return name
        held = ", ".join(sorted(self.members)[:10]) or "nothing"
        self.fail(f"the archive must hold the {what} under one of the names {', '.join(names)}; it holds {held:.300}")

    def fail(self, message: str) -> NoReturn:
        raise FormatError(f"{self.path}: {message}")


def write(path: Path, table: VectorTable, options: WriteOptions) -> None:
    """Write an ``.npz`` file; see `firth.formats.registry.write_vectors`."""
    validate_words(table.words, path=path, format_name=".npz", forbidden="\0", advice="remove the word")
    validate_finite(path, table.matrix)
    arrays: dict[str, Any] = {"vectors": np.ascontiguousarray(table.matrix)}
    lengths = [len(word) for word in table.words]
    if 4 * max(lengths) * len(lengths) <= max(_STRING_BYTES, _STRING_WASTE * sum(lengths)):
        arrays["words"] = np.array(table.words, dtype=np.str_)
    else:
        arrays["words"], arrays["word_offsets"] = pack_words(table.words)
    if table.counts is not None:
        arrays["counts"] = np.ascontiguousarray(table.counts)
    with whole_file(path, overwrite=options.overwrite, compress=False) as stream:
        np.savez(stream, **arrays)


FORMAT = Format("npz", "NumPy .npz: arrays words, vectors and perhaps counts", (".npz",), looks_like, read, write)
