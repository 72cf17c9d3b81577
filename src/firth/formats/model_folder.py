"""Room formats: firth's model: a folder with ``config.json`` and one file of tensors. Neither contains code.

Grammar
-------
::

    folder      = "config.json" tensors [other files, left alone]
    config.json = JSON object, UTF-8, with at least
                    "format": "firth-model", "format_version": 1,
                    "tensors": {"file": name, "bytes": size, "sha256": hex}
    tensors     = "model-" 16 hex digits ".safetensors"       (the digits begin the checksum of the content)
    safetensors = length header data
    length      = unsigned 64-bit little-endian size of the header
    header      = JSON object, padded with spaces: name -> {"dtype", "shape", "data_offsets": [start, end]}, and
                    "__metadata__": {"format": "firth-model"}, by which firth knows its own files
    data        = the tensors' bytes, C order, little-endian, without gaps

What firth stores in it: ``input_vectors`` and ``output_vectors`` (V, D) float32 or float16; ``counts`` int64 (V,);
the words as ``words`` uint8 (their UTF-8 bytes, run together) and ``word_offsets`` int64 (V+1,), or as ``word_ids``
int64 (V,) where ids were the words. Rows of n-grams: `firth.formats.subword_tensors`.

Saving never leaves an incomplete model. The tensors are written to a temporary file, synced, and renamed to a name that
depends on their content. ``config.json`` is replaced last, the folder is synced, and then the old tensor file is
deleted. A lock on the folder prevents two saves at the same time. The next save deletes the files of a killed save, if
their content shows that firth wrote them (`firth.formats.model_files`).

Source: safetensors, "Format", https://github.com/huggingface/safetensors#format (read by parsing the header, as its
NumPy reader copies every tensor; written with C order asserted, as its ``save_file`` writes strided views wrongly).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.files import open_regular
from firth.base.json_file import describe_json, read_json_object
from firth.base.locks import FolderLock
from firth.base.replace import create_file, keep_permissions
from firth.base.storage import storage_error
from firth.base.urls import refuse_url
from firth.errors import FormatError, ParameterError, StorageError
from firth.formats.model_files import CONFIG_NAME, FORMAT_NAME, METADATA, TENSOR_FILE, delete_leftovers, find_leftovers
from firth.formats.safetensors import (
    MAX_HEADER_BYTES,
    StoredTensor,
    bytes_of_tensor,
    encode_safetensors_header,
    parse_safetensors_header,
    validate_tensor_finite,
)
from firth.formats.target import sync_folder, write_all

FORMAT_VERSION = 1
RESERVED_KEYS = ("format", "format_version", "tensors")
VERIFIED_BYTES = 16 << 20  # a tensor file up to this size is checked against its checksum at every load


def write_model_folder(
    folder: str | os.PathLike[str],
    tensors: Mapping[str, NDArray[Any]],
    config: Mapping[str, Any],
    overwrite: bool = False,
    *,
    storage: str = "float32",
) -> None:
    """Save a model. The old model stays complete until the new model is on the disk.

    Parameters
    ----------
    folder : path
        Created if it is missing. A folder that has entries other than hidden ones is refused unless ``overwrite``.
    tensors : mapping of str to array
        Arrays whose rows are contiguous and in order; the docstring of this module has the names that firth reads. A
        matrix may have padding after each row. No tensor is copied whole: a matrix may be larger than memory.
    config : mapping
        Values that JSON can express. The keys of `RESERVED_KEYS` must be absent; they are added.
    overwrite : bool
        Replace the model in the folder; the files keep their modes. Two things are never replaced: a ``config.json``
        that firth did not write, and a trained model or a classifier by a model without such a record.
    storage : {"float32", "float16"}
        ``"float16"`` rounds the tensors of vectors to half precision: half the size; docs/formats.md has the loss.

    Raises
    ------
    StorageError
        The folder is not empty, locked by another save or read-only, or the disk has too little space.
    ShapeError
        The rows of a tensor are not contiguous.
    ParameterError
        A dtype that safetensors lacks, a reserved key, a value too large for float16.
    """
    target = Path(folder)
    reserved = [key for key in RESERVED_KEYS if key in config]
    if reserved:
        raise ParameterError(
            f"config must leave the keys {', '.join(RESERVED_KEYS)} to the format, got {reserved[0]!r}"
        )
    stored = {name: StoredTensor.of(name, tensor, storage) for name, tensor in tensors.items()}
    try:
        json.dumps(dict(config), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"config must be what JSON can express, got {error}") from None
    try:
        target.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise StorageError(f"{target} must be a folder, got a file; choose another name") from None
    except OSError as error:
        raise storage_error(error, target) from error
    try:
        with _locked(target):
            validate_model_destination(target, overwrite, config)
            _save(target, stored, config)
    except StorageError:
        raise
    except OSError as error:
        raise storage_error(error, target) from error


def validate_model_destination(
    folder: str | os.PathLike[str], overwrite: bool, config: Mapping[str, Any] | None = None
) -> None:
    """Refuse a folder in which a save would replace files. A missing folder, or only hidden entries, is valid.

    Parameters
    ----------
    folder : path
    overwrite : bool
    config : mapping or None
        The config of the model to save. Only a model of the same kind can replace a trained model or a classifier.

    Raises
    ------
    StorageError
    """
    target = Path(folder)
    refuse_url(target, "save the model in a folder, and upload the folder")
    if not target.exists():
        return
    if not target.is_dir():
        raise StorageError(f"{target} must be a folder, got a file; choose another name")
    entries = sorted(entry.name for entry in target.iterdir() if not entry.name.startswith("."))
    if entries and not overwrite:
        what = "holds a model" if CONFIG_NAME in entries else f"is not empty (it holds {entries[0]!r})"
        raise StorageError(f"{target} {what}; choose another folder, or give overwrite=True")
    if CONFIG_NAME in entries:
        try:
            old = read_config(target)
        except FormatError as error:
            raise StorageError(
                f"{target / CONFIG_NAME} was not written by firth and is not replaced ({error}); choose another folder"
            ) from None
        record = _describe_record(old)
        if config is not None and record is not None and record != _describe_record(config):
            raise StorageError(
                f"{target} holds {record}, which {_describe_record(config) or 'vectors alone'} would destroy; choose"
                f" another folder, or delete {target} first"
            )


def clean_model_folder(folder: Path) -> None:
    """Delete the files of killed saves beside a model. Files that firth did not write are not deleted.

    If there is no ``config.json``, complete tensor files are kept, because they may be the rest of a model.

    Raises
    ------
    StorageError
        Another process saves into it.
    """
    try:
        if not find_leftovers(folder, _named_tensors(folder)):
            return
    except FormatError:  # firth did not write the config.json, or it is damaged; reading the model reports it
        return
    with _locked(folder):
        named = _named_tensors(folder)
        delete_leftovers(folder, named, whole=named is not None)


def _describe_record(config: Mapping[str, Any]) -> str | None:
    """A description of what a model folder has besides vectors; None if nothing."""
    if "training" in config:
        return "a trained model with its output vectors and its training record"
    kind = config.get("kind", "vectors")
    return None if kind == "vectors" else f"a model of the kind {kind!r}"


def read_model_folder(
    folder: str | os.PathLike[str], *, verify: bool | None = None, check_numbers: bool = False
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Open a model without reading its vectors. They are memory-mapped, so many processes can share them.

    Parameters
    ----------
    folder : path
    verify : bool or None
        Compare the tensor file with its checksum, which reads the whole file. None: only if the file has at most 16
        MiB. The size is always compared.
    check_numbers : bool
        Refuse a NaN or an infinity in any tensor, if the whole file is read for its checksum.

    Returns
    -------
    config : dict
        The content of ``config.json`` without the keys of `RESERVED_KEYS`.
    tensors : dict of str to np.memmap
        Read-only views into one map of the file.

    Raises
    ------
    StorageError
        The folder or a file in it is missing or cannot be read.
    FormatError
        The folder is not a model of firth, or is damaged.
    """
    target = Path(folder)
    for attempt in range(3):
        whole = read_config(target)
        try:
            tensors = _map_tensors(target, whole["tensors"], verify, check_numbers)
        except FileNotFoundError:
            # a save may have replaced the model between the two reads; the new config.json names the new file
            if attempt == 2:
                raise StorageError(
                    f"{target / whole['tensors']['file']} is missing, though {CONFIG_NAME} names it; restore it"
                ) from None
        else:
            return {key: value for key, value in whole.items() if key not in RESERVED_KEYS}, tensors
    raise AssertionError("unreachable")


