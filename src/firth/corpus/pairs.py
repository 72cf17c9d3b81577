"""Room corpus: ``firth.Pairs``: explicit pairs of a word and a context, with weights: what ``firth.train`` predicts."""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.collector import collector_paused
from firth.base.values import as_bool, is_integer
from firth.corpus.memory_columns import MemoryColumn
from firth.corpus.tables import ListColumn, TextColumn, column_of, is_missing, read_table
from firth.corpus.value_columns import TABLE_FILES, DataFile, as_weight, find_files, parse_titles
from firth.errors import CorpusError, CorpusTypeError, EncodingError, FormatError, ParameterError, ShapeError

Names = Sequence[str] | NDArray[np.int64]

_ROWS_AT_ONCE = 1 << 16
_SMALLEST, _LARGEST = float(np.finfo(np.float32).smallest_subnormal), float(np.finfo(np.float32).max)
_TITLES = ("words", "contexts", "weights")


class Pairs:
    """Pairs of a word and a context: a corpus for ``firth.train`` without text and windows.

    Training predicts the context of each pair from its word. Words have the input vectors, ``model.vectors``; contexts
    have the output vectors, ``model.contexts``. Examples are a word and its syntactic context [1], a user and an item,
    or the two nodes of an edge. The pairs are read when the object is made; they take 8 bytes each, 12 with weights.

    The loss of a pair of weight w is w times the loss of one prediction: the weight scales the learning rate of the
    pair. Noise and subsampling treat the pair as w pairs. A pair of weight 0 is left out.

    Parameters
    ----------
    words : column of str or int; or path, glob or list of paths; or frame
        A column is a list, an array of NumPy or Arrow, or a Series. A path is a text file, with a word, a context and
        perhaps a weight in each line, separated by white space, or a table (with ``columns``). Words of text files, CSV
        and TSV are strings, also if they look like numbers.
    contexts : column of str or int, or None
        The context of each pair; None if ``words`` is a path or a frame.
    weights : column of numbers, finite and at least 0, or None
        None: all weights are 1, or the file has them.
    columns : list of two or three names, or None
        The columns of words, contexts and weights, if ``words`` is a frame or a file of a table: Parquet, Arrow,
        JSON lines, CSV, TSV.
    one_vocabulary : bool
        Whether words and contexts are the same set, such as the nodes of a graph: then each word has an input vector
        and an output vector. False: there are two vocabularies.

    Attributes
    ----------
    words, contexts : list of str, or int64 array
        The distinct words and contexts.
    word_ids, context_ids : int32 array, (n_pairs,)
        The index of each pair's word in ``words``, and of its context in ``contexts``.
    weights : float32 array, (n_pairs,), or None if all are 1
    one_vocabulary : bool
    n_zero : int
        Number of pairs that were left out because their weight is 0.

    Raises
    ------
    CorpusError, CorpusTypeError, EncodingError, FormatError, ParameterError, ShapeError, StorageError
        A value is missing or of the wrong type, the columns have different lengths, a weight is negative, NaN or
        infinite, or a file cannot be read.

    References
    ----------
    [1] Levy, Goldberg (2014), Dependency-based word embeddings, ACL.

    Examples
    --------
    >>> import firth
    >>> pairs = firth.Pairs(["ann", "ann", "ben"], ["tea", "milk", "tea"], [2, 1, 1])
    >>> pairs
    Pairs(3 pairs of 2 words and 2 contexts, weighted)
    """

    words: Names
    contexts: Names
    word_ids: NDArray[np.int32]
    context_ids: NDArray[np.int32]
    weights: NDArray[np.float32] | None

    def __init__(
        self,
        words: Any,
        contexts: Any = None,
        weights: Any = None,
        *,
        columns: Sequence[str] | None = None,
        one_vocabulary: bool = False,
    ) -> None:
        self.one_vocabulary = as_bool("one_vocabulary", one_vocabulary)
        titles = parse_titles(columns, _TITLES)
        first = _Numbering("words")
        second = first if one_vocabulary else _Numbering("contexts")
        factors: NDArray[np.float64] | None
        if _is_path(words) or (contexts is None and titles is None and _are_paths(words)):
            _refuse_columns("a path", contexts, weights)
            word_ids, context_ids, factors = _read_files(find_files(words, "words"), titles, first, second)
        else:
            if titles is not None:
                _refuse_columns("a frame with columns", contexts, weights)
                words, contexts, *rest = (column_of(words, title) for title in titles)
                weights = rest[0] if rest else None
            elif contexts is None:
                raise ParameterError(
                    "contexts must be given if words is a column: the context of each word; for a frame or a table"
                    ' name the columns, as in Pairs(frame, columns=["user", "item"])'
                )
            word_ids = first.number_all(words, "words")
            context_ids = second.number_all(contexts, "contexts")
            factors = None if weights is None else _as_numbers(weights)
        self._finish(first, second, word_ids, context_ids, factors)

    def _finish(
        self,
        first: _Numbering,
        second: _Numbering,
        word_ids: NDArray[np.int32],
        context_ids: NDArray[np.int32],
        factors: NDArray[np.float64] | None,
    ) -> None:
        n_pairs = len(word_ids)
        for name, found in (("contexts", context_ids), ("weights", factors)):
            if found is not None and len(found) != n_pairs:
                raise ShapeError(f"{name} must have as many values as words, {n_pairs:,}, got {len(found):,}")
        if n_pairs == 0:
            raise CorpusError("words must have at least one pair, got none")
        self.weights, self.n_zero = None, 0
        if factors is not None:
            _validate_weights(factors)
            is_kept = factors > 0
            self.n_zero = int(n_pairs - np.count_nonzero(is_kept))
            if self.n_zero == n_pairs:
                raise CorpusError("weights must have a weight above 0, got none")
            if self.n_zero:
                word_ids, context_ids, factors = word_ids[is_kept], context_ids[is_kept], factors[is_kept]
            if not np.all(factors == 1):
                self.weights = factors.astype(np.float32)
        self.word_ids, self.context_ids = word_ids, context_ids
        self.words = first.names()
        self.contexts = self.words if self.one_vocabulary else second.names()

    def __len__(self) -> int:
        return len(self.word_ids)

    def __repr__(self) -> str:
        of = f"{len(self.words):,} words"
        if not self.one_vocabulary:
            of += f" and {len(self.contexts):,} contexts"
        return f"Pairs({len(self):,} pairs of {of}{'' if self.weights is None else ', weighted'})"


