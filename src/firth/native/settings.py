"""Room native: the settings of a run: a struct that is made from the native library's table of fields.

The only list of the fields is in native/cpp/model/settings.hpp. The library exports name, type, offset and size of each
field. The ctypes structure is made from this table, and the layouts are compared. The caller must give a value of the
right type for every field.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import NativeError

_SCALARS: dict[str, Any] = {
    "int32": ctypes.c_int32,
    "int64": ctypes.c_int64,
    "uint64": ctypes.c_uint64,
    "float64": ctypes.c_double,
}
SIDE_ANSWERS = (
    "stretch_tokens",
    "noise_sets",
    "joined_windows",
    "takes_parts",
    "draws_negatives",
)  # native/cpp/objectives/objectives.hpp
ALIAS_COLUMN = np.dtype([("threshold", np.uint32), ("alias", np.int32)])
_ELEMENTS: dict[str, tuple[np.dtype[Any], ...]] = {
    "uint8*": (np.dtype(np.uint8),),
    "int32*": (np.dtype(np.int32),),
    "uint32*": (np.dtype(np.uint32),),
    "int64*": (np.dtype(np.int64),),
    "uint64*": (np.dtype(np.uint64),),
    "float32*": (np.dtype(np.float32),),
    "alias*": (ALIAS_COLUMN,),
    "real*": (np.dtype(np.float32), np.dtype(np.float64)),
}


@dataclass(frozen=True)
class Field:
    """A field of the native library. A type that ends in a star is an array or None."""

    name: str
    type: str
    offset: int
    size: int


@dataclass(frozen=True)
class RowMatrix:
    """A matrix of rows that training updates: the values of the fields ``input.*`` or ``output.*``.

    Attributes
    ----------
    rows : float32 or float64 array, (n_rows, stride)
        The first ``dims`` columns are used and the others are 0.
    frozen : uint8 array, (n_rows,), or None
        1 for rows that training does not change.
    touches : float32 array, (n_rows,), or None
        How often one token touches each row, on average.
    touches_from_last : bool
        Whether the last row is touched most; otherwise the first row.
    """

    rows: NDArray[Any]
    frozen: NDArray[np.uint8] | None = None
    touches: NDArray[np.float32] | None = None
    touches_from_last: bool = False

    def __post_init__(self) -> None:
        for name in ("frozen", "touches"):
            values = getattr(self, name)
            if values is not None and values.shape != (len(self.rows),):
                raise NativeError(
                    f"{name} of a matrix must have a value for each of its {len(self.rows)} rows, got an array of shape"
                    f" {values.shape}"
                )

    def fields(self) -> dict[str, Any]:
        """The value of each native field."""
        n_rows, stride = self.rows.shape
        return {
            "rows": self.rows,
            "n_rows": n_rows,
            "stride": stride,
            "frozen": self.frozen,
            "touches": self.touches,
            "touches_from_last": int(self.touches_from_last),
        }


class _NativeField(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_char_p),
        ("offset", ctypes.c_int64),
        ("size", ctypes.c_int64),
    ]


class _NativeChoice(ctypes.Structure):
    _fields_ = [("parameter", ctypes.c_char_p), ("word", ctypes.c_char_p), ("code", ctypes.c_int64)]


class _NativeSide(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), *((name, ctypes.c_int64) for name in SIDE_ANSWERS)]


@dataclass(frozen=True)
class SettingsTable:
    """The description that a library exports of its settings.

    Attributes
    ----------
    fields : mapping of name to field, in order
    structure : ctypes structure made from the fields
    choices : mapping of parameter to codes by word
    sides : mapping of ``"architecture"`` and ``"loss"`` to the library's sides by name, in the order of their codes
        The values are the native properties of the side, ``SIDE_ANSWERS``; a property of the other kind of side is 0.
    sources : tuple of names
        The library's sources of examples, in the order of their codes.
    """

    fields: Mapping[str, Field]
    structure: type[ctypes.Structure]
    choices: Mapping[str, Mapping[str, int]]
    sides: Mapping[str, Mapping[str, Mapping[str, int]]]
    sources: tuple[str, ...]

    @classmethod
    def of(cls, library: ctypes.CDLL) -> SettingsTable:
        """The table that a library exports.

        Raises
        ------
        NativeError
            A field has a type that Python does not know, or another offset or size than ctypes gives it.
        """
        return _read_table(library)

    def validate_parameters(self, types: Mapping[str, str], choices: Mapping[str, tuple[str, ...]]) -> None:
        """Compare the parameters of the Python code with the library's fields and codes of words.

        Parameters
        ----------
        types : mapping of parameter to the type that its field must have
        choices : mapping of parameter to words; the code of a word is its index

        Raises
        ------
        NativeError
            Names the field that is missing or differs.
        """
        for name, kind in types.items():
            field = self.fields.get(name)
            if field is None:
                raise NativeError(f"the native library has no field for the parameter {name}; {_REINSTALL}")
            if field.type != kind:
                raise NativeError(
                    f"the field {name} has the type {field.type} in the native library and {kind} in Python;"
                    f" {_REINSTALL}"
                )
        for name, codes in self.choices.items():
            words = choices.get(name, ())
            if codes != {word: code for code, word in enumerate(words)}:
                raise NativeError(
                    f"the words of {name} are {dict(codes)} in the native library and {list(words)} in Python;"
                    f" {_REINSTALL}"
                )

    def find_side(self, parameter: str, name: str, answers: Mapping[str, int]) -> int:
        """The code of a side. Its native properties must equal its properties in Python.

        Raises
        ------
        NativeError
            The library lacks the side, or the two differ.
        """
        sides = self.sides[parameter]
        if name not in sides:
            raise NativeError(
                f"{parameter} must be one of the native library's sides {', '.join(sides)}, got {name!r}; build the"
                " library with the side's header (CMake's FIRTH_EXTRA_SIDES)"
            )
        for question, answer in answers.items():
            if sides[name][question] != answer:
                raise NativeError(
                    f"{question} of {parameter}={name!r} is {sides[name][question]} in the native library and {answer}"
                    f" in Python; {_REINSTALL}"
                )
        return list(sides).index(name)

    def find_source(self, name: str) -> int:
        """The code of a source of examples.

        Raises
        ------
        NativeError
            The library lacks the source.
        """
        if name not in self.sources:
            raise NativeError(
                f"source must be one of the native library's sources of examples {', '.join(self.sources)}, got"
                f" {name!r}; build the library with the source's header (CMake's FIRTH_EXTRA_SOURCES)"
            )
        return self.sources.index(name)


_REINSTALL = "reinstall firth so that both come from one build"


class Settings:
    """A filled struct; keeps the arrays alive that it points to. Its fields are read as attributes, and not written.

    A :class:`RowMatrix` is the value of all fields whose names begin with its own name and a dot.
    """

    __slots__ = ("_table", "_values", "struct")

    def __init__(self, table: SettingsTable, values: Mapping[str, Any]) -> None:
        of_fields = dict(_field_values(values))
        for name in of_fields:
            if name not in table.fields:
                raise NativeError(f"the native library has no field {name} of the settings; {_REINSTALL}")
        for name in table.fields:
            if name not in of_fields:
                raise NativeError(f"the field {name} of the native settings has no value; {_REINSTALL}")
        self._table = table
        self._values = dict(values)
        self.struct = table.structure()
        for name, value in of_fields.items():
            setattr(self.struct, name, _as_native(table.fields[name], value))

    def replace(self, **changes: Any) -> Settings:
        """A copy of the settings with other values of some fields."""
        return Settings(self._table, {**self._values, **changes})

    def __getattr__(self, name: str) -> Any:
        values = object.__getattribute__(self, "_values")
        if name not in values:
            raise AttributeError(f"the native settings have no field {name}")
        return values[name]


def _field_values(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values by field, with a separate entry for each field of a matrix."""
    for name, value in values.items():
        if isinstance(value, RowMatrix):
            yield from ((f"{name}.{member}", one) for member, one in value.fields().items())
        else:
            yield name, value


