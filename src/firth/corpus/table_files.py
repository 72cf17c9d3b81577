"""Room corpus: opens a column of a file that is a table: Parquet, Arrow (Feather), JSON lines, CSV and TSV.

PyArrow reads Parquet and Arrow files (the extra ``arrow``). The files are read in pieces, so memory does not grow
with a file. Rows of JSON lines and CSV are decoded so that bytes that are not UTF-8 reach the counter unchanged.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from firth.base.compression import COMPRESSED_SUFFIXES, compression_of
from firth.base.first_bytes import kind_of
from firth.corpus.places import Place
from firth.corpus.recognise import HEAD_BYTES, refuse_wide_encodings, strip_marks
from firth.corpus.table_text import (
    BATCH_BYTES,
    LIST,
    TEXT,
    VALUES,
    Column,
    Rows,
    arrow_kind,
    arrow_rows,
    checked_value,
    has_arrow_values,
    missing_column,
    wrong_type,
)
from firth.errors import CorpusError, FirthError, MissingExtraError

_ARROW_KINDS = {"a Parquet file": "Parquet", "an Arrow file": "Arrow", "an Arrow stream": "Arrow stream"}
_JSON_SUFFIXES, _CSV_SUFFIXES, _TSV_SUFFIXES = (".jsonl", ".ndjson"), (".csv",), (".tsv", ".tab")
_END_MARK = b"\xff\xff\xff\xff\0\0\0\0"  # the Arrow columnar format, "IPC Streaming Format"
_MAX_CELL = 1 << 30  # bytes of a CSV cell; Python's default is 2^17
_MAX_SHOWN = 60

Blocks = Callable[[], Iterator[bytes]]  # the decompressed bytes of a file, from its start


def open_column(
    path: Path,
    title: str,
    head: bytes,
    n_bytes: int,
    compression: str | None,
    blocks: Blocks,
    *,
    wants_values: bool = False,
) -> Column:
    """Open the column of a file and check its type, before any row is counted.

    Parameters
    ----------
    path : path of the file
    title : name of the column
    head : the first bytes of the file as it is on disk
    n_bytes : size of the file
    compression : compression of the whole file, or None
    blocks : function that yields the decompressed bytes
    wants_values : whether the column must have a string or a number in each row; otherwise texts or lists of tokens

    Raises
    ------
    CorpusError
        The file is not a table that firth reads, is damaged, or has no such column (the message names the columns).
    CorpusTypeError
        The column has neither texts nor lists of tokens, or not single values.
    MissingExtraError
        The file is Parquet or Arrow, and PyArrow is not installed.
    """
    return _open_column(path, str(path), path.suffixes, title, head, n_bytes, compression, blocks, wants_values)


def open_place_column(place: Place, title: str) -> Column:
    """Open the column of a file at a URL, and check its type. Its first bytes are read, and read again with the rest.

    Raises
    ------
    CorpusError, CorpusTypeError, MissingExtraError
        As in ``open_column``.
    StorageError
        The file cannot be read.
    """
    head = place.head(HEAD_BYTES)
    compression = compression_of(head)
    return _open_column(place, place.url, place.suffixes, title, head, place.n_bytes, compression, place.blocks)


def _open_column(
    source: Path | Place,
    name: str,
    suffixes: list[str],
    title: str,
    head: bytes,
    n_bytes: int | None,
    compression: str | None,
    blocks: Blocks,
    wants_values: bool = False,
) -> Column:
    kind = _ARROW_KINDS.get(kind_of(head, name) or "")
    if kind is not None:
        if kind == "Arrow stream" and isinstance(source, Path):
            _require_end(source, head)
        return _open_arrow(source, name, title, kind, n_bytes, wants_values)
    suffixes = [suffix.lower() for suffix in suffixes if suffix.lower() not in COMPRESSED_SUFFIXES]
    suffix = suffixes[-1] if suffixes else ""
    share = 1.0 if compression is None else 0.2  # of bytes on disk to bytes of text, for progress and estimates
    if suffix in _CSV_SUFFIXES + _TSV_SUFFIXES:
        delimiters = ",;" if suffix in _CSV_SUFFIXES else "\t"
        return _open_csv(name, title, delimiters, blocks, n_bytes, share, VALUES if wants_values else TEXT)
    if suffix in _JSON_SUFFIXES or (compression is None and strip_marks(head).lstrip()[:1] == b"{"):
        return open_json_lines(name, title, blocks, n_bytes, share, wants_values=wants_values)
    found = kind_of(head, name) if compression is None else None
    raise CorpusError(
        f"column must be left out unless the corpus is a table, got column={title!r} and {name}, which is"
        f" {found or 'not recognised as a table'}; firth reads Parquet, Arrow and Feather files, and files whose names"
        " end in .jsonl, .ndjson, .csv, .tsv or .tab, also with .gz, .bz2, .xz or .zst after that"
    )


def _n_text_bytes(n_bytes: int | None, share: float) -> int | None:
    return None if n_bytes is None else int(n_bytes / share)


# ---- Parquet and Arrow


def import_pyarrow(name: str) -> Any:
    """Import the optional package ``pyarrow``; ``name`` is what it shall read.

    Raises
    ------
    MissingExtraError
    """
    try:
        import pyarrow
    except ImportError:
        raise MissingExtraError(
            f"to read {name} firth needs the extra 'arrow'; install it with `pip install 'firth[arrow]'`"
        ) from None
    return pyarrow


def _open_arrow(
    source: Path | Place, name: str, title: str, kind: str, n_bytes: int | None, wants_values: bool
) -> Column:
    pyarrow = import_pyarrow(name)

    @contextlib.contextmanager
    def readable() -> Iterator[None]:
        try:
            yield
        except FirthError:  # the connection to a place ended
            raise
        except (OSError, pyarrow.ArrowException) as error:
            raise CorpusError(f"{name}: cannot be read as {kind}: {error}") from error

    with readable():
        schema, n_text_bytes = _arrow_schema(pyarrow, source, title, kind, n_bytes)
    if schema.names.count(title) != 1:
        if title in schema.names:
            raise CorpusError(f"{name}: {schema.names.count(title)} columns have the name {title!r}; rename them")
        raise missing_column(name, title, schema.names)
    column_type = schema.field(title).type
    found = (VALUES if has_arrow_values(column_type) else None) if wants_values else arrow_kind(column_type)
    if found is None:
        raise wrong_type(name, title, str(column_type), wants_values=wants_values)

    def read() -> Iterator[Rows]:
        with readable():
            yield from (_parquet_rows if kind == "Parquet" else _ipc_rows)(pyarrow, source, title, kind, n_bytes)

    return Column(name, title, found, str(column_type), read, 0, n_text_bytes)


def _require_end(path: Path, head: bytes) -> None:
    """Refuse an Arrow stream that ends without its end mark: PyArrow reads a stream cut between two batches in silence.

    Streams of Arrow before 0.15 begin without ``ffffffff``, and have another mark.
    """
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - len(_END_MARK)))
        end = file.read()
    if head.startswith(_END_MARK[:4]) and end != _END_MARK:
        raise CorpusError(
            f"{path} must end with the end mark of an Arrow stream, got {end.hex()}: the file was cut, and rows are"
            " missing; write it again, or pass what pyarrow.ipc.open_stream(path).read_all() reads"
        )


@contextlib.contextmanager
def _arrow_input(pyarrow: Any, source: Path | Place, kind: str) -> Iterator[Any]:
    """The bytes of a file as PyArrow takes them."""
    if isinstance(source, Path):
        with pyarrow.memory_map(str(source)) if kind != "Parquet" else contextlib.nullcontext(str(source)) as opened:
            yield opened
        return
    with source.stream() if kind == "Arrow stream" else source.seekable() as file:
        yield file if kind == "Parquet" else pyarrow.PythonFile(file, "r")


def _arrow_schema(
    pyarrow: Any, source: Path | Place, title: str, kind: str, n_bytes: int | None
) -> tuple[Any, int | None]:
    """The schema of a file, and the bytes of a column without compression."""
    with _arrow_input(pyarrow, source, kind) as file:
        if kind == "Parquet":
            from pyarrow import parquet

            with parquet.ParquetFile(file) as table:
                groups = (table.metadata.row_group(i) for i in range(table.num_row_groups))
                return table.schema_arrow, sum(_stored_bytes(group, title) for group in groups)
        return (pyarrow.ipc.open_file if kind == "Arrow" else pyarrow.ipc.open_stream)(file).schema, n_bytes


def _stored_bytes(group: Any, title: str) -> int:
    """The bytes of a column in a row group of a Parquet file, without compression."""
    columns = [group.column(i) for i in range(group.num_columns)]
    return sum(one.total_uncompressed_size for one in columns if one.path_in_schema.split(".")[0] == title)


def _parquet_rows(pyarrow: Any, source: Path | Place, title: str, kind: str, n_bytes: int | None) -> Iterator[Rows]:
    from pyarrow import parquet

    # The column's pages in a place are requested together; those in a file are read as they are needed.
    is_local = isinstance(source, Path)
    with (
        _arrow_input(pyarrow, source, kind) as opened,
        parquet.ParquetFile(opened, buffer_size=1 << 20 if is_local else 0, pre_buffer=not is_local) as file,
    ):
        n_rows = max(1, file.metadata.num_rows)
        for group in range(file.num_row_groups):
            found = file.metadata.row_group(group)
            step = min(1 << 16, max(1, found.num_rows * BATCH_BYTES // max(1, _stored_bytes(found, title))))
            for batch in file.iter_batches(step, row_groups=[group], columns=[title], use_threads=False):
                array = batch.column(title)
                yield from arrow_rows([array], (n_bytes or 0) * len(array) / n_rows / max(1, array.nbytes))


def _ipc_rows(pyarrow: Any, source: Path | Place, title: str, kind: str, n_bytes: int | None) -> Iterator[Rows]:
    with _arrow_input(pyarrow, source, kind) as file:
        if kind == "Arrow":
            reader = pyarrow.ipc.open_file(file)
            batches: Iterable[Any] = (reader.get_batch(i) for i in range(reader.num_record_batches))
        else:
            batches = pyarrow.ipc.open_stream(file)
        for batch in batches:
            yield from arrow_rows([batch.column(title)])


# ---- JSON lines


def open_json_lines(
    name: str,
    title: str,
    blocks: Blocks,
    n_bytes: int | None = None,
    share: float = 1.0,
    *,
    peek: bool = True,
    wants_values: bool = False,
) -> Column:
    """Open a column of JSON lines: the values of one key. A row without the key has no value.

    ``peek``: read the first rows now, to find errors early; a stream that can be read only once is not peeked into.
    """
    state: dict[str, str] = {"kind": VALUES} if wants_values else {}  # the kind of the first value, for all rows

    def read() -> Iterator[Rows]:
        values: list[Any] = []
        keys: dict[str, None] = {}
        n_read = 0
        has_column = False
        for number, line in enumerate(_lines(blocks(), name), start=1):
            n_read += len(line)
            plain = line.strip()
            if plain:
                row = _json_row(plain, name, number)
                if title in row:
                    has_column = True
                elif not has_column:
                    keys.update(dict.fromkeys(list(row)[:20]))
                values.append(checked_value(row.get(title), title, f"{name}, line {number:,}", state))
            if n_read >= BATCH_BYTES and values:
                if not has_column:
                    raise missing_column(name, title, list(keys), f" in its first {number:,} lines")
                yield Rows(values, int(n_read * share))
                values, n_read = [], 0
        if not has_column and keys:
            raise missing_column(name, title, list(keys))
        if values:
            yield Rows(values, int(n_read * share))

    if peek:
        next(read(), None)
    kind = state.setdefault("kind", TEXT)
    type_name = {TEXT: "strings", LIST: "lists"}.get(kind, kind)
    return Column(name, title, kind, type_name, read, 1, _n_text_bytes(n_bytes, share))


def _json_row(line: bytes, name: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise CorpusError(
            f"{name}: line {number:,} must be a JSON object, got text that is not JSON: {error}"
        ) from None
    if not isinstance(row, dict):
        raise CorpusError(
            f"{name}: line {number:,} must be a JSON object, got {line[:_MAX_SHOWN].decode(errors='replace')}"
        )
    return row


def _lines(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The lines of blocks of bytes, each with its line end; without the byte-order mark at the start.

    Raises
    ------
    EncodingError
        The text begins like UTF-16 or UTF-32.
    """
    rest: list[bytes] = []
    head = next(blocks, b"")
    refuse_wide_encodings(head[:HEAD_BYTES], name)
    for block in itertools.chain([strip_marks(head)], blocks):
        lines = block.split(b"\n")
        if len(lines) > 1:
            yield b"".join([*rest, lines[0]]) + b"\n"
            for line in lines[1:-1]:
                yield line + b"\n"
            rest = []
        rest.append(lines[-1])
    last = b"".join(rest)
    if last:
        yield last


