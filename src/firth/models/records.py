"""Room models: reads records of numbers and texts from JSON, and checks each value against the type of its field.

Tests: tests/bad_files/test_json_leaves.py.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from firth.base.json_file import as_object, describe_json

Record = TypeVar("Record")


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


# annotation of a field: a function that checks a value, and the name of the type for messages
_TYPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "int": (_is_count, "a whole number from 0 to 2^63 - 1"),
    "float": (lambda value: _is_number(value) or (type(value) is float and math.isnan(value)), "a number"),
    "float | None": (lambda value: value is None or _is_number(value), "a number or null"),
    "str": (lambda value: isinstance(value, str), "a text"),
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "list[str]": (
        lambda value: isinstance(value, list) and all(isinstance(text, str) for text in value),
        "a list of texts",
    ),
}


def read_record(kind: type[Record], values: object, name: str, **given: Any) -> Record:
    """Make a dataclass of numbers and texts from a JSON object.

    Parameters
    ----------
    kind : dataclass
    values : object
        The value that was read from JSON.
    name : str
        The name of the object in its file, for the error.
    given
        Fields of other types, made by the caller.

    Raises
    ------
    ValueError
        A field is missing, unknown, or of another type. The caller adds the name of the file.
    """
    numbers = dict(as_object(values, name))
    fields = {field.name: field for field in dataclasses.fields(kind) if field.name not in given}  # type: ignore[arg-type]
    for key, value in numbers.items():
        if key not in fields:
            raise ValueError(f"{name} must not hold {key[:60]!r}")
        is_valid, what = _TYPES[str(fields[key].type)]
        if not is_valid(value):
            raise ValueError(f"{name}.{key} must be {what}, got {describe_json(value)}")
    for key, field in fields.items():
        if key not in numbers and field.default is field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{name} must hold {key!r}")
    return kind(**numbers, **given)


def as_list(values: object, name: str) -> list[Any]:
    """Return the value if it is a list, else raise ValueError."""
    if not isinstance(values, list):
        raise ValueError(f"{name} must be a list, got {describe_json(values)}")
    return values


def require(values: Mapping[str, Any], key: str, name: str) -> Any:
    """Return the value of a key; raise ValueError if the key is missing."""
    if key not in values:
        raise ValueError(f"{name} must hold {key!r}")
    return values[key]


__all__ = ["as_list", "read_record", "require"]
