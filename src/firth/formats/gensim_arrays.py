"""Room formats: arrays of objects that gensim saved: in the pickle, or in files beside it; and its Huffman trees.

Source: gensim, ``SaveLoad._save_specials`` in gensim/utils.py; ``_assign_binary_codes`` in gensim/models/word2vec.py,
at 3.8.3 and 4.4.

Tests: tests/formats/test_gensim_model.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError, StorageError
from firth.formats.npy import open_member, opened_zip, read_array_data, read_array_header, validate_size
from firth.formats.pickle_values import PickledArray, Record, to_array
from firth.formats.source import ByteSource
from firth.numerics.huffman import HuffmanTree

_LONGEST_PATH = 200  # a tree of counts below 2^63 has shorter paths


def stored_array(path: Path, beside: str, state: dict[Any, Any], name: str) -> NDArray[Any] | None:
    """An attribute that is an array, from the pickle or from a file in its folder; None if there is no such array."""
    if isinstance(state.get(name), PickledArray):
        return to_array(state[name], "f", f"{path}: {name}")
    stored = state.get("__numpys")
    if isinstance(stored, list) and name in stored:
        return _array_beside(path, path.with_name(f"{beside}.{name}"))
    return None


def _array_beside(path: Path, stem: Path) -> NDArray[Any]:
    plain, packed = Path(f"{stem}.npy"), Path(f"{stem}.npz")
    if plain.exists() or not packed.exists():
        try:
            source = ByteSource(plain)
        except StorageError as error:
            raise StorageError(
                f"{path} keeps its vectors in {plain.name}, which must stand beside it: {error}"
            ) from None
        with source:
            header = read_array_header(source.read, str(plain), "f")
            if source.size is None:
                source.fail("an array beside a model must not be compressed")
            validate_size(header, source.size, plain)
            return read_array_data(source.read, header, str(plain))
    with opened_zip(packed) as archive:
        info = archive.getinfo("val.npy")
        with open_member(archive, info, packed) as member:
            header = read_array_header(member.read, str(packed), "f")
            validate_size(header, info.file_size, packed)
            return read_array_data(member.read, header, str(packed))


def read_tree(path: Path, state: dict[Any, Any], n_words: int) -> HuffmanTree | None:
    """gensim's own tree of the words, whose ties are other ones than word2vec.c's; None if the file has none.

    gensim 4 has the paths in expandos["code"] and expandos["point"], older ones in vocab[word].code and .point.

    Raises
    ------
    FormatError
        The paths are not those of a tree of the words.
    """
    expandos, vocabulary = state.get("expandos"), state.get("vocab")
    if type(expandos) is dict and isinstance(expandos.get("code"), PickledArray):
        found = [getattr(expandos.get(name), "data", None) for name in ("code", "point")]
    elif type(vocabulary) is dict and type(state.get("index2word")) is list:
        entries = [vocabulary.get(word) if type(word) in (str, int) else None for word in state["index2word"]]
        found = [
            [entry.state.get(name) if isinstance(entry, Record) else None for entry in entries]
            for name in ("code", "point")
        ]
    else:
        return None
    if not all(type(column) is list and len(column) == n_words for column in found):
        raise FormatError(f"{path}: there must be a path in the tree for each of {n_words} words")
    parts = [[to_array(one, "iu", f"{path}: a path in the tree") for one in column or ()] for column in found]
    if [one.size for one in parts[0]] != [one.size for one in parts[1]]:
        raise FormatError(f"{path}: the paths of the {n_words} words make no tree")
    offsets = np.cumsum([0, *(one.size for one in parts[0])])
    codes, points = (np.concatenate([np.zeros(0, np.int64), *(one.reshape(-1) for one in part)]) for part in parts)
    return validate_tree(path, offsets, points, codes)


def validate_tree(path: Any, offsets: NDArray[Any], node_ids: NDArray[Any], codes: NDArray[Any]) -> HuffmanTree:
    """The tree of these paths, which a file has.

    Raises
    ------
    FormatError
        They are not the paths of a tree of as many words.
    """
    n_words = len(offsets) - 1
    fits = all(array.ndim == 1 and array.dtype.kind in "iu" for array in (offsets, node_ids, codes))
    fits = fits and n_words > 0 and offsets[0] == 0 and offsets[-1] == len(node_ids) == len(codes)
    if fits:
        lengths = np.diff(offsets.astype(np.int64))
        fits = (
            bool(np.all((lengths > 0) & (lengths <= _LONGEST_PATH)))
            and float(np.sum(0.5 ** lengths.astype(np.float64))) == 1.0
            and bool(np.all((node_ids >= 0) & (node_ids < n_words - 1)))
            and bool(np.all((codes == 0) | (codes == 1)))
        )
    if not fits:
        raise FormatError(f"{path}: the paths of the {n_words} words make no tree")
    return HuffmanTree(offsets.astype(np.int64), node_ids.astype(np.int32), codes.astype(np.uint8))


__all__ = ["read_tree", "stored_array", "validate_tree"]