def _as_native(field: Field, value: Any) -> Any:
    elements = _ELEMENTS.get(field.type)
    if elements is None:
        return value  # ctypes refuses a number of another type
    if value is None:
        return None
    array: NDArray[Any] = value
    if array.dtype not in elements or not array.flags.c_contiguous:
        raise NativeError(
            f"the field {field.name} must be a C-contiguous array of type {field.type},"
            f" got {array.dtype} with strides {array.strides}"
        )
    return array.ctypes.data


@functools.cache
def _read_table(library: ctypes.CDLL) -> SettingsTable:
    library.firth_settings_field.restype = ctypes.c_int64
    library.firth_settings_field.argtypes = [ctypes.c_int64, ctypes.POINTER(_NativeField)]
    library.firth_choice.restype = ctypes.c_int64
    library.firth_choice.argtypes = [ctypes.c_int64, ctypes.POINTER(_NativeChoice)]
    fields: list[Field] = []
    total = 0
    native = _NativeField()
    while size := library.firth_settings_field(len(fields), native):
        total = size
        fields.append(Field(native.name.decode(), native.type.decode(), native.offset, native.size))
    choices: dict[str, dict[str, int]] = {}
    choice = _NativeChoice()
    index = 0
    while library.firth_choice(index, choice):
        choices.setdefault(choice.parameter.decode(), {})[choice.word.decode()] = choice.code
        index += 1
    sides: dict[str, dict[str, dict[str, int]]] = {"architecture": {}, "loss": {}}
    for parameter, name in (("architecture", "firth_input_side"), ("loss", "firth_output_side")):
        function = getattr(library, name)
        function.restype = ctypes.c_int64
        function.argtypes = [ctypes.c_int64, ctypes.POINTER(_NativeSide)]
        side = _NativeSide()
        while function(len(sides[parameter]), side):
            sides[parameter][side.name.decode()] = {question: getattr(side, question) for question in SIDE_ANSWERS}
    library.firth_source.restype = ctypes.c_int64
    library.firth_source.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p)]
    sources: list[str] = []
    source = ctypes.c_char_p()
    while library.firth_source(len(sources), source):
        assert source.value is not None
        sources.append(source.value.decode())
    structure = make_structure(fields, total)
    return SettingsTable({field.name: field for field in fields}, structure, choices, sides, tuple(sources))


