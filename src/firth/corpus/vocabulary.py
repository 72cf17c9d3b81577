"""Room corpus: the vocabulary: words, their ids and counts. It can be saved, loaded, and made from counts."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.files import read_regular
from firth.base.replace import write_file
from firth.base.spellings import SEARCHED_WORDS, did_you_mean, near_spellings
from firth.base.values import as_integer, is_integer
from firth.base.words import WordBuffer
from firth.corpus.native_words import NativeWords
from firth.corpus.recognise import HEAD_BYTES, refuse_other_formats, strip_marks
from firth.errors import (
    CorpusError,
    CorpusTypeError,
    EncodingError,
    FormatError,
    ParameterError,
    StorageError,
    UnknownWordError,
)

EXACT_SUFFIX = ".safetensors"
_FORMAT_NAME = "firth-vocabulary"


class Vocabulary:
    """The words of a model: the word with id ``i`` is ``words[i]`` and was seen ``counts[i]`` times.

    If firth made the vocabulary, ids are ordered by descending count, then by the word (strings by code points). The
    order of a vocabulary that the user made is kept. A vocabulary cannot be changed.

    Parameters
    ----------
    words : tuple of str, (V,); or int64 array, (V,), if the corpus has ids, which are then the words
    counts : int64 array, (V,), each at least 0

    Attributes
    ----------
    words : tuple of str, or int64 array
        The strings of a vocabulary that firth counted or loaded are made at the first access to ``words``. Five million
        strings take 300 MB.
    counts : int64 array, (V,)

    Raises
    ------
    ParameterError
        Lengths differ, a count is negative, there is no word, or a word occurs twice (found at the first look-up).
    CorpusTypeError
        A word is neither a string nor an integer.
    """

    counts: NDArray[np.int64]
    _kept: NativeWords | tuple[str, ...] | NDArray[np.int64]

    def __init__(
        self, words: Iterable[str] | NDArray[np.int64] | NativeWords, counts: NDArray[np.int64] | Sequence[int]
    ) -> None:
        kept: NativeWords | tuple[str, ...] | NDArray[np.int64]
        if isinstance(words, NativeWords):
            kept = words
        else:
            kept = _as_word_ids(words) if isinstance(words, np.ndarray) else tuple(words)
        given_counts = np.asarray(counts)
        if given_counts.ndim != 1 or (given_counts.dtype.kind not in "iu" and given_counts.size):
            raise ParameterError(f"counts must be a one-dimensional array of integers, got {_describe(counts)}")
        own_counts = given_counts.astype(np.int64)
        if len(kept) != len(own_counts):
            raise ParameterError(
                f"counts must have one number for each of the {len(kept)} words, got {len(own_counts)}"
            )
        if not len(kept):
            raise ParameterError("words must have at least one word, got none")
        if own_counts.min() < 0:
            raise ParameterError(f"counts must be 0 or more, got {int(own_counts.min())}")
        own_counts.flags.writeable = False
        object.__setattr__(self, "_kept", kept)
        object.__setattr__(self, "counts", own_counts)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Vocabulary cannot be changed: {name!r} cannot be set")

    @functools.cached_property
    def words(self) -> tuple[str, ...] | NDArray[np.int64]:
        return tuple(self._kept.strings()) if isinstance(self._kept, NativeWords) else self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, word: object) -> bool:
        try:
            return word in self._ids
        except TypeError:  # not hashable
            return False

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return (
            self.words_are_ids == other.words_are_ids
            and np.array_equal(self.counts, other.counts)
            and self._has_words_of(other)
        )

    def _has_words_of(self, other: Vocabulary) -> bool:
        if isinstance(self._kept, NativeWords) and isinstance(other._kept, NativeWords):
            return self._kept.has_same_words(other._kept)
        return list(self.words) == list(other.words)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        first = ", ".join(repr(word) for word in self.first_words(3))
        return f"Vocabulary({len(self):,} words: {first}{', ...' if len(self) > 3 else ''})"

    @property
    def words_are_ids(self) -> bool:
        """Whether the words are integers: the ids in the corpus."""
        return isinstance(self._kept, np.ndarray)

    @property
    def n_tokens(self) -> int:
        """The sum of the counts."""
        return int(self.counts.sum())

    def word_list(self) -> list[Any]:
        """The words as a list of str; a list of int if the words are ids."""
        return self.words.tolist() if isinstance(self.words, np.ndarray) else list(self.words)

    def first_words(self, n_words: int) -> list[Any]:
        """The words with the lowest ids, at most ``n_words``. The strings of the other words are not made."""
        if isinstance(self._kept, NativeWords):
            return [self._kept.encoded(word_id).decode() for word_id in range(min(n_words, len(self)))]
        first = self._kept[:n_words]
        return first.tolist() if isinstance(first, np.ndarray) else list(first)

    def words_at(self, word_ids: Iterable[int]) -> list[Any]:
        """The words with these ids. The strings of the other words are not made."""
        if not isinstance(self._kept, NativeWords):
            return [self._kept[word_id] for word_id in word_ids]
        distinct, places = np.unique(np.fromiter(word_ids, np.int64), return_inverse=True)
        words = self._kept.take(distinct).strings()
        return [words[place] for place in places.tolist()]

    def packed(self) -> NativeWords:
        """The words in one buffer; the words must be strings."""
        return self._kept if isinstance(self._kept, NativeWords) else NativeWords.pack(map(encode_words, self._kept))

    def word_id(self, word: str | int) -> int:
        """The id of a word.

        Raises
        ------
        UnknownWordError
            The word is not in the vocabulary; the message suggests similar spellings.
        """
        try:
            return self._ids[word]
        except (KeyError, TypeError):
            raise UnknownWordError(self._unknown_message(word)) from None

    def look_up(self, words: Iterable[str | int]) -> NDArray[np.int32]:
        """The id of each word, -1 for a word outside the vocabulary: int32 array, (n,)."""
        ids = self._ids
        return np.fromiter((ids.get(word, -1) for word in words), np.int32)

    def validate_distinct(self) -> None:
        """Raise ParameterError if a word occurs twice."""
        if not isinstance(self._kept, NativeWords):
            _ = self._ids
        elif (repeated := self._kept.find_repeated()) is not None:
            raise _repeated_word(self._kept.encoded(repeated).decode())

    @functools.cached_property
    def _ids(self) -> dict[Any, int]:
        words = self.word_list()
        ids = {word: word_id for word_id, word in enumerate(words)}
        if len(ids) != len(words):
            word = next(word for word_id, word in enumerate(words) if ids[word] != word_id)
            raise _repeated_word(word)
        return ids

    def _unknown_message(self, word: object) -> str:
        message = f"{word!r} is not in the vocabulary of {len(self):,} words"
        if isinstance(word, str) and not self.words_are_ids:
            message += did_you_mean(near_spellings(word, self.first_words(SEARCHED_WORDS)))
        elif isinstance(word, str) != (not self.words_are_ids):
            message += f", whose words are {'integers' if self.words_are_ids else 'strings'}"
        return message

    @classmethod
    def from_counts(
        cls,
        counts: Mapping[str, int] | Mapping[int, int] | Iterable[tuple[str | int, int]],
        *,
        min_count: int = 1,
        max_vocabulary: int | None = None,
    ) -> Vocabulary:
        """Make a vocabulary from counts, sorted by descending count, then by the word.

        Parameters
        ----------
        counts : mapping from word to count, or iterable of pairs (word, count); the words are all str or all int
        min_count : int, at least 1
            Words with a smaller count are left out.
        max_vocabulary : int, at least 1, or None
            Only this many words are kept, the most frequent.

        Raises
        ------
        ParameterError, CorpusTypeError
        """
        validate_cuts(min_count, max_vocabulary)
        # a Series of counts, such as value_counts() returns, has items() but is not a Mapping
        pairs: list[tuple[Any, int]] = list(counts.items() if hasattr(counts, "items") else counts)
        for word, count in pairs:
            if not isinstance(word, str) and not is_integer(word):
                raise CorpusTypeError(f"words must be strings or integers, got {word!r} ({type(word).__name__})")
            if isinstance(word, str) != isinstance(pairs[0][0], str):
                raise CorpusTypeError(f"words must be all strings or all integers, got {pairs[0][0]!r} and {word!r}")
            if not is_integer(count) or count < 0:
                raise ParameterError(f"the count of {word!r} must be an integer of 0 or more, got {count!r}")
        kept = sorted((-int(count), word) for word, count in pairs if count >= min_count)[:max_vocabulary]
        if not kept:
            highest = max((int(count) for _, count in pairs), default=0)
            raise ParameterError(
                f"min_count={min_count} leaves no word of the {len(pairs):,} given; the highest count is {highest:,}"
            )
        words = [word for _, word in kept]
        vocabulary = cls(
            tuple(str(word) for word in words) if isinstance(words[0], str) else _as_word_ids(words),
            np.array([-negative for negative, _ in kept], np.int64),
        )
        vocabulary.validate_distinct()
        return vocabulary

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the vocabulary to a file.

        A file ``*.safetensors`` can have any words. A file of any other name has a line ``word count`` in UTF-8 for
        each word, the format of word2vec's ``-save-vocab`` and ``-read-vocab``.

        Raises
        ------
        ParameterError
            A word has a line end or is empty, or the words are ids. Such words need ``.safetensors``.
        StorageError
        """
        path = Path(path)
        data = self._to_safetensors() if path.suffix == EXACT_SUFFIX else self._to_lines(path)
        try:
            write_file(path, data)
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"{path}: the vocabulary cannot be written: {error.strerror or error}") from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Vocabulary:
        """Read a file that ``save`` or word2vec's ``-save-vocab`` wrote.

        Raises
        ------
        StorageError
            The file cannot be read.
        FormatError, EncodingError
            The file is not a vocabulary; the message names the line or the tensor.
        """
        path = Path(path)
        try:
            data = read_regular(path)
        except StorageError:
            raise
        except OSError as error:
            raise StorageError(f"{path}: the vocabulary cannot be read: {error.strerror or error}") from error
        try:
            vocabulary = (
                cls._from_safetensors(data, path) if path.suffix == EXACT_SUFFIX else cls._from_lines(data, path)
            )
            vocabulary.validate_distinct()
        except ParameterError as error:
            raise FormatError(f"{path}: {error}") from None
        return vocabulary

    def _to_lines(self, path: Path) -> bytes:
        if self.words_are_ids:
            raise ParameterError(
                f"path must end in {EXACT_SUFFIX} if the words are ids (in a line of text, 7 and '7' are the same),"
                f" got {path}"
            )
        for word in self.word_list():
            if not word or "\n" in word:
                raise ParameterError(
                    f"path must end in {EXACT_SUFFIX} if a word is empty or has a line end ({word!r}), got {path}"
                )
        lines = [f"{word} {count}\n" for word, count in zip(self.words, self.counts.tolist(), strict=True)]
        return encode_words("".join(lines))

    @classmethod
    def _from_lines(cls, data: bytes, path: Path) -> Vocabulary:
        try:
            refuse_other_formats(data[:HEAD_BYTES], str(path), is_whole=len(data) <= HEAD_BYTES, as_text=True)
        except EncodingError:
            raise
        except CorpusError as error:
            raise FormatError(
                f"{error}; a vocabulary must have lines of a word, a space and a count, or be a {EXACT_SUFFIX} file"
            ) from None
        words: list[str] = []
        counts: list[int] = []
        for number, line in enumerate(data.removesuffix(b"\n").split(b"\n"), start=1):
            word, space, count = strip_marks(line).removesuffix(b"\r").rpartition(b" ")
            if not space or not word or not count.isdigit() or len(count) > 18:
                raise FormatError(
                    f"{path}, line {number}: must be a word, a space and its count,"
                    f" got {line[:80].decode('utf-8', 'replace')!r}"
                )
            try:
                words.append(word.decode())
            except UnicodeDecodeError as error:
                raise EncodingError(f"{path}, line {number}: the word is not UTF-8 ({error.reason})") from None
            counts.append(int(count))
        return cls(tuple(words), np.array(counts, np.int64))

    def _to_safetensors(self) -> bytes:
        import safetensors.numpy

        tensors: dict[str, NDArray[Any]] = {"counts": np.ascontiguousarray(self.counts)}
        if isinstance(self._kept, np.ndarray):
            tensors["word_ids"] = np.ascontiguousarray(self._kept)
        elif isinstance(self._kept, NativeWords):
            tensors["word_bytes"], tensors["word_offsets"] = self._kept.word_bytes, self._kept.offsets
        else:
            packed = WordBuffer.pack(map(encode_words, self._kept))
            tensors["word_bytes"], tensors["word_offsets"] = packed.word_bytes, packed.offsets
        return safetensors.numpy.save(
            tensors, metadata={_FORMAT_NAME: "1"}
        )  # only one key: the order of several would be random

    @classmethod
    def _from_safetensors(cls, data: bytes, path: Path) -> Vocabulary:
        import safetensors
        import safetensors.numpy

        try:
            tensors: dict[str, NDArray[Any]] = safetensors.numpy.load(data)
        except (safetensors.SafetensorError, ValueError, KeyError) as error:
            raise FormatError(f"{path}: not a safetensors file, or a damaged one: {error}") from None
        counts = _tensor(tensors, "counts", np.int64, path)
        if "word_ids" in tensors:
            return cls(_tensor(tensors, "word_ids", np.int64, path), counts)
        text = _tensor(tensors, "word_bytes", np.uint8, path)
        offsets = _tensor(tensors, "word_offsets", np.int64, path)
        if len(offsets) != len(counts) + 1:
            raise FormatError(f"{path}: word_offsets must be {len(counts) + 1} numbers, got {len(offsets)}")
        try:
            words = NativeWords(text, offsets)
        except ParameterError:
            raise FormatError(f"{path}: word_offsets must rise from 0 to {len(text)}") from None
        try:
            words.validate_utf8()
        except UnicodeDecodeError as error:
            raise EncodingError(f"{path}: word_bytes is not UTF-8 ({error})") from None
        return cls(words, counts)


