"""Room corpus: a column of a table as lines of text, batch by batch, for the native counter; or as sequences.

A column comes from a file (`firth.corpus.table_files`), or from a table in memory.

Tests: tests/corpus/test_table_files.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError, CorpusTypeError, CorpusWarning
from firth.native.arrow import ArrowArray, ArrowType, StringColumn
from firth.native.text import DAMAGED_ROWS, CountedChunk, TextCounter, join_rows

BATCH_BYTES = 1 << 20  # bytes of text in one batch: small memory, and the cost of one batch is negligible
_MAX_SHOWN = 60
TEXT, LIST, VALUES = "texts", "lists", "values"


@dataclass(frozen=True)
class Rows:
    """Consecutive rows of a column: a list with a text, a list or None for each row; or an Arrow array
    (``ArrowArray`` or of PyArrow)."""

    values: Any
    n_read: int = 0  # bytes of the source that were read for these rows; progress adds them up


@dataclass(frozen=True)
class Batch:
    """Consecutive rows of a column of texts. ``lines`` makes one line of each row, in any thread."""

    name: str  # for messages
    n_read: int
    lines: Callable[[], bytes | NDArray[np.uint8]]
    count_rows: Callable[[TextCounter], CountedChunk] | None = None  # counts the rows without making lines

    def count(self, counter: TextCounter) -> CountedChunk:
        """Count the words of the rows."""
        if self.count_rows is not None:
            return self.count_rows(counter)
        counter.begin_text()
        return counter.feed(self.lines(), is_last=True, name=self.name)


@dataclass
class Missing:
    """How many rows of a column were read, and how many of them have no value."""

    n_rows: int = 0
    n_missing: int = 0


@dataclass(frozen=True)
class Column:
    """A column of a table that is read from its start to its end, once for each call of ``read``.

    Parameters
    ----------
    name : name of the table, for messages
    title : name of the column
    kind : what each row is: ``TEXT``, ``LIST`` or ``VALUES``: a string or a number
    type_name : the column's type in the words of its format, for messages
    read : function that yields the rows
    first_row : number of the first row in messages
    n_bytes : bytes of text, estimated; None if they are not known
    """

    name: str
    title: str
    kind: str
    type_name: str
    read: Callable[[], Iterator[Rows]]
    first_row: int = 0
    n_bytes: int | None = None
    missing: Missing = field(default_factory=Missing)

    def batches(self) -> Iterator[Batch]:
        """Yield the rows of a column of texts as batches of lines, and count the rows without a value."""
        for first, rows in self._counted():
            last = first + len(rows.values) - 1
            name = f"{self.name}, column {self.title!r}, rows {first:,} to {last:,}"
            if isinstance(rows.values, list):
                yield Batch(name, rows.n_read, lambda values=rows.values: _lines_of(values))  # type: ignore[misc]
            else:
                yield _arrow_batch(rows.values, rows.n_read, name)

    def sequences(self) -> Iterator[Sequence[Any]]:
        """Yield the tokens of each row of a column of lists; a row without a value is an empty sequence."""
        for _, rows in self._counted():
            values = rows.values if isinstance(rows.values, list) else rows.values.to_pylist()
            for value in values:
                yield () if value is None else value

    def values(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield the number of the first row and the values of consecutive rows, of a column of ``VALUES``.

        Raises
        ------
        CorpusError
            A row has no value.
        """
        for first, rows in self._counted():
            values = rows.values if isinstance(rows.values, list) else rows.values.to_pylist()
            if None in values:
                raise CorpusError(
                    f"{self.name}: the column {self.title!r} must have a value in every row, got none in row"
                    f" {first + values.index(None):,}; leave such rows out, or fill in values"
                )
            yield first, values

    def _counted(self) -> Iterator[tuple[int, Rows]]:
        self.missing.n_rows = self.missing.n_missing = 0
        for rows in self.read():
            if len(rows.values) == 0:
                continue
            first = self.first_row + self.missing.n_rows
            self.missing.n_rows += len(rows.values)
            is_list = isinstance(rows.values, list)
            self.missing.n_missing += sum(v is None for v in rows.values) if is_list else null_count(rows.values)
            yield first, rows


