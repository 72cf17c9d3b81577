"""vectors: which row a word has: words as a list, as packed UTF-8 (memory-mapped), or as integers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt

from firth.errors import ParameterError, ShapeError

Word = str | int
"""A word: a ``str``, or an ``int`` where ids were the words."""

_HASH_MULTIPLIER = 0x9E3779B97F4A7C15  # odd, near 2^64 / golden ratio (Knuth, TAOCP 3, 6.4)
_HASH_MASK = 2**64 - 1
_HASH_BLOCK_BYTES = 1 << 18
_SUGGESTION_BLOCK = 1 << 15
_SUGGESTION_ROWS = 500_000  # the most frequent words; rows beyond are not searched for spellings
_LONGEST_SUGGESTED = 40  # longer words get no suggestions


class WordStore(Protocol):
    """What `WordVectors` asks of its words."""

    def __len__(self) -> int: ...

    def word(self, word_id: int) -> Word:
        """The word of a row."""

    def find(self, word: object) -> int:
        """The row of a word; -1 where it is not in the vocabulary."""

    def find_all(self, words: Sequence[object]) -> npt.NDArray[np.int64]:
        """The rows of words, -1 where unknown."""

    def suggest(self, word: object) -> list[str]:
        """Near spellings of an unknown word, best first."""

    def sequence(self) -> Any:
        """The words by row, as the user sees them."""


class ListWords:
    """Words held as Python strings, looked up in a dict: what training and readers yield."""

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
        return _near_spellings(word, islice(self._words, _SUGGESTION_ROWS))

    def sequence(self) -> tuple[str, ...]:
        return self._words


class IntegerWords:
    """Words that are integers: ids, products, nodes."""

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


class PackedWords(Sequence[str]):
    """Words as UTF-8 bytes and offsets: a sequence of ``str`` that needs no Python object a word.

    Both arrays may be memory-mapped. The index, built at the first look-up, takes 12 bytes a word:
    sorted 64-bit hashes and their rows; a look-up compares the bytes.

    Parameters
    ----------
    word_bytes : uint8 array, (n_bytes,)
        All words, one after the other, in UTF-8.
    offsets : int64 array, (V + 1,)
        Word i is ``word_bytes[offsets[i]:offsets[i + 1]]``.

    Raises
    ------
    ShapeError, ParameterError
        Offsets that do not rise from 0 to ``n_bytes``; a repeated word (at the first look-up).
    """

    def __init__(self, word_bytes: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> None:
        word_bytes, offsets = np.asarray(word_bytes), np.asarray(offsets)
        if word_bytes.ndim != 1 or word_bytes.dtype != np.uint8:
            raise ShapeError(f"word_bytes must be a flat uint8 array, got {word_bytes.dtype} {word_bytes.shape}")
        if offsets.ndim != 1 or offsets.dtype != np.int64 or len(offsets) == 0:
            raise ShapeError(f"offsets must be a flat int64 array of V + 1, got {offsets.dtype} {offsets.shape}")
        if offsets[0] != 0 or offsets[-1] != len(word_bytes) or bool(np.any(offsets[1:] < offsets[:-1])):
            raise ParameterError(f"offsets must rise from 0 to {len(word_bytes)}, the number of word_bytes")
        self._bytes = word_bytes
        self._offsets = offsets
        self._index: tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]] | None = None

    @classmethod
    def from_words(cls, words: Iterable[str]) -> PackedWords:
        """Pack strings; what the model folder stores."""
        encoded = [word.encode("utf-8", "surrogatepass") for word in words]
        return cls(*_pack(encoded))

    @property
    def word_bytes(self) -> npt.NDArray[np.uint8]:
        """uint8 array (n_bytes,): all words in UTF-8."""
        return self._bytes

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """int64 array (V + 1,)."""
        return self._offsets

    def __len__(self) -> int:
        return len(self._offsets) - 1

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
        for start in range(0, len(self), _SUGGESTION_BLOCK):
            stop = min(len(self), start + _SUGGESTION_BLOCK)
            offsets = self._offsets[start : stop + 1].tolist()
            data = self._bytes[offsets[0] : offsets[-1]].tobytes()
            base = offsets[0]
            for low, high in pairwise(offsets):
                yield data[low - base : high - base].decode("utf-8", "surrogatepass")

    def __contains__(self, word: object) -> bool:
        return self.find(word) >= 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PackedWords):
            return NotImplemented
        return np.array_equal(self._offsets, other._offsets) and np.array_equal(self._bytes, other._bytes)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"PackedWords({len(self)} words)"

    def word(self, word_id: int) -> str:
        return self._encoded(word_id).decode("utf-8", "surrogatepass")

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
        hashes = _hash_packed(*_pack([data or b"" for data in encoded]))
        found = (
            -1 if data is None else self._find_hash(data, value) for data, value in zip(encoded, hashes, strict=True)
        )
        return np.fromiter(found, dtype=np.int64, count=len(encoded))

    def suggest(self, word: object) -> list[str]:
        if not isinstance(word, str):
            return []
        return _near_spellings(word, islice(self, _SUGGESTION_ROWS))

    def sequence(self) -> PackedWords:
        return self

    def _encoded(self, word_id: int) -> bytes:
        return self._bytes[int(self._offsets[word_id]) : int(self._offsets[word_id + 1])].tobytes()

    def _find_hash(self, data: bytes, value: np.uint64) -> int:
        if self._index is None:
            self._index = self._build_index()
        hashes, word_ids = self._index
        place = int(np.searchsorted(hashes, value))
        while place < len(hashes) and hashes[place] == value:
            word_id = int(word_ids[place])
            if self._encoded(word_id) == data:
                return word_id
            place += 1
        return -1

    def _build_index(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        hashes = _hash_packed(self._bytes, self._offsets)
        order = np.argsort(hashes, kind="stable")
        hashes = hashes[order]
        first = 0
        for place in (np.flatnonzero(hashes[1:] == hashes[:-1]) + 1).tolist():
            if hashes[first] != hashes[place]:
                first = place - 1
            encoded = self._encoded(int(order[place]))
            if any(self._encoded(int(order[earlier])) == encoded for earlier in range(first, place)):
                word = encoded.decode("utf-8", "surrogatepass")
                raise ParameterError(f"words must be distinct, got {word!r} again at row {int(order[place])}")
        return hashes, order.astype(np.int32 if len(order) < 2**31 else np.int64)


def _pack(encoded: list[bytes]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum(np.fromiter((len(data) for data in encoded), dtype=np.int64, count=len(encoded)), out=offsets[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets


def _hash_packed(word_bytes: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """h(w) = sum_j (w_j + 1) M^j mod 2^64 for every word, in blocks."""
    n_words = len(offsets) - 1
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


def _near_spellings(word: str, words: Iterable[str], n_best: int = 3) -> list[str]:
    """Words at the smallest edit distance, case ignored; of equally near ones, the first (the more frequent).

    The optimal-string-alignment distance (insert, delete, replace, swap of neighbours cost 1) of a block of words at
    a time. A sixth to a third of the word may differ.
    """
    target = word.lower()
    if not 0 < len(target) <= _LONGEST_SUGGESTED:
        return []
    limit = 1 if len(target) < 6 else 2 if len(target) < 12 else 3
    best: list[tuple[int, int, str]] = []
    remaining = enumerate(words)
    while block := list(islice(remaining, _SUGGESTION_BLOCK)):
        block = [(place, other) for place, other in block if abs(len(other) - len(target)) <= limit]
        if not block:
            continue
        letters = np.array([other.lower() for _, other in block], dtype=f"U{len(target) + limit}")
        codes = letters.view(np.uint32).reshape(len(block), -1)
        lengths = np.count_nonzero(codes, axis=1)
        distances = _edit_distances(np.array([target]).view(np.uint32), codes.T, lengths)
        near = np.flatnonzero(distances <= limit)
        best.extend((int(distances[place]), *block[place]) for place in near.tolist())
        best = sorted(best)[:n_best]
    return [other for _, _, other in best]


def _edit_distances(
    target: npt.NDArray[np.uint32], letters: npt.NDArray[np.uint32], lengths: npt.NDArray[np.int64]
) -> npt.NDArray[np.int16]:
    """Distances (N,) of ``target`` (T,) from N words given as ``letters`` (L, N), of ``lengths`` (N,)."""
    width, n_words = letters.shape
    n_target = len(target)
    distances = np.full(n_words, n_target, dtype=np.int16)
    before = np.zeros((0, n_words), dtype=np.int16)
    previous = np.repeat(np.arange(n_target + 1, dtype=np.int16)[:, None], n_words, axis=1)
    for column in range(1, width + 1):
        current = np.empty_like(previous)
        current[0] = column
        letter = letters[column - 1]
        for row in range(1, n_target + 1):
            cost = previous[row - 1] + (letter != target[row - 1])
            np.minimum(cost, previous[row] + 1, out=cost)
            np.minimum(cost, current[row - 1] + 1, out=cost)
            if row > 1 and column > 1:
                swapped = (letter == target[row - 2]) & (letters[column - 2] == target[row - 1])
                cost = np.where(swapped, np.minimum(cost, before[row - 2] + 1), cost)
            current[row] = cost
        before, previous = previous, current
        ended = lengths == column
        distances[ended] = current[n_target][ended]
    return distances