def validate_cuts(min_count: int, max_vocabulary: int | None) -> None:
    """Raise ParameterError for a minimum count or a maximum vocabulary that is not a positive integer."""
    for name, value in (("min_count", min_count), ("max_vocabulary", max_vocabulary)):
        if value is not None or name == "min_count":
            as_integer(name, value, minimum=1)


def encode_words(text: str) -> bytes:
    """Encode a text as UTF-8; EncodingError for a lone surrogate, which UTF-8 cannot encode."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        start = max(0, error.start - 20)
        raise EncodingError(
            f"a word has a lone surrogate, which UTF-8 cannot encode: {text[start : error.start + 20]!r};"
            ' clean it with word.encode("utf-8", "replace").decode()'
        ) from None


def _repeated_word(word: object) -> ParameterError:
    return ParameterError(f"words must be distinct, got {word!r} more than once")


def _tensor(tensors: dict[str, NDArray[Any]], name: str, dtype: type[np.generic], path: Path) -> NDArray[Any]:
    if name not in tensors:
        raise FormatError(
            f"{path}: a vocabulary needs a tensor {name!r}; the file has {', '.join(sorted(tensors)) or 'none'}"
        )
    tensor = tensors[name]
    if tensor.dtype != dtype or tensor.ndim != 1:
        raise FormatError(f"{path}: {name} must be a vector of {np.dtype(dtype)}, got {_describe(tensor)}")
    return tensor


def _as_word_ids(words: NDArray[Any] | Sequence[int]) -> NDArray[np.int64]:
    array = np.array(words)
    if array.ndim != 1 or (array.dtype.kind not in "iu"):
        raise CorpusTypeError(f"words must be strings or a vector of 64-bit integers, got {_describe(array)}")
    if array.dtype.kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise CorpusTypeError(f"words must be below 2^63 if they are integers, got {int(array.max())}")
    array = array.astype(np.int64)
    array.flags.writeable = False
    return array


def _describe(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} with shape {value.shape}"
    return repr(value)
