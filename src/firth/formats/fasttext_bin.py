"""Room formats: the word vectors of fastText's ``.bin`` model, read only.

Grammar
-------
Little-endian throughout::

    model      = [magic version] arguments dictionary [quantized] matrix [quantized] matrix
    magic      = int32 793712314
    version    = int32 11 | 12
    arguments  = int32 (dim ws epoch minCount neg wordNgrams loss model bucket minn maxn lrUpdateRate) float64 t
    dictionary = int32 size  int32 nwords  int32 nlabels  int64 ntokens  [int64 pruneidx_size]  entry*size
                 (int32 int32)*max(0, pruneidx_size)
    entry      = byte* 0  int64 count  int8 type              (type 0: word, 1: label)
    quantized  = bool                                         (1: a product-quantised matrix follows)
    matrix     = int64 rows  int64 columns  float32*(rows * columns)

The first matrix has a row for each word and ``bucket`` rows for the hashed n-grams; the second is the output matrix.
The parts in [ ] are missing from the older layout, which has no magic number. Only the argument ``model`` gives the
kind of a model: 1 cbow, 2 skip-gram, 3 supervised. Words that begin with the label prefix (``__label__``) are entries
of type 1 in every kind of model. In a cbow or skip-gram model these entries follow the words, were not trained and have
no row, so they are left out here. Quantised and supervised models are refused; the message names the kind.

The vector of a word is the mean of its own row and the rows of its n-grams, as in ``fasttext print-word-vectors``. The
word ``</s>`` has n-grams only in the older layout, whose program gave it some. gensim always gives it some.

Source: fastText, ``FastText::loadModel`` and ``checkModel``, ``Args::load``, ``Dictionary::load``, ``computeSubwords``,
``DenseMatrix::load``, https://github.com/facebookresearch/fastText (src); for the older layout, the same functions at
commits before July 2017.
"""

from __future__ import annotations

import mmap
import struct
import threading
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from firth.base.words import WordBuffer
from firth.formats.format import Format, Sample
from firth.formats.rows import decode_words, finish_table, validate_finite
from firth.formats.source import MAX_DIMS, MAX_WORD_BYTES, ByteSource, ReadOptions, mapped
from firth.formats.table import VectorTable
from firth.native import vector_text
from firth.native.stopping import Team

MAGIC = 793712314  # FASTTEXT_FILEFORMAT_MAGIC_INT32
VERSIONS = (11, 12)
SUPERVISED = 3  # model: 1 is cbow, 2 skipgram
MAX_NGRAM_CHARS = 64  # fastText's default is 6; this bounds the work that a file can ask for
_ARGUMENTS = struct.Struct("<12id")
_ENTRY_TAIL = struct.Struct("<qb")


