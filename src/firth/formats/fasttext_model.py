"""Room formats: the grammar of fastText's ``.bin`` and ``.ftz`` files, and the reader of supervised models.

Grammar
-------
Little-endian throughout::

    model      = [magic version] arguments dictionary [quantized] matrix [quantized] matrix
    magic      = int32 793712314
    version    = int32 11 | 12
    arguments  = int32 (dim ws epoch minCount neg wordNgrams loss model bucket minn maxn lrUpdateRate) float64 t
    dictionary = int32 size  int32 nwords  int32 nlabels  int64 ntokens  [int64 pruneidx_size]  entry*size
                 (int32 bucket  int32 row)*max(0, pruneidx_size)
    entry      = byte* 0  int64 count  int8 type              (type 0: word, 1: label)
    quantized  = uint8                                        (not 0: a quantized matrix follows)
    matrix     = dense | product
    dense      = int64 rows  int64 columns  float32*(rows * columns)
    product    = uint8 has_norms  int64 rows  int64 columns  int32 n_codes  uint8*n_codes  quantizer
                 [uint8*rows  quantizer]                      (the codes of the norms, if has_norms is not 0)
    quantizer  = int32 (dim nsubq dsub lastdsub)  float32*(dim * 256)

The first matrix is the input matrix. It has a row for each word and a row for each bucket of hashed n-grams; in a
pruned model (pruneidx_size is not -1), only the buckets that the dictionary lists have rows. The second matrix is the
output matrix. In a supervised model it has a row for each label. The output matrix is quantized only if the input
matrix is quantized too, whatever the flag of the output matrix says. The older layout has no magic number, and none of
the fields in [ ]. ``loss`` is 1 (hierarchical softmax), 2 (negative sampling), 3 (softmax) or 4 (one-vs-all). ``model``
is 1 (cbow), 2 (skip-gram) or 3 (supervised). A supervised model of version 11 has no character n-grams, whatever maxn
says.

A quantized row is the concatenation of the centroids of its codes, times the centroid of its norm. Part m has ``dsub``
columns (the last part ``lastdsub``). Its centroid is number code[m] of the 256 that begin at 256 * m * dsub.

Source: fastText, ``FastText::loadModel`` and ``checkModel``, ``Args::load``, ``Dictionary::load``,
``DenseMatrix::load``, ``QuantMatrix::load``, ``ProductQuantizer::load`` and ``get_centroids``,
https://github.com/facebookresearch/fastText (src). The older layout: the same files at commits before July 2017.

Tests: tests/formats/test_fasttext_bin.py.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from firth.base.words import WordBuffer
from firth.formats.source import MAX_DIMS, MAX_WORD_BYTES, ByteSource, mapped
from firth.native import fasttext as native

MAGIC = 793712314  # FASTTEXT_FILEFORMAT_MAGIC_INT32
VERSIONS = (11, 12)
CBOW, SKIPGRAM, SUPERVISED = 1, 2, 3
SOFTMAX = 3
LOSSES = {1: "hierarchical-softmax", 2: "negative-sampling", 3: "softmax", 4: "one-vs-all"}
MAX_NGRAM_CHARS = 64  # largest length of n-grams in characters. It limits the time of a text. fastText's default is 6.
MAX_WORD_NGRAMS = 64  # largest length of n-grams in words; fastText's default is 1
MAX_TREE_COUNT = 10**15  # the sum of all label counts is below; fastText uses this count for nodes not yet made
MAX_ROWS = 2**31 - 1  # fastText numbers rows by int32
N_CENTROIDS = 256
ENTRY_TAIL_BYTES = 9  # count and type
_ARGUMENTS = struct.Struct("<12id")


@dataclass(frozen=True)
class FastTextArguments:
    """The arguments in a fastText file, with firth's names.

    Attributes
    ----------
    dims, window, epochs, min_count, negatives, word_ngrams : int
    loss : int
        A key of ``LOSSES``.
    model : int
        1 cbow, 2 skip-gram, 3 supervised.
    buckets, min_chars, max_chars : int
        Number of rows of n-grams, and the least and largest length of character n-grams.
    rate_interval : int
        Tokens between two changes of the learning rate (``lrUpdateRate``).
    subsample : float
    """

    dims: int
    window: int
    epochs: int
    min_count: int
    negatives: int
    word_ngrams: int
    loss: int
    model: int
    buckets: int
    min_chars: int
    max_chars: int
    rate_interval: int
    subsample: float

    @property
    def has_ngrams(self) -> bool:
        """Whether the model has n-grams of words or of characters."""
        return self.word_ngrams > 1 or self.max_chars >= max(1, self.min_chars)


@dataclass(frozen=True, eq=False)
class QuantizedMatrix:
    """A matrix by product quantization: each row is stored as one byte a part, and one byte for the row's norm.

    Attributes
    ----------
    codes : uint8 array, (n_rows, n_parts)
    centroids : float32 array, (n_dims * 256,)
        As in the file: 256 centroids of the first part, then of the second, and so on.
    part_dims : int
        Columns of a part. The last part may have fewer.
    norm_codes : uint8 array, (n_rows,), or None
        The number of each row's norm in ``norms``. None: rows are quantized with their norms.
    norms : float32 array, (256,), or None
    """

    codes: NDArray[np.uint8]
    centroids: NDArray[np.float32]
    part_dims: int
    norm_codes: NDArray[np.uint8] | None = None
    norms: NDArray[np.float32] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.codes), len(self.centroids) // N_CENTROIDS

    def part(self, number: int) -> NDArray[np.float32]:
        """The centroids of one part, float32, (256, columns of the part)."""
        _, n_dims = self.shape
        first, last = number * self.part_dims, min(n_dims, (number + 1) * self.part_dims)
        return self.centroids[N_CENTROIDS * first : N_CENTROIDS * last].reshape(N_CENTROIDS, last - first)

    def to_dense(self) -> NDArray[np.float32]:
        """The decoded rows, float32, (n_rows, n_dims)."""
        dense = np.hstack([self.part(number)[self.codes[:, number]] for number in range(self.codes.shape[1])])
        if self.norm_codes is None or self.norms is None:
            return dense
        return dense * self.norms[self.norm_codes][:, None]


Matrix = NDArray[np.float32] | QuantizedMatrix


def dense_matrix(matrix: Matrix) -> NDArray[np.float32]:
    """The float32 values of a matrix: decoded if it is quantized, else the matrix itself."""
    return matrix.to_dense() if isinstance(matrix, QuantizedMatrix) else matrix


@dataclass(frozen=True, eq=False)
class FastTextModel:
    """The contents of a supervised fastText file.

    Attributes
    ----------
    arguments : FastTextArguments
    entries : WordBuffer
        The words, then the labels with their prefix. They are bytes, because fastText allows bytes that are not UTF-8.
    counts : int64 array, (n_entries,)
        The number of occurrences of each entry in the training text.
    n_words : int
    n_tokens : int
        Number of tokens of the training text.
    kept_ngrams : int32 array, (P, 2), or None
        In a pruned model, each bucket that has a row, and the number of the row; row 0 follows the words' rows. None:
        the model is not pruned, and each bucket has a row.
    input_matrix : float32 array (n_words + P or n_words + buckets, D), or QuantizedMatrix
        A dense matrix is mapped from the file, which must not change while the model is in use.
    output_matrix : float32 array (n_labels, D), or QuantizedMatrix
    """

    arguments: FastTextArguments
    entries: WordBuffer
    counts: NDArray[np.int64]
    n_words: int
    n_tokens: int
    kept_ngrams: NDArray[np.int32] | None
    input_matrix: Matrix
    output_matrix: Matrix

    @property
    def n_labels(self) -> int:
        return len(self.entries) - self.n_words

    @property
    def label_counts(self) -> NDArray[np.int64]:
        return self.counts[self.n_words :]

    @property
    def labels(self) -> list[bytes]:
        """The bytes of the labels, in the order of the file, with ``__label__``."""
        return [self.entries.encoded(number) for number in range(self.n_words, len(self.entries))]


@dataclass(frozen=True, eq=False)
class Dictionary:
    """The dictionary of a file: words, then labels.

    Attributes
    ----------
    entries : WordBuffer
    starts : int64 array, (n_entries,)
        The offset of each entry in the file.
    counts : int64 array, (n_entries,)
    n_words, n_tokens : int
    kept_ngrams : int32 array, (P, 2), or None
    """

    entries: WordBuffer
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    n_words: int
    n_tokens: int
    kept_ngrams: NDArray[np.int32] | None


def is_classifier(head: bytes) -> bool:
    """Whether the first bytes of a file are the beginning of a supervised model that `read_classifier` reads."""
    size = 8 + _ARGUMENTS.size
    return (
        head[:4] == struct.pack("<i", MAGIC) and len(head) >= size and _ARGUMENTS.unpack_from(head, 8)[7] == SUPERVISED
    )


def read_classifier(path: Path) -> FastTextModel:
    """Read a supervised model, ``.bin`` or ``.ftz``.

    Sizes in the file are compared with the file's size before memory is allocated. A dense input matrix is mapped from
    the file. Its numbers are checked when a text needs them.

    Raises
    ------
    FormatError
        The file does not follow the grammar, or is a model of word vectors.
    StorageError
    """
    with ByteSource(path) as source, mapped(source) as data:
        return FastTextReader(source, data).read_classifier()


class FastTextReader:
    """Reads the fields of a file in order. Checks every size against the rest of the file before using it."""

    def __init__(self, source: ByteSource, data: mmap.mmap) -> None:
        self.source = source
        self.data = data
        self.at = 0
        self.is_old = data[:4] != struct.pack("<i", MAGIC)
        self.version: int | None = None
        if not self.is_old:
            self.at = 4
            (self.version,) = self.take("<i", "the version")
            if self.version not in VERSIONS:
                self.fail(f"fastText's version must be 11 or 12, got {self.version}")

    def read_classifier(self) -> FastTextModel:
        arguments = self.read_arguments()
        if arguments.model != SUPERVISED:
            self.fail(
                "this is a fastText model of word vectors, which has no labels to predict; read it with"
                " firth.read_vectors"
            )
        if self.is_old:
            self.fail(
                "this is a supervised model in fastText's layout of before July 2017, which fastText itself no longer"
                " reads; train the model anew"
            )
        if self.version == VERSIONS[0]:
            arguments = replace(arguments, max_chars=0)
        if arguments.loss not in LOSSES:
            self.fail(f"fastText's loss must be one of {LOSSES}, got {arguments.loss}")
        if not 0 <= arguments.word_ngrams <= MAX_WORD_NGRAMS:
            self.fail(f"wordNgrams must lie in 0 to {MAX_WORD_NGRAMS}, got {arguments.word_ngrams}")
        if arguments.has_ngrams and arguments.buckets < 1:
            self.fail(
                f"bucket must be at least 1 in a model with n-grams, got {arguments.buckets} (wordNgrams"
                f" {arguments.word_ngrams}, minn {arguments.min_chars}, maxn {arguments.max_chars})"
            )
        dictionary = self.read_dictionary(arguments)
        n_labels = len(dictionary.entries) - dictionary.n_words
        if n_labels < 1:
            self.fail("a supervised model must have at least one label, got none")
        self.validate_label_counts(dictionary.counts[dictionary.n_words :])
        is_quantized = self.read_flag("input")
        input_matrix = self.read_matrix("input", arguments.dims, is_quantized)
        kept = dictionary.kept_ngrams
        if kept is not None and not is_quantized:
            self.fail("a pruned model must have a quantized input matrix, got a dense one; fastText refuses it as well")
        n_ngrams = arguments.buckets if kept is None else len(kept)
        self.validate_rows(
            "input", input_matrix, dictionary.n_words + n_ngrams, f"{dictionary.n_words} + {n_ngrams} rows"
        )
        output_matrix = self.read_matrix("output", arguments.dims, self.read_flag("output") and is_quantized)
        self.validate_rows("output", output_matrix, n_labels, f"{n_labels} rows, one a label")
        self.validate_end()
        if not isinstance(output_matrix, QuantizedMatrix) and not np.isfinite(output_matrix).all():
            row = int(np.flatnonzero(~np.isfinite(output_matrix).all(axis=1))[0])
            self.fail(f"the output matrix has a NaN or an infinity in row {row + 1}; train the model anew")
        return FastTextModel(
            arguments,
            dictionary.entries,
            dictionary.counts,
            dictionary.n_words,
            dictionary.n_tokens,
            kept,
            input_matrix,
            output_matrix,
        )

    def read_arguments(self) -> FastTextArguments:
        what = "the arguments" if not self.is_old else "the arguments of the older layout (there is no magic number)"
        arguments = FastTextArguments(*self.take(_ARGUMENTS.format, what))
        if self.is_old and not (
            arguments.loss in (1, 2, 3, 4) and arguments.model in (1, 2, 3) and 0 <= arguments.subsample <= 1
        ):
            self.fail("the file is not a fastText model: neither its magic number nor the older layout's arguments")
        if arguments.model not in (CBOW, SKIPGRAM, SUPERVISED):
            self.fail(f"fastText's model must be 1 (cbow), 2 (skipgram) or 3 (supervised), got {arguments.model}")
        if not 1 <= arguments.dims <= MAX_DIMS:
            self.fail(f"dim must lie in 1 to {MAX_DIMS}, got {arguments.dims}")
        if arguments.buckets < 0:
            self.fail(f"bucket must not be negative, got {arguments.buckets}")
        if not 0 <= arguments.max_chars <= MAX_NGRAM_CHARS or arguments.min_chars < 0:
            self.fail(
                f"minn and maxn must lie in 0 to {MAX_NGRAM_CHARS}, got {arguments.min_chars} and {arguments.max_chars}"
            )
        return arguments

    def read_dictionary(self, arguments: FastTextArguments) -> Dictionary:
        size, n_words, n_labels, n_tokens = self.take("<3iq", "the sizes of the dictionary")
        n_pruned = -1 if self.is_old else self.take("<q", "pruneidx_size")[0]
        if n_labels < 0 or n_words < 0 or size != n_words + n_labels:
            self.fail(
                f"the number of entries must be the sum of words and labels, got {size} entries, {n_words} words and"
                f" {n_labels} labels"
            )
        if n_words < 1:
            self.fail(f"the dictionary must have at least one word, got {n_words} words and {n_labels} labels")
        if size * (1 + ENTRY_TAIL_BYTES) > len(self.data) - self.at:
            self.fail(
                f"the dictionary announces {size} entries, but only {len(self.data) - self.at} bytes follow: the file"
                " is cut"
            )
        found = native.scan_dictionary(self.data, self.at, size, n_words, MAX_WORD_BYTES)
        if found.fault != native.FAULT_NONE:
            expected, name = (0, "word") if found.row < n_words else (1, "label")
            message = {
                native.FAULT_CUT: "the dictionary is cut, or a word is too long",
                native.FAULT_KIND: f"this entry of the dictionary must be a {name} ({expected}), got {found.detail}",
                native.FAULT_EMPTY: "an entry of the dictionary must have a word, got none",
            }[found.fault]
            self.source.fail(message, row=found.row + 1, offset=found.offset)
        self.at = found.offset
        kept = None if n_pruned < 0 else self.read_kept_ngrams(n_pruned, arguments.buckets)
        return Dictionary(found.entries, found.starts, found.counts, n_words, n_tokens, kept)

    def read_kept_ngrams(self, n_pruned: int, n_buckets: int) -> NDArray[np.int32]:
        kept = self.take_array("<i4", 2 * n_pruned, f"the {n_pruned} n-grams that pruning kept").reshape(n_pruned, 2)
        if n_pruned == 0:
            return kept
        buckets, rows = kept[:, 0], kept[:, 1]
        if buckets.min() < 0 or buckets.max() >= n_buckets or rows.min() < 0 or rows.max() >= n_pruned:
            self.fail(
                f"kept n-grams must lie in 0 to {n_buckets - 1} and have rows in 0 to {n_pruned - 1}, got n-grams"
                f" {buckets.min()} to {buckets.max()} and rows {rows.min()} to {rows.max()}"
            )
        if len(np.unique(buckets)) != n_pruned:
            self.fail("kept n-grams must differ from each other, got one n-gram twice")
        return kept

    def validate_label_counts(self, counts: NDArray[np.int64]) -> None:
        if counts.min() < 0 or int(counts.astype(object).sum()) >= MAX_TREE_COUNT:
            self.fail(
                f"the counts of labels must be at least 0 and their sum below {MAX_TREE_COUNT}, got a smallest count of"
                f" {counts.min()} and a sum of {int(counts.astype(object).sum())}"
            )

    def read_flag(self, name: str) -> bool:
        """Read the flag that says whether the next matrix is quantized."""
        return not self.is_old and bool(self.take("<B", f"the {name} matrix")[0])

    def read_matrix(self, name: str, n_dims: int, is_quantized: bool) -> Matrix:
        return self.read_quantized(name, n_dims) if is_quantized else self.read_dense(name, n_dims)

    def read_dense(self, name: str, n_dims: int) -> NDArray[np.float32]:
        """Read the next matrix as a view of the file."""
        n_rows, n_columns = self.take("<2q", f"the sizes of the {name} matrix")
        if n_rows < 0 or n_columns != n_dims:
            self.fail(f"the {name} matrix must have {n_dims} columns, got {n_rows} rows of {n_columns}")
        return self.take_array("<f4", n_rows * n_dims, f"the {name} matrix").reshape(n_rows, n_dims)

    def read_quantized(self, name: str, n_dims: int) -> QuantizedMatrix:
        has_norms, n_rows, n_columns, n_codes = self.take("<B2qi", f"the sizes of the quantized {name} matrix")
        if n_rows < 0 or n_columns != n_dims:
            self.fail(f"the quantized {name} matrix must have {n_dims} columns, got {n_rows} rows of {n_columns}")
        if n_codes < 0 or (n_rows > 0 and n_codes % n_rows) or n_codes > n_rows * n_dims:
            self.fail(
                f"the quantized {name} matrix must have between 1 and {n_dims} codes for each of {n_rows} rows,"
                f" got {n_codes} codes"
            )
        codes = self.take_array("u1", n_codes, f"the codes of the {name} matrix")
        part_dims, centroids = self.read_quantizer(name, n_dims)
        n_parts = -(-n_dims // part_dims)
        if n_codes != n_rows * n_parts:
            self.fail(f"the quantized {name} matrix must have {n_rows} * {n_parts} codes, got {n_codes}")
        codes = codes.reshape(n_rows, n_parts)
        if not has_norms:
            return QuantizedMatrix(codes, centroids, part_dims)
        norm_codes = self.take_array("u1", n_rows, f"the codes of the norms of the {name} matrix")
        _, norms = self.read_quantizer(f"norms of the {name}", 1)
        return QuantizedMatrix(codes, centroids, part_dims, norm_codes, norms)

    def read_quantizer(self, name: str, n_dims: int) -> tuple[int, NDArray[np.float32]]:
        """Read a quantizer: the number of columns of a part, and the centroids of all parts."""
        sizes = self.take("<4i", f"the quantizer of the {name} matrix")
        part_dims = sizes[2]
        n_parts = -(-n_dims // part_dims) if part_dims > 0 else 0
        expected = (n_dims, n_parts, part_dims, n_dims - (n_parts - 1) * part_dims)
        if part_dims < 1 or part_dims > n_dims or sizes != expected:
            self.fail(
                f"the quantizer of the {name} matrix must divide {n_dims} columns into parts, got dim {sizes[0]}, nsubq"
                f" {sizes[1]}, dsub {sizes[2]} and lastdsub {sizes[3]}"
            )
        centroids = self.take_array("<f4", n_dims * N_CENTROIDS, f"the centroids of the {name} matrix")
        if not np.isfinite(centroids).all():
            self.fail(f"the centroids of the {name} matrix must be finite, got a NaN or an infinity; quantize again")
        return part_dims, centroids.copy()  # an aligned array

    def validate_rows(self, name: str, matrix: Matrix, n_rows: int, wanted: str) -> None:
        if n_rows > MAX_ROWS:
            self.fail(
                f"the {name} matrix must have at most {MAX_ROWS} rows, because row numbers are int32, got {n_rows}"
            )
        if matrix.shape[0] != n_rows:
            self.fail(f"the {name} matrix must have {wanted}, got {matrix.shape[0]}")

    def validate_end(self) -> None:
        if self.at != len(self.data):
            self.fail(f"the file must end after the output matrix, got {len(self.data) - self.at} more bytes")

    def take_array(self, dtype: str, n_items: int, what: str) -> NDArray[Any]:
        """Read the next numbers as a view of the file, which may not be aligned."""
        n_bytes = n_items * np.dtype(dtype).itemsize
        if n_bytes > len(self.data) - self.at:
            self.fail(f"{what} needs {n_bytes} bytes, but only {len(self.data) - self.at} are left: the file is cut")
        found = np.frombuffer(self.data, dtype=dtype, count=n_items, offset=self.at)
        self.at += n_bytes
        return found

    def take(self, layout: str, what: str) -> tuple[Any, ...]:
        size = struct.calcsize(layout)
        if self.at + size > len(self.data):
            self.fail(f"the file ends inside {what}: it is truncated, or not a fastText model")
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += size
        return values

    def fail(self, message: str) -> NoReturn:
        self.source.fail(message, offset=self.at)


__all__ = [
    "CBOW",
    "LOSSES",
    "MAGIC",
    "MAX_NGRAM_CHARS",
    "N_CENTROIDS",
    "SKIPGRAM",
    "SUPERVISED",
    "Dictionary",
    "FastTextArguments",
    "FastTextModel",
    "FastTextReader",
    "Matrix",
    "QuantizedMatrix",
    "dense_matrix",
    "is_classifier",
    "read_classifier",
]
