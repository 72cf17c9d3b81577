"""Room formats: reads and writes fastText's ``.bin`` models of words: word vectors with n-grams, or whole models.

The grammar is in `firth.formats.fasttext_model`. Vectors are read from models of words: cbow or skip-gram;
`read_word_model` reads all that training needs. In these models, entries of type 1 (words that begin with
``__label__``) follow the words, and have neither training nor a row; they are left out. Quantized models and supervised
models are errors that say so; `firth.load` opens supervised models.

The vector of a word is the mean of the word's own row and the rows of its n-grams, as in
``fasttext print-word-vectors``. The word ``</s>`` has n-grams only in the older layout, as in the fastText of that
time. gensim always gives it n-grams.

Source: fastText, ``Dictionary::computeSubwords``, https://github.com/facebookresearch/fastText (src). The older layout:
the same file at commits before July 2017.
"""

from __future__ import annotations

import struct
import threading
from dataclasses import astuple, dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from firth.base.ngrams import END_OF_SENTENCE, NgramRules
from firth.base.words import WordBuffer
from firth.errors import FormatError
from firth.formats.fasttext_model import (
    MAGIC,
    MAX_NGRAM_CHARS,
    SKIPGRAM,
    SUPERVISED,
    VERSIONS,
    Dictionary,
    FastTextArguments,
    FastTextReader,
)
from firth.formats.format import Format, Sample
from firth.formats.rows import decode_words, finish_table, validate_finite
from firth.formats.source import MAX_DIMS, ByteSource, ReadOptions, mapped
from firth.formats.table import SubwordRows, VectorTable
from firth.formats.target import WriteOptions, validate_words, whole_file
from firth.native import vector_text
from firth.native.stopping import Team

_ARGUMENTS = struct.Struct("<12id")
NEGATIVE_SAMPLING, WORD, NOT_PRUNED = 2, 0, -1  # codes of the loss, of an entry's type, and of a model with all n-grams
_ROWS_AT_ONCE = 1 << 12


class SupervisedModelError(FormatError, NotImplementedError):
    """The file is a classifier, not a model of words. Also a NotImplementedError, which gensim raises."""


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


@dataclass(frozen=True, eq=False)
class WordModel:
    """A model of words, cbow or skip-gram, as its file has it. The arrays of a file that was read are mapped.

    Attributes
    ----------
    arguments : FastTextArguments
    words : WordBuffer
        fastText keeps bytes that are not UTF-8.
    counts : int64 array, (V,)
    n_tokens : int
        Tokens of the training text.
    own_rows : float32 array, (V, D)
    ngram_rows : float32 array, (buckets, D)
    output_rows : float32 array, (V, D), or None
        With hierarchical softmax the rows are inner nodes, and the last row is not used. None: zeros are written.
    end_has_ngrams : bool
        Whether ``</s>`` is cut: in the older layout.
    """

    arguments: FastTextArguments
    words: WordBuffer
    counts: NDArray[np.int64]
    n_tokens: int
    own_rows: NDArray[np.float32]
    ngram_rows: NDArray[np.float32]
    output_rows: NDArray[np.float32] | None
    end_has_ngrams: bool = False


