"""Room vectors: finds the row of a word. Words are a list, packed UTF-8 (may be memory-mapped), or integers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt

from firth.base.spellings import SEARCHED_WORDS, near_spellings
from firth.base.words import WordBuffer
from firth.errors import ParameterError

Word = str | int
"""A word: a ``str``, or an ``int`` if the words are ids."""

_HASH_MULTIPLIER = 0x9E3779B97F4A7C15  # odd, near 2^64 / golden ratio (Knuth, TAOCP 3, 6.4)
_HASH_MASK = 2**64 - 1
_HASH_BLOCK_BYTES = 1 << 18


class WordStore(Protocol):
    """The interface that `WordVectors` needs of its words."""

    def __len__(self) -> int: ...

    def word(self, word_id: int) -> Word:
        """The word of a row."""

    def find(self, word: object) -> int:
        """The row of a word; -1 if the word is not in the vocabulary."""

    def find_all(self, words: Sequence[object]) -> npt.NDArray[np.int64]:
        """The rows of words; -1 for an unknown word."""

    def suggest(self, word: object) -> list[str]:
        """Words with a spelling similar to an unknown word, the most similar first."""

    def sequence(self) -> Any:
        """The words in the order of rows, in the type that the user gets."""


class ListWords:
    """Words as Python strings with a dict for look-ups. Training and the readers of files make these."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = tuple(words)
        self._word_ids = {word: word_id for word_id, word in enumerate(self._words)}
        if len(self._word_ids) != len(self._words):
            seen: set[str] = set()
            for word_id, word in enumerate(self._words):
                if word in seen:
                    raise ParameterError(f"words must be distinct, got {word!r} again at row {word_id}")
                seen.add(word)

    def __len__(self) -> int:
        return len(self._words)

    def word(self, word_id: int) -> str:
        return self._words[word_id]

    def find(self, word: object) -> int:
        return self._word_ids.get(word, -1) if isinstance(word, str) else -1

    def find_all(self, words: Sequence[object]) -> npt.NDArray[np.int64]:
        return np.fromiter((self.find(word) for word in words), dtype=np.int64, count=len(words))

    def suggest(self, word: object) -> list[str]:
        if not isinstance(word, str):
            return []
        return near_spellings(word, islice(self._words, SEARCHED_WORDS))

    def sequence(self) -> tuple[str, ...]:
        return self._words


class IntegerWords:
    """Words that are integers, such as ids of products or of nodes."""

    def __init__(self, words: npt.NDArray[np.int64]) -> None:
        self._words = words.view()
        self._words.flags.writeable = False
        self._order = np.argsort(words, kind="stable")
        self._sorted = words[self._order]
        repeats = np.flatnonzero(self._sorted[1:] == self._sorted[:-1])
        if repeats.size:
            word_id = int(self._order[repeats[0] + 1])
            raise ParameterError(f"words must be distinct, got {int(words[word_id])} again at row {word_id}")

    def __len__(self) -> int:
        return len(self._words)

    def word(self, word_id: int) -> int:
        return int(self._words[word_id])

    def find(self, word: object) -> int:
        if isinstance(word, (bool, np.bool_)) or not isinstance(word, (int, np.integer)):
            return -1
        value = int(word)
        if not -(2**63) <= value < 2**63:
            return -1
        place = int(np.searchsorted(self._sorted, np.int64(value)))
        found = place < len(self._sorted) and int(self._sorted[place]) == value
        return int(self._order[place]) if found else -1

    def find_all(self, words: Sequence[object]) -> npt.NDArray[np.int64]:
        return np.fromiter((self.find(word) for word in words), dtype=np.int64, count=len(words))

    def suggest(self, word: object) -> list[str]:
        return []

    def sequence(self) -> npt.NDArray[np.int64]:
        return self._words