def missing_warning(columns: Sequence[Column]) -> CorpusWarning | None:
    """The warning about rows without a value in columns that were read; None if every row has a value."""
    n_missing = sum(column.missing.n_missing for column in columns)
    if not n_missing:
        return None
    n_rows = sum(column.missing.n_rows for column in columns)
    named = next(column.name for column in columns if column.missing.n_missing)
    return CorpusWarning(
        f"{n_missing:,} of {n_rows:,} rows have no value in the column {columns[0].title!r}, such as rows of {named};"
        " each of these rows is an empty sequence"
    )


def require_same_types(columns: Sequence[Column]) -> None:
    """Raise CorpusTypeError if the column has texts in one file and lists in another file."""
    for column in columns[1:]:
        if column.kind != columns[0].kind:
            raise CorpusTypeError(
                f"the column {column.title!r} must have one type in all files, got {columns[0].type_name} in"
                f" {columns[0].name} and {column.type_name} in {column.name}; train on files of one kind"
            )


def missing_column(name: str, title: str, known: Sequence[str], where: str = "") -> CorpusError:
    """The error about a column that a table lacks; ``where``: the part of the table that was read."""
    shown = ", ".join(map(repr, known[:20])) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    return CorpusError(f"column must be a column of {name}, got {title!r}; the columns{where} are {shown or '(none)'}")


def wrong_type(name: str, title: str, type_name: str, *, wants_values: bool = False) -> CorpusTypeError:
    """The error about a column whose values are neither texts nor lists of tokens, or not single values."""
    wanted = "strings, integers or floats" if wants_values else "texts, or lists of strings or integers"
    return CorpusTypeError(
        f"column must have {wanted}, got the column {title!r} of {name}, whose type is {type_name}; name another column"
    )


def checked_value(value: Any, title: str, place: str, state: dict[str, str]) -> Any:
    """A value that is a text, a list or None; ``state["kind"]`` is the kind of the column's first value.

    If ``state["kind"]`` is ``VALUES`` at the start, the value must be a string, a number or None.

    Raises
    ------
    CorpusTypeError
        The value is something else, or of another kind than the first value; the message names ``place``.
    """
    if value is None:
        return None
    if state.get("kind") == VALUES:
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            raise wrong_type(place, title, type(value).__name__, wants_values=True)
        return value
    kind = TEXT if isinstance(value, str) else LIST if isinstance(value, list) else None
    if kind is None:
        raise wrong_type(place, title, type(value).__name__)
    if state.setdefault("kind", kind) != kind:
        raise CorpusTypeError(
            f"{place}: the column {title!r} must have {state['kind']} in every row, got {value!r:.{_MAX_SHOWN}}"
        )
    return value


def _lines_of(texts: list[str | None]) -> bytes:
    """The texts as lines of bytes. A surrogate becomes a byte that is not UTF-8, which the counter then refuses."""
    joined = "\n".join("" if text is None else text.replace("\n", " ") for text in texts) + "\n"
    try:
        return joined.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return joined.encode("utf-8", "surrogatepass")


# ---- Arrow


def arrow_kind(kind: Any) -> str | None:
    """``TEXT`` or ``LIST`` for a type of Arrow, of PyArrow too; None for a type that has neither texts nor tokens."""
    if isinstance(kind, ArrowType):
        return TEXT if kind.is_strings else LIST if kind.is_lists else None
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if _is_string(kind):
        return TEXT
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        item = kind.value_type
        item = item.value_type if types.is_dictionary(item) else item
        return LIST if _is_string(item) or types.is_integer(item) else None
    return None


def null_count(array: Any) -> int:
    """How many rows of an Arrow array have no value; a value may be missing in the dictionary of an array too."""
    if hasattr(array, "chunks"):
        return sum(null_count(chunk) for chunk in array.chunks)
    if hasattr(array, "dictionary") and array.dictionary.null_count:
        array = array.dictionary_decode()
    return int(array.null_count)


def _arrow_batch(array: Any, n_read: int, name: str) -> Batch:
    return Batch(name, n_read, lambda: lines_of_arrow(array, name), lambda counter: count_arrow(array, name, counter))


