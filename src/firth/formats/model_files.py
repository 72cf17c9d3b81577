"""Room formats: decides which files of a model folder firth wrote, by marks in the files and not only by names.

A tensor file of firth has a mark in the metadata of its safetensors header. A tensor file of an older firth has none,
but firth's ``config.json`` names it. A file that a killed save left begins like the files that firth writes. All other
files in a model folder belong to the user, whatever their names.

Tests: tests/formats/test_permissions.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path

from firth.base.files import is_real_file, read_own_file

CONFIG_NAME = "config.json"
FORMAT_NAME = "firth-model"
TENSOR_FILE = re.compile(r"model-[0-9a-f]{16}\.safetensors")
LEFTOVER = re.compile(r"\.(model|config)-[0-9a-f]{12}\.tmp")
METADATA = {"format": FORMAT_NAME}  # in every tensor file that firth writes
_TENSORS_BEGIN = json.dumps({"__metadata__": METADATA}, separators=(",", ":"))[:-1].encode()
_CONFIG_BEGINS = json.dumps({"format": FORMAT_NAME}, indent=2)[:-2].encode()
_LENGTH_BYTES = 8  # bytes at the start of a safetensors file that give the length of its header


def find_leftovers(folder: Path, named: str | None) -> list[Path]:
    """Find the files that killed saves left in a model folder. Files that firth did not write are never returned.

    Parameters
    ----------
    folder : Path
    named : str or None
        The tensor file that the folder's ``config.json`` names. It belongs to the model and is not returned.
    """
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [folder / name for name in names if name != named and _is_leftover(folder / name)]


def delete_leftovers(folder: Path, named: str | None, *, whole: bool = True) -> None:
    """Delete the files that `find_leftovers` finds; ``whole=False`` keeps complete tensor files.

    The caller must have the folder's lock, which excludes a save at the same time.
    """
    for path in find_leftovers(folder, named):
        if whole or LEFTOVER.fullmatch(path.name):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def _is_leftover(path: Path) -> bool:
    is_tensors = TENSOR_FILE.fullmatch(path.name) is not None
    kind = LEFTOVER.fullmatch(path.name)
    if not (is_tensors or kind) or not is_real_file(path):
        return False
    data = read_own_file(path, _LENGTH_BYTES + max(len(_TENSORS_BEGIN), len(_CONFIG_BEGINS)))
    if data is None:
        return False
    if kind is not None and not data:
        return True  # empty: the save was killed before the first byte
    if kind is not None and kind[1] == "config":
        return data.startswith(_CONFIG_BEGINS)
    return data[_LENGTH_BYTES:].startswith(_TENSORS_BEGIN)


__all__ = [
    "CONFIG_NAME",
    "FORMAT_NAME",
    "LEFTOVER",
    "METADATA",
    "TENSOR_FILE",
    "delete_leftovers",
    "find_leftovers",
]
