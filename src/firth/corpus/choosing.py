"""Room corpus: chooses the vocabulary from the counts: held-out sequences, normalizer, minimum count, order.

Tests: tests/corpus/test_vocabulary.py.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firth.corpus.counting import Counted
from firth.corpus.native_words import NativeWords
from firth.corpus.vocabulary import Vocabulary, encode_words
from firth.errors import CorpusError, CorpusTypeError, ParameterError
from firth.native.stopping import run_stoppable
from firth.native.text import TextEncoder


def hold_out(counted: Counted, threshold: int, seed: int) -> tuple[Counted, int, int]:
    """Subtract held-out sequences from the counts; returns (counts, number of held-out tokens, and of sequences)."""
    if threshold == 0:
        return counted, 0, 0
    n_tokens, n_lines = run_stoppable(lambda: _uncount_heldout(counted, threshold, seed))
    if n_tokens == counted.n_tokens:
        raise CorpusError(
            f"heldout_share must leave at least one token to train on, got all {n_tokens:,} tokens in the {n_lines:,}"
            f" held-out sequences, of {counted.n_lines:,}; whole sequences are held out, so split the text into more"
            " lines, or hold out a file"
        )
    if n_tokens == 0:
        raise CorpusError(
            f"heldout_share must hold out at least one word, got {n_lines} of {counted.n_lines:,} sequences and no"
            " word; use a larger share, split the text into more lines, or hold out a file"
        )
    return counted, n_tokens, n_lines


def _uncount_heldout(counted: Counted, threshold: int, seed: int) -> tuple[int, int]:
    n_tokens = n_lines = 0
    with contextlib.closing(TextEncoder(heldout_threshold=threshold, seed=seed)) as encoder:
        for chunk, first_line in zip(counted.chunks, counted.first_lines, strict=True):
            tokens, lines = encoder.uncount_heldout(
                counted.spools[chunk.counter],
                chunk.spooled,
                first_line,
                counted.id_maps[chunk.counter],
                counted.counts,
            )
            n_tokens += tokens
            n_lines += lines
    return n_tokens, n_lines


@dataclass(frozen=True)
class Transform:
    """The changes that are applied to each distinct word after counting."""

    lowercase: bool
    normalizer: Callable[[str], str | None] | None
    encoding_errors: str

    @property
    def changes_words(self) -> bool:
        return self.lowercase or self.normalizer is not None

    def __call__(self, word: str) -> str:
        if self.lowercase:
            word = word.lower()
        if self.normalizer is not None and word:
            normalized = self.normalizer(word)
            if normalized is None:
                return ""
            if not isinstance(normalized, str):
                raise CorpusTypeError(
                    f"normalizer must return a string or None, got {normalized!r:.60} for {word!r:.60}"
                )
            return str.__str__(normalized)
        return word


class WordKindError(CorpusTypeError):
    """The tokens of the corpus are integers and the words of the given vocabulary are strings, or vice versa."""


class IntegerWordsError(ParameterError):
    """``lowercase`` or ``normalizer`` was given, but the words are integers."""


class NoWordError(CorpusError):
    """The corpus has no word. ``n_sequences`` is the number of sequences that were read."""

    def __init__(self, message: str, n_sequences: int = 0) -> None:
        super().__init__(message)
        self.n_sequences = n_sequences


class NoKnownWordError(NoWordError):
    """The corpus has no word of the given vocabulary."""


def choose_vocabulary(
    counted: Counted,
    transform: Transform,
    min_count: int,
    max_vocabulary: int | None,
    vocabulary: Vocabulary | None,
) -> tuple[Vocabulary, list[NDArray[np.int32]], int]:
    """Choose the vocabulary from the counts.

    Returns the vocabulary, an array for each counter that maps spooled ids to ids of the vocabulary (-1: dropped), and
    the number of distinct words seen.
    """
    words, counts = counted.words, counted.counts
    merged_ids: NDArray[np.int32] | None = None
    if isinstance(words, np.ndarray):
        if transform.changes_words:
            raise IntegerWordsError("lowercase and normalizer must be unset if the words are integers")
    else:
        changes = transform.changes_words or (isinstance(words, NativeWords) and transform.encoding_errors != "strict")
        if changes or vocabulary is not None:
            words = words.strings(transform.encoding_errors) if isinstance(words, NativeWords) else words
            if changes:
                words, counts, merged_ids = _merge_words(words, counts, transform)
    n_distinct = int(np.count_nonzero(counts))
    if vocabulary is not None:
        chosen = vocabulary
        if vocabulary.words_are_ids != isinstance(words, np.ndarray):
            raise WordKindError(
                f"vocabulary must have {'integers' if isinstance(words, np.ndarray) else 'strings'} for words, as the"
                f" corpus has, got {vocabulary!r}"
            )
        assert not isinstance(words, NativeWords)
        id_map = vocabulary.look_up(words.tolist() if isinstance(words, np.ndarray) else words)
    else:
        ranked = rank_kept(words, counts, min_count, max_vocabulary)
        chosen = Vocabulary(take_words(words, ranked), counts[ranked])
        id_map = np.full(len(counts), -1, np.int32)
        id_map[ranked] = np.arange(len(ranked), dtype=np.int32)
    if merged_ids is not None:
        id_map = np.where(merged_ids >= 0, id_map[merged_ids], np.int32(-1)) if len(id_map) else merged_ids
    return chosen, [np.ascontiguousarray(id_map[distinct], np.int32) for distinct in counted.id_maps], n_distinct


def unseen_words(vocabulary: Vocabulary, counted: Counted, id_maps: list[NDArray[np.int32]]) -> NDArray[np.int64]:
    """Ids of the words of a given vocabulary that never occur in the corpus."""
    is_seen = np.zeros(len(vocabulary), np.bool_)
    for distinct, id_map in zip(counted.id_maps, id_maps, strict=True):
        word_ids = id_map[counted.counts[distinct] > 0]
        is_seen[word_ids[word_ids >= 0]] = True
    return np.flatnonzero(~is_seen)


def _merge_words(
    words: list[str], counts: NDArray[np.int64], transform: Transform
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int32]]:
    """Add the counts of words that became equal. The map gives the number of the new word, -1 for a dropped one."""
    merged: dict[str, int] = {}
    merged_ids = np.empty(len(words), np.int32)
    for word_id, word in enumerate(words):
        changed = transform(word)
        merged_ids[word_id] = merged.setdefault(changed, len(merged)) if changed else -1
    merged_counts = np.zeros(len(merged), np.int64)
    kept = merged_ids >= 0
    np.add.at(merged_counts, merged_ids[kept], counts[kept])
    return list(merged), merged_counts, merged_ids


def rank_kept(
    words: NativeWords | list[str] | NDArray[np.int64],
    counts: NDArray[np.int64],
    min_count: int,
    max_vocabulary: int | None,
) -> NDArray[np.int64]:
    """Numbers of the kept words, in the order of their new ids."""
    kept = np.flatnonzero(counts >= min_count)
    if isinstance(words, list):  # an empty string is not a word
        kept = kept[np.fromiter((words[number] != "" for number in kept.tolist()), np.bool_, len(kept))]
    elif isinstance(words, NativeWords) and min_count == 0:
        kept = kept[np.diff(words.offsets)[kept] > 0]
    if not len(kept):
        raise CorpusError(_nothing_left_message(words, counts, min_count))
    if max_vocabulary is not None and len(kept) > max_vocabulary:
        lowest = np.partition(counts[kept], len(kept) - max_vocabulary)[len(kept) - max_vocabulary]
        kept = kept[counts[kept] >= lowest]
    if isinstance(words, np.ndarray):
        return kept[np.lexsort((words[kept], -counts[kept]))][:max_vocabulary]
    if isinstance(words, list):
        packed = NativeWords.pack(encode_words(words[number]) for number in kept.tolist())
        order = packed.rank(np.ascontiguousarray(counts[kept]), np.arange(len(kept), dtype=np.int64))
        return kept[order][:max_vocabulary]
    return words.rank(counts, kept)[:max_vocabulary]


def take_words(
    words: NativeWords | list[str] | NDArray[np.int64], numbers: NDArray[np.int64]
) -> NativeWords | tuple[str, ...] | NDArray[np.int64]:
    if isinstance(words, np.ndarray):
        return words[numbers]
    if isinstance(words, list):
        return tuple(words[number] for number in numbers.tolist())
    return words.take(numbers)


def _nothing_left_message(
    words: NativeWords | list[str] | NDArray[np.int64], counts: NDArray[np.int64], min_count: int
) -> str:
    if not len(counts) or not counts.max():
        return "the vocabulary must have at least one word, got none: every word was dropped; check the normalizer"
    first = int(np.argmax(counts))
    if isinstance(words, list) and words[first] == "":
        counts = counts.copy()
        counts[first] = 0
        return _nothing_left_message(words, counts, min_count)
    n_seen, highest = int(np.count_nonzero(counts)), int(counts.max())
    if isinstance(words, NativeWords):  # the order of these words depends on the threads
        first = int(words.rank(counts, np.flatnonzero(counts == highest))[0])
    word = words.encoded(first).decode() if isinstance(words, NativeWords) else words[first]
    return (
        f"min_count={min_count} leaves no word: {n_seen:,} distinct words were seen among {int(counts.sum()):,} tokens,"
        f" the most frequent, {word if isinstance(words, np.ndarray) else repr(word)}, {highest:,}"
        f" time{'s' if highest > 1 else ''}; give min_count={highest} or less, or more text"
    )