def has_arrow_values(kind: Any) -> bool:
    """Whether an Arrow type is strings, integers or floats."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return _is_string(kind) or types.is_integer(kind) or types.is_floating(kind)


def _is_string(kind: Any) -> bool:
    from pyarrow import types

    is_view = getattr(types, "is_string_view", None)
    return types.is_string(kind) or types.is_large_string(kind) or (is_view is not None and is_view(kind))


def arrow_rows(chunks: Any, share: float = 1.0) -> Iterator[Rows]:
    """Yield Arrow arrays in slices of about ``BATCH_BYTES``. ``share``: bytes read for each byte in memory."""
    for chunk in chunks:
        n_bytes = max(1, chunk.nbytes)
        step = max(1, len(chunk) * BATCH_BYTES // n_bytes)
        for start in range(0, len(chunk), step):
            part = chunk.slice(start, step)
            yield Rows(part, int(share * n_bytes * len(part) / len(chunk)))


def lines_of_arrow(array: Any, name: str) -> NDArray[np.uint8]:
    """The rows of an Arrow array of strings as lines of bytes, without a Python object for each row."""
    column, kept = string_column(array, name)
    lines = join_rows(column)
    del kept
    if lines is None:
        raise CorpusError(f"{name}: {DAMAGED_ROWS}")
    return lines


def count_arrow(array: Any, name: str, counter: TextCounter) -> CountedChunk:
    """Count the rows of an Arrow array of strings; no lines are made."""
    column, kept = string_column(array, name)
    counted = counter.feed_rows(column, name=name)
    del kept
    return counted


def string_column(array: Any, name: str) -> tuple[StringColumn, list[Any]]:
    """The buffers of an Arrow array of strings for native code, and what must be kept while they are used.

    ``array`` is an ``ArrowArray`` or an array of PyArrow, whose buffers tell their sizes: a damaged file is refused.

    Raises
    ------
    CorpusError
        A buffer is shorter than the rows need.
    """
    if isinstance(array, ArrowArray):
        return array.column()
    import pyarrow

    values = array.dictionary if pyarrow.types.is_dictionary(array.type) else array
    if not (pyarrow.types.is_string(values.type) or pyarrow.types.is_large_string(values.type)):  # views
        values = values.cast(pyarrow.large_string())
    width = 4 if pyarrow.types.is_string(values.type) else 8
    valid, offsets, data = values.buffers()
    column = StringColumn(n_rows=len(array), first=values.offset, n_values=len(values), offset_bytes=width)
    if len(values):
        _require(offsets, (values.offset + len(values) + 1) * width, f"{name}: the offsets of the rows")
        column.offsets = offsets.address
    if data is not None:
        column.bytes, column.n_bytes = data.address, data.size
    if valid is not None and values.null_count:
        _require(valid, -(-(values.offset + len(values)) // 8), f"{name}: the bitmap of the rows")
        column.valid = valid.address
    if values is not array and pyarrow.types.is_dictionary(array.type):
        index_valid, indices = array.indices.buffers()
        column.index_bytes = array.type.index_type.bit_width // 8
        column.is_signed, column.index_first = pyarrow.types.is_signed_integer(array.type.index_type), array.offset
        if len(array):
            _require(indices, (array.offset + len(array)) * column.index_bytes, f"{name}: the indices of the rows")
            column.indices = indices.address
        if index_valid is not None and array.null_count:
            _require(index_valid, -(-(array.offset + len(array)) // 8), f"{name}: the bitmap of the rows")
            column.index_valid = index_valid.address
    return column, [array, values]


def _require(buffer: Any, n_bytes: int, what: str) -> None:
    """Raise CorpusError if a buffer of PyArrow is missing or shorter than ``n_bytes``."""
    size = 0 if buffer is None else buffer.size
    if size < n_bytes:
        raise CorpusError(f"{what} must have at least {n_bytes:,} bytes, got {size:,}: the Arrow data is damaged")


__all__ = [
    "BATCH_BYTES",
    "LIST",
    "TEXT",
    "VALUES",
    "Batch",
    "Column",
    "Rows",
    "arrow_kind",
    "arrow_rows",
    "checked_value",
    "has_arrow_values",
    "lines_of_arrow",
    "missing_column",
    "missing_warning",
    "null_count",
    "require_same_types",
    "wrong_type",
]
