"""Room formats: a safetensors file: its header, written and read, and the bytes of its tensors, written in blocks.

Source: safetensors, "Format", https://github.com/huggingface/safetensors#format.

Tests: tests/formats/test_model_folder.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.json_file import describe_json, parse_json_object
from firth.base.values import validate_choice
from firth.errors import FormatError, ParameterError, ShapeError

MAX_HEADER_BYTES = 100 << 20  # the limit of the reference implementation
_ALIGNMENT = 64
_CHECK_BYTES = 1 << 20
_BLOCK_BYTES = 4 << 20
HALF_PRECISION = ("input_vectors", "output_vectors", "ngram_rows", "word_rows")  # what storage="float16" rounds
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


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor and the type in which it is stored. Its bytes are made block by block, without a copy of the whole."""

    array: NDArray[Any]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, name: str, tensor: NDArray[Any], storage: str) -> StoredTensor:
        """Check a tensor that is to be stored.

        Parameters
        ----------
        storage : {"float32", "float16"}
            ``"float16"`` rounds the tensors of `HALF_PRECISION`.

        Raises
        ------
        ParameterError, ShapeError
        """
        validate_choice("storage", storage, ("float32", "float16"))
        if name == "__metadata__":
            raise ParameterError("tensors must not be called '__metadata__', which safetensors reserves")
        array = np.asarray(tensor)
        if not (array.flags.c_contiguous or _has_padded_rows(array)):
            raise ShapeError(
                f"tensor {name!r} must be C-contiguous, got strides {array.strides}; use np.ascontiguousarray"
            )
        dtype = array.dtype.newbyteorder("<")
        if storage == "float16" and name in HALF_PRECISION and array.dtype.kind == "f":
            dtype = np.dtype("<f2")
        if dtype not in DTYPE_NAMES:
            raise ParameterError(f"tensor {name!r} must have a dtype of safetensors, got {array.dtype}")
        stored = cls(array, dtype)
        if dtype != array.dtype and dtype.itemsize < array.itemsize:
            stored._validate_halves(name)
        return stored

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.array.size * self.dtype.itemsize

    def blocks(self) -> Iterator[Any]:
        """The bytes in C order, little-endian, as uint8 arrays. A block is a view if its rows need no change."""
        for rows in self._row_blocks():
            yield np.ascontiguousarray(rows, self.dtype).reshape(-1).view(np.uint8)

    def _row_blocks(self) -> Iterator[NDArray[Any]]:
        array = self.array if self.array.ndim else self.array.reshape(1)
        n_rows = len(array)
        step = max(1, _BLOCK_BYTES * n_rows // max(1, array.nbytes))
        for first in range(0, n_rows, step):
            yield array[first : first + step]

    def _validate_halves(self, name: str) -> None:
        for rows in self._row_blocks():
            with np.errstate(over="ignore"):
                fits = np.isfinite(rows.astype(self.dtype)).all()
            if not fits:
                largest = max(float(np.abs(block).max()) for block in self._row_blocks() if block.size)
                raise ParameterError(
                    f"{name} must lie within ±65504 to be stored as float16, got {largest}; use float32"
                )


def _has_padded_rows(array: NDArray[Any]) -> bool:
    """Whether an array is a matrix of contiguous rows that lie in order, with padding between them."""
    if array.ndim != 2:
        return False
    between_rows, between_columns = array.strides
    return between_columns == array.itemsize and between_rows >= array.shape[1] * array.itemsize


def encode_safetensors_header(
    tensors: Mapping[str, StoredTensor | NDArray[Any]], metadata: Mapping[str, str] | None = None
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
