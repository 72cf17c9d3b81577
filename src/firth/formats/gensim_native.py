"""Room formats: files that gensim's ``save`` writes for Word2Vec, FastText, Doc2Vec, vectors; gensim 1 to 4, read only.

Grammar
-------
::

    model   = pickle (protocol 2 to 5) of one object, and for each of its large arrays a file beside it
    object  = Word2Vec, FastText or Doc2Vec with the attribute "wv": vectors  |  vectors
    vectors = KeyedVectors (4.x: index_to_key, vectors, expandos["count"])
            | Word2VecKeyedVectors, EuclideanKeyedVectors (3.x), KeyedVectors (1.x to 3.2):
              index2word, vectors or syn0, vocab[word].count
            | FastTextKeyedVectors (3.8, 4.x): the same without vectors, but with vectors_vocab, vectors_ngrams,
              bucket, min_n, max_n and compatible_hash
    array   = MODEL ".vectors.npy" for vectors, MODEL ".wv.vectors.npy" for a model (".syn0.npy" before 3.3)
            | the same with ".npz", member val, if the name of the model ends in .gz or .bz2

The vector of a word of FastText is the mean of its row in vectors_vocab and the rows of its n-grams in vectors_ngrams;
the row of an n-gram is its hash modulo ``bucket``. ``</s>`` is cut like other words. There are no n-grams if ``bucket``
is 0 or ``max_n`` is less than ``min_n``. In early releases of 3.8, vectors_ngrams had rows only for the buckets of the
vocabulary, and hash2index mapped buckets to rows; the other buckets, which were never trained, have rows of 0 here.
Without compatible_hash (before 3.8) the hashes are not fastText's, and the model is refused, as in gensim 4.

`firth.formats.gensim_documents` reads what Doc2Vec has beside "wv". `firth.formats.pickle_reader` reads the pickle. It
executes nothing and refuses every name that these classes do not use.

Source: gensim, ``SaveLoad.save`` and ``_save_specials`` in gensim/utils.py, ``KeyedVectors`` in
gensim/models/keyedvectors.py, ``FastTextKeyedVectors`` in gensim/models/fasttext.py, at 3.8.3, 4.3 and 4.4,
https://github.com/piskvorky/gensim.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.ngrams import LONGEST_NGRAM, MAX_BUCKETS, NgramRules
from firth.base.words import WordBuffer
from firth.errors import FormatError
from firth.formats.format import Format, Sample
from firth.formats.gensim_arrays import read_tree, stored_array
from firth.formats.gensim_documents import DOCUMENT_PARTS, GensimDocuments, read_documents
from firth.formats.npy import as_counts, as_vectors
from firth.formats.pickle_reader import read_pickle
from firth.formats.pickle_values import PickledArray, Record, to_array
from firth.formats.rows import finish_table, validate_finite
from firth.formats.source import MAX_WORD_BYTES, ByteSource, ReadOptions, mapped
from firth.formats.table import SubwordRows, VectorTable
from firth.numerics.huffman import HuffmanTree

_MODULE = "gensim.models"
MODELS = {
    f"{_MODULE}.word2vec.Word2Vec": "Word2Vec",
    f"{_MODULE}.fasttext.FastText": "FastText",
    f"{_MODULE}.doc2vec.Doc2Vec": "Doc2Vec",
}
VECTORS = frozenset(
    f"{_MODULE}.keyedvectors.{name}" for name in ("KeyedVectors", "Word2VecKeyedVectors", "EuclideanKeyedVectors")
)
NGRAM_VECTORS = frozenset(f"{_MODULE}.{module}.FastTextKeyedVectors" for module in ("fasttext", "keyedvectors"))
REFUSED = {
    f"{_MODULE}.{module}.{name}": kind
    for kind, names in {
        "FastText": ["wrappers.fasttext.FastText", "wrappers.fasttext.FastTextKeyedVectors"],  # before 3.3
        "Poincaré": ["poincare.PoincareModel", "poincare.PoincareKeyedVectors", "keyedvectors.PoincareKeyedVectors"],
    }.items()
    for module, _, name in (whole.rpartition(".") for whole in names)
}
_PARTS = frozenset(
    {
        *DOCUMENT_PARTS,
        f"{_MODULE}.keyedvectors.Vocab",
        f"{_MODULE}.keyedvectors.CompatVocab",
        f"{_MODULE}.keyedvectors.SimpleVocab",
        f"{_MODULE}.word2vec.Vocab",
        f"{_MODULE}.word2vec.Word2VecVocab",
        f"{_MODULE}.word2vec.Word2VecTrainables",
        f"{_MODULE}.fasttext.FastTextVocab",
        f"{_MODULE}.fasttext.FastTextTrainables",
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
_OWN_ROWS = ("vectors_vocab",)
# A small file may become this many bytes (gensim's 2,000,000 buckets of 100 dimensions are 800 MB); above, its rows may
# become so many times as many.
_MANY_BYTES, _MOST_SPREAD = 1 << 30, 64
_OUTPUT_NAMES = ("syn1neg", "syn1")
_MODEL_PARTS = ("vocabulary", "trainables")  # gensim 3.3 to 3.8 has some of a model's attributes in these


def looks_like(sample: Sample) -> bool:
    """Whether the file begins like a pickle of protocol 2 or later. The reader refuses unknown protocols."""
    return len(sample.head) > 2 and sample.head[0] == 0x80 and 2 <= sample.head[1] <= _LAST_LIKELY_PROTOCOL


@dataclass(frozen=True)
class NgramSettings:
    """gensim's settings of n-grams. They need not be the settings of any n-gram: ``bucket`` may be 0."""

    min_n: int
    max_n: int
    bucket: int

    def rules(self) -> NgramRules | None:
        """How words are cut, or None if they have no n-grams."""
        shortest = max(1, self.min_n)  # gensim takes 0 as 1
        if self.bucket == 0 or self.max_n < shortest:
            return None
        return NgramRules(shortest, self.max_n, self.bucket, end_has_ngrams=True)