def read_word_model(path: Path) -> WordModel:
    """Read a model of words with its output matrix and its arguments, from which training can continue.

    Raises
    ------
    SupervisedModelError
        The model is a classifier.
    FormatError
        The file does not follow the grammar, or the model is quantized.
    StorageError
    """
    with ByteSource(path) as source, mapped(source) as data:
        reader = FastTextReader(source, data)
        arguments, dictionary, input_rows, output_rows = _read_parts(reader)
        n_words = dictionary.n_words
        reader.validate_rows("output", output_rows, n_words, f"{n_words} rows, one a word")
        words, counts = dictionary.entries, dictionary.counts[:n_words]
        if counts.min() < 0:
            reader.fail(f"a count must not be negative, got {int(counts.min())}")
        validate_finite(path, input_rows)
        validate_finite(path, output_rows)
        return WordModel(
            arguments,
            WordBuffer(words.word_bytes[: words.offsets[n_words]], words.offsets[: n_words + 1]),
            counts,
            dictionary.n_tokens,
            input_rows[:n_words],
            input_rows[n_words:],
            output_rows,
            reader.is_old,
        )


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read the word vectors of a fastText model; see `firth.formats.registry.read_vectors`."""
    with ByteSource(path) as source, mapped(source) as data:
        return _read_words(FastTextReader(source, data), options)


def _read_parts(
    reader: FastTextReader,
) -> tuple[FastTextArguments, Dictionary, NDArray[np.float32], NDArray[np.float32]]:
    """Arguments, dictionary, input and output matrix of a model of words."""
    arguments = reader.read_arguments()
    if arguments.model == SUPERVISED:
        raise SupervisedModelError(
            f"{reader.source.path}: this is a supervised fastText model, a classifier of texts; open it with firth.load"
            " or `firth classify predict`. Word vectors are read from cbow and skipgram models"
        )
    dictionary = reader.read_dictionary(arguments)
    if dictionary.kept_ngrams is not None and len(dictionary.kept_ngrams):
        reader.fail(
            f"the model must have all n-grams, got {len(dictionary.kept_ngrams)} kept ones: it is quantized and pruned,"
            " and firth reads no vectors from such a model; give the model before `fasttext quantize`"
        )
    input_rows = _read_dense(reader, "input", arguments.dims)
    n_vocabulary = dictionary.n_words
    reader.validate_rows(
        "input", input_rows, n_vocabulary + arguments.buckets, f"{n_vocabulary} + {arguments.buckets} rows"
    )
    output_rows = _read_dense(reader, "output", arguments.dims)
    reader.validate_end()
    return arguments, dictionary, input_rows, output_rows


def _read_words(reader: FastTextReader, options: ReadOptions) -> VectorTable:
    arguments, dictionary, input_rows, _ = _read_parts(reader)
    n_vocabulary = dictionary.n_words
    n_words = n_vocabulary if options.limit is None else min(options.limit, n_vocabulary)
    encoded = zip(dictionary.entries.all_encoded(), dictionary.starts.tolist(), strict=True)
    path = reader.source.path
    words = decode_words(path, list(islice(encoded, n_words)), options)
    matrix = np.empty((n_words, arguments.dims), dtype=np.float32)
    _compute_vectors(arguments, dictionary, input_rows, matrix, reader.is_old, options.n_threads)
    validate_finite(path, matrix)
    subwords = None
    rules = _rules_of(arguments, dictionary, reader.is_old)
    if rules is not None:
        subwords = SubwordRows(rules, input_rows[n_vocabulary:], input_rows[:n_vocabulary])
    return finish_table(path, words, matrix, dictionary.counts[:n_words], options, subwords=subwords)


def _rules_of(arguments: FastTextArguments, dictionary: Dictionary, end_has_ngrams: bool) -> NgramRules | None:
    """The rules of the file's n-grams. None if the model has no n-grams or pruning removed them."""
    shortest = max(1, arguments.min_chars)  # fastText takes 0 as 1
    if dictionary.kept_ngrams is not None or arguments.buckets == 0 or arguments.max_chars < shortest:
        return None
    return NgramRules(shortest, arguments.max_chars, arguments.buckets, end_has_ngrams)


def write(path: Path, table: VectorTable, options: WriteOptions) -> None:
    """Write a fastText model of version 12 with these vectors; see `firth.formats.registry.write_vectors`.

    The file is a skip-gram model with negative sampling. Its output vectors are zeros; fastText needs output vectors
    only for training. Vectors without n-grams make a model without buckets. Unknown counts are written as 1.
    """
    validate_words(
        table.words,
        path=path,
        format_name="fastText .bin",
        forbidden="\0",
        advice="use a model folder, which can hold any word",
    )
    words = WordBuffer.pack(word.encode("utf-8") for word in table.words)
    n_words, n_dims = table.matrix.shape
    validate_finite(path, table.matrix)
    subwords = table.subwords
    if subwords is None:
        own_rows, ngram_rows, rules = table.matrix, np.zeros((0, n_dims), np.float32), None
    else:
        own_rows, ngram_rows, rules = subwords.own_rows(words, table.matrix), subwords.ngram_rows, subwords.rules
        if rules.end_has_ngrams and END_OF_SENTENCE.decode() in table.words:  # in version 12, </s> has only its own row
            end = table.words.index(END_OF_SENTENCE.decode())
            own_rows = own_rows.copy()
            own_rows[end] = table.matrix[end]
        validate_finite(path, own_rows)
    counts = np.ones(n_words, np.int64) if table.counts is None else table.counts
    buckets, shortest, longest = (0, 0, 0) if rules is None else (rules.buckets, rules.min_ngram, rules.max_ngram)
    arguments = FastTextArguments(
        n_dims, 5, 5, 1, 5, 1, NEGATIVE_SAMPLING, SKIPGRAM, buckets, shortest, longest, 100, 1e-4
    )
    model = WordModel(arguments, words, counts, int(counts.sum()), own_rows, ngram_rows, None)
    write_word_model(path, model, overwrite=options.overwrite)


