"""Room formats: floret's table of hashed rows, ``.floret``, read only.

Grammar
-------
::

    file   = header row*B
    header = B " " D " " min " " max " " K " " seed " " begin " " end newline
    row    = number " " (number " ")*D newline            (the rows are numbered 0 .. B - 1 in order)

The table has no words. A word is put between ``begin`` and ``end`` (``<`` and ``>``). It and each of its n-grams of
``min`` to ``max`` characters have K rows (1 to 4): the first K numbers of 32 bits of the MurmurHash3, modulo B. The
vector of a word is the mean of all these rows; a row that occurs twice counts twice. An n-gram that is the whole word
counts beside the word, and ``begin`` or ``end`` alone is no n-gram. ``</s>`` has no rows here.

floret itself, which still has the model, gives two words other vectors: ``</s>`` and the first word of its dictionary
have a row of their own there, which the table does not hold.

Source: floret, https://github.com/explosion/floret: ``FastText::saveFloretVectors`` in src/fasttext.cc,
``Dictionary::murmurhash``, ``computeSubwords`` and ``initNgrams`` in src/dictionary.cc.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firth.base.murmur import murmur3_128
from firth.base.ngrams import END_OF_SENTENCE, LONGEST_NGRAM, MAX_BUCKETS, NgramRules
from firth.base.values import as_integer
from firth.base.words import WordBuffer
from firth.errors import ParameterError
from firth.formats.format import Format, Sample, is_number
from firth.formats.rows import read_text_rows
from firth.formats.source import MAX_DIMS, MAX_HEADER_BYTES, ByteSource, ReadOptions
from firth.formats.table import SubwordRows, VectorTable
from firth.native.ngrams import Bags

MAX_HASHES = 4  # numbers of 32 bits in the hash
_N_NUMBERS, _N_PIECES = 6, 8  # of the header
_NGRAMS_AT_ONCE = 1 << 18  # at most, of one hashing, but for those of a single word
_ROWS_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class FloretRules(NgramRules):
    """Which rows a word has: see the top of the module.

    Attributes
    ----------
    min_ngram, max_ngram : int in [0, 64]
        Length of the n-grams in characters. With ``max_ngram`` less than ``min_ngram``, words have no n-grams.
    buckets : int in [1, 2**31)
    hashes : int in [1, 4]
        Rows of the word and of each n-gram.
    seed : int in [0, 2**32)
    begin, end : bytes
        What is put before and behind a word.

    Raises
    ------
    ParameterError
    """

    hashes: int = 1
    seed: int = 0
    begin: bytes = b"<"
    end: bytes = b">"

    def __post_init__(self) -> None:
        as_integer("buckets", self.buckets, minimum=1, maximum=MAX_BUCKETS)
        as_integer("min_ngram", self.min_ngram, minimum=0, maximum=LONGEST_NGRAM)
        as_integer("max_ngram", self.max_ngram, minimum=0, maximum=LONGEST_NGRAM)
        as_integer("hashes", self.hashes, minimum=1, maximum=MAX_HASHES)
        as_integer("seed", self.seed, minimum=0, maximum=2**32 - 1)
        for name, mark in (("begin", self.begin), ("end", self.end)):
            if not mark or mark.decode("utf-8", "replace").encode() != mark:
                raise ParameterError(f"{name} must be a mark in UTF-8, got {mark!r:.60}")


@dataclass(frozen=True, eq=False)
class FloretRows(SubwordRows):
    """The rows of a floret table, of which every word gets its vector."""

    rules: FloretRules

    def bags(self, words: WordBuffer) -> Bags:
        """The rows of each word, in the order word, n-grams by first character, then by length."""
        offsets, rows = [np.zeros(1, np.int64)], [np.empty(0, np.int32)]
        n_rows = 0
        for part in _parts(words.all_encoded(), self.rules):
            found = _bags_of(part, self.rules)
            offsets.append(n_rows + found.offsets[1:])
            rows.append(found.rows)
            n_rows += len(found.rows)
        return Bags(np.concatenate(offsets), np.concatenate(rows))

    def ngrams(self, word: bytes) -> list[tuple[bytes, int]]:
        """The word and its n-grams, each as often as it has rows, and the rows."""
        data, starts, ends, _ = _spans([word], self.rules)
        rows = self.bags(WordBuffer.pack([word])).rows
        pieces = [data[start:end].tobytes() for start, end in zip(starts, ends, strict=True)]
        return [(pieces[number // self.rules.hashes], row) for number, row in enumerate(rows.tolist())]


def _parts(words: Iterable[bytes], rules: FloretRules) -> Iterator[list[bytes]]:
    n_lengths = max(0, rules.max_ngram - max(1, rules.min_ngram) + 1)
    part: list[bytes] = []
    n_ngrams = 0
    for word in words:
        n_new = 1 + n_lengths * (len(rules.begin) + len(word) + len(rules.end))
        if n_ngrams + n_new > _NGRAMS_AT_ONCE and part:
            yield part
            part, n_ngrams = [], 0
        part.append(word)
        n_ngrams += n_new
    if part:
        yield part


def _bags_of(words: list[bytes], rules: FloretRules) -> Bags:
    data, starts, ends, owners = _spans(words, rules)
    halves = murmur3_128(data, starts, ends, rules.seed)
    keys = halves.astype("<u8").view("<u4")[:, : rules.hashes]  # each half low bits first
    rows = (keys % np.uint32(rules.buckets)).astype(np.int32)
    counts = np.bincount(owners, minlength=len(words)) * rules.hashes
    return Bags(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), rows.reshape(-1))


def _spans(
    words: list[bytes], rules: FloretRules
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Bytes, and in them the first and the last byte of what is hashed, and the number of the word that has it."""
    wrapped = [b"" if word == END_OF_SENTENCE else rules.begin + word + rules.end for word in words]
    data = np.frombuffer(b"".join(wrapped), np.uint8)
    ends = np.cumsum([len(word) for word in wrapped], dtype=np.int64)
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)
    has = np.flatnonzero(ends > starts)
    borders = np.flatnonzero(np.concatenate([(data & 0xC0) != 0x80, [True]]))  # of characters
    firsts = np.searchsorted(borders, starts)
    lasts = np.searchsorted(borders, ends)  # the border at which the word ends
    word_of = np.repeat(np.arange(len(words)), lasts - firsts)
    places = np.arange(len(borders) - 1)
    found = [(starts[has], ends[has], has, np.full(len(has), -1), np.zeros(len(has), np.int64))]
    for length in range(max(1, rules.min_ngram), rules.max_ngram + 1):
        begins = places[places + length <= lasts[word_of]]
        if length == 1:
            begins = begins[(begins != firsts[word_of[begins]]) & (begins + 1 != lasts[word_of[begins]])]
        owners = word_of[begins]
        found.append((borders[begins], borders[begins + length], owners, begins, np.full(len(begins), length)))
    all_starts, all_ends, owners, begins, lengths = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((lengths, begins, owners))
    return data, all_starts[order], all_ends[order], owners[order]


