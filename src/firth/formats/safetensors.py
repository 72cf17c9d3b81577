"""Room formats: the header of a safetensors file, written and read: names, types, shapes and places of tensors.

Source: safetensors, "Format", https://github.com/huggingface/safetensors#format.

Tests: tests/formats/test_model_folder.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.json_file import describe_json, parse_json_object
from firth.errors import FormatError

MAX_HEADER_BYTES = 100 << 20  # the limit of the reference implementation
_ALIGNMENT = 64
_CHECK_BYTES = 1 << 20
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
DTYPE_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}


def encode_safetensors_header(
    tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None
) -> tuple[bytes, list[str]]:
    """Length and header of a safetensors file, and the order of its data: wide types first, so that all are aligned."""
    order = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": dict(metadata)}
    start = 0
    for name in order:
        tensor = tensors[name]
        header[name] = {
            "dtype": DTYPE_NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, start + tensor.nbytes],
        }
        start += tensor.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text, order


def parse_safetensors_header(
    header: bytes, n_data_bytes: int, path: Path
) -> dict[str, tuple[str, tuple[int, ...], int]]:
    """Name -> (NumPy dtype code, shape, offset into the data), everything checked: types, sizes, no gap, no overlap.

    Raises
    ------
    FormatError
    """
    entries = parse_json_object(header, path)
    entries.pop("__metadata__", None)
    parsed: dict[str, tuple[str, tuple[int, ...], int]] = {}
    spans: list[tuple[int, int, str]] = []
    for name, entry in entries.items():
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise FormatError(
                f"{path}: tensor {name[:60]!r} must have dtype, shape and data_offsets, got {describe_json(entry)}"
            )
        code = _DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
        if code is None:
            raise FormatError(
                f"{path}: tensor {name[:60]!r} has the dtype {describe_json(entry['dtype'])}, which firth does not read"
            )
        shape, offsets = entry["shape"], entry["data_offsets"]
        if not _whole_numbers(shape) or not _whole_numbers(offsets) or len(offsets) != 2 or len(shape) > 8:
            raise FormatError(
                f"{path}: tensor {name[:60]!r} must have whole numbers for shape and offsets, got"
                f" {describe_json(shape)} and {describe_json(offsets)}"
            )
        n_bytes = np.dtype(code).itemsize
        for size in shape:
            n_bytes *= size
        if offsets[1] - offsets[0] != n_bytes or offsets[1] > n_data_bytes:
            raise FormatError(
                f"{path}: tensor {name!r} of shape {shape} needs {n_bytes} bytes, its offsets {offsets} in"
                f" {n_data_bytes} bytes of data do not give them"
            )
        parsed[name] = (code, tuple(shape), offsets[0])
        spans.append((offsets[0], offsets[1], name))
    end = 0
    for start, stop, name in sorted(spans):
        if start != end:
            raise FormatError(f"{path}: tensor {name!r} starts at byte {start} of the data, {end} was expected")
        end = stop
    if end != n_data_bytes:
        raise FormatError(f"{path}: {n_data_bytes - end} bytes follow the last tensor")
    return parsed


def validate_tensor_finite(path: Path, name: str, tensor: NDArray[Any]) -> None:
    """Raise FormatError where a tensor of floats holds a NaN or an infinity."""
    if tensor.dtype.kind != "f" or tensor.ndim == 0:
        return
    rows = tensor.reshape(len(tensor), -1) if tensor.size else tensor[:0]
    step = max(1, _CHECK_BYTES // max(1, rows[:1].nbytes))
    for first in range(0, len(rows), step):
        is_finite = np.isfinite(rows[first : first + step]).all(axis=1)
        if not is_finite.all():
            row = first + int(np.argmin(is_finite))
            raise FormatError(f"{path}: row {row + 1}: the tensor {name[:60]!r} holds a NaN or an infinity")


def bytes_of_tensor(code: str, shape: tuple[int, ...]) -> int:
    """Bytes of a tensor of a NumPy type's code and a shape."""
    n_bytes = np.dtype(code).itemsize
    for size in shape:
        n_bytes *= size
    return n_bytes


def _whole_numbers(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 1 << 62 for value in values)
