"""Room compat: the names of gensim.utils that users of its word-vector classes need.

Tests: tests/compat/gensim/test_word2vec.py.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

RULE_DEFAULT, RULE_DISCARD, RULE_KEEP = 0, 1, 2

TrimRule = Callable[[Any, int, int], int]

_TOKEN = re.compile(r"(?:(?!\d)\w)+")
_OPENERS: dict[str, Callable[[Any], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def keep_vocab_item(word: Any, count: int, min_count: int, trim_rule: TrimRule | None = None) -> bool:
    """Whether a word is kept: by the rule; if it returns RULE_DEFAULT, or is None, by ``count >= min_count``."""
    decision = RULE_DEFAULT if trim_rule is None else trim_rule(word, count, min_count)
    return decision == RULE_KEEP or (decision != RULE_DISCARD and count >= min_count)


def simple_preprocess(doc: str, deacc: bool = False, min_len: int = 2, max_len: int = 15) -> list[str]:
    """Lower-case runs of ``min_len`` to ``max_len`` letters that do not begin with an underscore."""
    text = doc.lower()
    if deacc:
        letters = unicodedata.normalize("NFD", text)
        text = unicodedata.normalize("NFC", "".join(x for x in letters if unicodedata.category(x) != "Mn"))
    return [token for token in _TOKEN.findall(text) if min_len <= len(token) <= max_len and not token.startswith("_")]


def open_binary(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading bytes; decompressed if its name ends in .gz, .bz2 or .xz."""
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    return cast(BinaryIO, _OPENERS[suffix](path) if suffix in _OPENERS else open(path, "rb"))


def split_lines(lines: Any, max_sentence_length: int) -> Iterator[list[str]]:
    """Yield the words of each line, in lists of at most ``max_sentence_length``, without empty lists and marks."""
    for line in lines:
        text = line if isinstance(line, str) else line.decode("utf-8")
        words = text.lstrip("\ufeff").split()
        for start in range(0, len(words), max_sentence_length):
            yield words[start : start + max_sentence_length]


__all__ = ["RULE_DEFAULT", "RULE_DISCARD", "RULE_KEEP", "keep_vocab_item", "simple_preprocess"]