def looks_like(sample: Sample) -> bool:
    """Whether the file begins with the magic number, or with numbers that are valid arguments of the older layout."""
    head = sample.head
    if head[:4] == struct.pack("<i", MAGIC):
        return True
    if len(head) < _ARGUMENTS.size + 20:
        return False
    *arguments, threshold = _ARGUMENTS.unpack_from(head)
    dims, (loss, model, buckets, min_chars, max_chars) = arguments[0], arguments[6:11]
    return (
        1 <= dims <= MAX_DIMS
        and loss in (1, 2, 3, 4)
        and model in (1, 2, 3)
        and buckets >= 0
        and 0 <= min_chars <= MAX_NGRAM_CHARS
        and 0 <= max_chars <= MAX_NGRAM_CHARS
        and 0 <= threshold <= 1
    )


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read the word vectors of a fastText model; see `firth.formats.registry.read_vectors`."""
    with ByteSource(path) as source, mapped(source) as data:
        return _Model(source, data).read(options)


class _Model:
    """The bytes of a model, read in order. Every size is compared with the number of remaining bytes before use."""

    def __init__(self, source: ByteSource, data: mmap.mmap) -> None:
        self.source = source
        self.data = data
        self.at = 0

    def read(self, options: ReadOptions) -> VectorTable:
        self.is_old = self.data[:4] != struct.pack("<i", MAGIC)
        if not self.is_old:
            self.at = 4
            (version,) = self.take("<i", "the version")
            if version not in VERSIONS:
                self.fail(f"fastText's format version must be 11 or 12, got {version}")
        self.read_arguments()
        entries, counts = self.read_dictionary()
        n_input_rows, input_start = self.locate_matrices(len(entries))
        n_words = len(entries) if options.limit is None else min(options.limit, len(entries))
        words = decode_words(self.source.path, entries[:n_words], options)
        matrix = self.compute_vectors(entries[:n_words], len(entries), n_input_rows, input_start, options.n_threads)
        validate_finite(self.source.path, matrix)
        return finish_table(self.source.path, words, matrix, counts[:n_words], options)

    def read_arguments(self) -> None:
        what = "the arguments" if not self.is_old else "the arguments of the older layout (there is no magic number)"
        *arguments, threshold = self.take("<12id", what)
        self.dims = arguments[0]
        loss, model, self.buckets, self.min_chars, self.max_chars = arguments[6:11]
        if self.is_old and not (loss in (1, 2, 3, 4) and model in (1, 2, 3) and 0 <= threshold <= 1):
            self.fail("no fastText model: the file has neither the magic number nor the older layout's arguments")
        if model == SUPERVISED:
            self.fail(
                "this is a supervised fastText model, a classifier of texts; firth reads cbow and skipgram models:"
                " print the vectors that you need with `fasttext print-word-vectors`"
            )
        if model not in (1, 2):
            self.fail(f"fastText's model must be 1 (cbow), 2 (skipgram) or 3 (supervised), got {model}")
        if not 1 <= self.dims <= MAX_DIMS:
            self.fail(f"dim must lie in 1 to {MAX_DIMS}, got {self.dims}")
        if self.buckets < 0:
            self.fail(f"bucket must not be negative, got {self.buckets}")
        if not 0 <= self.max_chars <= MAX_NGRAM_CHARS or self.min_chars < 0:
            self.fail(f"minn and maxn must lie in 0 to {MAX_NGRAM_CHARS}, got {self.min_chars} and {self.max_chars}")

    def read_dictionary(self) -> tuple[list[tuple[bytes, int]], NDArray[np.int64]]:
        """The words with their offsets in the file, and the counts of the words. Labels are skipped."""
        size, n_words, n_labels, _ = self.take("<3iq", "the sizes of the dictionary")
        n_pruned = -1 if self.is_old else self.take("<q", "pruneidx_size")[0]
        if n_labels < 0 or n_words < 0 or size != n_words + n_labels:
            self.fail(
                f"the dictionary must have as many entries as words and labels, got {size} entries, {n_words} words and"
                f" {n_labels} labels"
            )
        if n_words < 1:
            self.fail(f"the dictionary must have at least one word, got {n_words} words and {n_labels} labels")
        if n_pruned > 0:
            self.fail(
                f"only {n_pruned} n-grams are kept: this model is quantised and pruned, which firth does not read"
            )
        if n_pruned == 0:
            self.buckets_used = 0  # all n-grams were pruned
        else:
            self.buckets_used = self.buckets
        if size * (1 + _ENTRY_TAIL.size) > len(self.data) - self.at:
            self.fail(f"the dictionary announces {size} entries, {len(self.data) - self.at} bytes follow")
        entries: list[tuple[bytes, int]] = []
        counts = np.empty(n_words, dtype=np.int64)
        data, at = self.data, self.at
        for row in range(size):
            end = data.find(b"\0", at, at + MAX_WORD_BYTES + 1)
            if end < 0 or end + 1 + _ENTRY_TAIL.size > len(data):
                self.source.fail("the dictionary is truncated, or a word is too long", row=row + 1, offset=at)
            count, kind = _ENTRY_TAIL.unpack_from(data, end + 1)
            expected, name = (0, "word") if row < n_words else (1, "label")
            if kind != expected:
                self.source.fail(
                    f"this entry of the dictionary must be a {name} ({expected}), got {kind}", row=row + 1, offset=at
                )
            if end == at:
                self.source.fail("an entry of the dictionary has no word", row=row + 1, offset=at)
            if row < n_words:
                entries.append((data[at:end], at))
                counts[row] = count
            at = end + 1 + _ENTRY_TAIL.size
        self.at = at
        return entries, counts

    def locate_matrices(self, n_words: int) -> tuple[int, int]:
        """Number of rows of the input matrix, and its offset. Fails unless the output matrix is the end of the file."""
        n_rows, start = self.locate_matrix("input")
        if n_rows != n_words + self.buckets:
            self.fail(f"the input matrix must have {n_words} + {self.buckets} rows, got {n_rows}")
        self.locate_matrix("output")
        if self.at != len(self.data):
            self.fail(f"{len(self.data) - self.at} bytes follow the output matrix")
        return n_rows, start

    def locate_matrix(self, name: str) -> tuple[int, int]:
        if not self.is_old and self.take("<B", f"the {name} matrix")[0]:
            self.fail(f"the {name} matrix is quantised (.ftz); give the model from before `fasttext quantize`")
        n_rows, n_dims = self.take("<2q", f"the sizes of the {name} matrix")
        if n_rows < 0 or n_dims != self.dims:
            self.fail(f"the {name} matrix must have {self.dims} columns, got {n_rows} rows of {n_dims}")
        start = self.at
        if n_rows * n_dims * 4 > len(self.data) - start:
            self.fail(
                f"the {name} matrix needs {n_rows * n_dims * 4} bytes, {len(self.data) - start} are left:"
                " the file is truncated"
            )
        self.at = start + n_rows * n_dims * 4
        return n_rows, start

    def compute_vectors(
        self, entries: list[tuple[bytes, int]], n_vocabulary: int, n_input_rows: int, input_start: int, n_threads: int
    ) -> NDArray[np.float32]:
        n_words = len(entries)
        words = WordBuffer.pack(word for word, _ in entries)
        n_bytes = n_input_rows * self.dims * 4
        input_rows = np.frombuffer(self.data, dtype=np.uint8, count=n_bytes, offset=input_start)
        matrix = np.empty((n_words, self.dims), dtype=np.float32)

        def compute(first: int) -> None:
            last = min(n_words, first + step)
            vector_text.compute_fasttext_vectors(
                words.word_bytes,
                words.offsets,
                first,
                last,
                input_rows,
                n_input_rows,
                n_vocabulary=n_vocabulary,
                n_buckets=self.buckets_used,
                min_chars=self.min_chars,
                max_chars=self.max_chars,
                end_has_ngrams=self.is_old,
                out=matrix[first:last],
            )

        step = 1 << 12
        firsts = iter(range(0, n_words, step))
        lock = threading.Lock()
        team = Team()

        def work() -> None:
            while not team.stop.is_set():
                with lock:
                    first = next(firsts, None)
                if first is None:
                    return
                compute(first)

        team.run([work] * max(1, min(n_threads, -(-n_words // step))))
        return matrix

    def take(self, layout: str, what: str) -> tuple[int, ...]:
        size = struct.calcsize(layout)
        if self.at + size > len(self.data):
            self.fail(f"the file ends inside {what}: it is truncated, or not a fastText model")
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += size
        return values

    def fail(self, message: str) -> NoReturn:
        self.source.fail(message, offset=self.at)


FORMAT = Format("fasttext-bin", "fastText .bin model: its word vectors (read only)", (), looks_like, read)
