"""Room formats: values that the reader of pickles makes besides plain ones: names, records, and arrays as raw bytes.

Tests: tests/formats/test_gensim_native.py.
"""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError

_ARRAY_TYPE = re.compile(r"f[248]|[iu][1248]|b1")


@dataclass(frozen=True)
class Name:
    """A class or function that a pickle names; never imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)  # comparing two values that a file describes may take for ever
class Record:
    """An object whose class is not imported: the name of the class, and the saved attributes, items and arguments."""

    kind: Name
    state: dict[Any, Any] = field(default_factory=dict)
    items: dict[Any, Any] = field(default_factory=dict)
    arguments: tuple[Any, ...] = ()


@dataclass(eq=False)
class PickledType:
    """A NumPy dtype in a pickle: its code (``f4``) and its byte order."""

    code: str
    order: str = "="


@dataclass(eq=False)
class PickledArray:
    """A NumPy array in a pickle, not yet checked. `to_array` checks it and makes an array."""

    shape: object = None
    dtype: object = None
    fortran_order: bool = False
    data: object = None


def to_text(kind: PickledType, data: object, what: str) -> str:
    """Make the text of a pickled NumPy string: UTF-32, of which NumPy leaves out zeros at the end.

    Programs that take words out of an array of NumPy's have such keys, and gensim saves them.

    Raises
    ------
    FormatError
        The bytes are not UTF-32, or not as many as the type says.
    """
    if not isinstance(data, bytes) or kind.code != f"U{len(data) // 4}" or len(data) % 4:
        raise FormatError(f"{what}: the bytes of a NumPy string do not fit its type {kind.code[:40]!r}")
    big = kind.order == ">" or (kind.order not in "<>" and sys.byteorder == "big")
    try:
        return data.decode("utf-32-be" if big else "utf-32-le").rstrip("\0")
    except UnicodeDecodeError:
        raise FormatError(f"{what}: the bytes of a NumPy string are not UTF-32") from None


def to_array(value: object, kinds: str, what: str) -> NDArray[Any]:
    """Make an array from a pickled one.

    Parameters
    ----------
    value : object
    kinds : str
        The letters of the allowed NumPy types, such as ``"fiu"``.
    what : str
        What the value is, for error messages.

    Raises
    ------
    FormatError
        The value is not an array, its type is not allowed, or its bytes do not fit its shape.
    """
    if not isinstance(value, PickledArray):
        raise FormatError(f"{what}: must be an array, got {type(value).__name__}")
    kind, shape, data = value.dtype, value.shape, value.data
    if not isinstance(kind, PickledType):
        raise FormatError(f"{what}: must be an array of plain numbers, got one without a NumPy type")
    if not _ARRAY_TYPE.fullmatch(kind.code) or kind.code[0] not in kinds:
        raise FormatError(f"{what}: must be an array of plain numbers, got one of type {kind.code[:40]!r}")
    if isinstance(data, str):  # Python 2's str
        try:
            data = data.encode("latin-1")
        except UnicodeEncodeError:
            raise FormatError(f"{what}: the bytes of the array are damaged") from None
    if not isinstance(shape, tuple) or not all(type(size) is int and 0 <= size < 1 << 50 for size in shape):
        raise FormatError(f"{what}: the shape must be a tuple of whole numbers of at least 0, got another value")
    dtype = np.dtype(kind.code).newbyteorder(kind.order if kind.order in "<>" else "=")  # type: ignore[arg-type]
    if len(shape) > 2 or not isinstance(data, bytes) or math.prod(shape) * dtype.itemsize != len(data):
        raise FormatError(f"{what}: the bytes of the array do not fit the shape {shape[:4]} and the type {kind.code}")
    if not data:
        return np.empty(shape, dtype=dtype)
    return np.frombuffer(data, dtype=dtype).reshape(shape, order="F" if value.fortran_order else "C")
