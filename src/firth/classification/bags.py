"""Room classification: texts as bags of input rows: the dictionary of words and labels, and the buckets of n-grams.

Rows are numbered as in fastText's files: words by falling count, then buckets. Most buckets occur in no text. Training
therefore uses a *compact* matrix: the words, then the buckets that occur, by falling count, then one row of zeros that
represents all other buckets.

Tests: tests/training/test_train_classifier.py.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firth.base.words import WordBuffer
from firth.classification.config import ClassifierConfig
from firth.classification.training_texts import END_OF_SENTENCE, LABEL_PREFIX, TrainingTexts
from firth.corpus.native_words import NativeWords
from firth.errors import CorpusError
from firth.formats.fasttext_model import SOFTMAX, FastTextArguments, FastTextModel
from firth.native.classify import MatrixParts, NativeClassifier
from firth.native.text import TextCounter, TextMerge

_PREFIX = LABEL_PREFIX.encode()
_PROBE_BUCKETS = 1 << 24
_COUNTED_TEXTS = 512  # texts whose words are in memory at once
MIN_BUCKETS, MAX_FITTED_BUCKETS = 1 << 10, 1 << 21  # at most about fastText's 2 million
BUCKETS_EACH = 4  # least number of buckets for each different n-gram: at most a quarter of n-grams then share a row


@dataclass(frozen=True, eq=False)
class Dictionary:
    """The words and the labels of texts. Both are ordered by falling count.

    Attributes
    ----------
    entries : WordBuffer
        Words, then labels with their prefix.
    counts : int64 array, (n_entries,)
    n_words, n_tokens : int
    label_ids : dict
        The number of each label, by the label's name.
    """

    entries: WordBuffer
    counts: NDArray[np.int64]
    n_words: int
    n_tokens: int
    label_ids: dict[str, int]

    @property
    def label_counts(self) -> NDArray[np.int64]:
        return self.counts[self.n_words :]


@dataclass(frozen=True, eq=False)
class Bags:
    """The rows of texts: text i has ``rows[offsets[i]:offsets[i + 1]]``."""

    rows: NDArray[np.int32]
    offsets: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CompactRows:
    """The rows of the whole input matrix that the compact matrix has.

    Attributes
    ----------
    n_words : int
        Number of words. They have the first rows in both matrices.
    used_buckets : int64 array, (n_used,)
        The bucket of each row that follows the words' rows.
    numbers : int32 array, (n_buckets,)
        The row of each bucket in the compact matrix. A bucket that no training text has gets the row of zeros.
    """

    n_words: int
    used_buckets: NDArray[np.int64]
    numbers: NDArray[np.int32]

    @classmethod
    def of(cls, n_words: int, used_buckets: NDArray[np.int64], buckets: int) -> CompactRows:
        """The compact matrix that has the rows of these buckets, in their order."""
        numbers = np.full(buckets, n_words + len(used_buckets), np.int32)
        numbers[used_buckets] = n_words + np.arange(len(used_buckets), dtype=np.int32)
        return cls(n_words, used_buckets, numbers)

    @property
    def n_rows(self) -> int:
        """Number of rows of the compact matrix. The last one is the row of zeros."""
        return self.n_words + len(self.used_buckets) + 1

    def shrink(self, bags: Bags) -> Bags:
        """The bags with rows of the compact matrix in place of rows of the whole matrix."""
        is_ngram = bags.rows >= self.n_words
        rows = bags.rows.copy()
        rows[is_ngram] = self.numbers[bags.rows[is_ngram] - self.n_words]
        return Bags(rows, bags.offsets)

    def expand(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """The whole matrix, from the compact one. Rows of buckets that no training text has are zeros.

        The operating system gives these rows no memory until they are written.
        """
        whole = np.zeros((self.n_words + len(self.numbers), matrix.shape[1]), np.float32)
        whole[: self.n_words] = matrix[: self.n_words]
        whole[self.n_words + self.used_buckets] = matrix[self.n_words : -1]
        return whole


def build_dictionary(texts: TrainingTexts, min_count: int) -> Dictionary:
    """Count the words and labels of texts.

    As in fastText, ``</s>`` ends each text and counts as a word. Words that begin with ``__label__`` have no row.

    Raises
    ------
    CorpusError
        No word occurs ``min_count`` times, or there is only one label.
    """
    words, counts, n_tokens = _count_words(texts.texts)
    kept = words.rank(counts, np.flatnonzero((counts >= min_count) & ~_begins_with_prefix(words)))
    if len(kept) == 0:
        raise CorpusError(
            f"texts must have a word that occurs min_count={min_count} times, got none; lower min_count (--min-count)"
        )
    label_counts = Counter(label for labels in texts.labels for label in labels)
    if len(label_counts) < 2:
        raise CorpusError(
            f"labels must have at least two different values to tell apart, got {next(iter(label_counts))!r} alone"
        )
    labels = sorted(label_counts, key=lambda label: (-label_counts[label], label.encode()))
    packed, kept_words = WordBuffer.pack(_PREFIX + label.encode() for label in labels), words.take(kept)
    return Dictionary(
        WordBuffer(
            np.concatenate([kept_words.word_bytes, packed.word_bytes]),
            np.concatenate([kept_words.offsets, kept_words.offsets[-1] + packed.offsets[1:]]),
        ),
        np.concatenate([counts[kept], np.array([label_counts[label] for label in labels], np.int64)]),
        len(kept),
        n_tokens,
        {label: number for number, label in enumerate(labels)},
    )


def find_bags(dictionary: Dictionary, config: ClassifierConfig, texts: list[bytes], buckets: int) -> Bags:
    """The input rows of each text, found by the code that prediction uses."""
    n_labels = len(dictionary.label_ids)
    finder = NativeClassifier(
        dictionary.entries,
        dictionary.n_words,
        dictionary.label_counts,
        None,
        MatrixParts(dictionary.n_words + buckets, rows=np.zeros((1, 1), np.float32)),  # only the dictionary is read
        MatrixParts(n_labels, rows=np.zeros((n_labels, 1), np.float32)),
        n_dims=1,
        word_ngrams=config.word_ngrams,
        min_chars=config.min_ngram,
        max_chars=config.max_ngram,
        n_buckets=buckets,
        loss=SOFTMAX,
    )
    return Bags(*finder.find_all_rows(texts))


def fit_buckets(dictionary: Dictionary, config: ClassifierConfig, texts: list[bytes]) -> tuple[int, Bags]:
    """The number of buckets, and the bags of the texts with this number.

    If the configuration has no number, the function takes the smallest power of two with at least ``BUCKETS_EACH``
    buckets for each different n-gram, within ``MIN_BUCKETS`` and ``MAX_FITTED_BUCKETS``. The number n of different
    n-grams is estimated from the buckets that n-grams fill among B = 2^24: n = -B ln(1 - filled / B) (Whang,
    Vander-Zanden, Taylor 1990, linear counting).
    """
    if not config.has_ngrams:
        return 0, find_bags(dictionary, config, texts, 0)
    if config.buckets is not None:
        return config.buckets, find_bags(dictionary, config, texts, config.buckets)
    bags = find_bags(dictionary, config, texts, _PROBE_BUCKETS)
    filled = np.zeros(_PROBE_BUCKETS, bool)
    is_ngram = bags.rows >= dictionary.n_words
    filled[bags.rows[is_ngram] - dictionary.n_words] = True
    share = min(float(np.count_nonzero(filled)) / _PROBE_BUCKETS, 1 - 1 / _PROBE_BUCKETS)
    n_different = -_PROBE_BUCKETS * math.log1p(-share)
    buckets = MIN_BUCKETS
    while buckets < min(BUCKETS_EACH * n_different, MAX_FITTED_BUCKETS):
        buckets *= 2
    # A bucket is the hash modulo the number of buckets. The fitted number divides the number of the probe.
    bags.rows[is_ngram] = dictionary.n_words + (bags.rows[is_ngram] - dictionary.n_words) % buckets
    return buckets, bags


def find_compact_rows(bags: Bags, n_words: int, buckets: int) -> CompactRows:
    """The compact matrix's rows for the bags of the training texts. The most frequent buckets come first."""
    counts = np.bincount(bags.rows[bags.rows >= n_words] - n_words, minlength=buckets)
    used = np.flatnonzero(counts)
    used = used[np.argsort(-counts[used], kind="stable")]
    return CompactRows.of(n_words, used, buckets)