def is_model(folder: Path) -> bool:
    """Whether a folder has a training record or an unfinished run, and not only vectors."""
    return not (folder / CONFIG_NAME).exists() or "training" in read_config(folder)


def read_config(folder: Path) -> dict[str, Any]:
    """Read the whole ``config.json`` and check the reserved keys.

    Raises
    ------
    StorageError, FormatError
    """
    path = folder / CONFIG_NAME
    if os.path.isfile(folder):
        raise StorageError(f"{folder} must be a folder, got a file; `firth convert` reads vector files")
    refuse_url(folder, "download the folder first")
    what = "is no model folder: it has no config.json" if os.path.isdir(folder) else "does not exist"
    config = read_json_object(path, missing=f"{folder} {what}; give the folder that `firth train -o` wrote")
    if config.get("format") != FORMAT_NAME:
        raise FormatError(f'{path}: "format" must be {FORMAT_NAME!r}, got {describe_json(config.get("format"))}')
    version = config.get("format_version")
    if type(version) is not int or version < 1:
        raise FormatError(f'{path}: "format_version" must be a whole number from 1, got {describe_json(version)}')
    if version > FORMAT_VERSION:
        raise FormatError(
            f'{path}: "format_version" must be at most {FORMAT_VERSION}, got {version}; a newer firth wrote it: upgrade'
        )
    entry = config.get("tensors")
    if not isinstance(entry, dict):
        raise FormatError(f'{path}: "tensors" must be an object, got {describe_json(entry)}')
    name, size, checksum = entry.get("file"), entry.get("bytes"), entry.get("sha256")
    if not isinstance(name, str) or not TENSOR_FILE.fullmatch(name):
        raise FormatError(
            f'{path}: "tensors.file" must be model-<16 hex digits>.safetensors, got {describe_json(name)}'
        )
    if type(size) is not int or size < 8:
        raise FormatError(f'{path}: "tensors.bytes" must be a whole number from 8, got {describe_json(size)}')
    if not isinstance(checksum, str) or not re.fullmatch(r"[0-9a-f]{64}", checksum):
        raise FormatError(f'{path}: "tensors.sha256" must be 64 hex digits, got {describe_json(checksum)}')
    return config


