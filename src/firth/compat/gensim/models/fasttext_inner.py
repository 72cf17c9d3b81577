"""Room compat: gensim.models.fasttext_inner: a word's n-grams and their hash, which some programs call.

Tests: tests/compat/gensim/test_fasttext.py.
"""

from __future__ import annotations

from typing import Any

from firth.base.ngrams import LONGEST_NGRAM, NgramRules, character_ngrams, hash_ngram
from firth.base.values import as_integer
from firth.compat.gensim.refused import stand_in_for

FAST_VERSION = 1  # programs warn below 0
MAX_WORDS_IN_BATCH = 10000


def compute_ngrams_bytes(word: str, min_n: int, max_n: int) -> list[bytes]:
    """The n-grams of a word in UTF-8, by first character, then by length."""
    as_integer("max_n", max_n, minimum=0, maximum=LONGEST_NGRAM)
    shortest = max(1, as_integer("min_n", min_n, minimum=0))
    if max_n < shortest:
        return []
    return character_ngrams(word.encode("utf-8"), NgramRules(shortest, max_n, 1, end_has_ngrams=True))


def compute_ngrams(word: str, min_n: int, max_n: int) -> list[str]:
    """The n-grams of a word, by length, then by first character; single characters at the ends are among them."""
    text = f"<{word}>"
    lengths = range(as_integer("min_n", min_n, minimum=0), as_integer("max_n", max_n, minimum=0) + 1)
    return [text[at : at + n] for n in lengths if n for at in range(len(text) - n + 1)]


def ft_hash_bytes(bytez: bytes) -> int:
    """fastText's 32-bit hash of an n-gram."""
    return hash_ngram(bytez)


def __getattr__(name: str) -> Any:
    return stand_in_for(__name__, name)


__all__ = ["compute_ngrams", "compute_ngrams_bytes", "ft_hash_bytes"]
