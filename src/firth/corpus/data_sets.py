"""Room corpus: a column of a data set of Hugging Face's library ``datasets``, in memory or streamed.

A data set is recognised by the methods that it has, so firth does not import the library.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from firth.corpus.table_text import (
    TEXT,
    Column,
    Rows,
    arrow_kind,
    arrow_rows,
    checked_value,
    missing_column,
    wrong_type,
)
from firth.errors import CorpusTypeError

_ROWS_AT_ONCE = 1 << 10


def is_data_set(value: object) -> bool:
    """Whether a value has the methods of ``Dataset``, ``IterableDataset``, or a dictionary of them by split."""
    return all(hasattr(value, name) for name in ("column_names", "select_columns", "with_format"))


def is_streamed(data_set: Any) -> bool:
    """Whether the rows come one after the other, perhaps from a network: an ``IterableDataset``."""
    return not hasattr(data_set, "__len__")


def open_data_set(data_set: Any, title: str) -> Column:
    """Open a column of a data set, whose first rows are read to check the column's type.

    Raises
    ------
    CorpusError
        The data set has no such column; the message names the columns.
    CorpusTypeError
        The column has neither texts nor lists of tokens, or ``data_set`` has several splits.
    """
    known = data_set.column_names
    if isinstance(known, dict):
        split = next(iter(known), "train")
        raise CorpusTypeError(
            f"corpus must be one data set, got the splits {', '.join(map(repr, known))}; pass one: dataset[{split!r}]"
        )
    if known is None:  # a stream whose columns are not known before it is read
        known = list(next(iter(data_set), {}))
    name = f"the {type(data_set).__name__}"
    used = getattr(data_set, "format", None)
    if isinstance(used, Mapping) and used.get("type") == "custom":  # the rows of Arrow are those before it
        raise CorpusTypeError(
            f"corpus must be a data set without a transform, got {name} with one (set_transform or with_transform);"
            " apply it with dataset.map(function, batched=True), or leave it out with dataset.with_format(None)"
        )
    if title not in known:
        raise missing_column(name, title, known)
    if getattr(data_set, "features", None) is None:  # each batch may then have another Arrow type
        return _column_of_rows(data_set, title, name)
    selected = data_set.select_columns([title]).with_format("arrow")

    def read() -> Iterator[Rows]:
        for table in selected.iter(batch_size=_ROWS_AT_ONCE):
            column = table.column(title)
            yield from arrow_rows(column.chunks if hasattr(column, "chunks") else [column])

    first = next(read(), None)
    kind = TEXT if first is None else arrow_kind(first.values.type)
    if kind is None:
        assert first is not None
        raise wrong_type(name, title, str(first.values.type))
    return Column(name, title, kind, kind, read)


def _column_of_rows(rows: Iterable[dict[str, Any]], title: str, name: str) -> Column:
    """The column of a stream whose type is not known before it is read. A row may lack the column's key."""
    state: dict[str, str] = {}

    def read() -> Iterator[Rows]:
        values: list[Any] = []
        for number, row in enumerate(rows):
            values.append(checked_value(row.get(title), title, f"{name}, row {number:,}", state))
            if len(values) == _ROWS_AT_ONCE:
                yield Rows(values)
                values = []
        if values:
            yield Rows(values)

    next(read(), None)
    kind = state.setdefault("kind", TEXT)
    return Column(name, title, kind, kind, read)


__all__ = ["is_data_set", "is_streamed", "open_data_set"]
