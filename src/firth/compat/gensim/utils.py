"""Room compat: the functions of gensim.utils that programs with word vectors use.

Tests: tests/compat/gensim/test_utils.py.
"""

from __future__ import annotations

import builtins
import bz2
import gzip
import io
import itertools
import lzma
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, cast

import numpy as np

from firth.compat.gensim.refused import make_stand_in
from firth.errors import ParameterError

RULE_DEFAULT, RULE_DISCARD, RULE_KEEP = 0, 1, 2

TrimRule = Callable[[Any, int, int], int]

_TOKEN = re.compile(r"(?:(?!\d)\w)+")
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
# Names of gensim.utils that programs import, and what to use instead.
_ADVICE = {
    "SaveLoad": "save arrays with numpy.savez, or vectors with their own save",
    "ClippedCorpus": "itertools.islice does the same",
    "RepeatCorpus": "train with epochs",
    "RepeatCorpusNTimes": "train with epochs",
    "SlicedCorpus": "itertools.islice does the same",
    "FakeDict": "gensim has it",
    "InputQueue": "gensim has it",
    "chunkize": "grouper does the same in this process",
    "deprecated": "warnings.warn does the same",
    "lemmatize": "gensim 4 removed it",
    "pickle": "Python's module pickle has dump",
    "unpickle": "Python's module pickle has load",
}


# ---- rules of a vocabulary


def keep_vocab_item(word: Any, count: int, min_count: int, trim_rule: TrimRule | None = None) -> bool:
    """Whether a word is kept: by the rule; if it returns RULE_DEFAULT, or is None, by ``count >= min_count``."""
    decision = RULE_DEFAULT if trim_rule is None else trim_rule(word, count, min_count)
    return decision == RULE_KEEP or (decision != RULE_DISCARD and count >= min_count)


def prune_vocab(vocab: dict[Any, int], min_reduce: int, trim_rule: TrimRule | None = None) -> int:
    """Remove words with fewer than ``min_reduce`` occurrences, in place; returns the sum of the removed counts."""
    dropped = [word for word, count in vocab.items() if not keep_vocab_item(word, count, min_reduce, trim_rule)]
    return sum(vocab.pop(word) for word in dropped)


# ---- text


def any2unicode(text: str | bytes, encoding: str = "utf8", errors: str = "strict") -> str:
    """Text as ``str``; bytes are decoded."""
    if isinstance(text, str):
        return text
    if not isinstance(text, (bytes, bytearray, memoryview)):
        raise TypeError(f"text must be str or bytes, got {type(text).__name__}")
    return str(text, encoding, errors)


def any2utf8(text: str | bytes, errors: str = "strict", encoding: str = "utf8") -> bytes:
    """Text as UTF-8 bytes; bytes are decoded first."""
    return any2unicode(text, encoding, errors).encode("utf8")


to_unicode, to_utf8 = any2unicode, any2utf8


def deaccent(text: str | bytes) -> str:
    """Text without combining marks: é becomes e."""
    letters = unicodedata.normalize("NFD", any2unicode(text))
    return unicodedata.normalize("NFC", "".join(x for x in letters if unicodedata.category(x) != "Mn"))


def simple_tokenize(text: str) -> Iterator[str]:
    """Runs of letters and underscores."""
    return (match.group() for match in _TOKEN.finditer(text))


def tokenize(
    text: str | bytes,
    lowercase: bool = False,
    deacc: bool = False,
    encoding: str = "utf8",
    errors: str = "strict",
    to_lower: bool = False,
    lower: bool = False,
) -> Iterator[str]:
    """Runs of letters and underscores; ``lowercase``, ``to_lower`` and ``lower`` mean the same."""
    text = any2unicode(text, encoding, errors)
    if lowercase or to_lower or lower:
        text = text.lower()
    return simple_tokenize(deaccent(text) if deacc else text)


def simple_preprocess(doc: str | bytes, deacc: bool = False, min_len: int = 2, max_len: int = 15) -> list[str]:
    """Lower-case runs of ``min_len`` to ``max_len`` letters that do not begin with an underscore."""
    tokens = tokenize(doc, lowercase=True, deacc=deacc, errors="ignore")
    return [token for token in tokens if min_len <= len(token) <= max_len and not token.startswith("_")]


# ---- files


def open(path: str | os.PathLike[str], mode: str = "r", encoding: str | None = None, errors: str | None = None) -> Any:
    """Open a file of this machine, as Python does; compressed if its name ends in .gz, .bz2 or .xz.

    gensim's function, which is smart_open's, also opens addresses of other machines.
    """
    if "://" in os.fspath(path):
        raise ParameterError(f"path must be a file of this machine, got {os.fspath(path)!r}; download it first")
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if "b" in mode:
        return _OPENERS[suffix](path, mode) if suffix in _OPENERS else builtins.open(path, mode)
    if suffix in _OPENERS:
        return io.TextIOWrapper(_OPENERS[suffix](path, mode.replace("t", "") + "b"), encoding, errors)
    return builtins.open(path, mode, encoding=encoding, errors=errors)


def open_binary(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading bytes; decompressed if its name ends in .gz, .bz2 or .xz."""
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    return cast(BinaryIO, _OPENERS[suffix](path) if suffix in _OPENERS else builtins.open(path, "rb"))


def save_as_line_sentence(corpus: Iterable[Iterable[str]], filename: str | os.PathLike[str]) -> None:
    """Write sentences, one a line, words separated by spaces, in UTF-8."""
    with open(filename, "wb") as file:
        for sentence in corpus:
            file.write(f"{' '.join(sentence)}\n".encode())


def split_lines(lines: Any, max_sentence_length: int) -> Iterator[list[str]]:
    """Yield the words of each line, in lists of at most ``max_sentence_length``, without empty lists and marks."""
    for line in lines:
        text = line if isinstance(line, str) else line.decode("utf-8")
        words = text.lstrip("\ufeff").split()
        for start in range(0, len(words), max_sentence_length):
            yield words[start : start + max_sentence_length]


# ---- others


def grouper(iterable: Iterable[Any], chunksize: int, as_numpy: bool = False, dtype: Any = np.float32) -> Iterator[Any]:
    """Lists of ``chunksize`` items; the last list may be shorter. With ``as_numpy``, items become arrays."""
    if int(chunksize) < 1:
        raise ParameterError(f"chunksize must be at least 1, got {chunksize!r}")
    items = iter(iterable)
    while chunk := list(itertools.islice(items, int(chunksize))):
        yield [np.array(item, dtype=dtype) for item in chunk] if as_numpy else chunk


chunkize_serial = grouper


def get_random_state(seed: Any) -> np.random.RandomState:
    """NumPy's RandomState of a seed, or the global one for None."""
    if seed is None or seed is np.random:
        return np.random.mtrand._rand
    if isinstance(seed, np.random.RandomState):
        return seed
    if isinstance(seed, (int, np.integer)):
        return np.random.RandomState(seed)
    raise ParameterError(f"seed must be None, a whole number or a RandomState, got {seed!r:.60}")


def __getattr__(name: str) -> Any:
    if name in _ADVICE:
        return make_stand_in(name, _ADVICE[name], __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "RULE_DEFAULT",
    "RULE_DISCARD",
    "RULE_KEEP",
    "any2unicode",
    "any2utf8",
    "chunkize_serial",
    "deaccent",
    "get_random_state",
    "grouper",
    "keep_vocab_item",
    "open",
    "prune_vocab",
    "save_as_line_sentence",
    "simple_preprocess",
    "simple_tokenize",
    "to_unicode",
    "to_utf8",
    "tokenize",
]
