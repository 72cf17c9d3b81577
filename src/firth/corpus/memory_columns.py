"""Room corpus: columns of frames, Series and arrays of pandas, Polars and Arrow, by one common interface.

Tests: tests/corpus/test_tables.py, tests/corpus/test_table_files.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.table_text import BATCH_BYTES, TEXT, Rows, arrow_kind, null_count
from firth.errors import CorpusError, CorpusTypeError
from firth.native.arrow import ArrowArray, ArrowType, DamagedArrowError, has_arrow
from firth.native.arrow import arrow_chunks as arrow_chunks_of

_PANDAS_STRINGS = ("string[pyarrow]", "large_string[pyarrow]")
_ROWS_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class MemoryColumn:
    """A column of any library: its title, its length, and its values as Python objects, block by block."""

    title: Any
    n_rows: int
    block: Callable[[int, int], Sequence[Any]]
    integers: Callable[[], NDArray[Any]] | None = None  # set if the library's type says that all are integers
    n_missing: int | None = None  # set if the library knows
    arrow: Callable[[int, int], Any] | None = None  # Arrow arrays of the rows in a range; set if the rows are strings
    n_bytes: int = 0  # of the text; set if ``arrow`` is

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, self.n_rows, _ROWS_AT_ONCE):
            yield from self.block(start, min(start + _ROWS_AT_ONCE, self.n_rows))


def arrow_blocks(arrow: Callable[[int, int], Any], n_rows: int, n_bytes: int) -> Iterator[Rows]:
    step = max(1, n_rows * BATCH_BYTES // max(1, n_bytes))
    for start in range(0, n_rows, step):
        for array in arrow(start, min(start + step, n_rows)):
            yield Rows(array, array.nbytes)


def columns_of(value: Any, name: str) -> tuple[bool, list[MemoryColumn]] | None:
    """Whether a value is a frame, and its columns; None if the value is neither a frame nor a column."""
    if isinstance(value, ArrowColumns):
        return value.is_frame, value.columns
    libraries = {kind.__module__.partition(".")[0] for kind in type(value).__mro__}
    if "pandas" in libraries:
        if getattr(value, "ndim", None) == 2 and hasattr(value, "columns"):
            # by index, not by title: titles may repeat
            return True, [_pandas_column(value.iloc[:, i], value.columns[i]) for i in range(value.shape[1])]
        is_column = getattr(value, "ndim", None) == 1 and hasattr(value, "dtype") and hasattr(value, "isna")
        return (False, [_pandas_column(value, getattr(value, "name", None))]) if is_column else None
    if "polars" in libraries:
        if hasattr(value, "collect"):
            raise CorpusTypeError(f"{name} must be a frame in memory, got a LazyFrame; pass frame.collect()")
        if hasattr(value, "get_columns"):
            return True, [_polars_column(column) for column in value.get_columns()]
        return (False, [_polars_column(value)]) if hasattr(value, "null_count") else None
    if hasattr(value, "column_names"):  # a Table or a RecordBatch
        return True, [_arrow_column(value.column(i), value.column_names[i]) for i in range(value.num_columns)]
    return (False, [_arrow_column(value, None)]) if hasattr(value, "null_count") else None


def _pandas_column(series: Any, title: Any) -> MemoryColumn:
    values = getattr(series, "iloc", series)
    is_integers = getattr(series.dtype, "kind", "O") in "iu"
    return MemoryColumn(
        title,
        len(series),
        lambda start, stop: list(values[start:stop]),
        (lambda: np.asarray(series.to_numpy())) if is_integers else None,
        int(series.isna().sum()),
        *_pandas_arrow(series),
    )


def _pandas_arrow(series: Any) -> tuple[Callable[[int, int], Any] | None, int]:
    """The Arrow arrays of a Series whose strings PyArrow stores, and their bytes."""
    is_arrow = getattr(series.dtype, "storage", None) == "pyarrow" or str(series.dtype) in _PANDAS_STRINGS
    if not is_arrow:
        return None, 0
    import pyarrow

    def arrays(start: int, stop: int) -> Any:
        found = pyarrow.array(series.array[start:stop])
        return found.chunks if isinstance(found, pyarrow.ChunkedArray) else [found]

    return arrays, int(series.array.nbytes)


def _polars_column(series: Any) -> MemoryColumn:
    return MemoryColumn(
        series.name,
        len(series),
        lambda start, stop: series.slice(start, stop - start).to_list(),
        series.to_numpy if series.dtype.is_integer() else None,
        series.null_count(),
        *_polars_arrow(series),
    )


def _polars_arrow(series: Any) -> tuple[Callable[[int, int], Any] | None, int]:
    """The Arrow arrays of a Series of strings, and their bytes."""
    if str(series.dtype) != "String":
        return None, 0
    column = through_arrow(series, "corpus").columns[0]
    return column.arrow, column.n_bytes


def chunked_column(title: Any, chunks: list[ArrowArray], kind: ArrowType) -> MemoryColumn:
    """The column of Arrow arrays that were read by the PyCapsule interface."""
    starts = list(itertools.accumulate((len(chunk) for chunk in chunks), initial=0))

    def parts(start: int, stop: int) -> Iterator[ArrowArray]:
        for first, chunk in zip(starts, chunks, strict=False):
            if first < stop and start < first + len(chunk):
                begin = max(0, start - first)
                yield chunk.slice(begin, min(len(chunk), stop - first) - begin)

    def integers() -> NDArray[Any]:
        return np.concatenate([chunk.integers() for chunk in chunks]) if chunks else np.empty(0, np.int64)

    return MemoryColumn(
        title,
        starts[-1],
        lambda start, stop: list(itertools.chain.from_iterable(part.to_pylist() for part in parts(start, stop))),
        integers if kind.is_integers else None,
        sum(chunk.null_count for chunk in chunks) if kind.is_strings or kind.is_lists or kind.is_integers else None,
        parts if kind.is_strings else None,
        sum(chunk.nbytes for chunk in chunks) if kind.is_strings else 0,
    )


def _arrow_column(array: Any, title: Any) -> MemoryColumn:
    is_integers = str(array.type).removeprefix("u") in ("int8", "int16", "int32", "int64")

    def integers() -> NDArray[Any]:
        return np.asarray(array.to_numpy() if hasattr(array, "chunks") else array.to_numpy(zero_copy_only=False))

    return MemoryColumn(
        title,
        len(array),
        lambda start, stop: array.slice(start, stop - start).to_pylist(),
        integers if is_integers else None,
        null_count(array),
        (lambda start, stop: _arrow_chunks(array.slice(start, stop - start)))
        if arrow_kind(array.type) == TEXT
        else None,
        array.nbytes,
    )


def _arrow_chunks(array: Any) -> Any:
    return array.chunks if hasattr(array, "chunks") else [array]


@dataclass(frozen=True)
class ArrowColumns:
    """A table or a column of any library, read by the Arrow PyCapsule interface."""

    is_frame: bool
    columns: list[MemoryColumn]

    def column(self, place: int) -> ArrowColumns:
        return ArrowColumns(False, [self.columns[place]])

    def to_pylist(self) -> list[Any]:
        """The rows of a single column."""
        return list(self.columns[0])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The rows of a single column of numbers."""
        return np.array(self.to_pylist(), dtype)


