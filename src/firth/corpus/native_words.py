"""Room corpus: words as the native core keeps them: UTF-8 bytes one after the other, and where each word begins.

A Python string takes some 60 bytes beside its letters, and its place in a dict 100 more: of millions of words none is
made before somebody asks for it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firth.native.text import find_repeated_word, join_words, rank_words

_LINE_END = 0x0A


@dataclass(frozen=True, eq=False)
class NativeWords:
    """Words in an order: word i is ``text[offsets[i]:offsets[i + 1]]``.

    Parameters
    ----------
    text : uint8 array, (n_bytes,)
    offsets : int64 array, (n_words + 1,), rising from 0 to n_bytes
    """

    text: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def word_bytes(self, number: int) -> bytes:
        return self.text[int(self.offsets[number]) : int(self.offsets[number + 1])].tobytes()

    def take(self, numbers: NDArray[np.int64]) -> NativeWords:
        """The words with the given numbers, which differ, in their order."""
        return NativeWords(*join_words(self.text, self.offsets, numbers))

    def rank(self, counts: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The given numbers of words, by falling count, ties by the bytes of the word."""
        return rank_words(self.text, self.offsets, counts, numbers)

    def strings(self, encoding_errors: str = "strict") -> list[str]:
        """All words as strings."""
        if not (self.text == _LINE_END).any():  # one decoding does for all
            everything = np.arange(len(self), dtype=np.int64)
            joined, _ = join_words(self.text, self.offsets, everything, b"\n")
            return str(joined.data, "utf-8", encoding_errors).split("\n")[:-1]
        data = self.text.tobytes()
        return [
            data[start:stop].decode("utf-8", encoding_errors)
            for start, stop in itertools.pairwise(self.offsets.tolist())
        ]

    def validate_utf8(self) -> None:
        """Raise UnicodeDecodeError where the bytes of a word are not UTF-8."""
        str(self.text.data, "utf-8")
        starts = self.offsets[:-1]
        starts = starts[starts < len(self.text)]
        inside = np.flatnonzero(self.text[starts] & 0xC0 == 0x80)  # the text is valid, but a word begins in a character
        if len(inside):
            start = int(starts[inside[0]])
            raise UnicodeDecodeError("utf-8", self.text[start : start + 1].tobytes(), 0, 1, "invalid start byte")

    def find_repeated(self) -> int | None:
        """The number of a word that stands again behind another one, or None where all differ."""
        return find_repeated_word(self.text, self.offsets)

    def equals(self, other: NativeWords) -> bool:
        return np.array_equal(self.offsets, other.offsets) and np.array_equal(self.text, other.text)


__all__ = ["NativeWords"]