def _save(folder: Path, tensors: Mapping[str, StoredTensor], config: Mapping[str, Any]) -> None:
    old_file = _named_tensors(folder)
    delete_leftovers(folder, old_file)  # the lock is taken: no other save is under way
    header, order = encode_safetensors_header(tensors, METADATA)
    size = len(header) + sum(tensor.nbytes for tensor in tensors.values())
    _validate_free_space(folder, size)
    temporary = folder / f".model-{secrets.token_hex(6)}.tmp"
    try:
        checksum = hashlib.sha256()
        with create_file(temporary) as file:
            if old_file is not None:  # before the first byte: what few may read is never open to more
                keep_permissions(file.fileno(), folder / old_file)
            write_all(file, header)
            checksum.update(header)
            for name in order:
                for data in tensors[name].blocks():
                    write_all(file, data)
                    checksum.update(data)
            os.fsync(file.fileno())
        name = f"model-{checksum.hexdigest()[:16]}.safetensors"
        os.replace(temporary, folder / name)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    whole = {
        "format": FORMAT_NAME,
        "format_version": FORMAT_VERSION,
        **config,
        "tensors": {"file": name, "bytes": size, "sha256": checksum.hexdigest()},
    }
    text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    temporary = folder / f".config-{secrets.token_hex(6)}.tmp"
    try:
        with create_file(temporary) as file:
            keep_permissions(file.fileno(), folder / CONFIG_NAME)
            write_all(file, text.encode("utf-8"))
            os.fsync(file.fileno())
        sync_folder(folder)  # the tensors' name must be on the disk before anything refers to it
        os.replace(temporary, folder / CONFIG_NAME)
    except BaseException:
        temporary.unlink(missing_ok=True)
        if name != old_file:
            (folder / name).unlink(missing_ok=True)
        raise
    sync_folder(folder)
    if old_file is not None and old_file != name:
        (folder / old_file).unlink(missing_ok=True)


