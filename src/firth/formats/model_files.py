"""Room formats: which files of a model folder firth wrote: by their marks, never by their names alone.

A tensor file of firth's says so in the metadata of its safetensors header, or was written by an older firth and is
named by a ``config.json`` of firth's. A file that a killed save left begins as firth's files begin. Everything else in
a model folder is the user's, whatever its name is.

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
METADATA = {"format": FORMAT_NAME}  # of every tensor file that firth writes
_TENSORS_BEGIN = json.dumps({"__metadata__": METADATA}, separators=(",", ":"))[:-1].encode()
_CONFIG_BEGINS = json.dumps({"format": FORMAT_NAME}, indent=2)[:-2].encode()
_LENGTH_BYTES = 8  # of the header of a safetensors file


def find_leftovers(folder: Path, named: str | None) -> list[Path]:
    """What killed saves left in a model folder, and nothing that firth did not write.

    Parameters
    ----------
    folder : Path
    named : str or None
        The tensor file that the folder's ``config.json`` names: it is the model's.
    """
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [folder / name for name in names if name != named and _is_leftover(folder / name)]


def delete_leftovers(folder: Path, named: str | None, *, whole: bool = True) -> None:
    """Delete what `find_leftovers` finds; ``whole=False`` spares whole tensors that nothing names.

    The caller has the folder's lock, so that no save is under way.
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
        return True  # killed before the first byte: there is nothing in it to lose
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
