"""Room corpus: removes byte-order marks (U+FEFF) from words. Joined files have a mark at the start of each part.

The mark is not text: a word that begins with it would differ from the same word elsewhere. Distinct words are examined
after counting, not positions, so a corpus without marks costs a search in the bytes of its distinct words.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from firth.corpus.counting import Counted
from firth.corpus.native_words import NativeWords
from firth.corpus.recognise import MARK, strip_marks

CHARACTER = "\ufeff"


def drop_marks(counted: Counted) -> tuple[int, int]:
    """Remove marks from the starts of words, and add a marked word's count to the word without the mark.

    Parameters
    ----------
    counted : Counted
        Counts of a text; ``words``, ``counts`` and ``id_maps`` are changed in place.

    Returns
    -------
    n_marks, n_dropped : int
        Number of tokens that began with a mark, and number of tokens that had only marks and were dropped.
    """
    marked = _marked_words(counted.words)
    if not len(marked):
        return 0, 0
    words = _listed(counted.words)
    numbers = {word: number for number, word in enumerate(words)}
    target = np.arange(len(words), dtype=np.int32)
    n_marks = int(counted.counts[marked].sum())
    n_dropped = 0
    for number in marked.tolist():
        plain = strip_marks(words[number])
        if not plain:
            n_dropped += int(counted.counts[number])
            counted.counts[number] = 0
            words[number] = b""  # no vocabulary has the empty word, so its tokens are dropped
            continue
        target[number] = numbers.setdefault(plain, number)
        if target[number] == number:
            words[number] = plain
        else:
            counted.counts[target[number]] += counted.counts[number]
            counted.counts[number] = 0
            words[number] = b""
    counted.words = (
        NativeWords.pack(words) if isinstance(counted.words, NativeWords) else [word.decode() for word in words]
    )
    counted.id_maps[:] = [target[id_map] for id_map in counted.id_maps]
    return n_marks, n_dropped


def count_marked_tokens(counted: Counted) -> int:
    """Number of tokens that begin with a mark."""
    return int(counted.counts[_marked_words(counted.words)].sum())


def count_glued_tokens(counted: Counted) -> int:
    """Number of tokens with a mark inside: the last word of a file without a line end, joined to the next file."""
    words = counted.words
    if isinstance(words, np.ndarray):
        return 0
    if isinstance(words, list):
        return sum(int(n) for word, n in zip(words, counted.counts, strict=True) if CHARACTER in word[1:])
    numbers, is_first = _words_with_marks(words)
    return int(counted.counts[np.unique(numbers[~is_first])].sum())


def _marked_words(words: NativeWords | list[str] | NDArray[np.int64]) -> NDArray[np.int64]:
    if isinstance(words, np.ndarray):
        return np.empty(0, np.int64)
    if isinstance(words, list):
        return np.array([number for number, word in enumerate(words) if word.startswith(CHARACTER)], np.int64)
    numbers, is_first = _words_with_marks(words)
    return numbers[is_first]


def _words_with_marks(words: NativeWords) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each mark in the words the number of its word, and whether the mark is the start of the word."""
    found = np.array([match.start() for match in re.finditer(re.escape(MARK), words.word_bytes.data)], np.int64)
    numbers = np.searchsorted(words.offsets, found, side="right") - 1
    is_whole = found + len(MARK) <= words.offsets[numbers + 1]  # words that are not UTF-8 may form a mark together
    return numbers[is_whole], (found == words.offsets[numbers])[is_whole]


def _listed(words: NativeWords | list[str] | NDArray[np.int64]) -> list[bytes]:
    if isinstance(words, NativeWords):
        return list(words.all_encoded())
    return [str(word).encode("utf-8", "surrogatepass") for word in words]
