"""Room native: reads tables in memory by the Arrow C data interface and the PyCapsule interface, without PyArrow.

An object of any library gives its data by ``__arrow_c_array__`` or ``__arrow_c_stream__`` [1]. The buffers are read
where they are. Their sizes are not known, so a damaged array is an error only if its own numbers contradict each other.

Tests: tests/corpus/test_arrow_memory.py.

References
----------
[1] Apache Arrow, The Arrow C data interface, The Arrow C stream interface, The Arrow PyCapsule interface (2023).
"""

from __future__ import annotations

import ctypes
import itertools
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError


class _Schema(ctypes.Structure):
    pass


_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
    ("dictionary", ctypes.POINTER(_Schema)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Schema))),
    ("private_data", ctypes.c_void_p),
]


class _Array(ctypes.Structure):
    pass


_Array._fields_ = [
    *((name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.POINTER(_Array)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))),
    ("private_data", ctypes.c_void_p),
]


class _Stream(ctypes.Structure):
    pass


_Stream._fields_ = [
    ("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Schema))),
    ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Array))),
    ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(_Stream))),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Stream))),
    ("private_data", ctypes.c_void_p),
]

_STRINGS = {"u": 4, "U": 8, "vu": 0}  # format -> bytes of an offset; 0: views
_INTEGERS = {
    code: np.dtype(name)
    for code, name in zip("cCsSiIlL", ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"), strict=True)
}
_FLOATS: dict[str, np.dtype[Any]] = {"f": np.dtype("f4"), "g": np.dtype("f8")}
_LISTS = {"+l": np.dtype("i4"), "+L": np.dtype("i8")}
_NAMES = {
    "u": "string",
    "U": "large_string",
    "vu": "string_view",
    "n": "null",
    "b": "bool",
    "z": "binary",
    "g": "double",
}


class StringColumn(ctypes.Structure):
    """An Arrow column of strings, in the order of ``cpp/text/rows.hpp``."""

    _fields_ = [
        ("offset_bytes", ctypes.c_int64),
        ("offsets", ctypes.c_void_p),
        ("bytes", ctypes.c_void_p),
        ("n_bytes", ctypes.c_int64),
        ("parts", ctypes.c_void_p),
        ("part_bytes", ctypes.c_void_p),
        ("n_parts", ctypes.c_int64),
        ("valid", ctypes.c_void_p),
        ("first", ctypes.c_int64),
        ("n_values", ctypes.c_int64),
        ("indices", ctypes.c_void_p),
        ("index_bytes", ctypes.c_int64),
        ("is_signed", ctypes.c_int64),
        ("index_valid", ctypes.c_void_p),
        ("index_first", ctypes.c_int64),
        ("n_rows", ctypes.c_int64),
    ]


class DamagedArrowError(CorpusError):
    """The numbers of an Arrow array contradict each other, or a stream reports an error."""


@dataclass(frozen=True)
class UnreadValue:
    """A value of a type that is neither text nor integer nor a list of these."""

    type_name: str

    def __repr__(self) -> str:
        return f"a value of the type {self.type_name}"


@dataclass(frozen=True)
class ArrowType:
    """The type of a column: Arrow's format string, and the types of a list's items or of a dictionary's values."""

    format: str
    name: str
    children: tuple[ArrowType, ...] = ()
    values: ArrowType | None = None  # of a dictionary

    @property
    def is_strings(self) -> bool:
        return (self.format if self.values is None else self.values.format) in _STRINGS

    @property
    def is_integers(self) -> bool:
        return self.values is None and self.format in _INTEGERS

    @property
    def is_lists(self) -> bool:
        """Whether the rows are lists of strings or of integers."""
        if self.values is not None or not (self.format in _LISTS or self.format.startswith("+w:")):
            return False
        return self.children[0].is_strings or self.children[0].is_integers

    def __str__(self) -> str:
        if self.values is not None:
            return f"dictionary of {self.values}"
        if self.format in _INTEGERS:
            return f"{_INTEGERS[self.format]}"
        if self.format[:2] in (*_LISTS, "+w", "+v"):
            return f"list of {self.children[0]}"
        return "struct" if self.format == "+s" else _NAMES.get(self.format, f"Arrow format {self.format!r}")


@dataclass(frozen=True)
class ArrowArray:
    """A column of an Arrow table, or a slice of it: the rows [first, first + n_rows) of its buffers."""

    type: ArrowType
    _native: Any = field(repr=False)
    _owner: Any = field(repr=False)  # keeps the buffers
    first: int
    n_rows: int

    def __len__(self) -> int:
        return self.n_rows

    def slice(self, start: int, n_rows: int | None = None) -> ArrowArray:
        start = min(start, self.n_rows)
        n_rows = self.n_rows - start if n_rows is None else min(n_rows, self.n_rows - start)
        return ArrowArray(self.type, self._native, self._owner, self.first + start, n_rows)

    @property
    def null_count(self) -> int:
        """Number of rows without a value, also where a dictionary's value is missing."""
        if self.type.format == "n":
            return self.n_rows
        own = 0 if self._native.null_count == 0 else self.n_rows - int(np.count_nonzero(self._valid()))
        if self.type.values is None:
            return own
        values = self._dictionary()
        if values._native.null_count == 0:
            return own
        return int(np.count_nonzero(self._valid() & ~values._valid()[self._plain_integers() * self._valid()])) + own

    @property
    def nbytes(self) -> int:
        """Bytes of the text, an estimate for dictionaries; of other columns, eight bytes a row."""
        if self.type.format in ("u", "U") and self.n_rows:
            offsets = self._offsets()
            return int(offsets[-1]) - int(offsets[0])
        if self.type.format == "vu":
            views = self._buffer(1, np.dtype("i4"), 4 * self.first, 4 * self.n_rows)
            return int(views[::4].sum(dtype=np.int64))
        if self.type.values is not None:
            values = self._dictionary()
            return values.nbytes * self.n_rows // max(1, len(values))
        return 8 * self.n_rows

    def children(self) -> list[ArrowArray]:
        """The columns of a record batch."""
        return [
            ArrowArray(kind, child.contents, self._owner, child.contents.offset + self.first, self.n_rows)
            for kind, child in zip(self.type.children, self._native.children[: self._native.n_children], strict=True)
        ]

    def to_pylist(self) -> list[Any]:
        """The rows as Python values: strings, integers, floats, lists, None; ``UnreadValue`` for other types."""
        if self.type.format == "n":
            return [None] * self.n_rows
        rows: list[Any]
        if self.type.values is not None:
            words, valid = self._dictionary().to_pylist(), self._valid()
            rows = (
                [words[index] for index in (self._plain_integers() * valid).tolist()] if words else [None] * len(self)
            )
        elif self.type.format in _STRINGS:
            rows = self._texts()
        elif self.type.is_integers:
            rows = self._plain_integers().tolist()
        elif self.type.format in _FLOATS:
            rows = self._buffer(1, _FLOATS[self.type.format], self.first, self.n_rows).tolist()
        elif self.type.is_lists:
            rows = self._list_rows()
        else:
            rows = [UnreadValue(str(self.type))] * self.n_rows
        if self._native.null_count != 0:
            rows = [row if is_valid else None for row, is_valid in zip(rows, self._valid().tolist(), strict=True)]
        return rows

    def integers(self) -> NDArray[Any]:
        """The rows of a column of integers."""
        return self._plain_integers().copy()

    def column(self) -> tuple[StringColumn, list[Any]]:
        """The rows of a column of strings, for the native counter, and what must be kept while it is used."""
        found = StringColumn(n_rows=self.n_rows)
        kept: list[Any] = [self]
        values = self
        if self.type.values is not None:
            values = self._dictionary()
            found.indices, found.index_first = self._native.buffers[1], self.first
            found.index_bytes = _INTEGERS[self.type.format].itemsize
            found.is_signed = _INTEGERS[self.type.format].kind == "i"
            found.index_valid = None if self._native.null_count == 0 else self._native.buffers[0]
        native, kind = values._native, values.type.format
        found.offset_bytes, found.offsets, found.first = _STRINGS[kind], native.buffers[1], values.first
        found.n_values = len(values)
        found.valid = None if native.null_count == 0 else native.buffers[0]
        if kind == "vu":
            n_parts = native.n_buffers - 3
            sizes = ctypes.cast(native.buffers[n_parts + 2], ctypes.POINTER(ctypes.c_int64))
            parts = (ctypes.c_void_p * n_parts)(*(native.buffers[2 + i] for i in range(n_parts)))
            found.parts, found.n_parts = ctypes.cast(parts, ctypes.c_void_p), n_parts
            found.part_bytes = ctypes.cast(sizes, ctypes.c_void_p) if n_parts else None
            kept += [parts, sizes]
        else:
            found.bytes = native.buffers[2]
            # the size of the buffer is not passed; the last offset of the whole array is what it must have
            ends = values._whole_offsets()
            found.n_bytes = int(ends[-1]) if len(ends) else 0
        return found, kept

    # ---- buffers

    def _buffer(self, number: int, dtype: np.dtype[Any], start: int, n_items: int) -> NDArray[Any]:
        if n_items == 0:
            return np.empty(0, dtype)
        address = self._native.buffers[number]
        if not address:
            raise DamagedArrowError(f"a buffer of {n_items} rows is missing")
        size = n_items * dtype.itemsize
        data: Any = (ctypes.c_char * size).from_address(address + start * dtype.itemsize)
        found: NDArray[Any] = np.frombuffer(data, dtype, n_items)
        return found

    def _valid(self) -> NDArray[np.bool_]:
        """Whether each row has a value."""
        if self._native.null_count == 0 or not self._native.buffers[0]:
            return np.ones(self.n_rows, np.bool_)
        begin = self.first // 8
        bits = self._buffer(0, np.dtype("u1"), begin, (self.first + self.n_rows + 7) // 8 - begin)
        found = np.unpackbits(bits, bitorder="little")[self.first - 8 * begin :][: self.n_rows]
        return found.astype(np.bool_)

    def _offset_type(self) -> np.dtype[Any]:
        return np.dtype("i8") if self.type.format in ("U", "+L") else np.dtype("i4")

    def _offsets(self) -> NDArray[Any]:
        return (
            self._buffer(1, self._offset_type(), self.first, self.n_rows + 1) if self.n_rows else np.zeros(1, np.int64)
        )

    def _whole_offsets(self) -> NDArray[Any]:
        n_rows = self._native.offset + self._native.length
        return self._buffer(1, self._offset_type(), n_rows, 1) if n_rows else np.empty(0, np.int64)

    def _plain_integers(self) -> NDArray[Any]:
        return self._buffer(1, _INTEGERS[self.type.format], self.first, self.n_rows)

    def _dictionary(self) -> ArrowArray:
        native = self._native.dictionary.contents
        assert self.type.values is not None
        return ArrowArray(self.type.values, native, self._owner, native.offset, native.length)

    def _texts(self) -> list[str]:
        if self.type.format == "vu":
            return self._view_texts()
        offsets = self._offsets()
        first = int(offsets[0])
        if first < 0 or np.any(np.diff(offsets) < 0):
            raise DamagedArrowError("an offset is outside the text")
        data = bytes(self._buffer(2, np.dtype("u1"), first, int(offsets[-1]) - first)) if self.n_rows else b""
        ends = (offsets - first).tolist()
        return [data[begin:end].decode("utf-8", "surrogateescape") for begin, end in itertools.pairwise(ends)]

    def _view_texts(self) -> list[str]:
        views = bytes(self._buffer(1, np.dtype("u1"), 16 * self.first, 16 * self.n_rows))
        n_parts = self._native.n_buffers - 3
        sizes = ctypes.cast(self._native.buffers[n_parts + 2], ctypes.POINTER(ctypes.c_int64))
        texts = []
        for place, is_valid in zip(range(0, len(views), 16), self._valid().tolist(), strict=True):
            length = int.from_bytes(views[place : place + 4], "little")
            if not is_valid:
                data = b""
            elif length <= 12:
                data = views[place + 4 : place + 4 + length]
            else:
                part, at = (int.from_bytes(views[place + i : place + i + 4], "little") for i in (8, 12))
                if part >= n_parts or at + length > sizes[part]:
                    raise DamagedArrowError("a view is outside the text")
                data = ctypes.string_at(self._native.buffers[2 + part] + at, length)
            texts.append(data.decode("utf-8", "surrogateescape"))
        return texts

    def _list_rows(self) -> list[Any]:
        native = self._native.children[0].contents
        if self.type.format.startswith("+w:"):
            width = int(self.type.format[3:])
            offsets = width * np.arange(self.first, self.first + self.n_rows + 1)
        else:
            offsets = self._offsets()
        if np.any(np.diff(offsets) < 0) or int(offsets[0]) < 0 or int(offsets[-1]) > native.length:
            raise DamagedArrowError("an offset is outside the items of the lists")
        first = int(offsets[0])
        items = ArrowArray(self.type.children[0], native, self._owner, native.offset + first, int(offsets[-1]) - first)
        values = items.to_pylist()
        ends = (offsets - first).tolist()
        return [values[begin:end] for begin, end in itertools.pairwise(ends)]


def has_arrow(value: object) -> bool:
    """Whether an object has the Arrow PyCapsule interface."""
    return hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")


def arrow_chunks(value: Any) -> tuple[ArrowType, list[ArrowArray]]:
    """The type and the chunks of a table or a column in memory. The chunks of a table are record batches.

    Raises
    ------
    DamagedArrowError
    """
    if hasattr(value, "__arrow_c_stream__"):
        capsule = value.__arrow_c_stream__()
        stream = _Stream.from_address(_pointer(capsule, b"arrow_array_stream"))
        kind = _type_of_stream(stream)
        return kind, list(_chunks_of(stream, kind, capsule))
    schema_capsule, array_capsule = value.__arrow_c_array__()
    schema = _Schema.from_address(_pointer(schema_capsule, b"arrow_schema"))
    array = _Array.from_address(_pointer(array_capsule, b"arrow_array"))
    kind = _read_type(schema)
    return kind, [_checked(ArrowArray(kind, array, array_capsule, array.offset, array.length))]


def _type_of_stream(stream: _Stream) -> ArrowType:
    schema = _Schema()
    status = stream.get_schema(ctypes.byref(stream), ctypes.byref(schema))
    if status != 0:
        raise DamagedArrowError(_stream_error(stream, status))
    try:
        return _read_type(schema)
    finally:
        if schema.release:
            schema.release(ctypes.byref(schema))


def _chunks_of(stream: _Stream, kind: ArrowType, capsule: Any) -> Iterator[ArrowArray]:
    while True:
        array = _Array()
        status = stream.get_next(ctypes.byref(stream), ctypes.byref(array))
        if status != 0:
            raise DamagedArrowError(_stream_error(stream, status))
        if not array.release:
            return
        owner = _Owner(array, capsule)
        yield _checked(ArrowArray(kind, array, owner, array.offset, array.length))


class _Owner:
    """Releases an array when nothing uses it."""

    def __init__(self, array: _Array, capsule: Any) -> None:
        self._capsule = capsule
        weakref.finalize(self, _release, array)


def _release(array: _Array) -> None:
    if array.release:
        array.release(ctypes.byref(array))


def _stream_error(stream: _Stream, status: int) -> str:
    message = stream.get_last_error(ctypes.byref(stream))
    return message.decode("utf-8", "replace") if message else f"the stream failed with the number {status}"


def _checked(array: ArrowArray) -> ArrowArray:
    """The array, if it and its children have as many buffers as their types say."""
    _check(array.type, array._native)
    return array


def _check(kind: ArrowType, native: Any) -> None:
    code = kind.format
    n_buffers = 0
    if kind.values is not None or code in _INTEGERS or code in _FLOATS or code in _LISTS:
        n_buffers = 2
    elif code in _STRINGS:
        n_buffers = 3
    is_whole = native.length >= 0 and native.offset >= 0 and native.n_children == len(kind.children)
    if not is_whole or native.n_buffers < n_buffers or (kind.values is not None) != bool(native.dictionary):
        raise DamagedArrowError(f"an array of the type {kind} has {native.n_buffers} buffers and {native.length} rows")
    for child, part in zip(kind.children, native.children[: native.n_children], strict=True):
        _check(child, part.contents)
    if kind.values is not None:
        _check(kind.values, native.dictionary.contents)


def _read_type(schema: Any) -> ArrowType:
    children = tuple(_read_type(schema.children[i].contents) for i in range(schema.n_children))
    values = _read_type(schema.dictionary.contents) if schema.dictionary else None
    return ArrowType(schema.format.decode(), (schema.name or b"").decode("utf-8", "replace"), children, values)


def _pointer(capsule: Any, name: bytes) -> int:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.argtypes, get.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
    address: int = get(capsule, name)
    return address


__all__ = ["ArrowArray", "ArrowType", "DamagedArrowError", "StringColumn", "UnreadValue", "arrow_chunks", "has_arrow"]