@dataclass(frozen=True)
class GensimModel:
    """The contents of a gensim file: a model, or only vectors.

    Attributes
    ----------
    table : VectorTable
    kind : {"Word2Vec", "FastText", "Doc2Vec", "KeyedVectors", "FastTextKeyedVectors"}
        In the last two cases the file has only vectors, and ``settings`` and ``output_vectors`` are empty.
    ngrams : NgramSettings or None
        None for Word2Vec and KeyedVectors.
    settings : dict
        The model's attributes that are numbers, strings or None, under gensim's names.
    output_vectors : dict of str to float32 array, (V, D)
        "syn1neg", "syn1" or both, if gensim saved them.
    documents : GensimDocuments or None
        The vectors of the tags of Doc2Vec.
    tree : HuffmanTree or None
        gensim's own tree of a model with "syn1".
    """

    table: VectorTable
    kind: str
    ngrams: NgramSettings | None
    settings: dict[str, Any]
    output_vectors: dict[str, NDArray[np.float32]]
    documents: GensimDocuments | None = None
    tree: HuffmanTree | None = None

    @property
    def is_model(self) -> bool:
        """Whether training can continue."""
        return self.kind in MODELS.values()


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read a model that gensim saved; see `firth.formats.registry.read_vectors`."""
    root = _read_root(path)
    if isinstance(root, Record) and MODELS.get(str(root.kind)) == "Doc2Vec":
        raise FormatError(
            f"{path}: this is a Doc2Vec model of gensim's, which has vectors of words and of documents;"
            f" firth.load({str(path)!r}) opens it whole"
        )
    return _table(path, _name_beside(path, root), _find_vectors(path, root), options)


def read_model(path: Path) -> GensimModel:
    """Read everything that continued training needs: vectors, output vectors and settings.

    Raises
    ------
    StorageError, FormatError
    """
    root = _read_root(path)
    vectors = _find_vectors(path, root)
    table = _table(path, _name_beside(path, root), vectors, ReadOptions())
    has_ngrams = str(vectors.kind) in NGRAM_VECTORS
    ngrams = _ngram_settings(path, vectors.state) if has_ngrams else None
    kind = MODELS.get(str(root.kind), "FastTextKeyedVectors" if has_ngrams else "KeyedVectors")
    if str(root.kind) not in MODELS:
        return GensimModel(table, kind, ngrams, {}, {})
    if (kind == "FastText") is not has_ngrams:
        raise FormatError(f"{path}: the vectors (wv) of {kind} are of the wrong class, {vectors.kind}")
    parts = [("", root), *((f".{name}", root.state[name]) for name in _MODEL_PARTS if name in root.state)]
    settings: dict[str, Any] = {}
    outputs: dict[str, NDArray[np.float32]] = {}
    for suffix, part in parts:
        if not isinstance(part, Record):
            raise FormatError(f"{path}: the model's attribute {suffix[1:]!r} is damaged")
        plain = {key: value for key, value in part.state.items() if type(value) in (int, float, str, bool, type(None))}
        settings.update({key: value for key, value in plain.items() if type(key) is str})
        for name in _OUTPUT_NAMES:
            matrix = stored_array(path, f"{path.name}{suffix}", part.state, name)
            if matrix is not None:
                outputs[name] = as_vectors(matrix, f"{path}: {name}")
                if outputs[name].shape != table.matrix.shape:
                    raise FormatError(f"{path}: {name} must have shape {table.matrix.shape}, got {outputs[name].shape}")
                validate_finite(path, outputs[name])
    documents = read_documents(path, root.state, table.matrix.shape[1]) if kind == "Doc2Vec" else None
    if documents is not None and settings.get("dm_concat"):
        raise FormatError(
            f"{path}: this Doc2Vec was trained with dm_concat=1, which firth lacks; train one with dm_concat=0, or read"
            " the vectors that gensim's model.dv.save writes"
        )
    tree = read_tree(path, vectors.state, len(table.words)) if "syn1" in outputs else None
    return GensimModel(table, kind, ngrams, settings, outputs, documents, tree)


def _read_root(path: Path) -> Any:
    with ByteSource(path) as source:
        if source.read(1) != b"\x80":
            source.fail("gensim's save files must be pickles of protocol 2 or later, got another file")
    with ByteSource(path) as source, mapped(source) as data:
        classes = frozenset(MODELS) | VECTORS | NGRAM_VECTORS | _PARTS | frozenset(REFUSED)
        return read_pickle(data, path, classes, _INERT)


def _name_beside(path: Path, root: Any) -> str:
    """The name with which the files of the arrays of the vectors begin."""
    return f"{path.name}.wv" if isinstance(root, Record) and str(root.kind) in MODELS else path.name


def _find_vectors(path: Path, root: Any) -> Record:
    vectors = root
    if isinstance(root, Record) and str(root.kind) in MODELS:
        vectors = root.state.get("wv")
        if vectors is None:
            raise FormatError(
                f"{path}: this {MODELS[str(root.kind)]} has no vectors (wv); gensim before 1.0 saved it: load it with"
                " that gensim"
            )
    if not isinstance(vectors, Record):
        raise FormatError(f"{path}: the pickle holds no model of gensim's, but {type(vectors).__name__}")
    kind = str(vectors.kind)
    if kind in REFUSED:
        raise FormatError(
            f"{path}: this is a {REFUSED[kind]} model of gensim's ({kind}); firth reads Word2Vec, FastText, Doc2Vec and"
            " KeyedVectors: write the word vectors with `model.wv.save_word2vec_format(...)`"
        )
    if kind not in VECTORS | NGRAM_VECTORS:
        raise FormatError(f"{path}: the pickle holds no vectors of gensim's, but {kind}")
    return vectors


def _table(path: Path, beside: str, vectors: Record, options: ReadOptions) -> VectorTable:
    state = vectors.state
    keys = next((state[name] for name in ("index_to_key", "index2word") if name in state), None)
    if type(keys) is not list:
        raise FormatError(f"{path}: the model has no list of words (index_to_key or index2word)")
    has_ngrams = str(vectors.kind) in NGRAM_VECTORS
    matrix = as_vectors(_matrix(path, beside, state, has_ngrams), f"{path}: the vectors")
    if len(keys) != len(matrix):
        raise FormatError(f"{path}: there must be as many words as vectors, got {len(keys)} and {len(matrix)}")
    n_rows = len(keys) if options.limit is None else min(options.limit, len(keys))
    words = [_word(path, row, key) for row, key in enumerate(keys[:n_rows], 1)]
    matrix = matrix[:n_rows]
    validate_finite(path, matrix)
    subwords = _subwords(path, beside, state, matrix) if has_ngrams else None
    if subwords is not None:
        matrix = subwords.known_vectors(WordBuffer.pack(word.encode("utf-8") for word in words))
    counts = _counts(path, state, keys)
    return finish_table(path, words, matrix, None if counts is None else counts[:n_rows], options, subwords=subwords)


def _subwords(path: Path, beside: str, state: dict[Any, Any], own_rows: NDArray[np.float32]) -> SubwordRows | None:
    """The rows of n-grams of FastTextKeyedVectors, with the words' own rows; None if words have no n-grams."""
    rules = _ngram_settings(path, state).rules()
    if state.get("compatible_hash") is not True:
        raise FormatError(
            f"{path}: gensim before 3.8 saved this FastText model, whose hashes of n-grams differ from fastText's; load"
            " it with gensim 3.8.3, save it again, and read the new file"
        )
    if rules is None:
        return None
    stored = stored_array(path, beside, state, "vectors_ngrams")
    if stored is None:
        raise FormatError(f"{path}: the model has no matrix of n-grams (vectors_ngrams)")
    ngram_rows = as_vectors(stored, f"{path}: vectors_ngrams")
    validate_finite(path, ngram_rows)
    ngram_rows = _spread_rows(path, ngram_rows, state.get("hash2index"), rules)
    if ngram_rows.shape != (rules.buckets, own_rows.shape[1]):
        raise FormatError(
            f"{path}: vectors_ngrams must have shape {(rules.buckets, own_rows.shape[1])}, got {ngram_rows.shape}"
        )
    return SubwordRows(rules, ngram_rows, own_rows)