class _Numbering:
    """Numbers distinct values in the order in which they occur first. All are strings, or all are integers."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._numbers: defaultdict[Any, int] = defaultdict(itertools.count().__next__)
        self._kind: type | None = None

    def number_all(self, values: Any, name: str) -> NDArray[np.int32]:
        """The numbers of a column in memory."""
        blocks = (self.number(block, name, start) for start, block in _blocks_of(values, name))
        return np.concatenate([np.empty(0, np.int32), *blocks])

    def number(self, values: list[Any], place: str, first_row: int) -> NDArray[np.int32]:
        """The numbers of consecutive values: str, int or bytes of UTF-8. ``place`` and the row are for messages."""
        kinds = set(map(type, values))
        if not kinds <= {str, int, bytes}:
            values = [_plain(value, place, first_row + row) for row, value in enumerate(values)]
            kinds = set(map(type, values))
        for kind in kinds:
            if self._kind is None:
                self._kind = kind
            if kind is not self._kind:
                row = next(row for row, value in enumerate(values) if type(value) is kind)
                raise CorpusTypeError(
                    f"{place}: {self._name} must be all strings or all integers, got {values[row]!r:.60} in row"
                    f" {first_row + row:,} after others; make all of them strings"
                )
        if "" in values:
            raise CorpusError(
                f"{place} must have a value in every row, got an empty string in row {first_row + values.index(''):,}"
            )
        return np.fromiter(map(self._numbers.__getitem__, values), np.int32, len(values))

    def names(self) -> Names:
        """The distinct values, by their numbers."""
        if self._kind is int:
            try:
                return np.array(list(self._numbers), np.int64)
            except OverflowError:
                raise CorpusTypeError(f"{self._name} must fit in 64 bits if they are integers") from None
        if self._kind is bytes:
            return [_decoded(value, self._name) for value in self._numbers]
        for value in self._numbers:
            if not value.isascii():
                _encoded(value, self._name)
        return list(self._numbers)


def _plain(value: Any, place: str, row: int) -> str | int:
    if isinstance(value, str):
        return str.__str__(value)
    if is_integer(value):
        return int(value)
    if is_missing(value):
        raise CorpusError(
            f"{place} must have a value in every row, got {value!r} in row {row:,}; leave such rows out, or fill in"
            " values"
        )
    raise CorpusTypeError(
        f"{place} must have strings or integers, got {value!r:.60} ({type(value).__name__}) in row {row:,}"
    )


def _decoded(value: bytes, name: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise EncodingError(f"{name} must be UTF-8, got {value[:60]!r} ({error.reason}); convert the file") from None


def _encoded(value: str, name: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise EncodingError(
            f"{name} must be valid UTF-8, got {value[:60]!r}; convert the file, or replace the lone surrogates"
        ) from None


def _blocks_of(values: Any, name: str) -> Iterator[tuple[int, list[Any]]]:
    """The number of the first row and the values of consecutive rows of a column in memory."""
    if isinstance(values, (str, bytes, dict, set, frozenset)):
        raise CorpusTypeError(f"{name} must be a column of strings or integers, got a {type(values).__name__}")
    table = read_table(values, name)
    if isinstance(table, ListColumn):
        raise CorpusTypeError(f"{name} must have a string or an integer in each row, got a column of lists")
    if isinstance(table, TextColumn):
        column = table.values
        if isinstance(column, MemoryColumn):
            for start in range(0, column.n_rows, _ROWS_AT_ONCE):
                yield start, list(column.block(start, min(start + _ROWS_AT_ONCE, column.n_rows)))
            return
        values = list(column)
    elif table is not None:
        values = table
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise ShapeError(f"{name} must have one dimension, got an array of shape {values.shape}")
        if values.dtype.kind not in "iuUTO":
            raise CorpusTypeError(f"{name} must have strings or integers, got an array of {values.dtype}")
    elif not isinstance(values, (list, tuple)):
        if not isinstance(values, Iterable):
            raise CorpusTypeError(f"{name} must be a column of strings or integers, got {type(values).__name__}")
        values = list(values)
    for start in range(0, len(values), _ROWS_AT_ONCE):
        block = values[start : start + _ROWS_AT_ONCE]
        yield start, block.tolist() if isinstance(block, np.ndarray) else list(block)


def _as_numbers(weights: Any) -> NDArray[np.float64]:
    try:
        array = np.asarray(weights)
        if array.dtype.kind == "O":
            array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise CorpusTypeError(f"weights must be a column of numbers without gaps, got others ({error})") from None
    if array.dtype.kind not in "iuf":
        raise CorpusTypeError(f"weights must be a column of numbers, got {array.dtype}")
    if array.ndim != 1:
        raise ShapeError(f"weights must have one dimension, got an array of shape {array.shape}")
    return array.astype(np.float64)


def _validate_weights(factors: NDArray[np.float64]) -> None:
    """Raise CorpusError unless weights are finite numbers of at least 0 in the range of float32."""
    is_valid = (factors >= 0) & (factors <= _LARGEST) & ((factors == 0) | (factors >= _SMALLEST))
    wrong = np.flatnonzero(~is_valid)
    if len(wrong):
        raise CorpusError(
            f"weights must be finite and at least 0, and have the range of float32, got {factors[wrong[0]]:g} for pair"
            f" {int(wrong[0]):,} (counted from 0); {len(wrong):,} weights are wrong"
        )


# ---- files


def _is_path(value: object) -> bool:
    return isinstance(value, (str, os.PathLike))


def _are_paths(value: object) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(map(_is_path, value))


def _refuse_columns(what: str, contexts: object, weights: object) -> None:
    for name, given in (("contexts", contexts), ("weights", weights)):
        if given is not None:
            raise ParameterError(f"{name} must be left out if words is {what}, got a {type(given).__name__}")


Read = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64] | None]


def _read_files(files: list[DataFile], titles: list[str] | None, first: _Numbering, second: _Numbering) -> Read:
    if titles is None:
        parts = [part for file in files for part in _text_parts(file, first, second)]
        with_weights = [part[2] is not None for part in parts]
        if any(with_weights) and not all(with_weights):
            raise FormatError("files of pairs must all have weights or all have none, got both; give the same columns")
    else:
        parts = [_table_part(file, titles, first, second) for file in files]
    if not parts:
        raise CorpusError(f"{files[0].path} must have at least one pair, got none")
    factors = None if parts[0][2] is None else np.concatenate([part[2] for part in parts if part[2] is not None])
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts]), factors


def _table_part(file: DataFile, titles: list[str], first: _Numbering, second: _Numbering) -> Read:
    columns = [file.column(title) for title in titles]  # every column is checked before the first one is read
    ids: list[NDArray[np.int32]] = []
    for numbering, column in zip((first, second), columns, strict=False):
        place = f"{file.path}, column {column.title!r}"
        blocks = [numbering.number(values, place, row) for row, values in column.values()]
        ids.append(np.concatenate([np.empty(0, np.int32), *blocks]))
    factors = None
    if len(columns) == 3:
        found = [as_weight(one, f"{file.path}, row {row + k:,}", titles[2]) for row, values in columns[2].values()
                 for k, one in enumerate(values)]  # fmt: skip
        factors = np.array(found, np.float64)
    return ids[0], ids[1], factors


def _text_parts(file: DataFile, first: _Numbering, second: _Numbering) -> Iterator[Read]:
    """The pairs of a text file, block by block of lines. Empty lines are left out."""
    name = str(file.path)
    if file.suffix in TABLE_FILES or (file.compression is None and file.head.lstrip()[:1] == b"{"):
        raise ParameterError(
            f"columns must name the columns of words and contexts in the table {name}, got none;"
            ' as in Pairs(path, columns=["user", "item"])'
        )
    n_fields = 0
    for start, lines in file.lines():
        with collector_paused():
            rows = [line.split() for line in lines]
        if rows and not n_fields:
            n_fields = next((len(row) for row in rows if row), 0)
        lengths = set(map(len, rows))
        if not lengths <= {0, n_fields} or (n_fields and n_fields not in (2, 3)):
            raise _wrong_line(name, start, rows, n_fields)
        if 0 in lengths:
            numbers = [row for row, fields in enumerate(rows) if fields]
            rows = [rows[row] for row in numbers]
        else:
            numbers = None
        if not rows:
            continue
        words, contexts, *rest = zip(*rows, strict=True)
        factors = None
        if rest:
            try:
                factors = np.array(list(map(float, rest[0])), np.float64)
            except ValueError:
                raise _wrong_weight(name, start, numbers, rest[0]) from None
        yield first.number(list(words), name, start), second.number(list(contexts), name, start), factors


def _wrong_line(name: str, start: int, rows: list[list[bytes]], n_fields: int) -> FormatError:
    if n_fields not in (2, 3):
        row = next(row for row, fields in enumerate(rows) if len(fields) == n_fields)
        wanted = "a word, a context and perhaps a weight, separated by white space"
    else:
        row = next(row for row, fields in enumerate(rows) if len(fields) not in (0, n_fields))
        wanted = f"{n_fields} fields, as the first line has"
    return FormatError(f"{name}, line {start + row:,}: a pair must have {wanted}, got {len(rows[row])} fields")


def _wrong_weight(name: str, start: int, numbers: list[int] | None, weights: tuple[bytes, ...]) -> FormatError:
    for row, text in enumerate(weights):
        try:
            float(text)
        except ValueError:
            line = start + (row if numbers is None else numbers[row])
            shown = text[:60].decode(errors="replace")
            return FormatError(f"{name}, line {line:,}: the third field must be a weight, got {shown!r}")
    raise AssertionError("unreachable")


__all__ = ["Names", "Pairs"]
