"""Room compat: stores a model of the gensim interface in one safetensors file, with its settings as JSON in a tensor.

gensim's users pass, copy, remove and upload a single file, so a save is a file here, unlike firth's model folders. The
file has no code, and any reader of safetensors can open it.

Tests: tests/compat/gensim/test_keyedvectors.py.
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from firth.base.files import open_regular, read_regular
from firth.base.json_file import describe_json, parse_json_object
from firth.base.words import pack_words, unpack_words
from firth.errors import FormatError, ParameterError, StorageError
from firth.formats.safetensors import encode_safetensors_header, parse_safetensors_header
from firth.formats.target import whole_file

STATE = "firth_gensim"  # the tensor with the settings
MAX_HEADER_BYTES = 1 << 20
VERSION = 1


def as_path(path: Any) -> Path:
    """Convert an argument to a path; file handles are refused."""
    if not isinstance(path, (str, os.PathLike)):
        raise ParameterError(f"fname must be the path of a file, got {type(path).__name__}")
    return Path(path)


def write_file(path: Any, kind: str, state: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> None:
    """Write settings and tensors. An old file is replaced when the new one is complete."""
    place = as_path(path)
    for name, tensor in tensors.items():
        if not isinstance(tensor, np.ndarray):
            raise ParameterError(
                f"{name} must be an array to be saved, got {type(tensor).__name__}: the file holds arrays alone, and no"
                " code that reads another object; pickle.dump keeps the vectors as they are"
            )
    text = json.dumps({"kind": kind, "version": VERSION, **state}).encode("utf-8")
    arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    arrays[STATE] = np.frombuffer(text, np.uint8)
    header, order = encode_safetensors_header(arrays)
    with whole_file(place, overwrite=True, sync=True, compress=False) as stream:
        stream.write(header)
        for name in order:
            stream.write(arrays[name].reshape(-1).view(np.uint8).data)


def is_ours(path: Any) -> bool:
    """Whether the file begins like a safetensors file. gensim's files begin with the mark of a pickle."""
    place = as_path(path)
    try:
        head = read_regular(place, 9)
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(error.errno, f"{place} cannot be read: {error.strerror}") from error
    return len(head) == 9 and head[8:] == b"{"


def read_file(path: Any) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read settings and tensors; the tensors are memory-mapped and read-only.

    Raises
    ------
    StorageError, FormatError
    """
    place = as_path(path)
    try:
        with io.BufferedReader(open_regular(place)) as file:
            size = os.fstat(file.fileno()).st_size
            if size < 8:
                raise FormatError(f"{place}: {size} bytes are too few for a file that Word2Vec.save wrote")
            whole = np.memmap(cast("BinaryIO", file), dtype=np.uint8, mode="r")
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(error.errno, f"{place} cannot be read: {error.strerror}") from error
    length = int.from_bytes(whole[:8].tobytes(), "little")
    if length > min(MAX_HEADER_BYTES, size - 8):
        raise FormatError(f"{place}: a header of {length} bytes does not fit in a file of {size}")
    start = 8 + length
    entries = parse_safetensors_header(whole[8:start].tobytes(), size - start, place)
    tensors: dict[str, NDArray[Any]] = {}
    for name, (code, shape, offset) in entries.items():
        n_bytes = math.prod(shape) * np.dtype(code).itemsize
        tensors[name] = whole[start + offset : start + offset + n_bytes].view(code).reshape(shape)
    try:
        state = parse_json_object(tensors.pop(STATE).tobytes(), place)
        if state["version"] != VERSION:
            raise ValueError(f"version {describe_json(state['version'])}")
    except FormatError:
        raise
    except (KeyError, ValueError, TypeError) as error:
        raise FormatError(f"{place}: not a file that Word2Vec.save or KeyedVectors.save wrote ({error})") from None
    return state, tensors


def pack_keys(keys: list[Any]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Convert keys to state and tensors: strings are packed, other keys are JSON."""
    if keys and all(isinstance(key, str) for key in keys):
        packed, offsets = pack_words(keys)
        return {}, {"words": packed, "word_offsets": offsets}
    plain = [int(key) if isinstance(key, np.integer) else key for key in keys]
    if not all(isinstance(key, (str, int)) or key is None for key in plain):
        raise ParameterError("keys must be strings or integers to be saved")
    return {"keys": plain}, {}


def unpack_keys(state: Mapping[str, Any], tensors: dict[str, NDArray[Any]], path: Any) -> list[Any]:
    """The keys that `pack_keys` packed."""
    if "keys" in state:
        keys = state["keys"]
        if not isinstance(keys, list) or not all(type(key) in (str, int, type(None)) for key in keys):
            raise FormatError(f"{path}: the keys must be a list of texts or whole numbers, got {describe_json(keys)}")
        return list(keys)
    try:
        return list(unpack_words(tensors.pop("words"), tensors.pop("word_offsets")))
    except (KeyError, ValueError) as error:
        raise FormatError(f"{path}: the words are damaged ({error})") from None


__all__ = ["as_path", "is_ours", "pack_keys", "read_file", "unpack_keys", "write_file"]