def _spread_rows(path: Path, packed: NDArray[np.float32], rows_of: Any, rules: NgramRules) -> NDArray[np.float32]:
    """A row for each bucket, from the rows that early releases of gensim 3.8 kept; 0 for the buckets without a row."""
    if rows_of is None:
        return packed
    is_map = type(rows_of) is dict and len(rows_of) == len(packed)
    if not is_map or not all(type(bucket) is int and 0 <= bucket < rules.buckets for bucket in rows_of):
        raise FormatError(
            f"{path}: hash2index must map {len(packed)} buckets below {rules.buckets} to the rows of vectors_ngrams"
        )
    numbers = list(rows_of.values())
    if not all(type(row) is int and 0 <= row < len(packed) for row in numbers) or len(set(numbers)) < len(packed):
        raise FormatError(f"{path}: hash2index must map buckets to rows below {len(packed)} that differ")
    buckets, rows = np.array(list(rows_of), np.int64), np.array(numbers, np.int64)
    n_bytes = 4 * rules.buckets * packed.shape[1]
    if n_bytes > _MANY_BYTES and rules.buckets > _MOST_SPREAD * len(packed):
        raise FormatError(
            f"{path}: bucket must be less than {_MOST_SPREAD} times the {len(packed)} rows of vectors_ngrams, got"
            f" {rules.buckets}, which would take {n_bytes} bytes"
        )
    spread = np.zeros((rules.buckets, packed.shape[1]), np.float32)
    spread[buckets] = packed[rows]
    return spread


def _ngram_settings(path: Path, state: dict[Any, Any]) -> NgramSettings:
    values = {name: state.get(name) for name in ("min_n", "max_n", "bucket")}
    most = {"min_n": MAX_BUCKETS, "max_n": LONGEST_NGRAM, "bucket": MAX_BUCKETS}
    for name, value in values.items():
        if type(value) is not int or not 0 <= value <= most[name]:
            shown = (
                value if type(value) is int and abs(value) <= _MAX_KEY else f"another value ({type(value).__name__})"
            )
            raise FormatError(f"{path}: {name} must be a whole number from 0 to {most[name]}, got {shown}")
    return NgramSettings(**values)  # type: ignore[arg-type]  # checked above


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


def _matrix(path: Path, beside: str, state: dict[Any, Any], has_ngrams: bool) -> NDArray[Any]:
    names = _OWN_ROWS if has_ngrams else _MATRIX_NAMES
    for name in names:
        matrix = stored_array(path, beside, state, name)
        if matrix is not None:
            return matrix
    raise FormatError(f"{path}: the model has no matrix of vectors ({' or '.join(names)})")


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


FORMAT = Format(
    "gensim", "gensim's save files of Word2Vec, FastText and KeyedVectors (read only)", (), looks_like, read
)
