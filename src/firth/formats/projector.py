"""Room formats: the two TSV files of the TensorFlow Embedding Projector: vectors and metadata.

Grammar
-------
::

    vectors  = row*V            row = number (tab number)*(D-1) newline
    metadata = label*V                                            one column: no header
             | names newline (label (tab value)*)*V               several columns: a header
    label    = word newline

The path is the file of vectors. The file of metadata is in the same folder; its name is made from the name of the
vectors by the first of these rules that applies: ``vectors`` -> ``metadata``, ``vecs`` -> ``meta``, ``tensor`` ->
``metadata``; else ``X.tsv`` -> ``X.metadata.tsv``. The first column has the words. A column Count has the counts; it is
written if the table has counts. A word must not have a tab or a line break.

Source: TensorFlow, "Visualizing Data using the Embedding Projector in TensorBoard", and the projector's own load dialog
(https://projector.tensorflow.org); gensim's scripts/word2vec2tensor.py for the names with ``tensor``.

Tests: tests/formats/test_round_trip.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError, StorageError
from firth.formats.format import Format, Sample, is_number
from firth.formats.row_writing import write_text_rows
from firth.formats.rows import finish_table, read_text_rows
from firth.formats.source import MAX_DIMS, MAX_WORD_BYTES, ByteSource, ReadOptions, VectorEncodingError, place
from firth.formats.table import VectorTable
from firth.formats.target import WriteOptions, validate_destination, validate_words, whole_file, write_all

_NAMES = (("vectors", "metadata"), ("vecs", "meta"), ("tensor", "metadata"))
_MAX_LINE_BYTES = 4 * MAX_WORD_BYTES
_MAX_ROW_BYTES = 64 * MAX_DIMS
_COUNT = re.compile(rb"[0-9]{1,18}")


def metadata_path(path: Path) -> Path:
    """The path of the file with the words of a file of vectors."""
    for vectors, metadata in _NAMES:
        before, found, after = path.name.rpartition(vectors)
        if found:
            return path.with_name(before + metadata + after)
    stem, dot, suffixes = path.name.partition(".")
    return path.with_name(f"{stem}.metadata{dot}{suffixes}")


def looks_like(sample: Sample) -> bool:
    """Whether the rows are numbers separated by tabs, and the file of metadata exists."""
    if sample.is_folder or not sample.lines[0]:
        return False
    pieces = sample.lines[0].split(b"\t")
    if len(sample.lines) == 1 and not sample.whole:
        pieces = pieces[:-1]
    return len(pieces) > 1 and all(is_number(piece.strip()) for piece in pieces) and metadata_path(sample.path).exists()


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read the projector's two files; see `firth.formats.registry.read_vectors`."""
    with ByteSource(path) as source:
        line = source.read_line(_MAX_ROW_BYTES, "the first row")
        n_dims = len(line.removeprefix(b"\xef\xbb\xbf").split())
        if not 1 <= n_dims <= MAX_DIMS:
            source.fail(f"the first row must have 1 to {MAX_DIMS} numbers, got {n_dims}", row=1)
        matrix = read_text_rows(
            source, n_dims, options, has_words=False, taken=line.removeprefix(b"\xef\xbb\xbf")
        ).matrix
    words, counts = _read_metadata(metadata_path(path), len(matrix), options)
    return finish_table(path, words, matrix, counts, options)


def write(path: Path, table: VectorTable, options: WriteOptions) -> None:
    """Write the projector's two files; see `firth.formats.registry.write_vectors`."""
    beside = metadata_path(path)
    validate_words(
        table.words, path=path, format_name="the projector's TSV", forbidden="\t\n\r\0", advice="remove the word"
    )
    for destination in (path, beside):
        validate_destination(destination, options.overwrite)
    # both files are complete before one of them is renamed
    with (
        whole_file(beside, overwrite=options.overwrite) as metadata,
        whole_file(path, overwrite=options.overwrite) as vectors,
    ):
        write_text_rows(vectors, table, options, path, separator=b"\t", has_words=False)
        if table.counts is None:
            text = "".join(f"{word}\n" for word in table.words)
        else:
            rows = zip(table.words, table.counts.tolist(), strict=True)
            text = "Word\tCount\n" + "".join(f"{word}\t{count}\n" for word, count in rows)
        write_all(metadata, text.encode("utf-8"))


def _read_metadata(path: Path, n_rows: int, options: ReadOptions) -> tuple[list[str], NDArray[np.int64] | None]:
    words: list[str] = []
    counts: list[int] = []
    with _open_metadata(path) as source:
        offset = 0
        line = source.read_line(_MAX_LINE_BYTES, "a line")
        columns = line.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n").split(b"\t")
        count_column = next((i for i, name in enumerate(columns) if name.strip().lower() == b"count"), None)
        if len(columns) > 1:
            offset = source.offset
            line = source.read_line(_MAX_LINE_BYTES, "a line")
        else:
            line, count_column = line.removeprefix(b"\xef\xbb\xbf"), None
        n_columns = len(columns)
        while line:
            row = len(words) + 1
            if row > n_rows:
                if options.limit is not None or not line.strip():
                    break
                source.fail(f"more words follow than the {n_rows} vectors", row=row, offset=offset)
            pieces = line.rstrip(b"\r\n").split(b"\t")
            if len(pieces) != n_columns:
                source.fail(f"{n_columns} columns are needed, got {len(pieces)}", row=row, offset=offset)
            if not pieces[0]:
                source.fail("the word is missing", row=row, offset=offset)
            try:
                words.append(pieces[0].decode(options.encoding, options.encoding_errors))
            except UnicodeDecodeError as error:
                raise VectorEncodingError(
                    f"{path}: {place(row, offset + error.start)}the word is not valid {options.encoding.upper()};"
                    ' pass encoding_errors="replace" to read it with U+FFFD, or pass the encoding'
                ) from None
            if count_column is not None:
                if not _COUNT.fullmatch(pieces[count_column]):
                    source.fail(
                        f"Count must be a whole number, got {pieces[count_column][:40]!r}", row=row, offset=offset
                    )
                counts.append(int(pieces[count_column]))
            offset = source.offset
            line = source.read_line(_MAX_LINE_BYTES, "a line")
        if len(words) < n_rows:
            source.fail(f"there must be a word for each of the {n_rows} vectors, got {len(words)}")
    return words, np.array(counts, dtype=np.int64) if count_column is not None else None


def _open_metadata(path: Path) -> ByteSource:
    try:
        return ByteSource(path)
    except StorageError as error:
        if path.exists():
            raise
        raise FormatError(f"{path} is missing; the words of the projector's vectors belong there") from error


FORMAT = Format("projector", "TensorFlow projector: vectors.tsv and metadata.tsv", (".tsv",), looks_like, read, write)
