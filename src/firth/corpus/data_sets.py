"""Room corpus: a column of a data set of Hugging Face's library ``datasets``, in memory or streamed.

A data set is recognised by the methods that it has, so firth does not import the library.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from firth.corpus.table_text import LIST, TEXT, Column, Rows, arrow_kind, arrow_rows, missing_column, wrong_type
from firth.errors import CorpusTypeError

_ROWS_AT_ONCE = 1 << 10


def is_data_set(value: object) -> bool:
    """Whether a value has the methods of ``Dataset`` and ``IterableDataset`` that firth calls."""
    return all(hasattr(value, name) for name in ("column_names", "select_columns", "with_format", "iter"))


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
    if title not in known:
        raise missing_column(name, title, known)
    selected = data_set.select_columns([title]).with_format("arrow")

    def read() -> Iterator[Rows]:
        for table in selected.iter(batch_size=_ROWS_AT_ONCE):
            column = table.column(title)
            yield from arrow_rows(column.chunks if hasattr(column, "chunks") else [column])

    first = next(read(), None)
    column_type = None if first is None else first.values.type
    has_values = first is not None and first.values.null_count < len(first.values)
    kind = arrow_kind(column_type) if has_values else TEXT
    if kind is None:
        raise wrong_type(name, title, str(column_type))
    return Column(
        name, title, kind, "lists" if kind == LIST else "strings", lambda: _same_kind(read(), kind, name, title)
    )


def _same_kind(blocks: Iterator[Rows], kind: str, name: str, title: str) -> Iterator[Rows]:
    """Pass rows on while their type stays; a stream's type may differ from one batch to the next."""
    for rows in blocks:
        found = arrow_kind(rows.values.type)
        if found != kind and rows.values.null_count < len(rows.values):
            raise wrong_type(f"{name} with {kind} in its first rows", title, str(rows.values.type))
        if found == kind:
            yield rows
        else:  # no row of the batch has a value, so its Arrow type is null
            yield Rows([None] * len(rows.values))


__all__ = ["is_data_set", "is_streamed", "open_data_set"]