def _named_tensors(folder: Path) -> str | None:
    """The tensor file that the folder's config.json names; None if the folder has no model."""
    if not (folder / CONFIG_NAME).exists():
        return None
    return str(read_config(folder)["tensors"]["file"])


def _map_tensors(
    folder: Path, entry: Mapping[str, Any], verify: bool | None, check_numbers: bool
) -> dict[str, NDArray[Any]]:
    path = folder / entry["file"]
    try:
        file = io.BufferedReader(open_regular(path))  # closed below; the map outlives it
    except (FileNotFoundError, StorageError):
        raise
    except OSError as error:
        raise StorageError(error.errno, f"{path} cannot be read: {error.strerror}") from error
    with file:
        size = os.fstat(file.fileno()).st_size
        if size != entry["bytes"]:
            raise FormatError(
                f"{path}: {CONFIG_NAME} announces {entry['bytes']} bytes, the file has {size}; it was cut or replaced"
            )
        header_length = int.from_bytes(file.read(8), "little")
        if header_length > min(MAX_HEADER_BYTES, size - 8):
            raise FormatError(f"{path}: a header of {header_length} bytes does not fit in a file of {size}")
        header = file.read(header_length)
        start = 8 + header_length
        is_verified = False
        entries = parse_safetensors_header(header, size - start, path)
        if verify or (verify is None and size <= VERIFIED_BYTES):
            is_verified = True
            file.seek(0)
            checksum = hashlib.sha256()
            while block := file.read(1 << 20):
                checksum.update(block)
            if checksum.hexdigest() != entry["sha256"]:
                raise FormatError(
                    f"{path}: the checksum is {checksum.hexdigest()}, {CONFIG_NAME} announces {entry['sha256']};"
                    " the file is damaged: restore it or train again"
                )
        whole = np.memmap(file, dtype=np.uint8, mode="r")
    try:
        tensors = {
            name: whole[start + offset : start + offset + bytes_of_tensor(code, shape)].view(code).reshape(shape)
            for name, (code, shape, offset) in entries.items()
        }
    except ValueError as error:  # no items, and sizes whose product is none for NumPy
        raise FormatError(f"{path}: a tensor has a shape that NumPy refuses ({error})") from None
    if is_verified and check_numbers:
        for name, tensor in tensors.items():
            validate_tensor_finite(path, name, tensor)
    return tensors


def _validate_free_space(folder: Path, n_bytes: int) -> None:
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if n_bytes + (1 << 20) > free:
        raise StorageError(
            errno.ENOSPC,
            f"{folder} has {free >> 20} MiB free, the model needs {(n_bytes >> 20) + 1} MiB; free some space or choose"
            " another folder, nothing was changed",
        )


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        lock = FolderLock(folder)
    except BlockingIOError:
        raise StorageError(f"{folder} is being saved to by another process; wait for it and try again") from None
    with lock:
        yield


__all__ = [
    "clean_model_folder",
    "is_model",
    "read_config",
    "read_model_folder",
    "validate_model_destination",
    "write_model_folder",
]