def make_structure(fields: list[Field], size: int) -> type[ctypes.Structure]:
    """Make the ctypes structure of a table of fields, and compare its layout with the table.

    Raises
    ------
    NativeError
        Names the first field that has an unknown type, or another offset or size.
    """
    kinds = []
    for field in fields:
        kind = ctypes.c_void_p if field.type in _ELEMENTS else _SCALARS.get(field.type)
        if kind is None:
            raise NativeError(
                f"the field {field.name} of the native settings has the type {field.type}, which this Python code does"
                f" not know; {_REINSTALL}"
            )
        kinds.append((field.name, kind))
    structure = type("SettingsStruct", (ctypes.Structure,), {"_fields_": kinds, "__slots__": ()})
    for field in fields:
        member = getattr(structure, field.name)
        if (member.offset, member.size) != (field.offset, field.size):
            raise NativeError(
                f"the field {field.name} of the native settings is at byte {field.offset} with {field.size} bytes in"
                f" the library, and at {member.offset} with {member.size} in Python; {_REINSTALL}"
            )
    if ctypes.sizeof(structure) != size:
        raise NativeError(
            f"the native settings have {size} bytes in the library and {ctypes.sizeof(structure)} in Python;"
            f" {_REINSTALL}"
        )
    return structure


__all__ = ["ALIAS_COLUMN", "SIDE_ANSWERS", "Field", "RowMatrix", "Settings", "SettingsTable", "make_structure"]
