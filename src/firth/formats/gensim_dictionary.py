"""Room formats: files that gensim's ``save`` writes for ``corpora.Dictionary``, read only.

Grammar: a pickle (protocol 2 to 5) of one object, with token2id (word -> id), dfs and cfs (id -> count), num_docs,
num_pos and num_nnz. gensim before 3.3 had no cfs. `firth.formats.pickle_reader` reads it and executes nothing.

Source: gensim, gensim/corpora/dictionary.py at 3.8.3 and 4.4.

Tests: tests/compat/gensim/test_dictionary.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firth.errors import FormatError
from firth.formats.pickle_reader import read_pickle
from firth.formats.pickle_values import Record
from firth.formats.source import ByteSource, mapped

_CLASS = "gensim.corpora.dictionary.Dictionary"
_INERT = frozenset({"builtins.int", "__builtin__.int", "__builtin__.long", "builtins.object", "__builtin__.object"})


def read_gensim_dictionary(path: Path) -> dict[str, Any]:
    """The attributes of the dictionary in a file of gensim's ``Dictionary.save``.

    Raises
    ------
    StorageError, FormatError
    """
    with ByteSource(path) as source:
        if source.read(1) != b"\x80":
            source.fail("gensim's save files must be pickles of protocol 2 or later, got another file")
    with ByteSource(path) as source, mapped(source) as data:
        root = read_pickle(data, path, frozenset({_CLASS}), _INERT)
    if not isinstance(root, Record) or str(root.kind) != _CLASS:
        raise FormatError(f"{path}: the pickle holds no Dictionary of gensim's")
    state = root.state
    ids = _map(path, state, "token2id", str)
    if len(set(ids.values())) < len(ids):
        raise FormatError(f"{path}: two words have the same id")
    found: dict[str, Any] = {"token2id": ids}
    for name in ("dfs", "cfs"):
        found[name] = _map(path, state, name, int)
    for name in ("num_docs", "num_pos", "num_nnz"):
        value = state.get(name, 0)
        if type(value) not in (int, float) or not 0 <= value < 1 << 63:
            raise FormatError(f"{path}: {name} must be a number of at least 0, got {type(value).__name__}")
        found[name] = value
    return found


def _map(path: Path, state: dict[Any, Any], name: str, key_type: type) -> dict[Any, int]:
    values = state.get(name, {} if name == "cfs" else None)
    if type(values) is not dict:
        raise FormatError(f"{path}: the dictionary has no {name}")
    for key, value in values.items():
        if type(key) is not key_type or type(value) is not int or not 0 <= value < 1 << 63:
            raise FormatError(f"{path}: {name} must map {key_type.__name__} to whole numbers of at least 0")
    return dict(values)


__all__ = ["read_gensim_dictionary"]
