"""Room formats: what gensim's saved Doc2Vec has beside the vectors of words: the vectors of tags, gensim 1 to 4.

Grammar
-------
::

    4.x        = "dv": KeyedVectors (index_to_key, vectors, expandos["doc_count"], expandos["word_count"])
    3.3 to 3.8 = "docvecs": Doc2VecKeyedVectors (vectors_docs, max_rawint, offset2doctag, doctags)
    1.0 to 3.2 = "docvecs": DocvecsArray (the same with doctag_syn0)
    doctags    = tag -> Doctag (a tuple: offset, word_count, doc_count)

A row is an integer tag, from 0 to max_rawint, or one of the strings of offset2doctag, in their order after the
integers.

Source: gensim, ``Doc2Vec`` and ``Doc2VecKeyedVectors`` in gensim/models/doc2vec.py and keyedvectors.py, at 3.2, 3.8.3
and 4.4, https://github.com/piskvorky/gensim.

Tests: tests/compat/gensim/test_doc2vec_files.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.gensim_arrays import stored_array
from firth.formats.npy import as_counts, as_vectors
from firth.formats.pickle_values import PickledArray, Record, to_array
from firth.formats.rows import validate_finite

_MODULE = "gensim.models"
DOCUMENTS = {
    f"{_MODULE}.keyedvectors.KeyedVectors": "vectors",
    f"{_MODULE}.keyedvectors.Doc2VecKeyedVectors": "vectors_docs",
    f"{_MODULE}.doc2vec.DocvecsArray": "doctag_syn0",
}  # the class, and its matrix
DOCUMENT_PARTS = frozenset(
    {*DOCUMENTS, *(f"{_MODULE}.doc2vec.{name}" for name in ("Doctag", "Doc2VecVocab", "Doc2VecTrainables"))}
)
_MAX_TAG = 2**31 - 2


@dataclass(frozen=True)
class GensimDocuments:
    """The tags of a Doc2Vec.

    Attributes
    ----------
    tags : list of int and str
        An integer is its own row.
    matrix : float32 array, (T, D)
    doc_counts, word_counts : int64 array, (T,), or None
        Documents and words of each tag; 0 for integers, of which gensim does not count them.
    """

    tags: list[int | str]
    matrix: NDArray[np.float32]
    doc_counts: NDArray[np.int64] | None
    word_counts: NDArray[np.int64] | None


def read_documents(path: Path, model: dict[Any, Any], n_dims: int) -> GensimDocuments:
    """The vectors of tags of a Doc2Vec, from the attributes of the model.

    Raises
    ------
    FormatError, StorageError
    """
    name = "dv" if "dv" in model else "docvecs"
    record = model.get(name)
    if not isinstance(record, Record) or str(record.kind) not in DOCUMENTS:
        raise FormatError(f"{path}: this Doc2Vec has no vectors of tags (dv or docvecs)")
    state, attribute = record.state, DOCUMENTS[str(record.kind)]
    stored = stored_array(path, f"{path.name}.{name}", state, attribute)
    if stored is None:
        raise FormatError(f"{path}: this Doc2Vec has no matrix of vectors of tags ({attribute})")
    matrix = as_vectors(stored, f"{path}: the vectors of tags")
    if matrix.shape[1] != n_dims:
        raise FormatError(
            f"{path}: the vectors of tags must have {n_dims} numbers, as those of words, got {matrix.shape}"
        )
    validate_finite(path, matrix)
    tags, counts = _tags_of_4(path, state) if attribute == "vectors" else _tags_of_3(path, state)
    if len(tags) != len(matrix):
        raise FormatError(f"{path}: there must be as many tags as vectors of them, got {len(tags)} and {len(matrix)}")
    if len(set(tags)) != len(tags):
        raise FormatError(f"{path}: a tag has two vectors")
    return GensimDocuments(tags, matrix, *counts)


def _tags_of_4(path: Path, state: dict[Any, Any]) -> tuple[list[int | str], list[NDArray[np.int64] | None]]:
    keys, expandos = state.get("index_to_key"), state.get("expandos")
    if type(keys) is not list:
        raise FormatError(f"{path}: the vectors of tags have no list of tags (index_to_key)")
    tags = [_tag(path, row, key) for row, key in enumerate(keys)]
    counts: list[NDArray[np.int64] | None] = []
    for name in ("doc_count", "word_count"):
        stored = expandos.get(name) if type(expandos) is dict else None
        found = None
        if isinstance(stored, PickledArray):
            found = as_counts(to_array(stored, "iu", f"{path}: {name}"), f"{path}: {name}")
            if found.shape != (len(tags),):
                raise FormatError(f"{path}: there must be a {name} for each of {len(tags)} tags, got {found.shape}")
        counts.append(found)
    return tags, counts


def _tags_of_3(path: Path, state: dict[Any, Any]) -> tuple[list[int | str], list[NDArray[np.int64] | None]]:
    highest, names, entries = (state.get(name) for name in ("max_rawint", "offset2doctag", "doctags"))
    if type(highest) is not int or not -1 <= highest <= _MAX_TAG or type(names) is not list:
        raise FormatError(f"{path}: the vectors of tags must have max_rawint and a list of names (offset2doctag)")
    n_numbers = highest + 1
    tags: list[int | str] = [*range(n_numbers), *(_tag(path, n_numbers + k, name) for k, name in enumerate(names))]
    if type(entries) is not dict or not names:
        return tags, [None, None]
    counts = np.zeros((2, len(tags)), np.int64)
    for row in range(n_numbers, len(tags)):
        entry = entries.get(tags[row])
        numbers = entry.arguments if isinstance(entry, Record) else ()
        if len(numbers) != 3 or not all(type(number) is int and 0 <= number < 1 << 63 for number in numbers):
            raise FormatError(f"{path}: the tag of row {row} must have an offset and two counts (doctags)")
        if numbers[0] != row - n_numbers:
            raise FormatError(f"{path}: the tag of row {row} must have the offset {row - n_numbers}, got {numbers[0]}")
        counts[:, row] = numbers[2], numbers[1]
    return tags, [counts[0], counts[1]]


def _tag(path: Path, row: int, key: Any) -> int | str:
    if type(key) is int and key == row:
        return key
    if type(key) is not str or not key:
        raise FormatError(f"{path}: row {row}: a tag must be text, or the number of its row, got {type(key).__name__}")
    try:
        key.encode("utf-8")
    except UnicodeEncodeError:
        raise FormatError(f"{path}: row {row}: the tag {key!r:.60} is no valid Unicode text") from None
    return key


__all__ = ["DOCUMENTS", "DOCUMENT_PARTS", "GensimDocuments", "read_documents"]
