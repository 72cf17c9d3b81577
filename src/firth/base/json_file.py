"""Room base: reads JSON from untrusted files and refuses values that firth cannot use.

The result has no repeated keys, no number beyond 64 bits or float64, no NaN, and no text that UTF-8 cannot encode. Each
of these would otherwise raise an error of Python later, without the name of the file.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

from firth.base.files import read_own_file, read_regular
from firth.errors import FormatError, StorageError

MAX_JSON_BYTES = 16 << 20
_MAX_INTEGER = 2**64 - 1  # the largest seed
_MAX_DEPTH = (
    32  # firth's own files have a depth of 4; printing a much deeper value could exceed Python's recursion limit
)
_SHOWN_CHARS = 60


def parse_json_object(data: bytes, path: Path) -> dict[str, Any]:
    """Parse a JSON text that is an object.

    Raises
    ------
    FormatError
        The text is not such JSON; the message names the file.
    """
    try:
        text = data.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_bounded_integer,
            parse_float=_finite_number,
        )
        _refuse_depth(value)
        if "\\u" in text:  # an escape can be a lone surrogate
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise FormatError(f"{path}: no valid JSON: it is nested too deeply") from None
    except ValueError as error:  # UnicodeDecodeError and UnicodeEncodeError are two
        raise FormatError(f"{path}: no valid JSON ({error!s:.200})") from None
    if not isinstance(value, dict):
        raise FormatError(f"{path}: the JSON must be an object, got {describe_json(value)}")
    return cast("dict[str, Any]", value)


def read_json_object(path: Path, *, missing: str, damaged: str = "") -> dict[str, Any]:
    """Read a JSON object from a regular file.

    Parameters
    ----------
    path : Path
    missing : str
        The message if there is no such file.
    damaged : str
        Advice that is added to the message if the file is not a JSON object.

    Raises
    ------
    StorageError
        The file is missing, cannot be read, or is not a regular file.
    FormatError
        The file is too large, or is not a JSON object.
    """
    try:
        data = read_regular(path, MAX_JSON_BYTES + 1)
        if len(data) > MAX_JSON_BYTES:
            raise FormatError(f"{path}: larger than {MAX_JSON_BYTES} bytes")
        return parse_json_object(data, path)
    except FormatError as error:
        raise FormatError(f"{error}{damaged and '; '}{damaged}") from None
    except StorageError:
        raise
    except FileNotFoundError:
        raise StorageError(missing) from None
    except OSError as error:
        raise StorageError(error.errno, f"{path} cannot be read: {error.strerror or error}") from error


def read_own_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file that firth may have written; None if there is no file, a link, or no JSON object."""
    data = read_own_file(path, MAX_JSON_BYTES + 1)
    if data is None or len(data) > MAX_JSON_BYTES:
        return None
    try:
        return parse_json_object(data, path)
    except FormatError:
        return None


def describe_json(value: object) -> str:
    """A short description of a value, for a message; a list or an object is not printed in full."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str) and len(value) > _SHOWN_CHARS:
        return repr(value[:_SHOWN_CHARS]) + "..."
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return repr(value)


def as_object(value: object, name: str) -> Mapping[str, Any]:
    """Return the value if it is an object, else raise ValueError; the caller adds the name of the file."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be an object, got {describe_json(value)}")
    return value


def as_text(value: object, name: str) -> str:
    """Return the value if it is a text, else raise ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, got {describe_json(value)}")
    return value


def json_digest(value: Any) -> str:
    """SHA-256 of a value of JSON, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _refuse_depth(value: object) -> None:
    """Raise ValueError if containers are nested too deeply. Goes level by level, without recursion."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            child
            for outer in level
            for child in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise ValueError(f"it is nested more than {_MAX_DEPTH} deep")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return keys


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _bounded_integer(digits: str) -> int:
    number = int(digits) if len(digits) <= 24 else _MAX_INTEGER + 1
    if not -(2**63) <= number <= _MAX_INTEGER:
        raise ValueError("a whole number takes more than 64 bits")
    return number


def _finite_number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is beyond float64")
    return number


__all__ = [
    "MAX_JSON_BYTES",
    "as_object",
    "as_text",
    "describe_json",
    "parse_json_object",
    "read_json_object",
    "read_own_json",
]
