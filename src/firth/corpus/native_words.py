"""Room corpus: words in one buffer; the native core selects, ranks and compares words in it.

Tests: tests/corpus/test_many_words.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firth.base.words import WordBuffer
from firth.native.text import find_repeated_word, join_words, rank_words

_LINE_END = 0x0A


class NativeWords(WordBuffer):
    """The words that the native counter found; see `WordBuffer`."""

    def take(self, numbers: NDArray[np.int64]) -> NativeWords:
        """The words with the given numbers, in that order. The numbers must be distinct."""
        return NativeWords(*join_words(self.word_bytes, self.offsets, numbers))

    def rank(self, counts: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The given numbers sorted by descending count of the word, then by the bytes of the word."""
        return rank_words(self.word_bytes, self.offsets, counts, numbers)

    def strings(self, encoding_errors: str = "strict") -> list[str]:
        """All words as strings."""
        if (self.word_bytes == _LINE_END).any():
            return [word.decode("utf-8", encoding_errors) for word in self.all_encoded()]
        everything = np.arange(len(self), dtype=np.int64)  # if no word has a line end, all are decoded at once
        joined, _ = join_words(self.word_bytes, self.offsets, everything, b"\n")
        return str(joined.data, "utf-8", encoding_errors).split("\n")[:-1]

    def find_repeated(self) -> int | None:
        """The number of a word that equals an earlier word, or None if all words are distinct."""
        return find_repeated_word(self.word_bytes, self.offsets)


__all__ = ["NativeWords"]