class PackedWords(WordBuffer, Sequence[str]):
    """Words as UTF-8 bytes and offsets: a sequence of ``str`` without a Python object for each word.

    Both arrays may be memory-mapped. The index is built at the first look-up and takes 12 bytes a word: sorted 64-bit
    hashes and their rows. A look-up also compares the bytes of the word.

    Parameters
    ----------
    word_bytes : uint8 array, (n_bytes,)
        All words, one after the other, in UTF-8.
    offsets : int64 array, (V + 1,)
        Word i is ``word_bytes[offsets[i]:offsets[i + 1]]``.

    Raises
    ------
    ShapeError, ParameterError
        The offsets do not rise from 0 to ``n_bytes``, or a word is repeated (found at the first look-up).
    """

    def __init__(self, word_bytes: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> None:
        super().__init__(word_bytes, offsets)
        self._index: tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]] | None = None

    @classmethod
    def from_words(cls, words: Iterable[str]) -> PackedWords:
        """Pack strings in the layout that a model folder stores."""
        return cls.pack(word.encode("utf-8", "surrogatepass") for word in words)

    @overload
    def __getitem__(self, position: int) -> str: ...

    @overload
    def __getitem__(self, position: slice) -> tuple[str, ...]: ...

    def __getitem__(self, position: int | slice) -> str | tuple[str, ...]:
        if isinstance(position, slice):
            return tuple(self.word(word_id) for word_id in range(*position.indices(len(self))))
        word_id = position + len(self) if position < 0 else position
        if not 0 <= word_id < len(self):
            raise IndexError(f"row must be in [{-len(self)}, {len(self)}), got {position}")
        return self.word(word_id)

    def __iter__(self) -> Iterator[str]:
        for data in self.all_encoded():
            yield data.decode("utf-8", "surrogatepass")

    def __contains__(self, word: object) -> bool:
        return self.find(word) >= 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PackedWords):
            return NotImplemented
        return self.has_same_words(other)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"PackedWords({len(self)} words)"

    def word(self, word_id: int) -> str:
        return self.encoded(word_id).decode("utf-8", "surrogatepass")

    def find(self, word: object) -> int:
        if not isinstance(word, str):
            return -1
        data = word.encode("utf-8", "surrogatepass")
        value, power = 0, 1
        for byte in data:
            value += (byte + 1) * power
            power = power * _HASH_MULTIPLIER & _HASH_MASK
        return self._find_hash(data, np.uint64(value & _HASH_MASK))

    def find_all(self, words: Sequence[object]) -> npt.NDArray[np.int64]:
        encoded = [word.encode("utf-8", "surrogatepass") if isinstance(word, str) else None for word in words]
        hashes = _hash_packed(WordBuffer.pack(data or b"" for data in encoded))
        found = (
            -1 if data is None else self._find_hash(data, value) for data, value in zip(encoded, hashes, strict=True)
        )
        return np.fromiter(found, dtype=np.int64, count=len(encoded))

    def suggest(self, word: object) -> list[str]:
        if not isinstance(word, str):
            return []
        return near_spellings(word, islice(self, SEARCHED_WORDS))

    def sequence(self) -> PackedWords:
        return self

    def _find_hash(self, data: bytes, value: np.uint64) -> int:
        if self._index is None:
            self._index = self._build_index()
        hashes, word_ids = self._index
        place = int(np.searchsorted(hashes, value))
        while place < len(hashes) and hashes[place] == value:
            word_id = int(word_ids[place])
            if self.encoded(word_id) == data:
                return word_id
            place += 1
        return -1

    def _build_index(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        hashes = _hash_packed(self)
        order = np.argsort(hashes, kind="stable")
        hashes = hashes[order]
        first = 0
        for place in (np.flatnonzero(hashes[1:] == hashes[:-1]) + 1).tolist():
            if hashes[first] != hashes[place]:
                first = place - 1
            encoded = self.encoded(int(order[place]))
            if any(self.encoded(int(order[earlier])) == encoded for earlier in range(first, place)):
                word = encoded.decode("utf-8", "surrogatepass")
                raise ParameterError(f"words must be distinct, got {word!r} again at row {int(order[place])}")
        return hashes, order.astype(np.int32 if len(order) < 2**31 else np.int64)


def _hash_packed(words: WordBuffer) -> npt.NDArray[np.uint64]:
    """h(w) = sum_j (w_j + 1) M^j mod 2^64 for every word, in blocks."""
    n_words, word_bytes, offsets = len(words), words.word_bytes, words.offsets
    hashes = np.zeros(n_words, dtype=np.uint64)
    longest = int(np.max(offsets[1:] - offsets[:-1], initial=0))
    powers = np.full(longest + 1, _HASH_MULTIPLIER, dtype=np.uint64)
    powers[0] = 1
    np.cumprod(powers, out=powers)
    start = 0
    while start < n_words:
        stop = int(np.searchsorted(offsets, offsets[start] + _HASH_BLOCK_BYTES, side="right")) - 1
        stop = min(n_words, max(stop, start + 1))
        local = np.asarray(offsets[start : stop + 1]) - offsets[start]
        data = np.asarray(word_bytes[int(offsets[start]) : int(offsets[stop])])
        positions = np.arange(len(data)) - np.repeat(local[:-1], local[1:] - local[:-1])
        sums = np.zeros(len(data) + 1, dtype=np.uint64)
        np.cumsum((data.astype(np.uint64) + np.uint64(1)) * powers[positions], out=sums[1:])
        hashes[start:stop] = sums[local[1:]] - sums[local[:-1]]
        start = stop
    return hashes
