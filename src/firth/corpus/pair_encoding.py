"""Room corpus: pairs become ids on disk: vocabularies of words and contexts, the held-out part, and the order.

Tests: tests/corpus/test_pairs.py, tests/training/test_pairs.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.storage import storage_error
from firth.corpus.encoded import IDS, OFFSETS, VOCABULARY, EncodedCorpus, write_manifest
from firth.corpus.pairs import Names, Pairs
from firth.corpus.philox import Purpose, draw_blocks
from firth.corpus.vocabulary import Vocabulary
from firth.errors import CorpusError, CorpusTypeError

_DRAWN_AT_ONCE = 1 << 18


@dataclass(frozen=True, eq=False)
class PairArrays:
    """Ids of pairs: word ids, context ids, and weights or None."""

    words: NDArray[np.int32]
    contexts: NDArray[np.int32]
    weights: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.words)

    def take(self, which: NDArray[Any]) -> PairArrays:
        weights = None if self.weights is None else self.weights[which]
        return PairArrays(self.words[which], self.contexts[which], weights)


@dataclass(frozen=True, eq=False)
class EncodedPairs:
    """Pairs in the form that training reads.

    Attributes
    ----------
    corpus : EncodedCorpus
        The ids of the words, as one sequence, and their vocabulary.
    trained : PairArrays
        The pairs to train on, in the order in which they are trained.
    heldout : PairArrays or None
        The pairs that are held out by a share.
    contexts : Vocabulary
    n_read : int
        Pairs before ``min_count`` and ``max_vocabulary``, without held-out ones.
    n_without_pairs : tuple of int
        Words that are in no pair, and contexts that are in none, with one vocabulary.
    """

    corpus: EncodedCorpus
    trained: PairArrays
    heldout: PairArrays | None
    contexts: Vocabulary
    n_read: int
    n_without_pairs: tuple[int, int] = (0, 0)


def encode_pairs(
    pairs: Pairs,
    folder: Path,
    *,
    min_count: int,
    max_vocabulary: int | None,
    seed: int,
    heldout_share: float | None = None,
    threads: int = 1,
) -> EncodedPairs:
    """Choose both vocabularies, hold a share of the pairs out, shuffle the others, and write the ids of the words.

    A word is kept if at least ``min_count`` pairs have it; the same holds for a context. Held-out pairs do not count.
    A pair is kept if its word and its context are kept. Words and contexts of no kept pair are dropped. Counts are
    of kept pairs. With one vocabulary, the count of a word is the number of pairs that have it as word or as context.

    The order is drawn once, from ``seed``: files of pairs are often sorted, and training needs pairs in random order.

    Raises
    ------
    CorpusError
        No pair is left to train on, or to hold out.
    StorageError
    """
    is_out = _held_out(len(pairs), heldout_share, seed)
    read = PairArrays(pairs.word_ids, pairs.context_ids, pairs.weights)
    trained = read if is_out is None else read.take(~is_out)
    if is_out is not None and (len(trained) == 0 or len(trained) == len(read)):
        raise CorpusError(
            f"heldout must leave pairs to train on and take one at least, got {len(read) - len(trained):,} of"
            f" {len(read):,} pairs; give another share, or pairs of its own"
        )
    n_read = len(trained)
    word_map, context_map = _choose(pairs, trained, min_count, max_vocabulary)
    kept = _renumber(trained, word_map.ids, context_map.ids)
    kept = kept.take(_order(len(kept), seed))
    counts = (
        np.bincount(kept.words, minlength=word_map.n_kept).astype(np.int64),
        np.bincount(kept.contexts, minlength=context_map.n_kept).astype(np.int64),
    )
    contexts = Vocabulary(_kept_names(pairs.contexts, context_map.ids, context_map.n_kept), counts[1])
    own_counts = counts[0] + counts[1] if pairs.one_vocabulary else counts[0]
    words = Vocabulary(_kept_names(pairs.words, word_map.ids, word_map.n_kept), own_counts)
    heldout = None
    if is_out is not None:
        heldout = _renumber(read.take(is_out), word_map.ids, context_map.ids)
        if len(heldout) == 0:
            raise CorpusError(
                "heldout must have a pair of a word and a context that are trained on, got none; hold out a larger"
                " share, or lower min_count"
            )
    settings = {"min_count": min_count, "max_vocabulary": max_vocabulary, "heldout_share": heldout_share}
    corpus = _write(folder, kept.words, words, n_read, len(pairs.words), settings, threads)
    without = (int(np.count_nonzero(counts[0] == 0)), int(np.count_nonzero(counts[1] == 0)))
    return EncodedPairs(corpus, kept, heldout, contexts, n_read, without)


def encode_other_pairs(pairs: Pairs, words: Vocabulary, contexts: Vocabulary) -> PairArrays:
    """Pairs of their own to hold out, by the vocabularies of the pairs that are trained on; others are left out.

    Raises
    ------
    CorpusTypeError
        Words or contexts are strings in one of the two, and integers in the other.
    CorpusError
        No pair has a word and a context of the vocabularies.
    """
    maps = []
    for name, names, vocabulary in (("words", pairs.words, words), ("contexts", pairs.contexts, contexts)):
        if isinstance(names, np.ndarray) != vocabulary.words_are_ids:
            kinds = ("strings", "integers")
            raise CorpusTypeError(
                f"heldout must have {kinds[vocabulary.words_are_ids]} for {name}, as the pairs that are trained on, got"
                f" {kinds[not vocabulary.words_are_ids]}; convert the {name}"
            )
        maps.append(vocabulary.look_up(names.tolist() if isinstance(names, np.ndarray) else names))
    found = _renumber(PairArrays(pairs.word_ids, pairs.context_ids, pairs.weights), *maps)
    if len(found) == 0:
        raise CorpusError("heldout must have a pair of a word and a context that are trained on, got none")
    return found


@dataclass(frozen=True, eq=False)
class _Kept:
    ids: NDArray[np.int32]  # by number of a name: its id, or -1
    n_kept: int


def _choose(pairs: Pairs, trained: PairArrays, min_count: int, max_vocabulary: int | None) -> tuple[_Kept, _Kept]:
    n_words, n_contexts = len(pairs.words), len(pairs.contexts)
    in_words = np.bincount(trained.words, minlength=n_words)
    in_contexts = np.bincount(trained.contexts, minlength=n_contexts)
    if pairs.one_vocabulary:
        in_words = in_contexts = in_words + in_contexts
    word_kept = _cut(pairs.words, in_words, min_count, max_vocabulary)
    context_kept = word_kept if pairs.one_vocabulary else _cut(pairs.contexts, in_contexts, min_count, max_vocabulary)
    is_kept = word_kept[trained.words] & context_kept[trained.contexts]
    if not is_kept.any():
        advice = "lower min_count" if min_count > 1 else "raise max_vocabulary"
        raise CorpusError(
            f"min_count={min_count} leaves no pair of the {len(trained):,} pairs: of {n_words:,} words and"
            f" {n_contexts:,} contexts {int(word_kept.sum()):,} and {int(context_kept.sum()):,} are kept; {advice}"
        )
    counts = [np.bincount(trained.words[is_kept], minlength=n_words),
              np.bincount(trained.contexts[is_kept], minlength=n_contexts)]  # fmt: skip
    if pairs.one_vocabulary:
        both = _rank(pairs.words, counts[0] + counts[1])
        return both, both
    return _rank(pairs.words, counts[0]), _rank(pairs.contexts, counts[1])


def _cut(names: Names, counts: NDArray[Any], min_count: int, max_vocabulary: int | None) -> NDArray[np.bool_]:
    kept: NDArray[np.bool_] = counts >= min_count
    if max_vocabulary is not None and int(kept.sum()) > max_vocabulary:
        ranked = _rank(names, np.where(kept, counts, 0)).ids
        kept &= (ranked >= 0) & (ranked < max_vocabulary)
    return kept


def _rank(names: Names, counts: NDArray[Any]) -> _Kept:
    """The ids of the names that have a count: by descending count, then by the name."""
    found = np.flatnonzero(counts)
    if isinstance(names, np.ndarray):
        order = found[np.lexsort((names[found], -counts[found]))]
    else:
        listed = counts.tolist()
        order = np.array(sorted(found.tolist(), key=lambda number: (-listed[number], names[number])), np.int64)
    ids = np.full(len(names), -1, np.int32)
    ids[order] = np.arange(len(order), dtype=np.int32)
    return _Kept(ids, len(order))


def _kept_names(names: Names, ids: NDArray[np.int32], n_kept: int) -> Any:
    numbers = np.empty(n_kept, np.int64)
    is_kept = np.flatnonzero(ids >= 0)
    numbers[ids[is_kept]] = is_kept
    return names[numbers] if isinstance(names, np.ndarray) else tuple(names[number] for number in numbers.tolist())


def _renumber(pairs: PairArrays, word_ids: NDArray[np.int32], context_ids: NDArray[np.int32]) -> PairArrays:
    """The pairs whose word and context have an id."""
    words, contexts = word_ids[pairs.words], context_ids[pairs.contexts]
    is_kept = (words >= 0) & (contexts >= 0)
    return PairArrays(words, contexts, pairs.weights).take(is_kept)


def _held_out(n_pairs: int, share: float | None, seed: int) -> NDArray[np.bool_] | None:
    if share is None:
        return None
    return _draw(n_pairs, seed, Purpose.HELDOUT) < np.uint64(int(share * 2.0**64))


def _order(n_pairs: int, seed: int) -> NDArray[np.int64]:
    return np.argsort(_draw(n_pairs, seed, Purpose.ORDER), kind="stable")


def _draw(n_pairs: int, seed: int, purpose: Purpose) -> NDArray[np.uint64]:
    """A random number of 64 bits for each pair."""
    drawn = np.empty(n_pairs, np.uint64)
    for start in range(0, n_pairs, _DRAWN_AT_ONCE):
        words = draw_blocks(seed, purpose, 0, np.arange(start, min(n_pairs, start + _DRAWN_AT_ONCE)))
        drawn[start : start + len(words)] = words[:, 0].astype(np.uint64) << np.uint64(32) | words[:, 1]
    return drawn


def _write(
    folder: Path,
    ids: NDArray[np.int32],
    vocabulary: Vocabulary,
    n_read: int,
    n_distinct: int,
    settings: dict[str, Any],
    threads: int,
) -> EncodedCorpus:
    try:
        folder.mkdir()
        ids.astype("<i4", copy=False).tofile(folder / IDS)
        np.array([0, len(ids)], "<i8").tofile(folder / OFFSETS)
        vocabulary.save(folder / VOCABULARY)
        fields = {
            "n_tokens": len(ids),
            "n_tokens_read": n_read,
            "n_sequences": 1,
            "n_distinct_words": n_distinct,
            "vocabulary_size": len(vocabulary),
            "settings": settings,
        }
        write_manifest(folder, fields, threads=threads)
    except OSError as error:
        raise storage_error(error, folder) from error
    return EncodedCorpus.just_written(folder, vocabulary)


__all__ = ["EncodedPairs", "PairArrays", "encode_other_pairs", "encode_pairs"]
