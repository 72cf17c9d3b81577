"""Room formats: files that gensim's ``save`` writes for Word2Vec and KeyedVectors, gensim 1 to 4, read only.

Grammar
-------
::

    model   = pickle (protocol 2 to 5) of one object, and for each of its large arrays a file beside it
    object  = Word2Vec with the attribute "wv": vectors  |  vectors
    vectors = KeyedVectors (4.x: index_to_key, vectors, expandos["count"])
            | Word2VecKeyedVectors, EuclideanKeyedVectors (3.x), KeyedVectors (1.x to 3.2):
              index2word, vectors or syn0, vocab[word].count
    array   = MODEL ".vectors.npy" for vectors, MODEL ".wv.vectors.npy" for Word2Vec (".syn0.npy" before 3.3)
            | the same with ".npz", member val, if the name of the model ends in .gz or .bz2

`firth.formats.pickle_reader` reads the pickle. It executes nothing and refuses every name that these classes do not
use. FastText and Doc2Vec models are refused; the message names the kind.

Source: gensim, ``SaveLoad.save`` and ``_save_specials`` in gensim/utils.py, ``KeyedVectors`` in
gensim/models/keyedvectors.py, at 3.8.3 and 4.3, https://github.com/piskvorky/gensim.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError, StorageError
from firth.formats.format import Format, Sample
from firth.formats.npy import (
    as_counts,
    as_vectors,
    open_member,
    opened_zip,
    read_array_data,
    read_array_header,
    validate_size,
)
from firth.formats.pickle_reader import read_pickle
from firth.formats.pickle_values import PickledArray, Record, to_array
from firth.formats.rows import finish_table, validate_finite
from firth.formats.source import MAX_WORD_BYTES, ByteSource, ReadOptions, mapped
from firth.formats.table import VectorTable

_MODULE = "gensim.models"
MODELS = frozenset({f"{_MODULE}.word2vec.Word2Vec"})
VECTORS = frozenset(
    f"{_MODULE}.keyedvectors.{name}" for name in ("KeyedVectors", "Word2VecKeyedVectors", "EuclideanKeyedVectors")
)
REFUSED = {
    f"{_MODULE}.{module}.{name}": kind
    for kind, names in {
        "FastText": ["fasttext.FastText", "keyedvectors.FastTextKeyedVectors", "fasttext.FastTextKeyedVectors"],
        "Doc2Vec": ["doc2vec.Doc2Vec", "keyedvectors.Doc2VecKeyedVectors"],
        "Poincaré": ["poincare.PoincareModel", "poincare.PoincareKeyedVectors", "keyedvectors.PoincareKeyedVectors"],
    }.items()
    for module, _, name in (whole.partition(".") for whole in names)
}
_PARTS = frozenset(
    {
        f"{_MODULE}.keyedvectors.Vocab",
        f"{_MODULE}.keyedvectors.CompatVocab",
        f"{_MODULE}.keyedvectors.SimpleVocab",
        f"{_MODULE}.word2vec.Vocab",
        f"{_MODULE}.word2vec.Word2VecVocab",
        f"{_MODULE}.word2vec.Word2VecTrainables",
        "numpy.random.mtrand.RandomState",
        "numpy.random._mt19937.MT19937",
        "numpy.random.bit_generator.SeedSequence",
    }
)
_INERT = frozenset(
    {
        "builtins.hash",
        "__builtin__.hash",
        "builtins.int",
        "__builtin__.int",
        "__builtin__.long",
        "builtins.object",
        "__builtin__.object",
        "numpy.ndarray",
        "numpy.float32",
        "numpy.float64",
        "gensim.utils.call_on_class_only",
    }
)
_LAST_LIKELY_PROTOCOL = 15
_MAX_KEY = 2**63 - 1
_MATRIX_NAMES = ("vectors", "syn0")
_OUTPUT_NAMES = ("syn1neg", "syn1")
_MODEL_PARTS = ("vocabulary", "trainables")  # gensim 3.3 to 3.8 has some of a model's attributes in these


def looks_like(sample: Sample) -> bool:
    """Whether the file begins like a pickle of protocol 2 or later. The reader refuses unknown protocols."""
    return len(sample.head) > 2 and sample.head[0] == 0x80 and 2 <= sample.head[1] <= _LAST_LIKELY_PROTOCOL


@dataclass(frozen=True)
class GensimModel:
    """The contents of a gensim file: a Word2Vec model, or only vectors.

    Attributes
    ----------
    table : VectorTable
    is_word2vec : bool
        If False, the file has only vectors, and ``settings`` and ``output_vectors`` are empty.
    settings : dict
        The model's attributes that are numbers, strings or None, under gensim's names.
    output_vectors : dict of str to float32 array, (V, D)
        "syn1neg", "syn1" or both, if gensim saved them.
    """

    table: VectorTable
    is_word2vec: bool
    settings: dict[str, Any]
    output_vectors: dict[str, NDArray[np.float32]]


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read a model that gensim saved; see `firth.formats.registry.read_vectors`."""
    return _read_vectors(path, _read_root(path), options)


