"""Room base: words as UTF-8 bytes in one buffer, with the offset of each word.

A Python string needs about 60 bytes in addition to its letters, and an entry in a dict 100 more. So the strings of
millions of words are made only when they are requested.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from firth.errors import ParameterError, ShapeError

_BLOCK_WORDS = 1 << 15
Words = TypeVar("Words", bound="WordBuffer")


class WordBuffer:
    """Words in an order: word i is ``word_bytes[offsets[i]:offsets[i + 1]]``. Both arrays may be memory-mapped.

    Parameters
    ----------
    word_bytes : uint8 array, (n_bytes,)
        All words, one after the other, in UTF-8.
    offsets : int64 array, (V + 1,)
        Offsets of the words, rising from 0 to ``n_bytes``.

    Raises
    ------
    ShapeError, ParameterError
        An array has another type or shape, or the offsets do not rise from 0 to ``n_bytes``.
    """

    def __init__(self, word_bytes: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
        word_bytes, offsets = np.asarray(word_bytes), np.asarray(offsets)
        if word_bytes.ndim != 1 or word_bytes.dtype != np.uint8:
            raise ShapeError(f"word_bytes must be a flat uint8 array, got {word_bytes.dtype} {word_bytes.shape}")
        if offsets.ndim != 1 or offsets.dtype != np.int64 or len(offsets) == 0:
            raise ShapeError(f"offsets must be a flat int64 array of V + 1, got {offsets.dtype} {offsets.shape}")
        if offsets[0] != 0 or offsets[-1] != len(word_bytes) or bool(np.any(offsets[1:] < offsets[:-1])):
            raise ParameterError(f"offsets must rise from 0 to {len(word_bytes)}, the number of word_bytes")
        self._bytes = word_bytes
        self._offsets = offsets

    @classmethod
    def pack(cls: type[Words], encoded: Iterable[bytes]) -> Words:
        """Put encoded words into a buffer."""
        encoded = list(encoded)
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)

    @property
    def word_bytes(self) -> NDArray[np.uint8]:
        """uint8 array (n_bytes,): all words in UTF-8."""
        return self._bytes

    @property
    def offsets(self) -> NDArray[np.int64]:
        """int64 array (V + 1,)."""
        return self._offsets

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def encoded(self, number: int) -> bytes:
        """The bytes of a word."""
        return self._bytes[int(self._offsets[number]) : int(self._offsets[number + 1])].tobytes()

    def all_encoded(self) -> Iterator[bytes]:
        """Yield the bytes of each word, in order. Reads in blocks, without a copy of the whole buffer."""
        for start in range(0, len(self), _BLOCK_WORDS):
            offsets = self._offsets[start : start + _BLOCK_WORDS + 1].tolist()
            first = offsets[0]
            data = self._bytes[first : offsets[-1]].tobytes()
            for low, high in pairwise(offsets):
                yield data[low - first : high - first]

    def containing(self, part: bytes) -> NDArray[np.int64]:
        """The numbers of the words that have ``part``, which is not empty, in their bytes; in rising order."""
        data = self._bytes.tobytes()
        found: list[int] = []
        at = data.find(part)
        while at >= 0:
            number = int(np.searchsorted(self._offsets, at, side="right")) - 1
            end = int(self._offsets[number + 1])
            if at + len(part) <= end:  # else one part is in the next word
                found.append(number)
                at = end - 1
            at = data.find(part, at + 1)
        return np.array(found, np.int64)

    def has_same_words(self, other: WordBuffer) -> bool:
        """Whether both have the same words in the same order."""
        return np.array_equal(self._offsets, other._offsets) and np.array_equal(self._bytes, other._bytes)

    def validate_utf8(self) -> None:
        """Raise UnicodeDecodeError if the bytes of a word are not UTF-8."""
        str(self._bytes.data, "utf-8")
        starts = self._offsets[:-1]
        starts = starts[starts < len(self._bytes)]
        inside = np.flatnonzero(
            self._bytes[starts] & 0xC0 == 0x80
        )  # the buffer is valid, but a word begins inside a character
        if len(inside):
            start = int(starts[inside[0]])
            raise UnicodeDecodeError("utf-8", self._bytes[start : start + 1].tobytes(), 0, 1, "invalid start byte")


def pack_words(words: Iterable[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The two arrays of a `WordBuffer` of strings, for storage.

    Raises
    ------
    UnicodeEncodeError
        A word has a lone surrogate, which UTF-8 cannot encode.
    """
    packed = WordBuffer.pack(word.encode("utf-8") for word in words)
    return packed.word_bytes, packed.offsets


def unpack_words(word_bytes: NDArray[np.uint8], offsets: NDArray[np.int64]) -> list[str]:
    """The words that `pack_words` packed.

    Raises
    ------
    ValueError
        The arrays are not those of a `WordBuffer` (ShapeError, ParameterError), or bytes are not UTF-8
        (UnicodeDecodeError).
    """
    packed = WordBuffer(np.asarray(word_bytes, dtype=np.uint8), np.asarray(offsets, dtype=np.int64))
    return [word.decode("utf-8") for word in packed.all_encoded()]


__all__ = ["WordBuffer", "pack_words", "unpack_words"]