def looks_like(sample: Sample) -> bool:
    """Whether the first line is a header: six whole numbers and two marks that are no numbers."""
    pieces = sample.lines[0].split()
    return (
        len(pieces) == _N_PIECES
        and all(piece.isdigit() for piece in pieces[:_N_NUMBERS])
        and not any(is_number(piece) for piece in pieces[_N_NUMBERS:])
    )


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read a floret table: no words, and rows of which every word gets its vector; see `registry.read_vectors`."""
    if options.limit is not None:
        raise ParameterError(
            f"limit must be None for a floret table, got {options.limit}: every word needs rows of the whole table"
        )
    with ByteSource(path) as source:
        rules, n_dims = _parse_header(source, source.read_line(MAX_HEADER_BYTES, "the first line"))
        rows = read_text_rows(source, 1 + n_dims, options, n_rows=rules.buckets, has_words=False).matrix
        expected = np.arange(len(rows), dtype=np.float32)
        if not np.array_equal(rows[:, 0], expected):
            row = int(np.argmax(rows[:, 0] != expected))
            source.fail(f"the row must begin with its number {row}, got {rows[row, 0]:.9g}", row=row + 1)
    return VectorTable([], np.empty((0, n_dims), np.float32), None, FloretRows(rules, _without_first_column(rows)))


def _parse_header(source: ByteSource, line: bytes) -> tuple[FloretRules, int]:
    pieces = line.removeprefix(b"\xef\xbb\xbf").split()
    if len(pieces) != _N_PIECES or not all(piece.isdigit() and len(piece) <= 18 for piece in pieces[:_N_NUMBERS]):
        source.fail(
            "the first line must be six whole numbers (rows, dimensions, least and most characters of an n-gram,"
            " hashes, seed) and the marks before and behind a word, got"
            f" {line[:60].decode('utf-8', 'backslashreplace')!r}",
            offset=0,
        )
    buckets, n_dims, min_ngram, max_ngram, hashes, seed = map(int, pieces[:_N_NUMBERS])
    if not 1 <= n_dims < MAX_DIMS:
        source.fail(f"the header must announce 1 to {MAX_DIMS - 1} dimensions, got {n_dims}", offset=0)
    try:
        rules = FloretRules(min_ngram, max_ngram, buckets, False, hashes, seed, *pieces[_N_NUMBERS:])
    except ParameterError as error:
        source.fail(f"the header is wrong: {error}", offset=0)
    needed = buckets * (2 * n_dims + 2) - 1  # the last row may lack its newline
    if source.remaining is not None and needed > source.remaining:
        source.fail(
            f"the header announces {buckets} rows of {n_dims} dimensions, which take at least {needed} bytes;"
            f" {source.remaining} follow: the file is cut, or the header is wrong",
            offset=0,
        )
    return rules, n_dims


def _without_first_column(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The other columns, in the memory of ``rows``, whose numbers are lost."""
    n_rows, n_columns = rows.shape
    kept = rows.reshape(-1)[: n_rows * (n_columns - 1)].reshape(n_rows, n_columns - 1)
    for first in range(0, n_rows, _ROWS_AT_ONCE):  # what is written lies before what is still to be read
        kept[first : first + _ROWS_AT_ONCE] = rows[first : first + _ROWS_AT_ONCE, 1:].copy()
    return kept


FORMAT = Format("floret", "floret's table of hashed rows, without words", (), looks_like, read)