def write_word_model(path: Path, model: WordModel, *, overwrite: bool = False) -> None:
    """Write a model of words of version 12; the file appears whole or not at all.

    Raises
    ------
    StorageError
        The path is taken, or cannot be written.
    FormatError
        A word holds a byte of 0, which ends words in the file.
    """
    if bool((model.words.word_bytes == 0).any()):
        raise FormatError(f"{path}: fastText's format cannot hold a word with a byte of 0; rename it")
    (n_words, n_dims), buckets = model.own_rows.shape, len(model.ngram_rows)
    with whole_file(path, overwrite=overwrite) as stream:
        stream.write(struct.pack("<2i", MAGIC, VERSIONS[-1]))
        stream.write(_ARGUMENTS.pack(*astuple(model.arguments)))
        stream.write(struct.pack("<3iqq", n_words, n_words, 0, model.n_tokens, NOT_PRUNED))
        for word, count in zip(model.words.all_encoded(), model.counts.tolist(), strict=True):
            stream.write(word + b"\0" + struct.pack("<qb", count, WORD))
        stream.write(struct.pack("<B2q", 0, n_words + buckets, n_dims))
        _write_rows(stream, model.own_rows)
        _write_rows(stream, model.ngram_rows)
        stream.write(struct.pack("<B2q", 0, n_words, n_dims))
        if model.output_rows is not None:
            _write_rows(stream, model.output_rows)
            return
        for first in range(0, n_words, _ROWS_AT_ONCE):
            stream.write(bytes(4 * n_dims * min(_ROWS_AT_ONCE, n_words - first)))


def _write_rows(stream: IO[bytes], rows: NDArray[Any]) -> None:
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        stream.write(np.ascontiguousarray(rows[first : first + _ROWS_AT_ONCE], dtype="<f4").tobytes())


def _read_dense(reader: FastTextReader, name: str, n_dims: int) -> NDArray[np.float32]:
    if reader.read_flag(name):
        reader.fail(
            f"the {name} matrix must not be quantized, got a quantized one (.ftz); give the model before"
            " `fasttext quantize`"
        )
    return reader.read_dense(name, n_dims)


def _compute_vectors(
    arguments: FastTextArguments,
    dictionary: Dictionary,
    input_rows: NDArray[np.float32],
    matrix: NDArray[np.float32],
    end_has_ngrams: bool,
    n_threads: int,
) -> None:
    """Fill ``matrix`` with the vectors of the first words."""
    n_words = len(matrix)
    raw_rows = input_rows.reshape(-1).view(np.uint8)  # as bytes, because the rows may not be aligned in the file

    def compute(first: int) -> None:
        last = min(n_words, first + step)
        vector_text.compute_fasttext_vectors(
            dictionary.entries.word_bytes,
            dictionary.entries.offsets,
            first,
            last,
            raw_rows,
            len(input_rows),
            n_vocabulary=dictionary.n_words,
            n_buckets=arguments.buckets if dictionary.kept_ngrams is None else 0,  # 0: pruning removed all n-grams
            min_chars=arguments.min_chars,
            max_chars=arguments.max_chars,
            end_has_ngrams=end_has_ngrams,
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


FORMAT = Format("fasttext-bin", "fastText .bin model: word vectors and n-grams", (), looks_like, read, write)
