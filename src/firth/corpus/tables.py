"""Room corpus: recognises and reads tables: frames, columns and arrays of pandas, Polars, Arrow, NumPy and others.

Iterating over a frame yields its columns or their names, never its rows. So every function of firth that takes
sequences or texts calls ``read_table`` first. A table library is imported only if one of its tables is passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.memory_columns import ArrowColumns, MemoryColumn, arrow_blocks, columns_of, is_foreign, through_arrow
from firth.corpus.table_text import TEXT, Column, missing_column
from firth.errors import CorpusError, CorpusTypeError, ShapeError

_WORDS = re.compile(r"[^ \t\n\v\f\r]+")
_TWO_WORDS = re.compile(r"[^ \t\n\v\f\r][ \t\n\v\f\r]+[^ \t\n\v\f\r]")

Tokenizer = Callable[[str], Iterable[str]]


@dataclass(frozen=True)
class TextColumn:
    """A column of texts. Iterating yields the text of each row as ``str``.

    Raises
    ------
    CorpusError
        While iterating: a row has no value.
    CorpusTypeError
        While iterating: a row is not a text.
    """

    values: Iterable[Any]
    name: str

    def as_arrow(self) -> Column | None:
        """The column by its Arrow buffers; None if it has no such buffers, or a row has no value."""
        if not isinstance(self.values, MemoryColumn) or self.values.arrow is None or self.values.n_missing:
            return None
        arrow, n_rows = self.values.arrow, self.values.n_rows
        n_bytes = self.values.n_bytes
        return Column(
            self.name,
            str(self.values.title),
            TEXT,
            "strings",
            lambda: arrow_blocks(arrow, n_rows, n_bytes),
            0,
            n_bytes,
        )

    def __iter__(self) -> Iterator[str]:
        for row, value in enumerate(self.values):
            if isinstance(value, str):
                yield value
            else:
                _refuse_missing(value, self.name, row)
                raise CorpusTypeError(f"{self.name} must have a text in every row, got {value!r:.60} in row {row}")


@dataclass(frozen=True)
class ListColumn:
    """A column of sequences of tokens. Iterating yields the value of each row; for Arrow and Polars, a list.

    Raises
    ------
    CorpusError, CorpusTypeError
        While iterating: a row has no value, or is not a sequence.
    """

    values: Iterable[Any]
    name: str

    def __iter__(self) -> Iterator[Any]:
        for row, value in enumerate(self.values):
            if isinstance(value, str) or not isinstance(value, Iterable):
                _refuse_missing(value, self.name, row)
                raise CorpusTypeError(f"{self.name} must have a list in every row, got {value!r:.60} in row {row}")
            # pandas has an array where a Parquet file has a list
            yield value.tolist() if isinstance(value, np.ndarray) and value.ndim == 1 else value


Table = TextColumn | ListColumn | NDArray[np.int64]


def read_table(value: Any, name: str = "corpus") -> Table | None:
    """Read a table; None if ``value`` is not a table but a list, a generator or a plain array of numbers.

    - a column of texts (a Series, an Arrow array, a frame with one column, a string array (n, 1)): ``TextColumn``
    - a column of lists: ``ListColumn``
    - a column of integers: int64 array, (n,)
    - a frame whose columns are all integers: int64 array, (n_rows, n_columns), one sequence a row

    Parameters
    ----------
    value : object of any type
    name : name of the value in messages: "corpus", "X", "texts"

    Raises
    ------
    CorpusTypeError
        The value is a frame with other columns (the message names a column to pass: ``frame["column"]``), a sparse
        matrix, or an array that has no sequences.
    CorpusError
        A row has no value; the message gives its number, from 0.
    """
    if isinstance(value, (str, bytes, list, tuple, dict, np.generic)):
        return None
    if isinstance(value, np.ndarray):
        return _read_array(value, name)
    libraries = {kind.__module__.partition(".")[0] for kind in type(value).__mro__}
    if "scipy" in libraries and hasattr(value, "tocsr"):
        raise CorpusTypeError(
            f"{name} must be sequences or texts, got a sparse matrix of shape {value.shape}, which has no order of"
            " tokens; pass the texts from which the matrix was made"
        )
    if is_foreign(value) and "datasets" not in libraries:
        return _read_known_table(through_arrow(value, name), name, value)
    if libraries & {"pandas", "polars", "pyarrow"} or isinstance(value, ArrowColumns):
        return _read_known_table(value, name)
    if "xarray" in libraries:
        if hasattr(value, "data_vars"):
            raise CorpusTypeError(_frame_message(name, value, [(key, None) for key in value.data_vars]))
        return _read_array(np.asarray(value.values), name)
    if "datasets" in libraries and hasattr(value, "column_names"):
        raise CorpusTypeError(
            f"{name} must be one column of a data set, got a {type(value).__name__}; name the column, as in"
            ' firth.train(dataset, column="text"); the columns are'
            f" {', '.join(map(repr, value.column_names or ())) or 'not known before it is read'}"
        )
    if hasattr(value, "__dataframe__") or (hasattr(value, "columns") and hasattr(value, "dtypes")):
        raise CorpusTypeError(_frame_message(name, value, [(key, None) for key in getattr(value, "columns", ())]))
    if hasattr(value, "__array__") and hasattr(value, "ndim") and hasattr(value, "dtype"):  # a tensor
        array = np.asarray(value)
        found = _read_array(array, name)
        return array.astype(np.int64) if found is None and array.dtype.kind in "iu" else found
    return None


def column_of(value: Any, title: str) -> Any:
    """The column of a frame of pandas, Polars or Arrow, or of another table with the Arrow C stream protocol.

    Raises
    ------
    CorpusError
        The frame has no such column, or several; the message names the columns.
    CorpusTypeError
        The value is not a frame.
    """
    libraries = {kind.__module__.partition(".")[0] for kind in type(value).__mro__}
    if is_foreign(value):
        value = through_arrow(value, "corpus")
    is_known = libraries & {"pandas", "polars", "pyarrow"} or isinstance(value, ArrowColumns)
    found = columns_of(value, "corpus") if is_known else None
    if found is None or not found[0]:
        raise CorpusTypeError(
            f"column must be left out unless the corpus is a table, got column={title!r} and a"
            f" {type(value).__name__}; pass a frame or the paths of tables, or leave column out"
        )
    titles = [column.title for column in found[1]]
    if titles.count(title) != 1:
        if title in titles:
            raise CorpusError(f"corpus: {titles.count(title)} columns have the name {title!r}; rename them")
        raise missing_column("the corpus", title, titles)
    place = titles.index(title)
    if isinstance(value, ArrowColumns):
        return value.column(place)
    if "pandas" in libraries:
        return value.iloc[:, place]
    return value.get_columns()[place] if "polars" in libraries else value.column(place)


def rows_of(value: Any, name: str) -> Any:
    """The rows of a table (an iterable of texts or lists, or an array of integers); another value is returned as is."""
    found = read_table(value, name)
    return value if found is None else found


def token_rows(value: Any, name: str) -> Any:
    """The tokens of each row of a table, texts split at ASCII white space; another value is returned as is."""
    found = read_table(value, name)
    if isinstance(found, TextColumn):
        return map(split_text, found)
    if isinstance(found, np.ndarray):
        return found.tolist()
    return value if found is None else found


def column_tokens(value: Any, name: str) -> Iterable[Any] | None:
    """The tokens of one sequence that is a column or an array of one dimension; None where it is neither.

    A column of texts within a list looks like a column of tokens, and each text would become one word. So a value of
    two words is refused; tokens that hold white space are passed as a list.

    Raises
    ------
    CorpusTypeError
        ``value`` is a frame, or (while iterating) one of its values has two words.
    CorpusError
        While iterating: a value is missing.
    """
    if isinstance(value, (list, tuple)):
        return None
    if isinstance(value, np.ndarray):
        if value.ndim != 1:
            return None
        words: list[Any] = value.tolist()
        return _single_words(words, name, "an array") if value.dtype.kind in "UTO" else words
    if hasattr(value, "columns") or hasattr(value, "column_names"):
        _refuse_frame(value, name)
    table = read_table(value, name)
    if isinstance(table, np.ndarray):
        ids: list[Any] = table.tolist()
        return ids
    return _single_words(table, name, f"a {type(value).__name__}") if isinstance(table, TextColumn) else table


def _single_words(values: Iterable[Any], name: str, kind: str) -> Iterator[Any]:
    for row, value in enumerate(values):
        if isinstance(value, str) and _TWO_WORDS.search(value):
            raise CorpusTypeError(
                f"{name} must be a list of tokens, got {kind} with a text in row {row}: {value!r:.60}; split texts:"
                " [text.split() for text in column]; where white space belongs to the tokens pass column.tolist()"
            )
        yield value


def _refuse_frame(value: Any, name: str) -> None:
    """Raise CorpusTypeError for a frame among the sequences of a list or a generator."""
    columns = (columns_of(value, name) or (True, []))[1]
    one = next((column for column in columns if _kind_of(column) in ("text", "list")), None)
    alone, several = "the frame", "concatenate several frames into one"
    if one is not None:
        column = f"frame[{_quoted(one.title)}]"
        rows = f"{column}.to_pylist()" if hasattr(value, "column_names") else column
        alone = "the frame" if len(columns) == 1 else column
        item = "text.split()" if _kind_of(one) == "text" else "text"
        several = f"for several frames pass ({item} for frame in frames for text in {rows})"
    raise CorpusTypeError(
        f"{name} must be a list of tokens, got a {type(value).__name__}, which is a corpus by itself; pass {alone}"
        f" without a list or a generator around it; {several}"
    )


def _quoted(title: Any) -> str:
    return f'"{title}"' if isinstance(title, str) else repr(title)


def split_text(text: str) -> list[str]:
    """The words of a text, split only at ASCII white space, like the lines of a file."""
    return _WORDS.findall(text)


def tokenize_texts(texts: Iterable[str], tokenizer: Tokenizer) -> Iterator[Iterable[str]]:
    """Yield the tokens of each text.

    Raises
    ------
    CorpusTypeError
        The tokenizer returned a value that is not a list of tokens.
    """
    for text in texts:
        yield validated_tokens(tokenizer(text), text)


def validated_tokens(tokens: Any, text: str) -> Iterable[str]:
    """Return the tokens that a tokenizer returned for a text; CorpusTypeError if they are not an iterable of tokens."""
    if isinstance(tokens, (str, bytes)) or not isinstance(tokens, Iterable):
        raise CorpusTypeError(f"tokenizer must return a list of tokens, got {tokens!r:.60} for the line {text!r:.60}")
    if isinstance(tokens, Mapping):  # what a tokenizer of the library transformers returns
        raise CorpusTypeError(
            f"tokenizer must return a list of tokens, got a {type(tokens).__name__} with the keys"
            f" {', '.join(map(repr, list(tokens)[:4]))}; pass its method tokenizer.tokenize"
        )
    return tokens


def is_missing(value: object) -> bool:
    """Whether a value means "missing": None, NaN, NaT, ``pandas.NA``."""
    if value is None or (isinstance(value, (float, np.floating)) and value != value):
        return True
    return type(value).__name__ in ("NAType", "NaTType", "MaskedConstant")


def _refuse_missing(value: object, name: str, row: int) -> None:
    if is_missing(value):
        raise CorpusError(
            f"{name} must have a value in every row, got {value!r} in row {row} (counted from 0); drop such rows, or"
            " fill in values"
        )


# ---- columns and frames of pandas, Polars and Arrow


def _read_known_table(value: Any, name: str, given: Any = None) -> Table | None:
    """Read a table of a known library, or the columns of the value that was ``given``."""
    columns = columns_of(value, name)
    if columns is None:
        return None
    is_frame, listed = columns
    if not is_frame:
        return _read_column(listed[0], name)
    if len(listed) == 1 and _kind_of(listed[0]) != "integer":
        return _read_column(listed[0], f"{name}[{listed[0].title!r}]")
    if listed and all(_kind_of(column) == "integer" for column in listed):
        return np.stack([_integers(column, f"{name}[{column.title!r}]") for column in listed], axis=1)
    message = _frame_message(
        name, value if given is None else given, [(column.title, _kind_of(column)) for column in listed]
    )
    for column in listed:
        if column.n_missing:
            row = next(row for row, item in enumerate(column) if is_missing(item))
            message += f"; row {row} (counted from 0) has no value in the column {column.title!r}"
            break
    raise CorpusTypeError(message)


def _read_column(column: MemoryColumn, name: str) -> Table:
    kind = _kind_of(column)
    if kind == "text":
        return TextColumn(column, name)
    if kind == "list":
        return ListColumn(column, name)
    if kind == "integer":
        return _integers(column, name)
    first = next(iter(column), None)
    if kind == "none" and column.n_rows:
        _refuse_missing(first, name, 0)
    if not column.n_rows:
        return TextColumn((), name)
    raise CorpusTypeError(
        f"{name} must be a column of texts, of lists of tokens or of integers, got {first!r:.60}"
        f" ({type(first).__name__}) in row 0"
    )


def _kind_of(column: MemoryColumn) -> str:
    """``text``, ``list``, ``integer`` or ``other``, by the first value; ``none`` if every value is missing."""
    if column.integers is not None:
        return "integer"
    if column.arrow is not None and column.n_missing is not None:  # the type says it, and no row is converted
        return "text" if column.n_missing < column.n_rows else "none"
    value = next((value for value in column if not is_missing(value)), None)
    if value is None:
        return "none"
    if isinstance(value, str):
        return "text"
    if isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_)):
        return "integer"
    return "list" if isinstance(value, Iterable) and not isinstance(value, (bytes, dict)) else "other"


def _integers(column: MemoryColumn, name: str) -> NDArray[np.int64]:
    if column.integers is not None and not column.n_missing:
        array = column.integers()
        if array.dtype.kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
            raise CorpusTypeError(f"{name} must be below 2^63 if it is integers, got {int(array.max())}")
        return array.astype(np.int64)
    values: list[int] = []
    for row, value in enumerate(column):
        _refuse_missing(value, name, row)
        if not isinstance(value, (int, np.integer)) or isinstance(value, (bool, np.bool_)):
            raise CorpusTypeError(f"{name} must have an integer in every row, got {value!r:.60} in row {row}")
        if not -(1 << 63) <= value < 1 << 63:
            raise CorpusTypeError(f"{name} must fit in 64 bits, got {value} in row {row}")
        values.append(int(value))
    return np.array(values, np.int64)


def _frame_message(name: str, value: Any, columns: list[tuple[Any, str | None]]) -> str:
    titles = [title for title, _ in columns]
    shown = ", ".join(map(repr, titles[:6])) + (" ..." if len(titles) > 6 else "")
    one = next((title for title, kind in columns if kind in ("text", "list")), titles[0] if titles else "column")
    library = type(value).__module__.partition(".")[0]
    what = f"a {type(value).__name__} of {library} with {len(titles)} columns" + (f" ({shown})" if titles else "")
    message = (
        f"{name} must be one column of texts or lists, or a frame whose columns are all integers (one sequence a row),"
        f" got {what}; pass one column: frame[{_quoted(one)}]"
    )
    if titles.count(one) > 1:
        message += ", after giving the columns different names"
    rows = {"polars": "frame.rows()", "pandas": "frame.to_numpy().tolist()"}.get(library)
    if len(titles) > 1 and rows is not None:
        message += f"; if each row is a sequence of tokens, pass {rows}"
    return message


# ---- arrays


def _read_array(array: NDArray[Any], name: str) -> Table | None:
    if array.dtype.names is not None:
        fields = ", ".join(map(repr, array.dtype.names))
        raise CorpusTypeError(
            f"{name} must be sequences or texts, got an array of records with the fields {fields}; pass one field:"
            f' frame["{array.dtype.names[0]}"]'
        )
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        row = int(np.argwhere(np.ma.getmaskarray(array))[0][0]) if array.ndim else 0
        raise CorpusError(f"{name} must have a value in every row, got a masked one in row {row} (counted from 0)")
    is_strings = array.dtype.kind in "UT" or (
        array.dtype.kind == "O" and array.size > 0 and all(isinstance(v, str) or is_missing(v) for v in array.flat)
    )
    if array.ndim == 0:
        raise ShapeError(f"{name} must be sequences or texts, got an array without dimensions: {array[()]!r:.60}")
    if not is_strings:
        return None
    if array.ndim == 2 and array.shape[1] == 1:
        return TextColumn(MemoryColumn(None, len(array), lambda start, stop: array[start:stop, 0].tolist()), name)
    if array.ndim > 2:
        raise ShapeError(f"{name} must have at most two dimensions if it is an array of strings, got {array.shape}")
    return None


__all__ = [
    "ListColumn",
    "TextColumn",
    "Tokenizer",
    "column_of",
    "column_tokens",
    "is_missing",
    "read_table",
    "rows_of",
    "split_text",
    "token_rows",
    "tokenize_texts",
    "validated_tokens",
]
