"""Room formats: the word vectors of fastText's ``.bin`` model, read only.

The grammar is in `firth.formats.fasttext_model`. Of a model of words, cbow or skip-gram, the vectors are read. Entries
of type 1 (words that begin with the label's prefix, ``__label__``) stand behind the words in every kind of model: in
these models they were trained on nothing and have no row, so they are left out. Quantized models are refused by name,
and so are supervised ones, which `firth.load` opens.

A word's vector is the mean of its own row and the rows of its n-grams, as ``fasttext print-word-vectors`` answers. The
``</s>`` of a dictionary has no n-grams, except in the older layout, whose program gave it some; gensim gives it some
always.

Source: fastText, ``Dictionary::computeSubwords``, https://github.com/facebookresearch/fastText (src); the older layout:
the same at commits before July 2017.
"""

from __future__ import annotations

import struct
import threading
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firth.formats.fasttext_model import (
    MAGIC,
    MAX_NGRAM_CHARS,
    SUPERVISED,
    Dictionary,
    FastTextArguments,
    FastTextReader,
)
from firth.formats.format import Format, Sample
from firth.formats.rows import decode_words, finish_table, validate_finite
from firth.formats.source import MAX_DIMS, ByteSource, ReadOptions, mapped
from firth.formats.table import VectorTable
from firth.native import vector_text
from firth.native.stopping import Team

_ARGUMENTS = struct.Struct("<12id")


def looks_like(sample: Sample) -> bool:
    """The magic number, or numbers that only the older layout's arguments would hold."""
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
        return _read_words(FastTextReader(source, data), options)


def _read_words(reader: FastTextReader, options: ReadOptions) -> VectorTable:
    arguments = reader.read_arguments()
    if arguments.model == SUPERVISED:
        reader.fail(
            "this is a supervised fastText model, a classifier of texts; open it with firth.load or `firth classify`"
            " predict. Word vectors are read from cbow and skipgram models"
        )
    dictionary = reader.read_dictionary(arguments)
    if dictionary.kept_ngrams is not None and len(dictionary.kept_ngrams):
        reader.fail(
            f"{len(dictionary.kept_ngrams)} n-grams are kept of all: this model is quantized and pruned, firth does not"
            " read vectors from it"
        )
    input_rows = _read_dense(reader, "input", arguments.dims)
    n_vocabulary = dictionary.n_words
    reader.validate_rows(
        "input", input_rows, n_vocabulary + arguments.buckets, f"{n_vocabulary} + {arguments.buckets} rows"
    )
    _read_dense(reader, "output", arguments.dims)
    reader.validate_end()
    n_words = n_vocabulary if options.limit is None else min(options.limit, n_vocabulary)
    encoded = zip(dictionary.entries.all_encoded(), dictionary.starts.tolist(), strict=True)
    path = reader.source.path
    words = decode_words(path, list(islice(encoded, n_words)), options)
    matrix = np.empty((n_words, arguments.dims), dtype=np.float32)
    _compute_vectors(arguments, dictionary, input_rows, matrix, reader.is_old, options.n_threads)
    validate_finite(path, matrix)
    return finish_table(path, words, matrix, dictionary.counts[:n_words], options)


def _read_dense(reader: FastTextReader, name: str, n_dims: int) -> NDArray[np.float32]:
    if reader.read_flag(name):
        reader.fail(f"the {name} matrix is quantized (.ftz); give the model as it was before `fasttext quantize`")
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
    raw_rows = input_rows.reshape(-1).view(np.uint8)  # they need not be aligned in the file

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
            n_buckets=arguments.buckets if dictionary.kept_ngrams is None else 0,  # 0: all n-grams were pruned away
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


FORMAT = Format("fasttext-bin", "fastText .bin model: its word vectors (read only)", (), looks_like, read)