def is_foreign(value: Any) -> bool:
    """Whether an object is read by the PyCapsule interface: of an unknown library, or a stream of record batches."""
    if isinstance(value, (bytes, list, tuple, dict, np.ndarray)) or not has_arrow(value):
        return False
    libraries = {kind.__module__.partition(".")[0] for kind in type(value).__mro__}
    return not libraries & {"pandas", "polars", "pyarrow"} or type(value).__name__ == "RecordBatchReader"


def through_arrow(value: Any, name: str) -> ArrowColumns:
    """The columns of another library's table, without copying, and without PyArrow.

    Raises
    ------
    CorpusTypeError
        The object cannot give its data.
    CorpusError
        The data is damaged.
    """
    try:
        kind, chunks = arrow_chunks_of(value)
    except DamagedArrowError as error:
        raise CorpusError(f"{name}: the Arrow data of the {type(value).__name__} is damaged: {error}") from error
    except (TypeError, ValueError, NotImplementedError) as error:
        raise CorpusTypeError(
            f"{name} must be sequences or texts, got a {type(value).__name__}, which gives no Arrow data ({error});"
            " pass one column as a list"
        ) from error
    if kind.format != "+s":
        return ArrowColumns(False, [chunked_column(kind.name or None, chunks, kind)])
    by_batch = [chunk.children() for chunk in chunks]
    return ArrowColumns(
        True,
        [
            chunked_column(column.name, [children[place] for children in by_batch], column)
            for place, column in enumerate(kind.children)
        ],
    )


__all__ = ["ArrowColumns", "MemoryColumn", "arrow_blocks", "columns_of", "is_foreign", "through_arrow"]