def make_model(
    dictionary: Dictionary,
    config: ClassifierConfig,
    buckets: int,
    input_matrix: NDArray[np.float32],
    output_matrix: NDArray[np.float32],
    loss: int,
) -> FastTextModel:
    """A model with the fields of a fastText file."""
    arguments = FastTextArguments(
        dims=config.dims,
        window=5,
        epochs=config.epochs,
        min_count=config.min_count,
        negatives=config.negatives,
        word_ngrams=config.word_ngrams,
        loss=loss,
        model=3,
        buckets=buckets,
        min_chars=config.min_ngram,
        max_chars=config.max_ngram,
        rate_interval=100,
        subsample=1e-4,
    )
    return FastTextModel(
        arguments,
        dictionary.entries,
        dictionary.counts,
        dictionary.n_words,
        dictionary.n_tokens,
        None,
        input_matrix,
        output_matrix,
    )


def _count_words(texts: list[bytes]) -> tuple[NativeWords, NDArray[np.int64], int]:
    """The different words of texts with the end of each text as the last one, their counts, and the number of words."""
    n_tokens = len(texts)
    # the counter writes the number of each word to a file, which nobody reads here
    with open(os.devnull, "wb") as spool, TextCounter(spool.fileno(), validate=False) as counter:
        counter.begin_text()
        for first in range(0, len(texts), _COUNTED_TEXTS):
            block = texts[first : first + _COUNTED_TEXTS]
            if any(END_OF_SENTENCE in text for text in block):
                block = [b" ".join(_up_to_end(text.replace(b"\0", b" ").split())) for text in block]
            joined = b" ".join([*block, b""]).replace(b"\0", b" ")
            n_tokens += counter.feed(joined, is_last=False, name="texts").n_tokens
        n_tokens += counter.feed(b"", is_last=True, name="texts").n_tokens
        counter.finish()
        merge = TextMerge([counter])
        try:
            merge.work()
            word_bytes, offsets, counts = merge.words()
        finally:
            merge.close()
    end = np.frombuffer(END_OF_SENTENCE, np.uint8)
    words = NativeWords(np.concatenate([word_bytes, end]), np.append(offsets, offsets[-1] + len(end)))
    return words, np.append(counts, len(texts)), n_tokens


def _up_to_end(words: list[bytes]) -> list[bytes]:
    return words[: words.index(END_OF_SENTENCE)] if END_OF_SENTENCE in words else words


def _begins_with_prefix(words: WordBuffer) -> NDArray[np.bool_]:
    """Which words begin as labels do in a file."""
    found = np.diff(words.offsets) >= len(_PREFIX)
    for place, byte in enumerate(_PREFIX):
        numbers = np.flatnonzero(found)
        found[numbers] = words.word_bytes[words.offsets[numbers] + place] == byte
    return found


__all__ = [
    "Bags",
    "CompactRows",
    "Dictionary",
    "build_dictionary",
    "find_bags",
    "find_compact_rows",
    "fit_buckets",
    "make_model",
]