# ---- CSV


def _open_csv(
    name: str, title: str, delimiters: str, blocks: Blocks, n_bytes: int | None, share: float, kind: str
) -> Column:
    first = next(_csv_rows(name, delimiters[0], blocks), None)
    if first is None:
        raise CorpusError(f"{name} must have a header that names its columns, got no row")
    delimiter, header = delimiters[0], first[0]
    for other in delimiters[1:]:
        if title in header:
            break
        fields = next(_csv_rows(name, other, blocks))[0]
        if len(fields) > len(header):
            delimiter, header = other, fields
    if title not in header:
        raise missing_column(name, title, header)
    if header.count(title) > 1:
        raise CorpusError(f"{name}: {header.count(title)} columns have the name {title!r}; rename them")
    place = header.index(title)

    def read() -> Iterator[Rows]:
        values: list[str] = []
        done = 0
        rows = _csv_rows(name, delimiter, blocks)
        next(rows)
        n_chars = 0
        for row, line, n_read in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise CorpusError(
                    f"{name}: the row that ends in line {line:,} must have {len(header)} cells like the header, got"
                    f" {len(row)}; correct the row, or quote the cell that holds the separator {delimiter!r}"
                )
            values.append(row[place])
            n_chars += len(row[place])
            if n_chars >= BATCH_BYTES or n_read - done >= BATCH_BYTES:
                yield Rows(values, int((n_read - done) * share))
                values, done, n_chars = [], n_read, 0
        if values:
            yield Rows(values)

    return Column(name, title, kind, "strings", read, 1, _n_text_bytes(n_bytes, share))


def _csv_rows(name: str, delimiter: str, blocks: Blocks) -> Iterator[tuple[list[str], int, int]]:
    """Yield the cells of each row, the number of the line in which the row ends, and the bytes read so far."""
    n_read = 0

    def lines() -> Iterator[str]:
        nonlocal n_read
        for line in _lines(blocks(), name):
            n_read += len(line)
            yield line.decode("utf-8", "surrogateescape")

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    while True:
        old = csv.field_size_limit(_MAX_CELL)  # the limit is the process's, so it is put back after each row
        try:
            row = next(reader, None)
        except csv.Error as error:
            # Python's message speaks of the arguments of open()
            reason = "a line ends in CR without LF; convert the line ends" if "new-line" in str(error) else error
            raise CorpusError(f"{name}: line {reader.line_num:,} is not CSV: {reason}") from None
        finally:
            csv.field_size_limit(old)
        if row is None:
            return
        yield row, reader.line_num, n_read


__all__ = ["import_pyarrow", "open_column", "open_json_lines", "open_place_column"]