def read_model(path: Path) -> GensimModel:
    """Read everything that continued training needs: vectors, output vectors and settings.

    Raises
    ------
    StorageError, FormatError
    """
    root = _read_root(path)
    table = _read_vectors(path, root, ReadOptions())
    if not isinstance(root, Record) or str(root.kind) not in MODELS:
        return GensimModel(table, False, {}, {})
    parts = [("", root), *((f".{name}", root.state[name]) for name in _MODEL_PARTS if name in root.state)]
    settings: dict[str, Any] = {}
    outputs: dict[str, NDArray[np.float32]] = {}
    for suffix, part in parts:
        if not isinstance(part, Record):
            raise FormatError(f"{path}: the model's attribute {suffix[1:]!r} is damaged")
        plain = {key: value for key, value in part.state.items() if type(value) in (int, float, str, bool, type(None))}
        settings.update({key: value for key, value in plain.items() if type(key) is str})
        for name in _OUTPUT_NAMES:
            matrix = _stored_array(path, f"{path.name}{suffix}", part.state, name)
            if matrix is not None:
                outputs[name] = as_vectors(matrix, f"{path}: {name}")
                if outputs[name].shape != table.matrix.shape:
                    raise FormatError(f"{path}: {name} must have shape {table.matrix.shape}, got {outputs[name].shape}")
                validate_finite(path, outputs[name])
    return GensimModel(table, True, settings, outputs)


def _read_root(path: Path) -> Any:
    with ByteSource(path) as source:
        if source.read(1) != b"\x80":
            source.fail("gensim's save files must be pickles of protocol 2 or later, got another file")
    with ByteSource(path) as source, mapped(source) as data:
        classes = MODELS | VECTORS | _PARTS | frozenset(REFUSED)
        return read_pickle(data, path, classes, _INERT)


def _read_vectors(path: Path, root: Any, options: ReadOptions) -> VectorTable:
    beside = path.name
    if isinstance(root, Record) and str(root.kind) in MODELS:
        root = root.state.get("wv")
        beside += ".wv"
        if root is None:
            raise FormatError(
                f"{path}: this Word2Vec has no vectors (wv); gensim before 1.0 saved it: load it with that gensim"
            )
    if not isinstance(root, Record):
        raise FormatError(f"{path}: the pickle holds no model of gensim's, but {type(root).__name__}")
    kind = str(root.kind)
    if kind in REFUSED:
        raise FormatError(
            f"{path}: this is a {REFUSED[kind]} model of gensim's ({kind}); firth reads Word2Vec and KeyedVectors:"
            " write the word vectors with `model.wv.save_word2vec_format(...)`"
        )
    if kind not in VECTORS:
        raise FormatError(f"{path}: the pickle holds no vectors of gensim's, but {kind}")
    return _table(path, beside, root, options)


def _table(path: Path, beside: str, vectors: Record, options: ReadOptions) -> VectorTable:
    state = vectors.state
    keys = next((state[name] for name in ("index_to_key", "index2word") if name in state), None)
    if type(keys) is not list:
        raise FormatError(f"{path}: the model has no list of words (index_to_key or index2word)")
    matrix = as_vectors(_matrix(path, beside, state), f"{path}: the vectors")
    if len(keys) != len(matrix):
        raise FormatError(f"{path}: there must be as many words as vectors, got {len(keys)} and {len(matrix)}")
    n_rows = len(keys) if options.limit is None else min(options.limit, len(keys))
    words = [_word(path, row, key) for row, key in enumerate(keys[:n_rows], 1)]
    matrix = matrix[:n_rows]
    validate_finite(path, matrix)
    counts = _counts(path, state, keys)
    return finish_table(path, words, matrix, None if counts is None else counts[:n_rows], options)


def _word(path: Path, row: int, key: Any) -> str:
    if type(key) is int and abs(key) <= _MAX_KEY:  # gensim allows numbers as keys
        return str(key)
    if type(key) is int:
        raise FormatError(f"{path}: row {row}: a word that is a number must lie within 64 bits, got a longer one")
    if type(key) is not str:  # only the type is shown: the value may contain itself a million times
        raise FormatError(f"{path}: row {row}: a word must be text, got {type(key).__name__}")
    if not key:
        raise FormatError(f"{path}: row {row}: a word must be text, got an empty one")
    try:
        n_bytes = len(key.encode("utf-8"))
    except UnicodeEncodeError:
        raise FormatError(f"{path}: row {row}: the word {key!r:.60} is no valid Unicode text") from None
    if n_bytes > MAX_WORD_BYTES:
        raise FormatError(f"{path}: row {row}: a word must have at most {MAX_WORD_BYTES} bytes, got {n_bytes}")
    return key


def _matrix(path: Path, beside: str, state: dict[Any, Any]) -> NDArray[Any]:
    for name in _MATRIX_NAMES:
        matrix = _stored_array(path, beside, state, name)
        if matrix is not None:
            return matrix
    raise FormatError(f"{path}: the model has no matrix of vectors ({' or '.join(_MATRIX_NAMES)})")


def _stored_array(path: Path, beside: str, state: dict[Any, Any], name: str) -> NDArray[Any] | None:
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


def _counts(path: Path, state: dict[Any, Any], keys: list[Any]) -> NDArray[np.int64] | None:
    expandos = state.get("expandos")
    if type(expandos) is dict and isinstance(expandos.get("count"), PickledArray):
        counts = as_counts(to_array(expandos["count"], "iu", f"{path}: the counts"), f"{path}: the counts")
        if counts.shape != (len(keys),):
            raise FormatError(f"{path}: there must be a count for each of {len(keys)} words, got {counts.shape}")
        return counts
    vocabulary = state.get("vocab")
    if type(vocabulary) is not dict:
        return None
    found = []
    for key in keys:
        entry = vocabulary.get(key) if isinstance(key, (str, int)) else None
        count = entry.state.get("count") if isinstance(entry, Record) else None
        if type(count) is not int or not 0 <= count < 1 << 63:
            return None  # gensim makes up the counts of vectors that it read from a word2vec file
        found.append(count)
    return np.array(found, dtype=np.int64)


FORMAT = Format("gensim", "gensim's save files of Word2Vec and KeyedVectors (read only)", (), looks_like, read)
